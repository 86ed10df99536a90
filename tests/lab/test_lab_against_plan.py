"""Plan and lab are one type, so one diff tells them apart: nobody moves where all is as planned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anyplane.datasets.world_file import read_world
from anyplane.design import Design, parse
from anyplane.lab.blueprint import Blueprint
from anyplane.lab.faces.against_plan import difference
from anyplane.lab.faces.catchment import Answer, Expected, expected, measured
from anyplane.lab.world.build import build
from anyplane.lab.world.prediction import predict
from anyplane.model.errors import UsageError
from anyplane.planning.compile import compile as compile_design
from anyplane.planning.latency import LatencyModel
from anyplane.planning.plan import base_outcome
from anyplane.topology import Topology

EXAMPLES = Path(__file__).parents[2] / "examples"
V4 = "203.0.113.0/24"


@pytest.fixture(scope="module")
def topology() -> Topology:
    return read_world(EXAMPLES / "dozen-cities.world.yaml")


@pytest.fixture(scope="module")
def design() -> Design:
    return parse((EXAMPLES / "dozen-cities.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def blueprint(design: Design, topology: Topology) -> Blueprint:
    return build(design, topology)


@pytest.fixture(scope="module")
def planned(design: Design, topology: Topology, blueprint: Blueprint) -> dict[str, Expected]:
    return expected(predict(design, topology, blueprint), V4, blueprint)


def as_planned(planned: dict[str, Expected]) -> dict[str, Answer]:
    return {node: Answer(site=one.site, rtt_ms=one.rtt_ms) for node, one in planned.items()}


def test_a_lab_that_answers_as_planned_has_the_planners_own_catchment(
    design: Design, topology: Topology, blueprint: Blueprint, planned: dict[str, Expected]
) -> None:
    (scenario,) = [one for one in compile_design(design, topology) if V4 in map(str, one.prefixes)]
    plan = base_outcome(scenario, topology, LatencyModel()).found

    lab = measured(topology, scenario.sites, blueprint, as_planned(planned))

    assert type(lab) is type(plan)
    assert np.array_equal(lab.site, plan.site)
    assert np.array_equal(lab.clients.pop, plan.clients.pop)
    assert lab.choices.tolist() == [1] * len(lab.site)


def test_nobody_moves_from_the_plan_to_a_lab_that_is_as_planned(
    design: Design, topology: Topology, blueprint: Blueprint, planned: dict[str, Expected]
) -> None:
    found = difference(design, topology, blueprint, prefix=V4, planned=planned, answers=as_planned(planned))

    assert not found.has_moves
    (only,) = found.scenarios
    assert only.is_exact
    assert only.rtt_before == only.rtt_after
    assert only.rtt_before.p50 is not None


def test_who_goes_elsewhere_or_nowhere_in_the_lab_is_a_mover(
    design: Design, topology: Topology, blueprint: Blueprint, planned: dict[str, Expected]
) -> None:
    answers = as_planned(planned)
    lisbon = next(node for node in answers if node == "as3243-lis")
    answers[lisbon] = replace(answers[lisbon], site="chi", rtt_ms=95.0)
    answers["as2856-lon"] = Answer(site="", error="no answer")

    (only,) = difference(design, topology, blueprint, prefix=V4, planned=planned, answers=answers).scenarios

    assert [(one.start, one.end) for one in only.moves] == [("mad", "(no route)"), ("mad", "chi")]
    assert {one.asn for one in only.networks} == {3243, 2856}


def test_a_prefix_that_the_design_does_not_announce_is_refused(
    design: Design, topology: Topology, blueprint: Blueprint
) -> None:
    with pytest.raises(UsageError, match=r"announces no 192\.0\.2\.0/24"):
        difference(design, topology, blueprint, prefix="192.0.2.0/24", planned={}, answers={})
