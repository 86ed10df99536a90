"""The examples on the default Internet: all that they promise is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from anyplane.datasets import load
from anyplane.design import Design, parse
from anyplane.planning.plan import plan
from anyplane.planning.report import Report, State
from anyplane.topology import Topology

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Topology:
    return load(None, cache=tmp_path_factory.mktemp("cache"), seed=1)


@pytest.fixture(scope="module")
def report(world: Topology) -> Report:
    return plan(design_of("saas-six-continents.yaml"), world)


def design_of(name: str) -> Design:
    return parse((EXAMPLES / name).read_text(encoding="utf-8"), file=name)


@pytest.mark.parametrize("name", ["root-letter.yaml", "public-resolver.yaml"])
def test_every_promise_of_the_larger_examples_is_kept(name: str, world: Topology) -> None:
    # Neither promises anything about failures, so these need not be reckoned.
    (scenario,) = plan(design_of(name), world, failures=False).scenarios

    assert [item.state for item in scenario.objectives] == [State.KEPT] * 3


def test_every_promise_of_the_saas_example_is_kept(report: Report) -> None:
    states = {
        (scenario.name, item.name): item.state
        for scenario in report.scenarios
        for item in (*scenario.objectives, *scenario.residency)
    }

    assert set(states.values()) == {State.KEPT}
    assert ("api-eu", "gdpr") in states
    assert report.warnings == ()


def test_its_regional_groups_divide_the_users_of_the_world(report: Report) -> None:
    dns, api, api_eu = report.scenarios

    assert api.users + api_eu.users == pytest.approx(dns.users)
    assert {row.site for row in api_eu.sites if row.users} == {"fra", "ams"}


def test_a_reason_further_on_says_where_the_deciding_network_has_the_traffic(report: Report) -> None:
    reasons = [group.reason for scenario in report.scenarios for group in scenario.ideal.groups]
    far = [reason for reason in reasons if "further on" in reason and "nearest exit" in reason]

    # "AS3356's nearest exit from HKG is SIN": without HKG nobody in Shanghai would believe it.
    assert any("nearest exit from " in reason for reason in far), far
