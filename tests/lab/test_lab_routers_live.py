"""A lab of four real routers and a route server: what their tables say, a hijack, and what a site is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from lab_here import needs_lab
from namespaces import wait_until
from router_parts import DESIGN, parts

from anyplane.lab.container.client import Lab
from anyplane.lab.proof.rehearsal import EDITION
from anyplane.model.errors import LabError

V4 = "198.51.100.0/24"
# Both sides of a rehearsal's sessions are plain: nothing inside the lab is told of the design.
PLAIN = DESIGN.replace(", bfd: true, gtsm: true, role: customer", "").replace(", hold: 9 s", "")


@pytest.fixture(scope="module", params=[("as20-ams",), ("as10-fra", "as10-nyc")], ids=["bird", "frr"])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """The transit network runs BIRD and a customer FRR; then the other way round."""
    needs_lab("vtysh", "bgpd")
    blueprint = replace(parts(frr=request.param, design_text=""), name=f"parts-{len(request.param)}")
    # No interval between advertisements: the test waits for nothing else.
    blueprint = replace(blueprint, nodes=tuple(replace(node, mrai_s=0) for node in blueprint.nodes))
    blueprint = replace(blueprint, sites=blueprint.sites[:1], exchanges=())
    with Lab.up(replace(blueprint, nodes=blueprint.nodes[:5]), files={EDITION: PLAIN}) as running:
        running.call("rehearse")
        yield running


def test_every_router_has_the_sites_route_with_the_rules_applied(lab: Lab) -> None:
    best = {name: _best(lab, name) for name in ("as10-fra", "as10-nyc", "as20-ams", "as30-ams")}

    assert best["as10-fra"]["as_path"] == [64500]
    assert best["as10-fra"]["from_"] == "site-fra"
    assert best["as10-nyc"]["kind"] == "pop"
    assert best["as10-nyc"]["igp_metric"] == 620050
    # Three prepends by an action of the design; only the largest counts.
    assert best["as20-ams"]["as_path"] == [10, 10, 10, 10, 64500]
    assert best["as30-ams"]["as_path"] == [10, 10, 10, 10, 64500]


def test_the_kernel_of_every_router_has_it_too(lab: Lab) -> None:
    found = lab.call("fib", prefix=V4)

    assert found["as10-fra"] == ["via 100.72.0.9 dev l4"]
    assert found["as10-nyc"] == ["via 100.72.0.0 dev l0"]
    assert found["as20-ams"] == ["via 100.72.0.2 dev l1"]


def test_every_session_is_up_and_updates_are_counted(lab: Lab) -> None:
    sessions, updates = lab.call("sessions"), lab.call("updates")

    assert sessions["missing"] == []
    assert sessions["up"] == sessions["expected"] == 10
    assert updates["as20-ams"]["updates_received"] > 0
    assert updates["as10-fra"]["updates_sent"] > 0


def test_a_site_is_told_a_default_route_and_nothing_else(lab: Lab) -> None:
    said = lab.call("run", node="site-fra", argv=["ip", "-4", "route", "show", "proto", "bird"])["output"]

    assert said.splitlines() == ["default via 100.72.0.8 dev l4 metric 32 "]


def test_a_hijack_is_followed_but_by_those_who_validate_and_can_be_taken_back(lab: Lab) -> None:
    lab.call("hijack", node="as20-ams", prefix=V4)
    # At as10 it is a customer's route of one hop, as the site's is, and AS20 is the lower number.
    wait_until(lambda: _best(lab, "as10-fra")["from_"] == "as20-ams")

    # as30 validates: it drops what as10 now exports, and its peer's too.
    wait_until(lambda: lab.call("routes", node="as30-ams", prefix=V4)["as30-ams"][V4] == [])
    assert _best(lab, "as20-ams")["is_discarded"]

    lab.call("hijack", node="as20-ams", prefix=V4, stop=True)
    wait_until(lambda: _has(lab, "as30-ams", [10, 10, 10, 10, 64500]))
    wait_until(lambda: _has(lab, "as20-ams", [10, 10, 10, 10, 64500]))


def test_a_more_specific_hijack_is_invalid_to_who_validates(lab: Lab) -> None:
    half = "198.51.100.0/25"
    lab.call("hijack", node="as20-ams", prefix=half, as_path="64500")
    wait_until(lambda: lab.call("routes", node="as10-nyc", prefix=half)["as10-nyc"][half])

    heard = {name: routes[half] for name, routes in lab.call("routes", prefix=half).items()}

    assert heard["as10-fra"][0]["as_path"] == [20, 64500]
    assert heard["as30-ams"] == []
    lab.call("hijack", node="as20-ams", prefix=half, stop=True)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"prefix": "198.51.100.1/24"}, "is not a prefix"),
        ({"prefix": V4, "node": "site-fra"}, "is no router"),
    ],
)
def test_what_cannot_be_asked_is_explained(lab: Lab, arguments: dict[str, str], reason: str) -> None:
    with pytest.raises(LabError, match=reason):
        lab.call("routes", **arguments)


def _best(lab: Lab, node: str) -> dict[str, Any]:
    found: dict[str, Any] = lab.call("routes", node=node, prefix=V4)[node][V4][0]
    assert found["is_best"]
    return found


def _has(lab: Lab, node: str, path: list[int]) -> bool:
    found = lab.call("routes", node=node, prefix=V4)[node][V4]
    return bool(found) and found[0]["is_best"] and found[0]["as_path"] == path
