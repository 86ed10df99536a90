"""Game days in a real lab: real routers, agents, servers and probers; each heals before the next."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from lab_here import needs_lab

from anyplane import design
from anyplane.cli.topology_option import load_topology
from anyplane.lab.container.client import Lab
from anyplane.lab.gameday.outcome import Outcome
from anyplane.lab.gameday.reading import parse
from anyplane.lab.gameday.running import plans, run_in_lab
from anyplane.lab.world.prepared import Prepared, prepare
from anyplane.model.errors import DesignError

ROOT = Path(__file__).resolve().parents[3]
HEAD = (
    "version: 1\nname: tried\nshows: what happens\nsettle: 500 ms\n"
    "probes: {rate: 200 qps, clients: [TYO, LIS]}\n"
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lab, Prepared]]:
    needs_lab()
    folder = tmp_path_factory.mktemp("gameday")
    path = ROOT / "examples/dozen-cities.yaml"
    topology = load_topology(str(ROOT / "examples/dozen-cities.world.yaml"), seed=1, cache=folder / "cache")
    made = prepare(design.parse(path.read_text()), topology, name="gameday-test", routers=60)
    with Lab.up(made.blueprint, directory=folder / "lab") as lab:
        yield lab, made


def tried(running: tuple[Lab, Prepared], text: str) -> Outcome:
    lab, made = running
    scenario = parse(HEAD + text)
    wanted = plans(made.design, made.reduction.topology, made.blueprint)
    return run_in_lab(lab, scenario, plans=wanted)


def test_a_site_whose_route_is_taken_away_loses_its_users_to_others_and_no_query(
    running: tuple[Lab, Prepared],
) -> None:
    outcome = tried(
        running,
        "steps: [{name: fault, withdraw_route: tyo},"
        " {wait_until: {serves_not: tyo, within: 10 s}}, {wait: 1 s}]\n"
        "expect: [{lost: 0}, {as_planned: {without: tyo}}, {nothing_announced: tyo}, {lost_share: 0 %},"
        " {withdrawn: {site: tyo, within: 10 s}}, {answered_by: {sites: [mad, chi], clients: [TYO]}}]\n",
    )

    assert outcome.errors == ()
    assert [one.reason for one in outcome.verdicts if not one.is_kept] == []
    assert outcome.sent > 500
    assert outcome.updates > 0
    assert [one["label"] for one in running[0].call("processes") if one["ended"]] == []


def test_a_host_that_dies_is_left_by_its_users_and_healed_when_the_day_is_over(
    running: tuple[Lab, Prepared],
) -> None:
    outcome = tried(
        running, "steps: [{name: fault, host_death: tyo}, {wait: 2 s}]\nexpect: [{outage: 2 s}]\n"
    )
    after = tried(running, "steps: [{wait: 500 ms}]\nexpect: [{lost: 0}, {as_planned: true}]\n")

    tokyo = [one for one in outcome.clients if one.metro == "TYO"]
    assert outcome.errors == ()
    assert all(one.lost > 10 and one.after not in ("", "tyo") for one in tokyo)
    assert all(one.lost == 0 for one in outcome.clients if one.metro == "LIS")
    assert after.exit_code == 0, after.verdicts


class HungUp(Exception):  # noqa: N818  # no error, only the end
    """As Ctrl-C does: whoever asked is gone."""


def test_a_day_that_nobody_waits_for_any_more_ends_early_and_is_healed(
    running: tuple[Lab, Prepared],
) -> None:
    def leave(event: Mapping[str, Any]) -> None:
        if event["event"] == "done":
            raise HungUp

    day = parse(HEAD + "steps: [{host_death: tyo}, {wait: 60 s}]\nexpect: [{lost: 0}]\n")
    with pytest.raises(HungUp), Lab.attach(str(running[0].directory)) as other:
        run_in_lab(other, day, on_event=leave)
    began = time.monotonic()
    running[0].call("gameday_over", timeout=50)
    took_s = time.monotonic() - began
    after = tried(running, "steps: [{wait: 500 ms}]\nexpect: [{lost: 0}, {as_planned: true}]\n")

    assert took_s < 45
    assert after.exit_code == 0, after.verdicts


def test_a_name_that_the_lab_has_not_is_told_with_its_line(running: tuple[Lab, Prepared]) -> None:
    with pytest.raises(DesignError, match=r"scenario\.yaml:6:\d+ .*there is no site tokyo"):
        tried(running, "steps: [{kill_service: tokyo}]\nexpect: [{lost: 0}]\n")


def test_a_site_that_is_parted_from_the_others_keeps_what_it_announces(running: tuple[Lab, Prepared]) -> None:
    outcome = tried(
        running,
        "steps: [{name: fault, partition: mad}, {wait: 1 s}, {partition_end: mad}]\n"
        "expect: [{never_all_withdrawn: {at_least: 3}}]\n",
    )

    assert outcome.errors == ()
    assert outcome.exit_code == 0, outcome.verdicts
