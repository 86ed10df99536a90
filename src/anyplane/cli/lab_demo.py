"""`anyplane lab demo`: a dozen cities on real routers; a server dies, a site is drained; who loses what."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anyplane.cli import lab_options
from anyplane.cli.output import write_text
from anyplane.model.errors import LabError, UsageError

if TYPE_CHECKING:
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
    made = lab_options.prepared(
        str(design), str(world), seed=1, cache=None, name=f"demo-{os.getpid()}", routers=60
    )
    is_kept = _shown(made, html=html, began=began)
    if not is_kept:
        raise typer.Exit(1)


def _shown(made: Prepared, *, html: str, began: float) -> bool:
    from anyplane.cli import gameday_run
    from anyplane.lab.faces import demo as story
    from anyplane.lab.faces.catchment import compared
    from anyplane.lab.gameday.reading import parse
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
        clients = len(made.blueprint.clients)
        _say(f"the DNS server in Madrid is killed while {clients * story.RATE:,} queries a second are asked")
        scenarios = [parse(text, file="demo.yaml") for text in (story.KILL, story.DRAIN)]
        killed = gameday_run.run_on(here, scenarios[0], plans={}, is_quiet=True)
        lab_options.show(story.killed_page(killed, cities, sites))
        _say("it is back; now Madrid is drained, and stopped when nobody is left")
        drained = gameday_run.run_on(here, scenarios[1], plans={}, is_quiet=True)
        lab_options.show(f"{drained.lost:,} of {drained.sent:,} queries lost")
    outcomes = (killed, drained)
    path = Path(html)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, render_html(outcomes))
    _say("in short")
    lab_options.show(story.summary(outcomes, took_s=time.monotonic() - began, html=html))
    for error in (error for one in outcomes for error in one.errors):
        sys.stderr.write(f"error: {error}\n")
    return not found.differing and all(one.is_kept and not one.errors for one in outcomes)


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
