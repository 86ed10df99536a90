"""`anyplane lab demo`: a dozen cities on real routers; a server dies, a site is drained; who loses what."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anyplane.cli import lab_options
from anyplane.cli.output import write_text
from anyplane.model.errors import LabError, UsageError

if TYPE_CHECKING:
    from anyplane.lab.faces.standing import Standing
    from anyplane.lab.gameday.outcome import Outcome
    from anyplane.lab.world.prepared import Prepared

HTML = "out/demo.html"


def demo(
    html: Annotated[str, typer.Option("--html", metavar="FILE", help="Where the report goes.")] = HTML,
) -> None:
    """Show it all: plan and lab of a dozen cities side by side, a server killed, a site drained, a report.

    Where this machine cannot hold a lab it says why and shows the plan alone. Exit code 0; 1: something was
    not as expected; 4: no lab could be held, and CI=true says that one should.
    """
    from anyplane.lab.container.enter import capability
    from anyplane.lab.faces import packages

    began = time.monotonic()
    design, world = _example("dozen-cities.yaml"), _example("dozen-cities.world.yaml")
    try:
        packages.require(packages.ALWAYS)
        capability()
    except LabError as error:
        sys.stderr.write(f"{error}\n\nso here is the plan alone:\n")
        _plan_alone(design, world)
        if os.environ.get("CI") == "true":
            raise typer.Exit(LabError.exit_code) from None
        return
    made = lab_options.prepared(str(design), str(world), seed=1, cache=None, name=_name(), routers=60)
    is_kept = _shown(made, html=html, began=began)
    if not is_kept:
        raise typer.Exit(1)


def _shown(made: Prepared, *, html: str, began: float) -> bool:
    from anyplane.cli import gameday_run
    from anyplane.lab.faces import demo as story
    from anyplane.lab.faces.catchment import compared
    from anyplane.lab.faces.status import several
    from anyplane.lab.gameday.report_html import render_html

    cities = lab_options.cities()
    sites = {name: node.location.metro for name, node in made.blueprint.site_nodes.items()}
    with gameday_run.own_lab(made) as here:
        up_s = here.lab.call("status")["took_s"]["total"]
        _say(f"{made.routers} real routers in 12 cities and 3 sites are up after {up_s:.1f} s")
        target = here.targets[0]
        found = compared(
            made.blueprint,
            prefix=target.prefix,
            address=target.address,
            planned=here.expected(target.prefix),
            answers=here.answers(target),
        )
        lab_options.show(story.first_page(found, cities, sites))
        clients = several(len(made.blueprint.clients), "client network")
        _say(f"a server dies: {clients} ask {story.RATE} times a second each")
        killed = _told(here, story.KILL)
        lab_options.show(story.killed_page(killed, cities, sites))
        _say("a site is taken out of service: the same, with a drain first")
        drained = _told(here, story.DRAIN)
        lab_options.show(story.drained_page(drained, cities, sites))
    outcomes = (killed, drained)
    path = Path(html)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, render_html(outcomes))
    _say("in short")
    lab_options.show(story.summary(outcomes, took_s=time.monotonic() - began, html=html))
    for error in (error for one in outcomes for error in one.errors):
        sys.stderr.write(f"error: {error}\n")
    return not found.differing and all(one.is_kept and not one.errors for one in outcomes)


def _told(here: Standing, scenario: str) -> Outcome:
    """A game day, whose steps are told as they are done."""
    from anyplane.lab.faces.demo import STORY
    from anyplane.lab.gameday.reading import parse
    from anyplane.lab.gameday.running import run_in_lab

    with _clock("all are answered by their sites") as tell:

        def on_event(event: Mapping[str, Any]) -> None:
            what = event.get("event")
            if what == "probing":
                tell("")
            elif what == "done":
                tell(STORY.get(str(event.get("name", "")), ""))

        found = run_in_lab(here.lab, parse(scenario, file="demo.yaml"), plans={}, on_event=on_event)
    lab_options.show("")
    return found


@contextmanager
def _clock(first: str) -> Iterator[Callable[[str], None]]:
    """A function that says what has just been done, with the seconds since it was first called.

    On a terminal the seconds run on below, so that nobody has to wonder whether it still lives.
    """
    from rich.console import Console

    began: list[float] = []

    def line(text: str) -> str:
        return f"{time.monotonic() - began[0]:5.1f} s  {text}"

    console = Console(highlight=False, width=lab_options.width())
    if not console.is_terminal or console.is_dumb_terminal:

        def tell(text: str) -> None:
            if not began:
                began.append(time.monotonic())
                text = first
            if text:
                lab_options.show(line(text))

        yield tell
        return
    from rich.live import Live
    from rich.text import Text

    with Live(
        console=console, get_renderable=lambda: Text(line("…") if began else "", style="dim"), transient=True
    ):

        def tell_above(text: str) -> None:
            if not began:
                began.append(time.monotonic())
                text = first
            if text:
                console.print(line(text))

        yield tell_above


def _name() -> str:
    """demo, or where one is being shown already, another one."""
    from anyplane.lab.container import client

    return "demo" if not client.is_alive(client.place_of("demo")) else f"demo-{os.getpid()}"


def _say(text: str) -> None:
    from rich.text import Text

    lab_options.show(Text(f"\n{text}", style="bold"))


def _plan_alone(design: Path, world: Path) -> None:
    from anyplane.cli.design_file import read_design
    from anyplane.cli.planning_options import print_text
    from anyplane.cli.topology_option import load_topology
    from anyplane.planning.plan import plan
    from anyplane.planning.text import render

    report = plan(read_design(str(design)), load_topology(str(world)))
    print_text(lambda is_plain, width: render(report, is_plain=is_plain, width=width))


def _example(name: str) -> Path:
    """The file in the examples of the directory that we are in, or of the checkout that we come from."""
    for folder in (Path("examples"), Path(__file__).parents[3] / "examples"):
        if (folder / name).is_file():
            return folder / name
    raise UsageError(
        f"examples/{name} is not here", hint="run it in a checkout of anyplane: the examples come with it"
    )
