"""hidden: who has a route to sites alone and none to all, whose NO_EXPORT route is to blame."""

from __future__ import annotations

from dataclasses import replace

import tiny_world

from anyplane.design.design import Design
from anyplane.planning.alternatives.compare import Question, compare
from anyplane.planning.alternatives.report import Way
from anyplane.planning.plan import plan


def local_site() -> Design:
    """Site c asks AS20 for NO_EXPORT, so AS102, which has no other provider, hears of neither site."""
    shy = replace(tiny_world.upstream(20), is_no_export=True)
    return tiny_world.design(
        sites=(
            tiny_world.site("a", 0, tiny_world.upstream(10)),
            tiny_world.site("c", 2, shy),
        )
    )


def test_the_network_that_hides_the_prefix_from_its_customers_is_named() -> None:
    world = tiny_world.topology()

    report = compare(local_site(), world, Question(has_failover=False), latency=tiny_world.LATENCY)

    (warning,) = (text for text in report.warnings if "prefix of all" in text)
    assert warning.startswith("25.0 % of users (250) have a route to sites alone")
    assert "(AS20 Twenty with that of c, 250 users)" in warning


def test_plan_has_the_same_users_without_a_route() -> None:
    world = tiny_world.topology()

    (scenario,) = plan(local_site(), world, latency=tiny_world.LATENCY).scenarios

    report = compare(local_site(), world, Question(has_failover=False), latency=tiny_world.LATENCY)
    # 50 more are linked to nobody.
    assert scenario.unreached == 300.0
    assert report.of(Way.GLOBAL).unserved == scenario.unreached_share


def test_nobody_is_blamed_where_users_reach_no_site_either_way() -> None:
    report = compare(
        tiny_world.design(), tiny_world.topology(), Question(has_failover=False), latency=tiny_world.LATENCY
    )

    assert not [text for text in report.warnings if "prefix of all" in text]
