"""`make figures`: the figures that game days promise, n times each in one lab, as a table and in Markdown.

    python -m bench.gamedays [-n 5] [--only ROW[,ROW]] [--markdown FILE] [--json FILE]

A row is measured n times one after the other; the load average is the highest seen meanwhile. Exit code 1
where a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from anyplane.lab.faces import bringing_up
from anyplane.lab.faces.standing import Standing
from anyplane.model.errors import AnyplaneError
from bench import gameday_rows
from bench.gameday_rows import Figures
from bench.internet import ROOT
from bench.lab_rows import own_place

DOZEN, BACKENDS = "examples/dozen-cities.yaml", "examples/backends.yaml"
WORLD = "examples/dozen-cities.world.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure. `source`: what is run for it; `goal`: at most so much, the median or (every) each one."""

    key: str
    what: str
    unit: str
    goal: float | None = None
    is_every: bool = False
    source: str = ""


@dataclass(slots=True, kw_only=True)
class Line:
    """A Row and what was found; `load`: the highest 1-minute load average meanwhile.

    `disturbed`: of the runs those in which the prober or the relay itself stood still.
    """

    row: Row
    found: list[float] = field(default_factory=list)
    load: float = 0.0
    disturbed: int = 0

    @property
    def is_kept(self) -> bool | None:
        """None where nothing is promised, or nothing was found."""
        if self.row.goal is None or not self.found:
            return None
        return (max if self.row.is_every else statistics.median)(self.found) <= self.row.goal


def _row(key: str, what: str, unit: str, goal: float | None = None, *, is_every: bool = False) -> Row:
    return Row(key=key, what=what, unit=unit, goal=goal, is_every=is_every, source=key.partition("/")[0])


ROWS = (
    _row("service-killed/worst", "service killed, process watched", "lost", 5),
    _row("service-killed/beyond", "... beyond those of one round trip, which no agent can save", "lost", 5),
    _row("service-killed/withdrawn", "... no upstream sends to the site any more after", "ms"),
    _row("service-killed-by-checks/worst", "service killed, checks each 200 ms, 1 failure", "lost", 150),
    _row("service-killed-by-checks/withdrawn", "... no upstream sends to the site any more after", "ms"),
    _row("host-death-bfd/worst", "silent host death, BFD 100 ms x 3", "lost", 320),
    _row("drain/lost", "drain, then stop", "lost", 0, is_every=True),
    _row("route-flap/lost", "flap of the route, service alive, 10 times", "lost", 0, is_every=True),
    _row("rtt/allowed", "planned RTT against measured, part of 1 ms or 2 %", "%", 100, is_every=True),
    _row("rtt/ms", "... the largest difference of a client", "ms"),
    _row("ecmp/removed", "one of 4 backends removed: other flows moved", "%", 0, is_every=True),
    _row("ecmp/back", "... put back", "%", 0, is_every=True),
    _row("plain/removed", "the same with plain multipath, removed", "%"),
    _row("plain/back", "... put back", "%"),
)
"""Counted at the scenarios' rates: 1,000 queries a second where something is killed, else 500."""
TOGETHER = {"plain": "ecmp"}


def main() -> None:
    """Measure the chosen rows, then print one table."""
    sources = list(dict.fromkeys(TOGETHER.get(row.source, row.source) for row in ROWS))
    parser = argparse.ArgumentParser(prog="make figures", description=__doc__.partition("\n")[0])
    parser.add_argument("-n", type=int, default=5, help="how often each (5)")
    parser.add_argument("--only", metavar="ROW,ROW", help=f"of {', '.join(sources)}")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table here as Markdown")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every single figure here")
    options = parser.parse_args()
    chosen = options.only.split(",") if options.only else sources
    if unknown := sorted(set(chosen) - set(sources)):
        parser.error(f"there is no row {', '.join(unknown)}; there are {', '.join(sources)}")
    if options.n < 1:
        parser.error("-n must be at least 1")
    lines = {row.key: Line(row=row) for row in ROWS if TOGETHER.get(row.source, row.source) in chosen}
    try:
        _measure(lines, chosen, options.n)
    except AnyplaneError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)
    finally:
        _report([*lines.values()], options.markdown, options.json)
    if any(line.is_kept is False for line in lines.values()):
        sys.exit(1)


