"""`anyplane trust`: is every route RPKI-valid, also in an emergency, and what would a hijack take?"""

from __future__ import annotations

import re
import sys
import time
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anyplane.cli.answers import HtmlOption, deliver, progress, refuse_both_to_standard_output
from anyplane.cli.design_file import read_design
from anyplane.cli.duration import seconds
from anyplane.cli.output import STANDARD_OUTPUT, refuse_overwriting, write
from anyplane.cli.planning_options import (
    GroupOption,
    JsonCommand,
    JsonOption,
    MetrosOption,
    UsersOption,
    load_world,
)
from anyplane.cli.resume import Keeper
from anyplane.cli.topology_option import CacheOption, TopologyOption, TopologySeedOption
from anyplane.model.errors import UsageError

if TYPE_CHECKING:
    from anyplane.design import Design
    from anyplane.model.nouns import Prefix
    from anyplane.model.rpki import VrpSet
    from anyplane.planning.trust.report import TrustReport
    from anyplane.planning.trust.trust import Asking, Work
    from anyplane.topology import Topology

INTERRUPTED = 130
BROKEN = 1
HIJACKS = "Hijacks"
EMERGENCY = "Emergency"


def trust(
    design: Annotated[str, typer.Argument(metavar="DESIGN", help="A design file, or - for standard input.")],
    vrps: Annotated[
        Path,
        typer.Option(
            "--vrps", metavar="FILE", help="VRPs of a validator: JSON or CSV of Routinator or rpki-client."
        ),
    ],
    scrubber: Annotated[
        list[str] | None,
        typer.Option(
            "--scrubber",
            metavar="ASN",
            help="A network that would announce for us under attack. Repeatable.",
            rich_help_panel=EMERGENCY,
        ),
    ] = None,
    more_specific: Annotated[
        list[str] | None,
        typer.Option(
            "--more-specific",
            metavar="PREFIX",
            help="A part of a prefix that would be announced. Repeatable.",
            rich_help_panel=EMERGENCY,
        ),
    ] = None,
    expires_within: Annotated[
        str, typer.Option("--expires-within", metavar="TIME", help="Warn of ROAs that end within this time.")
    ] = "7d",
    now: Annotated[
        str,
        typer.Option(
            "--now",
            metavar="TIME",
            help="Reckon as at this time: 2026-11-21T18:00Z, or Unix time.",
            show_default="the clock",
        ),
    ] = "",
    require_roa: Annotated[
        bool, typer.Option("--require-roa", help="A route that no ROA covers is a failure too (exit code 1).")
    ] = False,
    slurm: Annotated[
        str | None,
        typer.Option("--slurm", metavar="FILE", help="Write the ROAs to create as SLURM (RFC 8416), to try."),
    ] = None,
    exposure: Annotated[
        bool,
        typer.Option(
            "--exposure/--no-exposure",
            help="Reckon hijacks; without, no topology is read.",
            rich_help_panel=HIJACKS,
        ),
    ] = True,
    attacker: Annotated[
        list[str] | None,
        typer.Option(
            "--attacker",
            metavar="ASN",
            help="This network attacks, instead of a sample. Repeatable.",
            rich_help_panel=HIJACKS,
        ),
    ] = None,
    sample: Annotated[
        int,
        typer.Option(
            "--sample", min=1, max=200_000, help="Networks drawn as attackers.", rich_help_panel=HIJACKS
        ),
    ] = 1000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the sample.", rich_help_panel=HIJACKS)] = 1,
    alone: Annotated[
        bool,
        typer.Option("--alone/--no-alone", help="Compare with each single site.", rich_help_panel=HIJACKS),
    ] = True,
    rov_list: Annotated[
        Path | None,
        typer.Option(
            "--rov-list",
            metavar="FILE",
            help="Networks that drop invalid routes: CSV of ASNs, isbgpsafeyet, or TMA 2021.",
            show_default="those of the topology",
            rich_help_panel=HIJACKS,
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            "--resume",
            metavar="FILE",
            help="Keep finished runs here, and go on from them.",
            rich_help_panel=HIJACKS,
        ),
    ] = None,
    threads: Annotated[
        int,
        typer.Option("--threads", min=1, max=64, help="Runs at the same time.", rich_help_panel=HIJACKS),
    ] = 2,
    topology: TopologyOption = None,
    topology_seed: TopologySeedOption = 1,
    cache: CacheOption = None,
    json_file: JsonOption = None,
    html: HtmlOption = None,
    group: GroupOption = "",
    metros: MetrosOption = True,
    users: UsersOption = None,
) -> None:
    """Say whether every route is RPKI-valid, also in an emergency, and what a hijack would take.

    Exit code 0; 1: a route is invalid, or was valid until its ROA expired (with --require-roa: or has none);
    2: bad input; 130: interrupted, and what was done is shown.
    """
    refuse_both_to_standard_output(json_file=json_file, html=html)
    if slurm is not None and slurm in (json_file, html):
        raise UsageError("the SLURM file needs a file of its own", hint="--slurm slurm.json")
    outputs = (json_file, html, None if resume is None else str(resume), slurm)
    refuse_overwriting((design, vrps, topology, users, rov_list), outputs)
    parsed = read_design(design)
    from anyplane.datasets.vrps import read_vrps
    from anyplane.planning.trust import trust as reckoning

    asking = reckoning.Asking(
        now=_moment(now) if now else int(time.time()),
        expires_within_s=seconds(expires_within, option="--expires-within"),
        group=group,
        scrubbers=tuple(_asn(text, "--scrubber") for text in scrubber or ()),
        more_specifics=tuple(_prefix(text) for text in more_specific or ()),
        attackers=tuple(dict.fromkeys(_asn(text, "--attacker") for text in attacker or ())),
        sample=sample,
        seed=seed,
        alone=alone,
    )
    found = read_vrps(vrps, reckoning.about(parsed, asking))
    work = None
    if exposure:
        world = load_world(topology, seed=topology_seed, cache=cache, metros=metros, rov=True, users=users)
        work = _swept(parsed, world, found, asking, rov_list=rov_list, resume=resume, threads=threads)
    report = reckoning.report(parsed, found, asking, work)
    _write(report, json_file=json_file, html=html, slurm=slurm)
    if report.is_partial:
        kept = f"; {resume} holds the runs, the same command goes on" if resume else ""
        sys.stderr.write(f"interrupted: hijacks are of the runs that were done{kept}\n")
        raise typer.Exit(INTERRUPTED)
    if report.broken or (require_roa and report.missing):
        raise typer.Exit(BROKEN)


