"""The same announcements through BGPy and through Anyplane in one run: equal RIBs, and the ratio of times.

    python -m bench.peers [--small] [--runs N] [--json FILE]

What is compared is one whole propagation on a graph that is already in memory: BGPy's engine.run against
Engine.run without metros (class, length, path, origin of every network). The column levels is that of
LevelEngine.run, which finds class, length and the possible sites, but no path. Import, construction of the
graph and writing are shown apart. BGPy runs each case once; ours is the median of many runs.
"""

from __future__ import annotations

import argparse
import bz2
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from anyplane.datasets.announcements import read_announcements
from anyplane.datasets.as_rel import read_as_rel
from anyplane.datasets.asn_table import read_rov
from anyplane.datasets.world import metros
from anyplane.model.nouns import RouteClass
from anyplane.routing import Engine, Seed, Seeds
from anyplane.routing.levels import LevelEngine, can_run
from anyplane.routing.ribs import HEADER, main_pops, rib_rows
from anyplane.topology import Topology, build
from bench.__main__ import duration, machine
from bench.internet import ROOT, Internet
from bench.peers.environment import peer_python

SMALL = ROOT / "tests" / "routing" / "fixtures" / "bgpy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One case: seconds of both, and how many rows of the RIBs differ.

    levels: seconds for class, length and possible sites alone, None where validation makes that impossible.
    """

    name: str
    rows: int
    different: int
    bgpy_setup: float
    bgpy: float
    ours: float
    levels: float | None

    @property
    def ratio(self) -> float:
        """How many times faster we are."""
        return self.bgpy / self.ours


def main() -> None:
    """Run both, compare every row, print a table; exit code 1 when a row differs."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("--small", action="store_true", help="on the small Internet of the tests")
    parser.add_argument("--runs", type=int, default=31, help="runs of ours for each case (31)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")
    options = parser.parse_args()

    real = Internet(ROOT / "out" / "bench")
    if real.graph is None and not options.small:
        sys.stderr.write("the real graph is missing (ANYPLANE_TEST_DATA); taking that of the tests\n")
    is_small = options.small or real.graph is None
    graph = SMALL / "small.as-rel2.txt" if is_small else real.graph
    assert graph is not None
    folder = SMALL if is_small else real.data / "bgpy-truth"
    cases = sorted(path.parent for path in folder.glob("*/anns.csv"))

    with tempfile.TemporaryDirectory() as directory:
        output = Path(directory)
        times = run_bgpy(graph, output, cases)
        begin = time.perf_counter()
        topology = read_topology(graph)
        ours_graph = time.perf_counter() - begin
        found = [compare(topology, case, output, times, runs=options.runs) for case in cases]
    show(found, times, ours_graph)
    if options.json:
        document = {
            "machine": machine(),
            "bgpy": times,
            "graph_s": ours_graph,
            "cases": [
                {
                    "name": one.name,
                    "rows": one.rows,
                    "different": one.different,
                    "bgpy_s": one.bgpy,
                    "ours_s": one.ours,
                    "levels_s": one.levels,
                }
                for one in found
            ],
        }
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    sys.exit(1 if any(one.different for one in found) else 0)


def run_bgpy(graph: Path, output: Path, cases: list[Path]) -> dict[str, Any]:
    """BGPy's RIBs in `output`, and its times."""
    plain = output / "graph.txt"
    packed = graph.read_bytes()
    plain.write_bytes(bz2.decompress(packed) if graph.suffix == ".bz2" else packed)
    script = Path(__file__).with_name("bgpy_ribs.py")
    subprocess.run([peer_python(), script, plain, output, *cases], check=True)
    times: dict[str, Any] = json.loads((output / "times.json").read_text(encoding="utf-8"))
    return times


def read_topology(graph: Path) -> Topology:
    """The graph with every network in one metro."""
    links = read_as_rel(graph)
    return build(
        asn=links.asns,
        providers_customers=links.providers_customers,
        peers=links.peers,
        presence=(links.asns, np.zeros(len(links.asns), np.int64)),
        metros=metros(),
    )


def compare(topology: Topology, case: Path, output: Path, times: dict[str, Any], *, runs: int) -> Comparison:
    """Our side of a case, set against what BGPy wrote."""
    rov = case / "rov_asns.csv"
    if rov.exists():
        topology = replace(topology, rov=np.isin(topology.asn, sorted(read_rov(rov))))
    by_prefix: dict[str, list[Seed]] = {}
    for row in read_announcements(case / "anns.csv"):
        seeds = by_prefix.setdefault(row.prefix, [])
        seeds.append(
            Seed(
                pop=topology.index_of(row.seed_asn),
                site=len(seeds),
                route_class=RouteClass.ORIGIN,
                length=row.prepend,
                asn=row.seed_asn,
                is_invalid=row.rov_invalid,
            )
        )
    pops = main_pops(topology)
    text, seconds = HEADER, 0.0
    levels: float | None = 0.0
    for prefix, seeds in by_prefix.items():
        prefix_seeds = Seeds.of(seeds, sites=len(seeds))
        engine = Engine(topology, prefix_seeds)
        text += rib_rows(engine.run(), prefix, pops=pops)
        seconds += median(lambda engine=engine: engine.run(reuse=True), runs)  # type: ignore[misc]
        if levels is not None and can_run(prefix_seeds):
            levels += median(LevelEngine(topology, prefix_seeds).run, runs)
        else:
            levels = None
    ours, theirs = text.splitlines(), (output / f"{case.name}.csv").read_bytes().splitlines()
    different = sum(a != b for a, b in zip(ours, theirs, strict=False)) + abs(len(ours) - len(theirs))
    its = times["cases"][case.name]
    return Comparison(
        name=case.name,
        rows=len(theirs) - 1,
        different=different,
        bgpy_setup=its["setup_s"],
        bgpy=its["run_s"],
        ours=seconds,
        levels=levels,
    )


def median(call: Callable[[], object], runs: int) -> float:
    """The median of the seconds that these runs take."""
    taken = []
    for _ in range(runs):
        begin = time.perf_counter()
        call()
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


def show(found: list[Comparison], times: dict[str, Any], ours_graph: float) -> None:
    """The table."""
    table = Table(box=None, pad_edge=False, show_edge=False)
    table.add_column("case")
    for title in ("rows", "different", "BGPy", "Anyplane", "ratio", "levels", "ratio"):
        table.add_column(title, justify="right")
    for one in found:
        levels = ("", "") if one.levels is None else (duration(one.levels), f"{one.bgpy / one.levels:,.0f}")
        figures = (duration(one.bgpy), duration(one.ours), f"{one.ratio:,.0f}", *levels)
        table.add_row(one.name, f"{one.rows:,}", str(one.different), *figures)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 110)
    console.print(table)
    ratio = statistics.median(one.ratio for one in found)
    setup = statistics.median(one.bgpy_setup for one in found)
    console.print(f"median ratio {ratio:,.0f}; {machine()}")
    console.print(
        f"Not counted: BGPy {times['bgpy']} on Python {times['python']} imports in "
        f"{duration(times['import_s'])}, builds the graph in {duration(times['graph_s'])}, resets it in "
        f"{duration(setup)} for each case; Anyplane reads and builds it in {duration(ours_graph)}."
    )


if __name__ == "__main__":
    main()