def _measure(lines: dict[str, Line], chosen: Sequence[str], n: int) -> None:
    with own_place():
        days = [name for name in chosen if name not in ("rtt", "ecmp")]
        if days or "rtt" in chosen:
            with _lab(DOZEN) as lab:
                if "rtt" in chosen:
                    _repeat(lines, "rtt", n, lambda: gameday_rows.rtt(lab))
                for name in days:
                    _repeat(lines, name, n, lambda name=name: gameday_rows.day(lab, name))
        if "ecmp" in chosen:
            with _lab(BACKENDS) as lab:
                _repeat(lines, "ecmp", n, gameday_rows.Backends(lab).measure)


@contextmanager
def _lab(design: str) -> Iterator[Standing]:
    """A lab of that design in the world of a dozen cities, which ends with us."""
    from anyplane import design as designs
    from anyplane.cli.topology_option import load_topology
    from anyplane.lab.world.prepared import prepare

    parsed = designs.parse((ROOT / design).read_text(encoding="utf-8"), file=design)
    topology = load_topology(str(ROOT / WORLD), seed=1, cache=None)
    with bringing_up.bring_up(prepare(parsed, topology, name=f"figures-{os.getpid()}")) as lab:
        yield Standing(lab)


def _repeat(lines: dict[str, Line], source: str, n: int, measure: Callable[[], Figures]) -> None:
    for number in range(1, n + 1):
        sys.stderr.write(f"{source} {number} of {n}\n")
        found = measure()
        load = os.getloadavg()[0]
        for key, figure in found.items():
            if key in lines:
                lines[key].found.append(figure)
                lines[key].load = max(lines[key].load, load)
                lines[key].disturbed += found.get(gameday_rows.DISTURBED, 0) > 0


def _report(lines: list[Line], markdown: Path | None, file: Path | None) -> None:
    table = Table(box=None, pad_edge=False, show_edge=False)
    for title in HEADINGS:
        is_text = title in ("what", "")
        table.add_column(title, justify="left" if is_text else "right", no_wrap=title != "what")
    for line in lines:
        table.add_row(*cells(line))
    Console(highlight=False, width=None if sys.stdout.isatty() else 140).print(table)
    if markdown is not None:
        markdown.write_text(in_markdown(lines), encoding="utf-8")
    if file is not None:
        document = [asdict(line) | {"is_kept": line.is_kept} for line in lines]
        file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


HEADINGS = ("what", "goal", "median", "range", "n", "load", "disturbed", "")


def cells(line: Line) -> tuple[str, ...]:
    """One row of the table, in any face."""
    row, found = line.row, sorted(line.found)
    goal = "" if row.goal is None else f"{row.goal:g} {row.unit}{', each' if row.is_every else ''}"
    if not found:
        return (row.what, goal, "-", "-", "0", "", "", "not measured")
    verdict = {None: "", True: "kept", False: "MISSED"}[line.is_kept]
    return (
        row.what, goal, f"{number(statistics.median(found))} {row.unit}",
        f"{number(found[0])} to {number(found[-1])}", str(len(found)), f"{line.load:.1f}",
        f"{line.disturbed} of {len(found)}" if line.disturbed else "", verdict,
    )  # fmt: skip


def in_markdown(lines: Sequence[Line]) -> str:
    """The table for docs/explanation/gameday-figures.md."""
    rows = [HEADINGS, ("---",) * len(HEADINGS), *(cells(line) for line in lines)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def number(value: float) -> str:
    """Three digits are enough."""
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


if __name__ == "__main__":
    main()