def _swept(
    design: Design,
    world: Topology,
    vrps: VrpSet,
    asking: Asking,
    *,
    rov_list: Path | None,
    resume: Path | None,
    threads: int,
) -> Work:
    """The Work, done, or as far as it came when it was interrupted."""
    from anyplane.planning.trust import kept
    from anyplane.planning.trust import trust as reckoning

    rov, source = None, f"of the topology ({world.origin})"
    if rov_list is not None:
        import numpy as np

        from anyplane.datasets.rov_lists import read_rov_list

        listed = read_rov_list(rov_list)
        rov = np.isin(world.asn, np.array(sorted(listed.asns), dtype=np.uint32))
        source = f"{listed.source} ({listed.form}, {len(listed.asns):,} networks)"
    work = reckoning.prepare(design, world, vrps, asking, rov=rov, rov_source=source, threads=threads)
    fingerprints = work.fingerprints()
    keeper = Keeper(resume, lambda: kept.to_text(work.runs(), fingerprints))
    if (text := keeper.read()) is not None:
        work.resume(kept.from_text(text, fingerprints, file=str(resume)))
    with progress("hijacking") as tell:

        def finished(done: int, planned: int) -> None:
            tell(done, planned)
            keeper.keep()

        reckoning.run(work, progress=finished)
    keeper.keep(now=True)
    return work


def _write(report: TrustReport, *, json_file: str | None, html: str | None, slurm: str | None) -> None:
    from anyplane.planning.trust.html import section
    from anyplane.planning.trust.report import to_json
    from anyplane.planning.trust.roas import to_slurm
    from anyplane.planning.trust.text import render

    if slurm is not None:
        write(slurm, to_slurm(report.roas))
        if slurm != STANDARD_OUTPUT:
            sys.stderr.write(f"wrote {slurm}\n")
        elif json_file is None and html != STANDARD_OUTPUT:
            return
    deliver(
        text=lambda is_plain, width: render(report, is_plain=is_plain, width=width),
        json_text=lambda: to_json(report),
        section=lambda: section(report),
        json_file=json_file,
        html=html,
    )


def _asn(text: str, option: str) -> int:
    from anyplane.model.nouns import ASN_MAX

    match = re.fullmatch(r"(?:AS)?([0-9]{1,10})", text.strip(), re.IGNORECASE)
    if match is None or not 0 < int(match[1]) <= ASN_MAX:
        raise UsageError(f"{option} {text}: that is not an AS number (1 to {ASN_MAX})")
    return int(match[1])


def _prefix(text: str) -> Prefix:
    try:
        return ip_network(text.strip())
    except ValueError as error:
        raise UsageError(f"--more-specific {text}: {error}", hint="write it as 192.0.2.0/24") from None


def _moment(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 12:
        # 20261121 is a day to whoever writes it, and 1970 as Unix time: neither is taken for the other.
        if len(text) < 9:
            raise UsageError(f"--now {text}: a day, or Unix time?", hint="write 2026-11-21 for a day")
        return int(text)
    try:
        at = datetime.fromisoformat(text)
        return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        raise UsageError(f"--now {text}: that is not a time", hint="write 2026-11-21T18:00Z") from None


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("trust", cls=JsonCommand)(trust)
