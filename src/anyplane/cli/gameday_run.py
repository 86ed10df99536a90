"""gameday_run: scenarios, one after the other, on a lab that is up or on one made for them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyplane.cli import lab_options

if TYPE_CHECKING:
    from anyplane.lab.container.client import OnEvent
    from anyplane.lab.faces.standing import Standing
    from anyplane.lab.gameday.outcome import Outcome
    from anyplane.lab.gameday.scenario import Scenario
    from anyplane.lab.world.prepared import Prepared

SILENCE_S = 300.0
"""A step may wait for so long before the lab says a word."""
MOST_GONE = 3
Plans = dict[str, dict[str, list[str]]]


def run_all(
    scenarios: Sequence[Scenario],
    *,
    lab: str,
    design: str | None,
    topology: str | None,
    seed: int,
    cache: Path | None,
    routers: int,
    is_quiet: bool,
) -> list[Outcome]:
    """The outcome of each; a lab that was made for them is gone afterwards, however this ends."""
    found: list[Outcome] = []
    if lab:
        with lab_options.standing(lab) as here:
            return [run_on(here, one, plans=plans_of(here), is_quiet=is_quiet) for one in scenarios]
    for (chosen, many), group in grouped(scenarios, design=design, routers=routers).items():
        made = lab_options.prepared(
            chosen,
            topology or world_of(chosen),
            seed=seed,
            cache=cache,
            name=f"gameday-{os.getpid()}",
            routers=many,
        )
        with own_lab(made) as here:
            plans = plans_of(here)
            found += [run_on(here, one, plans=plans, is_quiet=is_quiet) for one in group]
    return found


def run_real(
    scenarios: Sequence[Scenario], *, design: str, command: str, run_dir: Path, is_plan_only: bool
) -> list[Outcome]:
    """Game days at real sites, each order confirmed at the terminal; is_plan_only: what would be done."""
    import typer

    from anyplane.cli.design_file import read_design
    from anyplane.lab.gameday.real_stage import Orders, RealStage, plan
    from anyplane.lab.gameday.runner import run

    parsed = read_design(design)
    orders = Orders(run_dir=run_dir, command=command)
    found = []
    for one in scenarios:
        for line in plan(one, parsed, orders):
            typer.echo(line, err=not is_plan_only)
        if not is_plan_only:
            stage = RealStage(parsed, orders, confirm=lambda words: typer.confirm(words, err=True))
            with telling(one, is_quiet=False) as on_event:
                found.append(run(stage, one, on_event=on_event))
    return found


def grouped(
    scenarios: Sequence[Scenario], *, design: str | None, routers: int
) -> Mapping[tuple[str, int], list[Scenario]]:
    """Those that share a design and a size share a lab; the order of the first of each is kept."""
    found: dict[tuple[str, int], list[Scenario]] = {}
    for one in scenarios:
        found.setdefault((design or one.design, routers or one.routers), []).append(one)
    return found


def world_of(design: str) -> str | None:
    """The world that lies beside a design: examples/dozen-cities.world.yaml beside dozen-cities.yaml."""
    path = Path(design)
    beside = path.with_name(f"{path.stem}.world.yaml")
    return str(beside) if beside.is_file() else None


def run_on(here: Standing, scenario: Scenario, *, plans: Plans, is_quiet: bool) -> Outcome:
    """One game day on a lab that is up; what happens is told as it does, on stderr."""
    from anyplane.lab.gameday.report_json import from_plain

    with telling(scenario, is_quiet=is_quiet) as on_event:
        plain = here.lab.call(
            "gameday",
            on_event,
            timeout=SILENCE_S,
            scenario=scenario.source,
            file=scenario.name,
            plans=plans,
        )
    return from_plain(plain)


def plans_of(here: Standing) -> Plans:
    """What the plan predicts with any one, two or three sites gone: by their names, then by client."""
    from anyplane import design as designs
    from anyplane.datasets import cache
    from anyplane.lab.faces.standing import DESIGN, TOPOLOGY
    from anyplane.lab.world.prediction import predict

    design = designs.parse((here.lab.directory / DESIGN).read_text(encoding="utf-8"), file=DESIGN)
    topology = cache.read(here.lab.directory / TOPOLOGY)
    names = [str(site.name) for site in design.sites if site.is_enabled]
    found: Plans = {}
    for many in range(min(len(names), MOST_GONE + 1)):
        for gone in combinations(sorted(names), many):
            predicted = predict(design, topology, here.blueprint, without=gone)
            routes = predicted.prefixes[0].routes if predicted.prefixes else ()
            found[",".join(gone)] = {
                route.node: list(route.sites)
                for route in routes
                if here.blueprint.by_name[route.node].is_client
            }
    return found


@contextmanager
def own_lab(made: Prepared) -> Iterator[Standing]:
    """A lab that dies with us."""
    from anyplane.cli.lab_up import progress
    from anyplane.lab.faces import bringing_up
    from anyplane.lab.faces.standing import Standing

    with progress() as on_progress:
        lab = bringing_up.bring_up(made, on_progress=on_progress)
    with lab:
        yield Standing(lab)


@contextmanager
def telling(scenario: Scenario, *, is_quiet: bool) -> Iterator[OnEvent]:
    """What the events of a game day go to: a line for each step, on stderr."""

    def line(event: Mapping[str, Any]) -> None:
        text = {
            "probing": f"{scenario.name}: probing",
            "step": f"  {event.get('text', '')}",
            "error": f"  error: {event.get('text', '')}",
        }.get(str(event.get("event", event.get("what", ""))), "")
        if text and not is_quiet:
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()

    yield line
