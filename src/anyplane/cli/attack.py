"""`anyplane attack`: where an attack lands, which sites drown, which response saves most users."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anyplane.cli.answers import HtmlOption, deliver, progress, refuse_both_to_standard_output
from anyplane.cli.attack_options import (
    BOTNET,
    BotsNetworksOption,
    PoisonOption,
    ResumeFile,
    ResumeOption,
    SeedOption,
    attack_of,
    interruptible,
    poisoned,
)
from anyplane.cli.calibration_option import CalibrationOption, load_calibration
from anyplane.cli.design_file import read_design
from anyplane.cli.output import refuse_overwriting
from anyplane.cli.planning_options import (
    GroupOption,
    InflationOption,
    JsonCommand,
    JsonOption,
    MetrosOption,
    UsersOption,
    load_world,
)
from anyplane.cli.topology_option import CacheOption, TopologyOption, TopologySeedOption
from anyplane.model.errors import UsageError

if TYPE_CHECKING:
    from anyplane.design import Design
    from anyplane.planning.attack.sweep import Sweep
    from anyplane.planning.weighted import Float64

CAPACITY = "Capacity"
LEAST_GBPS, MOST_GBPS = 0.001, 1e9


def attack(
    design: Annotated[str, typer.Argument(metavar="DESIGN", help="A design file, or - for standard input.")],
    sources: Annotated[
        str,
        typer.Option(
            "--sources",
            metavar="FILE|botnet:NAME",
            help="Who attacks: a CSV `asn,gbps`, or botnet:global, botnet:region=EU, botnet:network=ASN.",
        ),
    ],
    gbps: Annotated[
        float | None,
        typer.Option(
            "--gbps", metavar="N", help="Gbit/s in all; a FILE is scaled to it.", show_default="as in FILE"
        ),
    ] = None,
    bots_networks: BotsNetworksOption = 1000,
    seed: SeedOption = 1,
    topology: TopologyOption = None,
    topology_seed: TopologySeedOption = 1,
    cache: CacheOption = None,
    json_file: JsonOption = None,
    html: HtmlOption = None,
    group: GroupOption = "",
    metros: MetrosOption = True,
    users: UsersOption = None,
    inflation: InflationOption = None,
    calibration: CalibrationOption = None,
    capacity_gbps: Annotated[
        list[str] | None,
        typer.Option(
            "--capacity-gbps",
            metavar="SITE=N|N",
            help="Gbit/s that a site (or each other site) carries; may be given again.",
            show_default="the design's",
            rich_help_panel=CAPACITY,
        ),
    ] = None,
    bits_per_query: Annotated[
        float | None,
        typer.Option(
            "--bits-per-query",
            metavar="N",
            help="Of a query on the wire: turns a design's qps into bits.",
            rich_help_panel=CAPACITY,
        ),
    ] = None,
    address_share: Annotated[
        float,
        typer.Option(
            "--address-share",
            metavar="PERCENT",
            min=0.0,
            max=100.0,
            help="Users of the attacked address among all of the prefix: whom a blackhole cuts off.",
            rich_help_panel=CAPACITY,
        ),
    ] = 100.0,
    poison: PoisonOption = None,
    pairs: Annotated[
        bool,
        typer.Option("--pairs/--no-pairs", help="Try the best three together with every other response."),
    ] = False,
    resume: ResumeOption = None,
    threads: Annotated[int, typer.Option("--threads", min=1, max=64, help="Runs at the same time.")] = 2,
) -> None:
    """Say where an attack lands, which sites drown, whom that hurts, and which response saves most users.

    Needs capacities in bits per second: of the design, or of --capacity-gbps, or --bits-per-query. Exit code
    0: no site drowns, or none has a capacity; 1: a site drowns; 2: bad input; 130: interrupted.
    """
    refuse_both_to_standard_output(json_file=json_file, html=html)
    source_file = None if sources.startswith(BOTNET) else sources
    refuse_overwriting((design, topology, users, calibration, source_file), (json_file, html, resume))
    if gbps is not None and not LEAST_GBPS <= gbps <= MOST_GBPS:
        raise UsageError(f"--gbps {gbps:g} is not a volume of {LEAST_GBPS:g} to {MOST_GBPS:g} Gbit/s")
    if bits_per_query is not None and not 0 < bits_per_query < math.inf:
        raise UsageError(f"--bits-per-query {bits_per_query:g} is not above 0")
    room = _capacities(capacity_gbps)
    bad = poisoned(poison)
    parsed = read_design(design)
    # Nobody's announcement is invalid here, so who validates does not matter.
    world = load_world(topology, seed=topology_seed, cache=cache, metros=metros, rov=True, users=users)
    from anyplane.planning.attack import html as page
    from anyplane.planning.attack import text
    from anyplane.planning.attack.attack import Question
    from anyplane.planning.attack.attack import attack as reckon
    from anyplane.planning.attack.report import to_json
    from anyplane.planning.latency import INFLATION, LatencyModel

    question = Question(
        group=group,
        capacity_gbps=room,
        bits_per_query=bits_per_query,
        address_share=address_share / 100,
        poison=bad,
        with_pairs=pairs,
        seed=seed,
        calibration="" if calibration is None else str(calibration),
    )
    attacking = attack_of(world, sources, gbps=gbps, networks=bots_networks, seed=seed)
    calibrated = None if calibration is None else _calibrated(parsed, calibration)
    with interruptible(resume), progress("trying responses") as bar:
        report = reckon(
            parsed,
            world,
            attacking,
            question,
            latency=LatencyModel(inflation=INFLATION if inflation is None else inflation),
            threads=threads,
            calibrated=calibrated,
            resume=None if resume is None else ResumeFile(resume),
            progress=bar,
        )
    deliver(
        text=lambda is_plain, width: text.render(report, is_plain=is_plain, width=width),
        json_text=lambda: to_json(report),
        section=lambda: page.section(report),
        json_file=json_file,
        html=html,
    )
    if report.drowned:
        raise typer.Exit(1)


def _capacities(given: list[str] | None) -> dict[str, float]:
    """--capacity-gbps fra=100 --capacity-gbps 40 -> {"fra": 100, "": 40}."""
    found: dict[str, float] = {}
    for one in ",".join(given or ()).split(",") if given else ():
        site, equals, number = one.strip().rpartition("=")
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not 0 < value < math.inf or (equals and not site):
            raise UsageError(
                f"--capacity-gbps {one}: not SITE=N with N above 0",
                hint="for example --capacity-gbps fra=100",
            )
        found[site] = value
    return found


def _calibrated(design: Design, file: Path) -> Callable[[Sweep, Float64], Float64]:
    """Where a weight lands by the probabilities of a calibration."""
    known = load_calibration(file)

    def land(sweep: Sweep, weight: Float64) -> Float64:
        from anyplane.calibration.chance import Terrain
        from anyplane.planning.attack.scenario_choice import chosen
        from anyplane.planning.forecasting import chances

        scenario, _ = chosen(design, sweep.topology, sweep.scenario.name)
        found: Float64 = weight @ chances(design, scenario, Terrain(sweep.topology), known).probability
        return found

    return land


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("attack", cls=JsonCommand)(attack)
