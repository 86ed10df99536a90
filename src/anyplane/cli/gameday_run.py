"""gameday_run: scenarios, one after the other, on a lab that is up or on one made for them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyplane.cli import lab_options

if TYPE_CHECKING:
    from anyplane.lab.container.client import OnEvent
    from anyplane.lab.faces.standing import Standing
    from anyplane.lab.gameday.outcome import Outcome
    from anyplane.lab.gameday.running import Plans
    from anyplane.lab.gameday.scenario import Scenario
    from anyplane.lab.gameday.words import Words
    from anyplane.lab.world.prepared import Prepared

RUNNING_WORDS = frozenset(("safety", "health"))
"""What a design says of how it is run, which moves no catchment."""
NOT_HEALED = "not healed"


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
        with lab_options.standing(lab) as here, healed_when_interrupted(here):
            return run_on_one(here, scenarios, is_quiet=is_quiet)
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
            found += run_on_one(here, group, is_quiet=is_quiet)
    return found


def run_real(
    scenarios: Sequence[Scenario], *, design: str, command: str, run_dir: Path, is_plan_only: bool
) -> list[Outcome]:
    """Game days at real sites, each order confirmed at the terminal; is_plan_only: what would be done."""
    import typer

    from anyplane.cli.design_file import read_design
    from anyplane.lab.gameday.real_stage import REFUSED, Orders, RealStage, plan
    from anyplane.lab.gameday.runner import run
    from anyplane.model.errors import UsageError

    parsed = read_design(design)
    orders = Orders(run_dir=run_dir, command=command)
    found, refused = [], []
    for one in scenarios:
        lines = plan(one, parsed, orders)
        for line in lines:
            typer.echo(line, err=not is_plan_only)
        if any(REFUSED in line for line in lines):
            refused.append(one.name)
        if not is_plan_only:
            stage = RealStage(parsed, orders, confirm=lambda words: typer.confirm(words, err=True))
            with telling(one, is_quiet=False) as on_event:
                found.append(run(stage, one, on_event=on_event))
    if refused and is_plan_only:
        listed = ", ".join(refused)
        raise UsageError(f"real sites would refuse {listed}", hint="the lines above say which steps, and why")
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


def run_on_one(here: Standing, scenarios: Sequence[Scenario], *, is_quiet: bool) -> list[Outcome]:
    """One after the other on the same lab; every name in them is looked up before the first begins."""
    from anyplane.lab.gameday.running import refuse_unfit
    from anyplane.model.errors import LabError

    for one in scenarios:
        refuse_unfit(here.blueprint, one)
    found: list[Outcome] = []
    whole: Plans | None = None
    for number, one in enumerate(scenarios, start=1):
        if one.words.keys() - RUNNING_WORDS:
            plans = plans_of(here, one.words)
        else:
            plans = whole = whole or plans_of(here)
        found.append(run_on(here, one, plans=plans, is_quiet=is_quiet))
        unhealed = [text for text in found[-1].errors if text.startswith(NOT_HEALED)]
        if unhealed and number < len(scenarios):
            raise LabError(f"after {one.name} the lab is {'; '.join(unhealed)}", hint="make another one")
    return found


def run_on(here: Standing, scenario: Scenario, *, plans: Plans, is_quiet: bool) -> Outcome:
    """One game day on a lab that is up; what happens is told as it does, on stderr."""
    from anyplane.lab.gameday.running import run_in_lab

    with telling(scenario, is_quiet=is_quiet) as on_event:
        return run_in_lab(here.lab, scenario, plans=plans, on_event=on_event)


def plans_of(here: Standing, words: Words | None = None) -> Plans:
    """What the plan predicts of that lab, with some sites gone; words: of a scenario for the design."""
    from anyplane import design as designs
    from anyplane.datasets import cache
    from anyplane.lab.faces.standing import DESIGN, TOPOLOGY
    from anyplane.lab.gameday.running import plans
    from anyplane.lab.gameday.words import worded

    text = (here.lab.directory / DESIGN).read_text(encoding="utf-8")
    design = designs.parse(worded(text, words) if words else text, file=DESIGN)
    return plans(design, cache.read(here.lab.directory / TOPOLOGY), here.blueprint)


@contextmanager
def healed_when_interrupted(here: Standing) -> Iterator[None]:
    """Ctrl-C ends the day with the step under way; then the lab is healed, and that is waited for."""
    from anyplane.lab.container.client import Lab
    from anyplane.lab.gameday.running import SILENCE_S

    try:
        yield
    except KeyboardInterrupt:
        here.lab.close()  # which tells the lab that nobody waits for the day
        sys.stderr.write("\ntaking back what was done (Ctrl-C again: without waiting for it)\n")
        with Lab.attach(str(here.lab.directory)) as again:
            again.call("gameday_over", timeout=SILENCE_S)
        sys.stderr.write(f"{here.lab.directory.name} is healed\n")
        raise


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
