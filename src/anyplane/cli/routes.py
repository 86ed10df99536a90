"""`anyplane routes`: raw announcements in, every network's AS path out; the door for other simulators."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from anyplane.cli.streams import binary_output
from anyplane.cli.topology_option import CacheOption, cache_directory, steps
from anyplane.model.errors import DataError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from anyplane.datasets.announcements import RawAnnouncement
    from anyplane.model.nouns import Prefix
    from anyplane.routing import Seeds
    from anyplane.topology import Topology


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("routes")(routes)


def routes(
    as_rel: Annotated[Path, typer.Option("--as-rel", metavar="FILE", help="CAIDA AS relationships.")],
    announcements: Annotated[
        Path,
        typer.Option(
            "--announcements", metavar="CSV", help="Columns seed_asn,prefix,rov_invalid and maybe prepend."
        ),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="CSV", help='Where to write; "-" is stdout.')
    ],
    rov: Annotated[
        Path | None,
        typer.Option("--rov", metavar="FILE", help="ASNs that drop announcements marked rov_invalid."),
    ] = None,
    no_metros: Annotated[
        bool,
        typer.Option("--no-metros", help="One metro for all: ties fall to the lowest ASN, as in BGPy."),
    ] = False,
    threads: Annotated[int, typer.Option("--threads", min=1, max=64, help="Threads.")] = 2,
    cache: CacheOption = None,
) -> None:
    """Run raw announcements on an AS graph and write asn,prefix,as_path for every network.

    With metros a network may use several routes; the row is that of the metro with most of its users.
    """
    from anyplane.datasets.announcements import read_announcements
    from anyplane.routing.frontier import Engine
    from anyplane.routing.ribs import HEADER, main_pops, rib_rows

    by_prefix: dict[Prefix, list[RawAnnouncement]] = {}
    for row in read_announcements(announcements):
        by_prefix.setdefault(row.network, []).append(row)
    # Opened first: that it cannot be written is better known before the graph has been read.
    with _destination(output) as file:
        with steps() as step:
            topology = _topology(as_rel, rov, no_metros, cache_directory(cache), step)
        pops = main_pops(topology)
        work = [
            (some[0].prefix, _seeds(topology, some, pops, str(announcements), as_rel.name))
            for some in by_prefix.values()
        ]

        def rib(item: tuple[str, Seeds]) -> bytes:
            prefix, seeds = item
            return rib_rows(Engine(topology, seeds).run(reuse=True), prefix, pops=pops)

        _write(file, HEADER, rib, work, threads)


def _write(
    file: BinaryIO,
    header: bytes,
    rib: Callable[[tuple[str, Seeds]], bytes],
    work: list[tuple[str, Seeds]],
    threads: int,
) -> None:
    with _progress(len(work)) as advance:
        file.write(header)
        for text in _in_order(rib, work, threads):
            file.write(text)
            advance()


def _topology(
    as_rel: Path, rov: Path | None, no_metros: bool, cache: Path, step: Callable[[str], None]
) -> Topology:
    from dataclasses import replace

    import numpy as np

    from anyplane.datasets import load
    from anyplane.datasets.as_rel import read_as_rel
    from anyplane.datasets.rov_lists import read_rov_list
    from anyplane.datasets.world import metros
    from anyplane.topology import build, without_metros

    if not no_metros:
        topology = load(as_rel, cache=cache, step=step)
    else:
        # Nothing has to be placed, so the graph is read directly and nothing is cached.
        graph = read_as_rel(as_rel)
        topology = without_metros(
            build(
                asn=graph.asns,
                providers_customers=graph.providers_customers,
                peers=graph.peers,
                presence=(graph.asns, np.zeros(len(graph.asns), np.int64)),
                metros=metros(),
                origin=as_rel.name,
            )
        )
    if rov is None:
        return topology
    return replace(topology, rov=np.isin(topology.asn, np.array(sorted(read_rov_list(rov).asns), np.uint32)))


def _seeds(
    topology: Topology, rows: list[RawAnnouncement], pops: NDArray[np.int64], file: str, graph: str
) -> Seeds:
    from anyplane.model.nouns import RouteClass
    from anyplane.routing import Seed, Seeds

    seeds = []
    for site, row in enumerate(rows):
        network = topology.index_of(row.seed_asn)
        if network < 0:
            near = _nearest(topology, row.seed_asn)
            raise DataError(
                file,
                f"AS{row.seed_asn} is not in {graph}",
                line=row.line,
                hint=f"the nearest numbers there are {near}; seeds must be networks of the graph",
            )
        seeds.append(
            Seed(
                pop=int(pops[network]),
                site=site,
                route_class=RouteClass.ORIGIN,
                length=row.prepend,
                asn=row.seed_asn,
                is_invalid=row.rov_invalid,
            )
        )
    if len(seeds) > 65_000:
        raise UsageError(f"{len(seeds)} announcements of {rows[0].prefix}; one prefix may have 65,000 seeds")
    return Seeds.of(seeds, sites=len(seeds))


def _nearest(topology: Topology, asn: int) -> str:
    import numpy as np

    distance = np.abs(topology.asn.astype(np.int64) - asn)
    near = sorted(int(topology.asn[i]) for i in np.argsort(distance, kind="stable")[:3])
    return ", ".join(f"AS{n}" for n in near)


def _in_order(
    work: Callable[[tuple[str, Seeds]], bytes], items: list[tuple[str, Seeds]], threads: int
) -> Iterator[bytes]:
    """Results in the order of the items, at most `threads` + 1 of them in memory."""
    from collections import deque
    from concurrent.futures import Future, ThreadPoolExecutor

    with ThreadPoolExecutor(threads) as pool:
        running: deque[Future[bytes]] = deque()
        for item in items:
            running.append(pool.submit(work, item))
            if len(running) > threads:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()


@contextmanager
def _destination(path: Path) -> Iterator[BinaryIO]:
    """A file that appears under its name only when it is whole; "-" is standard output.

    What is no regular file (a pipe, /dev/null) is written in place: it must not be replaced by one.
    """
    if str(path) == "-":
        with binary_output() as output:
            yield output
        return
    if path.is_dir():
        raise UsageError(f"{path} is a directory; name a file to write")
    if path.exists() and not path.is_file():
        try:
            with path.open("wb") as file:
                yield file
        except BrokenPipeError:
            raise
        except OSError as error:
            raise DataError(str(path), f"cannot be written: {error.strerror or error}") from error
        return
    from anyplane.datasets.cache import replaced

    # Through a symbolic link to what it names, so that the link stays.
    with replaced(path.resolve()) as file:
        yield file


@contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("prefixes", total=total)
        yield lambda: bar.advance(task)
