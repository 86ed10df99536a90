"""The bench table: what was promised, what was measured, and against what it should be compared.

    python -m bench [--only ROW[,ROW]] [--runs N] [--full] [--json FILE]

Absolute times belong to the machine; ratios are measured in the same run, by turns, and carry further.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import (
    add_site_rows,
    attack_rows,
    check_rows,
    command_rows,
    compare_rows,
    converge_rows,
    lab_rows,
    optimize_rows,
    paths_rows,
    routing_rows,
    trust_rows,
)
from bench.internet import ROOT, Internet
from bench.measured import Measured, ProcessError
from bench.yardstick import State, Yardstick

MB = 1_000_000
MISSING = "needs the real graph (ANYPLANE_TEST_DATA)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One promise: at most `limit` seconds and, where given, `rss` bytes."""

    name: str
    what: str
    limit: float
    measure: Callable[[Internet, int, bool], Measured]
    rss: int | None = None
    is_real: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A Row with what was found, or why nothing was."""

    row: Row
    measured: Measured | None
    why: str
    state: State


ROWS = (
    Row(
        name="levels",
        what="full graph, one scenario: class, length, possible sites; one thread",
        limit=0.002,
        measure=routing_rows.levels,
    ),
    Row(
        name="metros",
        what="the same with hot-potato sites and distances",
        limit=0.008,
        measure=routing_rows.metros,
    ),
    Row(
        name="lanes",
        what="many scenarios without metros, two threads, each",
        limit=0.0003,
        measure=routing_rows.lanes,
    ),
    Row(
        name="subsets",
        what="32,768 subsets of 15 sites with metros, two threads",
        limit=180,
        measure=routing_rows.subsets,
    ),
    Row(
        name="routes",
        what="40 prefixes through anyplane routes --no-metros",
        limit=5,
        rss=1500 * MB,
        measure=command_rows.routes,
    ),
    Row(name="cache", what="opening the full graph's cache", limit=0.3, measure=command_rows.cache),
    Row(
        name="plan",
        what="anyplane plan, 20 sites with N-1, full graph, warm",
        limit=2.5,
        rss=600 * MB,
        measure=command_rows.plan,
    ),
    Row(
        name="first",
        what="anyplane plan, synthetic 10k, first run, numba compiles",
        limit=25,
        measure=command_rows.first,
        is_real=False,
    ),
    Row(
        name="second",
        what="anyplane plan, synthetic 10k, every later run",
        limit=1.5,
        measure=command_rows.second,
        is_real=False,
    ),
    Row(name="help", what="anyplane --help", limit=0.25, measure=command_rows.help_text, is_real=False),
    Row(
        name="synthetic-2k",
        what="making a synthetic Internet of 2,000",
        limit=1,
        measure=command_rows.synthetic_2k,
        is_real=False,
    ),
    Row(
        name="synthetic-10k",
        what="making a synthetic Internet of 10,000",
        limit=3,
        measure=command_rows.synthetic_10k,
        is_real=False,
    ),
    Row(
        name="synthetic-80k",
        what="making a synthetic Internet of 80,000",
        limit=20,
        measure=command_rows.synthetic_80k,
        is_real=False,
    ),
    Row(
        name="converge",
        what="full graph, one of 20 sites withdrawn: messages and packets, one core",
        limit=2,
        measure=converge_rows.one,
    ),
    Row(
        name="converge-last",
        what="the same with all 20 withdrawn at once",
        limit=60,
        measure=converge_rows.last,
    ),
    Row(
        name="optimize",
        what="full graph, 15 sites x 2 upstreams x 4 prepends: one announcement set, two threads",
        limit=0.01,
        measure=optimize_rows.sets,
    ),
    Row(
        name="add-site",
        what="first site of optimize --add-site, full graph, 20 sites",
        limit=20,
        measure=add_site_rows.first_site,
    ),
    Row(
        name="attack",
        what="full graph: 10,000 attacking networks landed on 20 sites",
        limit=1,
        measure=attack_rows.landing,
    ),
    Row(
        name="attack-ranking",
        what="the same, every response tried and ranked, and the cascade",
        limit=4,
        measure=attack_rows.ranking,
    ),
    Row(
        name="playbook",
        what="every response of 20 sites, for users and seven botnets",
        limit=6,
        measure=attack_rows.table,
    ),
    Row(
        name="compare",
        what="five ways of serving the same users, 20 sites and every failure, full graph",
        limit=30,
        measure=compare_rows.ways,
    ),
    Row(
        name="compare-failing",
        what="the same with one site and one lone region dying, five seeds",
        limit=90,
        measure=compare_rows.failing,
    ),
    Row(
        name="paths",
        what="both ways of the 1,000 networks with most users, full graph, two threads",
        limit=20,
        measure=paths_rows.summary,
    ),
    Row(name="paths-client", what="both ways of one client", limit=1, measure=paths_rows.client),
    Row(
        name="trust",
        what="hijacks by 1,000 attackers, 20 sites and each alone, full graph, two threads",
        limit=60,
        measure=trust_rows.sweep,
    ),
    Row(
        name="vrps",
        what="700,000 VRPs of rpki-client read",
        limit=4,
        measure=trust_rows.read,
        is_real=False,
    ),
    Row(
        name="checks",
        what="500 health checks at 1 s, of five kinds: CPU in each second",
        limit=0.1,
        rss=120 * MB,
        measure=check_rows.checks,
        is_real=False,
    ),
    Row(
        name="lease",
        what="500 checks, the CPU taken: longest gap between two renewals",
        limit=1.0,
        measure=check_rows.lease,
        is_real=False,
    ),
    Row(
        name="lab-60",
        what="a lab of 60 routers with delays, until they agree",
        limit=4,
        measure=lab_rows.up_60,
        is_real=False,
    ),
    Row(
        name="lab-200",
        what="a lab of 200 routers with delays, until they agree",
        limit=6,
        measure=lab_rows.up_200,
        is_real=False,
    ),
    Row(
        name="lab-500",
        what="a lab of 500 routers with delays, until they agree",
        limit=15,
        measure=lab_rows.up_500,
        is_real=False,
    ),
    Row(
        name="worlds",
        what="one random world of 30 real routers held against the definition",
        limit=3,
        measure=lab_rows.worlds,
        is_real=False,
    ),
)


def main() -> None:
    """Measure the chosen rows one after the other, then print one table."""
    names = [row.name for row in ROWS]
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", metavar="ROW,ROW", help=f"of {', '.join(names)}")
    parser.add_argument("--runs", type=int, default=5, help="of slow rows; fast ones run more often (5)")
    parser.add_argument("--full", action="store_true", help="run all 32,768 subsets instead of a sample")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")
    options = parser.parse_args()
    chosen = options.only.split(",") if options.only else names
    if unknown := sorted(set(chosen) - set(names)):
        parser.error(f"there is no row {', '.join(unknown)}; there are {', '.join(names)}")
    if options.runs < 1:
        parser.error("--runs must be at least 1")

    internet, yardstick = Internet(ROOT / "out" / "bench"), Yardstick()
    lines = []
    for row in ROWS:
        if row.name in chosen:
            if sys.stderr.isatty():
                sys.stderr.write(f"measuring {row.name}\n")
            lines.append(_line(row, internet, yardstick, runs=options.runs, full=options.full))
    best = yardstick.best()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 150)
    console.print(_table(lines, best))
    console.print(
        f"{machine()}. At its best in this run: {best.memory_ns:.1f} ns for a random read from 32 MB, "
        f"{best.compute_ns:.2f} ns for a step of a hash; the column says how much slower around a row."
    )
    if options.json:
        options.json.write_text(json.dumps(_document(lines, best), indent=2) + "\n", encoding="utf-8")
    if any(line.why and line.why != MISSING for line in lines):
        sys.exit(1)


def machine() -> str:
    """The machine in a few words."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    python = f"Python {platform.python_version()}"
    return f"{platform.system()} {platform.machine()}, {cores} cores, {python}{load}"


