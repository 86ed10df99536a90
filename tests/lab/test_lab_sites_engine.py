"""The sites of a whole lab: the engine brings them up, and its socket hurts them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lab_here import needs_lab
from lab_worlds import two_sites
from namespaces import wait_until
from place_parts import design_of, with_design

from anyplane.lab.container.client import Lab
from anyplane.model.errors import AnyplaneError


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    needs_lab("knotd", "stayrtr")
    monkeypatch.setenv("ANYPLANE_LAB_DIR", str(tmp_path))
    blueprint = two_sites("places")
    with Lab.up(with_design(blueprint, design_of(blueprint))) as lab:
        yield lab


def test_a_lab_brings_up_its_sites_and_hurts_them_over_its_socket(lab: Lab) -> None:
    sites = lab.call("sites")

    assert set(sites) == {"mad", "fra"}
    assert all(set(one["agent"]["services"].values()) == {"up"} for one in sites.values())

    def states(site: str) -> set[str]:
        return set(lab.call("sites")[site]["agent"]["services"].values())

    assert lab.call("server", site="mad", action="kill")["at"] > 0
    wait_until(lambda: states("mad").isdisjoint({"up", "falling"}))
    lab.call("server", site="mad", action="restore")
    wait_until(lambda: states("mad") == {"up"}, timeout=15)
    assert lab.call("order", site="fra", order="status")["site"] == "fra"
    assert lab.call("fleet", site="fra", action="partition")["cut_off"] == ["fra"]
    assert lab.call("fleet", action="heal")["cut_off"] == []
    old = lab.call("sites")["fra"]["daemon"]["pid"]
    lab.call("daemon", site="fra", action="restart")
    assert lab.call("sites")["fra"]["daemon"]["pid"] != old
    lab.call("agent", site="fra", action="hang")
    lab.call("agent", site="fra", action="restore")
    assert lab.call("status")["nodes"]["site-fra"]["processes"]["agent"] == ""
    first = lab.call("sites")["fra"]["agent"]["pid"]
    lab.call("kill", node="site-fra", label="agent")
    assert lab.call("status")["nodes"]["site-fra"]["processes"]["agent"] == "ended"
    second = lab.call("restart", node="site-fra", label="agent")["pid"]
    assert lab.call("sites")["fra"]["agent"]["pid"] == second != first
    lab.call("kill", node="site-fra", label="agent")
    lab.call("agent", site="fra", action="restore")
    assert [one["label"] for one in lab.call("processes", node="site-fra")].count("agent") == 1
    assert lab.call("rtr", node="as200-mad")["port"] == 3323
    for wrong in ({"do": "server", "site": "nowhere"}, {"do": "server", "site": "mad", "action": "paint"}):
        with pytest.raises(AnyplaneError):
            lab.call(**wrong)  # type: ignore[arg-type]
