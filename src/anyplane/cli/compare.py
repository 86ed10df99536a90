"""`anyplane compare`: the same users under unicast, GeoDNS, global, regional and combined anycast."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anyplane.cli.answers import HtmlOption, deliver, progress, refuse_both_to_standard_output
from anyplane.cli.calibration_option import CalibrationOption, load_calibration
from anyplane.cli.design_file import read_design, read_text
from anyplane.cli.output import refuse_overwriting
from anyplane.cli.planning_options import (
    GroupOption,
    InflationOption,
    JsonCommand,
    JsonOption,
    RovOption,
    UsersOption,
    load_world,
)
from anyplane.cli.topology_option import CacheOption, TopologyOption, TopologySeedOption
from anyplane.model.errors import UsageError

if TYPE_CHECKING:
    from anyplane.planning.alternatives.caching import Caching
    from anyplane.planning.alternatives.resolvers import Resolution

DNS = "DNS"
FAILING = "Failure"
Pairs = tuple[tuple[float, float], ...]


def compare(
    design: Annotated[str, typer.Argument(metavar="DESIGN", help="A design file, or - for standard input.")],
    regions: Annotated[
        str,
        typer.Option(
            "--regions",
            metavar="FILE|eu=fra,ams;us=nyc",
            help="Which sites share a regional prefix.",
            show_default="by continent",
        ),
    ] = "",
    fail: Annotated[
        str,
        typer.Option(
            "--fail",
            metavar="SITE",
            help="The site that dies.",
            show_default="the one with most users",
            rich_help_panel=FAILING,
        ),
    ] = "",
    failover: Annotated[
        bool,
        typer.Option("--failover/--no-failover", help="Reckon how users come back.", rich_help_panel=FAILING),
    ] = True,
    detect: Annotated[
        float | None,
        typer.Option(
            "--detect",
            metavar="SECONDS",
            help="From the death to DNS answers without the site.",
            show_default="30",
            rich_help_panel=FAILING,
        ),
    ] = None,
    withdraw_after: Annotated[
        float | None,
        typer.Option(
            "--withdraw-after",
            metavar="SECONDS",
            help="From the death to the withdrawal of its routes.",
            show_default="3",
            rich_help_panel=FAILING,
        ),
    ] = None,
    seeds: Annotated[
        int,
        typer.Option("--seeds", min=1, max=100, help="Runs of each convergence.", rich_help_panel=FAILING),
    ] = 5,
    seed: Annotated[
        int, typer.Option("--seed", min=1, max=10**6, help="The first of them.", rich_help_panel=FAILING)
    ] = 1,
    geoip_error: Annotated[
        str,
        typer.Option(
            "--geoip-error",
            metavar="SHARE[:COUNTRY]",
            help="Addresses believed in another metro, and those of them in another country.",
            show_default="0.1:0.01",
            rich_help_panel=DNS,
        ),
    ] = "",
    ecs_share: Annotated[
        float | None,
        typer.Option(
            "--ecs-share",
            metavar="SHARE",
            help="Users whose resolver sends their prefix (RFC 7871).",
            show_default="0.1",
            rich_help_panel=DNS,
        ),
    ] = None,
    resolver_distance: Annotated[
        str,
        typer.Option(
            "--resolver-distance",
            metavar="FILE|SHARE:KM,…",
            help="How far users are from their resolvers.",
            show_default="0.75:0,0.15:500,0.08:2000,0.02:8000",
            rich_help_panel=DNS,
        ),
    ] = "",
    ttl: Annotated[
        float | None,
        typer.Option("--ttl", metavar="SECONDS", help="Of answers.", show_default="60", rich_help_panel=DNS),
    ] = None,
    ttl_overrun: Annotated[
        str,
        typer.Option(
            "--ttl-overrun",
            metavar="SHARE:SECONDS,…|none",
            help="Users for whom an answer lives longer than its TTL, and by how much.",
            show_default="0.1:300,0.02:3600",
            rich_help_panel=DNS,
        ),
    ] = "",
    far: Annotated[
        float | None,
        typer.Option("--far", metavar="MS", help="Far is so much over one's best site.", show_default="20"),
    ] = None,
    topology: TopologyOption = None,
    topology_seed: TopologySeedOption = 1,
    cache: CacheOption = None,
    json_file: JsonOption = None,
    html: HtmlOption = None,
    group: GroupOption = "",
    rov: RovOption = True,
    users: UsersOption = None,
    inflation: InflationOption = None,
    threads: Annotated[int, typer.Option("--threads", min=1, max=64, help="Runs at the same time.")] = 2,
    calibration: CalibrationOption = None,
) -> None:
    """Compare unicast, GeoDNS, global, regional and combined anycast for the same users, and recommend one.

    What is assumed of DNS (resolvers, GeoIP, caches) is a default of ours until you say it, and marked so.
    Exit code 0; 2: bad input.
    """
    refuse_both_to_standard_output(json_file=json_file, html=html)
    region_file = _file(regions)
    distance_file = _file(resolver_distance)
    refuse_overwriting((design, topology, users, calibration, region_file, distance_file), (json_file, html))
    parsed = read_design(design)
    resolution = _resolution(geoip_error, ecs_share, resolver_distance, distance_file)
    caching = _caching(ttl, ttl_overrun, detect)
    given = {
        "geoip-error": geoip_error,
        "ecs-share": ecs_share,
        "resolver-distance": resolver_distance,
        "ttl": ttl,
        "ttl-overrun": ttl_overrun,
        "detect": detect,
        "withdraw-after": withdraw_after,
        "far": far,
    }
    from anyplane.planning.alternatives.compare import FAR_MS, WITHDRAW_S, Question

    question = Question(
        resolution=resolution,
        caching=caching,
        withdraw_s=WITHDRAW_S if withdraw_after is None else withdraw_after,
        far_ms=FAR_MS if far is None else far,
        regions=read_text(region_file) if region_file is not None else regions,
        regions_file="" if region_file is None else str(region_file),
        fail=fail,
        has_failover=failover,
        seeds=seeds,
        first_seed=seed,
        changed=tuple(name for name, value in given.items() if value not in (None, "")),
    )
    question.check()
    known = load_calibration(calibration)
    world = load_world(topology, seed=topology_seed, cache=cache, metros=True, rov=rov, users=users)
    from anyplane.planning.alternatives import html as page
    from anyplane.planning.alternatives import text
    from anyplane.planning.alternatives.compare import compare as reckon
    from anyplane.planning.alternatives.report import to_json
    from anyplane.planning.latency import INFLATION, LatencyModel

    model = LatencyModel(inflation=INFLATION if inflation is None else inflation)
    with progress("comparing") as told:
        report = reckon(
            parsed,
            world,
            question,
            group=group,
            latency=model,
            calibration=known,
            threads=threads,
            progress=told,
        )
    deliver(
        text=lambda is_plain, width: text.render(report, is_plain=is_plain, width=width),
        json_text=lambda: to_json(report),
        section=lambda: page.section(report),
        json_file=json_file,
        html=html,
    )


def _resolution(
    geoip_error: str, ecs_share: float | None, resolver_distance: str, file: Path | None
) -> Resolution:
    from anyplane.planning.alternatives.resolvers import Resolution

    plain = Resolution()
    error, country = plain.geoip_error, plain.wrong_country
    if geoip_error:
        first, colon, second = geoip_error.partition(":")
        error = _number(first, "--geoip-error", "SHARE[:COUNTRY], for example 0.1:0.01")
        usual = plain.wrong_country / plain.geoip_error
        country = (
            _number(second, "--geoip-error", "SHARE[:COUNTRY], for example 0.1:0.01")
            if colon
            else round(error * usual, 9)
        )
    bands = plain.resolvers
    if file is not None:
        bands = _rows(file)
    elif resolver_distance:
        bands = _pairs(resolver_distance, "--resolver-distance", "SHARE:KM, for example 0.8:0,0.2:500")
    return Resolution(
        geoip_error=error,
        wrong_country=country,
        ecs=plain.ecs if ecs_share is None else ecs_share,
        resolvers=bands,
    )


def _caching(ttl: float | None, overrun: str, detect: float | None) -> Caching:
    from anyplane.planning.alternatives.caching import Caching

    plain = Caching()
    overruns: Pairs = plain.overruns
    if overrun == "none":
        overruns = ()
    elif overrun:
        overruns = _pairs(overrun, "--ttl-overrun", "SHARE:SECONDS, for example 0.1:300, or none")
    return Caching(
        ttl_s=plain.ttl_s if ttl is None else ttl,
        overruns=overruns,
        detect_s=plain.detect_s if detect is None else detect,
    )


def _pairs(text: str, option: str, form: str) -> Pairs:
    found = []
    for item in text.split(","):
        first, colon, second = item.partition(":")
        if not colon:
            raise UsageError(f"{option}: {item!r} is not {form.partition(',')[0]}", hint=f"write {form}")
        found.append((_number(first, option, form), _number(second, option, form)))
    return tuple(found)


def _number(text: str, option: str, form: str) -> float:
    from math import isfinite

    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise UsageError(f"{option}: {text!r} is not a number", hint=f"write {form}")
    return value


def _rows(file: Path) -> Pairs:
    """The bands of a CSV `share,km`, with or without this header."""
    found: list[tuple[float, float]] = []
    for number, line in enumerate(read_text(file).splitlines(), start=1):
        words = [word.strip() for word in line.partition("#")[0].split(",")]
        if words == [""] or (not found and words[0].lower() == "share"):
            continue
        if len(words) != 2:
            raise UsageError(f"{file}:{number}: {line!r} is not share,km", hint="for example 0.2,500")
        where = f"{file}:{number}"
        found.append(
            (_number(words[0], where, "share,km, for example 0.2,500"), _number(words[1], where, "share,km"))
        )
    if not found:
        raise UsageError(f"{file} has no row", hint="write share,km in each line, for example 0.2,500")
    return tuple(found)


def _file(given: str) -> Path | None:
    """The file that an option names; None where it holds the words themselves."""
    if not given or "=" in given or ":" in given:
        return None
    return Path(given)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("compare", cls=JsonCommand)(compare)