def _line(row: Row, internet: Internet, yardstick: Yardstick, *, runs: int, full: bool) -> Line:
    before = yardstick.read()
    measured, why = None, ""
    if row.is_real and internet.graph is None:
        why = MISSING
    else:
        try:
            measured = row.measure(internet, runs, full)
        except ProcessError as error:
            why = str(error)
    after = yardstick.read()
    state = State(
        memory_ns=(before.memory_ns + after.memory_ns) / 2,
        compute_ns=(before.compute_ns + after.compute_ns) / 2,
    )
    return Line(row=row, measured=measured, why=why, state=state)


def _table(lines: list[Line], best: State) -> Table:
    table = Table(box=None, pad_edge=False, show_edge=False)
    table.add_column("row", style="bold")
    table.add_column("what")
    for title in ("figure", "median", "of it", "memory"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("ratio in the same run")
    table.add_column("machine: memory, compute", no_wrap=True)
    for line in lines:
        row, found = line.row, line.measured
        figure = duration(row.limit) + (f", {row.rss // MB:,} MB" if row.rss else "")
        state = line.state
        slower = f"×{state.memory_ns / best.memory_ns:.1f} ×{state.compute_ns / best.compute_ns:.1f}"
        if found is None:
            table.add_row(row.name, row.what, figure, "-", "", "", line.why, slower)
            continue
        memory = f"{found.rss / MB:,.0f} MB" if found.rss else ""
        ratio = f"{found.ratio:.2g} × {found.against}" + (f" ({found.note})" if found.note else "")
        if found.ratio >= 100:
            ratio = ratio.replace(f"{found.ratio:.2g}", f"{found.ratio:.0f}", 1)
        part = f"{found.median / row.limit:.0%}"
        table.add_row(row.name, row.what, figure, duration(found.median), part, memory, ratio, slower)
    return table


def duration(seconds: float) -> str:
    """Seconds with a unit that suits them."""
    if seconds < 1:
        return f"{seconds * 1e3:.3g} ms"
    return f"{seconds:.3g} s"


def _document(lines: list[Line], best: State) -> dict[str, object]:
    rows = [
        {
            "row": line.row.name,
            "what": line.row.what,
            "limit_s": line.row.limit,
            "limit_rss_bytes": line.row.rss,
            "measured": asdict(line.measured) | {"median": line.measured.median} if line.measured else None,
            "why": line.why,
            "machine": asdict(line.state),
        }
        for line in lines
    ]
    return {"machine": machine(), "yardstick": asdict(best), "rows": rows}


if __name__ == "__main__":
    main()
