"""run_in_lab and the default suite: game days in a lab that runs, asked for from outside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from anyplane.lab.gameday import references
from anyplane.lab.gameday.expectations import AsPlanned
from anyplane.lab.gameday.outcome import Outcome
from anyplane.lab.gameday.reading import load
from anyplane.lab.gameday.runner import OnEvent
from anyplane.lab.gameday.scenario import Scenario
from anyplane.lab.gameday.steps import Drain, HostDeath, KillService, RegionLost, UplinksLost, WithdrawRoute
from anyplane.model.errors import DesignError

if TYPE_CHECKING:
    from anyplane.design.design import Design
    from anyplane.lab.blueprint import Blueprint
    from anyplane.topology import Topology

LONGEST_S = 900.0
DEFAULT_SUITE = (
    "drain",
    "service-killed",
    "service-hung",
    "host-death-bfd",
    "link-down",
    "session-reset",
    "daemon-killed",
    "agent-killed",
    "flapping",
    "route-flap",
    "route-withdrawn",
    "uplinks-lost",
    "region-lost",
    "wrong-answers",
    "hijack",
    "hijack-validated",
    "no-export-leak",
    "partition",
)
"""All on the lab of one design, one after the other: each heals before the next begins."""

Plans = Mapping[str, Mapping[str, Sequence[str]]]
"""By the sites that are gone (joined by commas, "" for none), then by client: the sites the plan allows."""


class Lab(Protocol):
    """What is needed of lab.client.Lab."""

    @property
    def blueprint(self) -> Blueprint:
        """What it was made from."""

    def call(
        self,
        do: str,
        on_event: Callable[[Mapping[str, Any]], None] | None = None,
        *,
        timeout: float = 60.0,
        **arguments: Any,
    ) -> Any:
        """The result of an operation."""


def run_in_lab(
    lab: Lab, scenario: Scenario, *, plans: Plans | None = None, on_event: OnEvent = lambda _: None
) -> Outcome:
    """What became of the scenario in that lab.

    DesignError where it names what the lab has not, LabError where the lab fails before it begins.
    """
    from anyplane import design
    from anyplane.lab.gameday.lab_facts import facts_of
    from anyplane.lab.gameday.report_json import from_plain

    blueprint = lab.blueprint
    edition = design.parse(blueprint.design_text, file=f"{blueprint.name}.yaml")
    if wrong := references.problems(scenario, facts_of(blueprint, edition)):
        raise DesignError(wrong)
    given = {key: {name: list(sites) for name, sites in plan.items()} for key, plan in (plans or {}).items()}
    result = lab.call(
        "gameday",
        on_event,
        timeout=LONGEST_S,
        scenario=scenario.source,
        file=scenario.document.file,
        plans=given,
    )
    return from_plain(result)


def run_suite(
    lab: Lab,
    scenarios: Iterable[Scenario],
    *,
    plans: Plans | None = None,
    on_event: OnEvent = lambda _: None,
) -> tuple[Outcome, ...]:
    """One after the other on the same lab; the suite ends where a day could not be healed."""
    found: list[Outcome] = []
    for scenario in scenarios:
        found.append(run_in_lab(lab, scenario, plans=plans, on_event=on_event))
        if found[-1].errors:
            break
    return tuple(found)


def default_suite() -> tuple[Scenario, ...]:
    """The scenarios of DEFAULT_SUITE."""
    return tuple(load(name) for name in DEFAULT_SUITE)


def plans(
    design: Design, topology: Topology, blueprint: Blueprint, scenarios: Iterable[Scenario]
) -> dict[str, dict[str, tuple[str, ...]]]:
    """What these scenarios need of the planner: the whole design, and without what they take away.

    topology: the small one that the lab was built of.
    """
    from anyplane.lab.world.prediction import predict

    wanted: set[tuple[str, ...]] = {()}
    for scenario in scenarios:
        # A site that is not there is told with its line when the scenario is looked at.
        taken = [gone for gone in _taken_away(scenario, blueprint) if gone <= blueprint.site_nodes.keys()]
        wanted |= {tuple(sorted(gone)) for gone in taken}
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for gone in sorted(wanted):
        prediction = predict(design, topology, blueprint, without=gone)
        routes = prediction.prefixes[0] if prediction.prefixes else None
        found[",".join(gone)] = {
            node.name: tuple(route.sites or ((route.site,) if route.site else ()))
            for node in blueprint.clients
            if routes is not None and (route := routes.of(node.name))
        }
    return found


def _taken_away(scenario: Scenario, blueprint: Blueprint) -> Iterable[frozenset[str]]:
    for expectation in scenario.expectations:
        if isinstance(expectation, AsPlanned):
            yield frozenset(map(str, expectation.without))
    for timed in scenario.steps:
        step = timed.step
        if isinstance(step, Drain | HostDeath | KillService | UplinksLost | WithdrawRoute):
            yield frozenset((str(step.site),))
        elif isinstance(step, RegionLost):
            yield frozenset(
                site
                for site, node in blueprint.site_nodes.items()
                if step.continent in (None, node.location.continent)
                and step.country in (None, node.location.country)
            )
