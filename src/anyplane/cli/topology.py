"""anyplane topology: fetch, build and look at the Internet that designs are planned on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from anyplane.cli.streams import write_utf8
from anyplane.cli.topology_option import CacheOption, TopologySeedOption, cache_directory, steps

_app = typer.Typer(
    no_args_is_help=True, help="Fetch, build and look at the Internet that designs are planned on."
)


def register(app: typer.Typer) -> None:
    """Add the command group `topology`."""
    app.add_typer(_app, name="topology")


@_app.command()
def fetch(
    only: Annotated[
        str,
        typer.Option(metavar="NAME,NAME", help="Which data sets: as-rel, as-org, as-names, peeringdb."),
    ] = "as-rel,as-org,as-names,peeringdb",
    date: Annotated[
        str, typer.Option(metavar="YYYYMM", help="The month of CAIDA's files.", show_default="the newest")
    ] = "",
    base_url: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=URL", help="Fetch a data set from a mirror; may be given again."),
    ] = None,
    cache: CacheOption = None,
) -> None:
    """Download public data about the Internet, resume what broke off, and check it.

    The licences are shown before anything is downloaded and are kept in the manifest beside the files.
    """
    import time
    import urllib.request
    from datetime import UTC, datetime

    from anyplane import __version__
    from anyplane.datasets.download import Downloader
    from anyplane.datasets.fetch import Order
    from anyplane.datasets.fetch import fetch as fetch_all
    from anyplane.datasets.sources import SOURCES
    from anyplane.model.errors import UsageError

    names = tuple(dict.fromkeys(name.strip() for name in only.split(",") if name.strip()))
    if not names:
        raise UsageError("--only names no data set", hint="the names are " + ", ".join(SOURCES))
    bases: dict[str, str] = {}
    for pair in base_url or []:
        name, equals, url = pair.partition("=")
        if not equals:
            raise UsageError(
                f"--base-url {pair!r} is not NAME=URL", hint="for instance as-rel=https://mirror/as-rel/"
            )
        bases[name.strip()] = url.strip()
    directory = cache_directory(cache) / "downloads"
    for name in names:
        if source := SOURCES.get(name):
            typer.echo(f"{source.title}\n  licence: {source.licence}\n  terms:   {source.terms}")
    downloader = Downloader(
        sleep=time.sleep,
        clock=time.time,
        proxies=urllib.request.getproxies(),
        user_agent=f"anyplane/{__version__}",
    )
    today = datetime.now(UTC).date().isoformat()
    try:
        with _download_progress() as progress:
            fetched = fetch_all(
                Order(names=names, date=date, bases=bases),
                directory,
                downloader=downloader,
                today=today,
                progress=progress,
            )
    except KeyboardInterrupt:
        typer.echo("interrupted; what has arrived is kept, run it again to go on", err=True)
        raise typer.Exit(130) from None
    command = ["anyplane topology build"]
    for file in fetched:
        typer.echo(
            f"{'fetched' if file.is_new else 'current'}  {file.path}  {file.size:,} bytes  {file.sha256}"
        )
        option = SOURCES[file.source].option
        path = file.path.parent if file.source == "peeringdb" else file.path
        if f"{option} {path}" not in command:
            command.append(f"{option} {path}")
    if "as-rel" in names:
        typer.echo("next:\n  " + " ".join(command) + " -o internet.anyplane")


@_app.command()
def build(
    as_rel: Annotated[
        Path, typer.Option("--as-rel", metavar="FILE", help="CAIDA AS relationships, serial-1 or 2.")
    ],
    as_org: Annotated[
        list[Path] | None,
        typer.Option(
            "--as-org", metavar="FILE", help="CAIDA AS organizations; may be given again, the first wins."
        ),
    ] = None,
    as_names: Annotated[
        list[Path] | None,
        typer.Option(
            "--as-names", metavar="FILE", help="RIPE asnames or a CSV asn,country; wins over no --as-org."
        ),
    ] = None,
    peeringdb: Annotated[
        list[Path] | None,
        typer.Option(
            "--peeringdb", metavar="FILE|DIR", help="PeeringDB answers or a dump; may be given again."
        ),
    ] = None,
    users: Annotated[
        Path | None, typer.Option("--users", metavar="FILE", help="CSV asn,users; the others are estimated.")
    ] = None,
    rov: Annotated[
        Path | None, typer.Option("--rov", metavar="FILE", help="ASNs that drop RPKI-invalid routes.")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The file to write.")] = Path(
        "internet.anyplane"
    ),
) -> None:
    """Join data files into one topology file that every command opens at once."""
    from anyplane.cli.topology_tables import dropped_lines
    from anyplane.datasets import cache as stored
    from anyplane.datasets.assemble import Inputs, assemble

    inputs = Inputs(
        as_rel=as_rel,
        as_org=tuple(as_org or ()),
        as_names=tuple(as_names or ()),
        peeringdb=tuple(peeringdb or ()),
        users=users,
        rov=rov,
    )
    with steps() as step:
        topology, provenance = assemble(inputs, step=step)
        step("writing the file")
        stored.write(output, topology, provenance=provenance)
    typer.echo(
        f"{output}: {topology.networks:,} networks, {len(topology.adj) // 2:,} links, "
        f"{topology.pops:,} points of presence, {len(topology.ixp_name):,} exchanges, "
        f"{output.stat().st_size:,} bytes"
    )
    if dropped := dropped_lines(provenance):
        typer.echo(dropped)


@_app.command()
def info(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="[FILE]",
            help="A topology file, AS relationships, or synthetic-2k, -10k, -80k.",
            show_default="synthetic-10k",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Check every byte of the file.")] = False,
    seed: TopologySeedOption = 1,
    cache: CacheOption = None,
) -> None:
    """Show what is in a topology: networks, links, users, exchanges, and where it comes from."""
    from anyplane.datasets.load import load_stored
    from anyplane.datasets.summary import summarize

    with steps() as step:
        summary = summarize(
            load_stored(source, cache=cache_directory(cache), seed=seed, step=step, verify=verify)
        )
    if as_json:
        import json
        from dataclasses import asdict

        write_utf8(json.dumps(asdict(summary), indent=2, ensure_ascii=False) + "\n")
        return
    from anyplane.cli.topology_tables import show

    show(summary, is_verified=verify)


@contextmanager
def _download_progress() -> Iterator[Callable[[str, int, int], None] | None]:
    """A bar for each file on stderr; nothing when that is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn

    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn()
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, TaskID] = {}

        def progress(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name)
            bars.update(tasks[name], completed=done, total=total or None)

        yield progress
