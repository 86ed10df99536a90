"""run_in_lab: a game day in a lab that runs, asked for from outside; and what the plan says of that lab."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from anyplane.lab.gameday import references
from anyplane.lab.gameday.outcome import Outcome
from anyplane.lab.gameday.runner import OnEvent, told_at_its_line
from anyplane.lab.gameday.scenario import Scenario
from anyplane.lab.gameday.words import worded
from anyplane.model.errors import DesignError

if TYPE_CHECKING:
    from anyplane.design.design import Design
    from anyplane.lab.blueprint import Blueprint
    from anyplane.lab.container.client import Lab
    from anyplane.topology import Topology

SILENCE_S = 300.0
"""A step may wait for so long before the lab says a word."""
MOST_GONE = 3

Plans = Mapping[str, Mapping[str, Sequence[str]]]
"""By the sites that are gone (joined by commas, "" for none), then by client: the sites the plan allows."""


def run_in_lab(
    lab: Lab, scenario: Scenario, *, plans: Plans | None = None, on_event: OnEvent = lambda _: None
) -> Outcome:
    """What became of the scenario in that lab.

    DesignError where it names what the lab has not, LabError where the lab fails before it begins.
    """
    from anyplane.lab.gameday.report_json import from_plain

    refuse_unfit(lab.blueprint, scenario)
    given = {key: {name: list(sites) for name, sites in plan.items()} for key, plan in (plans or {}).items()}
    result = lab.call(
        "gameday",
        on_event,
        timeout=SILENCE_S,
        scenario=scenario.source,
        file=scenario.document.file,
        plans=given,
    )
    return from_plain(result)


def refuse_unfit(blueprint: Blueprint, scenario: Scenario) -> None:
    """DesignError where a scenario names what the lab has not, or its words make no design."""
    from anyplane import design
    from anyplane.lab.gameday.lab_facts import facts_of

    edition = design.parse(blueprint.design_text, file=f"{blueprint.name}.yaml")
    if wrong := references.problems(scenario, facts_of(blueprint, edition)):
        raise DesignError(wrong)
    if scenario.words:
        with told_at_its_line(scenario):
            design.parse(worded(blueprint.design_text, scenario.words), file="the design")


def plans(design: Design, topology: Topology, blueprint: Blueprint) -> dict[str, dict[str, list[str]]]:
    """What the plan predicts with any one, two or three sites gone (never all of them).

    topology: the small one that the lab was built of.
    """
    from anyplane.lab.world.prediction import predict

    names = sorted(str(site.name) for site in design.sites if site.is_enabled)
    found: dict[str, dict[str, list[str]]] = {}
    for many in range(min(len(names), MOST_GONE + 1)):
        for gone in combinations(names, many):
            predicted = predict(design, topology, blueprint, without=gone)
            routes = predicted.prefixes[0].routes if predicted.prefixes else ()
            found[",".join(gone)] = {
                route.node: list(route.sites) for route in routes if blueprint.by_name[route.node].is_client
            }
    return found
