"""Convergence against what others have measured: the rows of docs/explanation/convergence.md, and the fit.

    python -m bench.published [--seeds 20] [--only NAME;…]        events with the default routers
    python -m bench.published --fit [--seeds 6] [--only NAME;…]   other routers, held to published figures

Every finished run is kept in out/bench/published: the same command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, median

from rich.console import Console
from rich.table import Table

from anyplane import design
from anyplane.planning.catchment import Clients
from anyplane.planning.convergence_kept import from_text, to_text
from anyplane.planning.convergence_question import Question, situations
from anyplane.planning.convergence_report import Run
from anyplane.planning.convergence_run import simulate
from anyplane.routing.converge import Lines, Start, Timing
from bench.internet import ROOT, Internet

Runs = Sequence[Run]
Mix = tuple[tuple[float, float], ...]

DEFAULT = Timing()
ALL_30: Mix = ((30.0, 1.0),)
HALF_30: Mix = ((30.0, 0.5), (0.0, 0.5))


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What happens to which design of bench/designs, and with which routers."""

    design: str
    question: Question
    timing: Timing = DEFAULT


ANNOUNCED, WITHDRAWN, FAILED_OVER = "beacon announced", "beacon withdrawn", "one of eight withdrawn"
NEW, GONE = Question(announce="all"), Question(withdraw="all")

EVENTS: Mapping[str, Event] = {
    ANNOUNCED: Event(design="beacon", question=NEW),
    WITHDRAWN: Event(design="beacon", question=GONE),
    "multihomed announced": Event(design="multihomed", question=NEW),
    "multihomed withdrawn": Event(design="multihomed", question=GONE),
    "multihomed to a path 3 AS longer": Event(
        design="multihomed", question=Question(withdraw="nyc", others_prepend=3, with_last=False)
    ),
    "multihomed announced, all 30 s": Event(
        design="multihomed", question=NEW, timing=replace(DEFAULT, mrai=ALL_30)
    ),
    "multihomed withdrawn, all 30 s, 30 % wait": Event(
        design="multihomed", question=GONE, timing=replace(DEFAULT, mrai=ALL_30, withdrawals_wait=0.3)
    ),
    "eight announced": Event(design="eight", question=NEW),
    FAILED_OVER: Event(design="eight", question=Question(withdraw="fra", with_last=False)),
    "all of eight withdrawn": Event(design="eight", question=GONE),
}

SETTINGS: Mapping[str, Timing] = {
    "default": DEFAULT,
    "no withdrawal waits": replace(DEFAULT, withdrawals_wait=0.0),
    "15 % wait": replace(DEFAULT, withdrawals_wait=0.15),
    "30 % wait": replace(DEFAULT, withdrawals_wait=0.3),
    "never busy": replace(DEFAULT, busy=0.0),
    "always busy": replace(DEFAULT, busy=1.0),
    "30 s at 10 %, 5 s at 20 %": replace(DEFAULT, mrai=((30.0, 0.1), (5.0, 0.2), (0.0, 0.7))),
    "30 s at half": replace(DEFAULT, mrai=HALF_30),
    "30 s at half, no withdrawal waits": replace(DEFAULT, mrai=HALF_30, withdrawals_wait=0.0),
    "30 s at half, half wait": replace(DEFAULT, mrai=HALF_30, withdrawals_wait=0.5),
    "all 30 s": replace(DEFAULT, mrai=ALL_30),
    "all 5 s": replace(DEFAULT, mrai=((5.0, 1.0),)),
    "processing 20 ms": replace(DEFAULT, processing_s=0.02),
    "processing 300 ms": replace(DEFAULT, processing_s=0.3),
}
NO_INTERVAL = {"no interval": replace(DEFAULT, mrai=((0.0, 1.0),))}
"""Asked for by name alone: its withdrawals take thirty times as long as all others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A published figure: what it is here (of the beacon announced, the beacon withdrawn, one of eight
    withdrawn), and from where to where it counts as met.
    """

    name: str
    of: Callable[[Runs, Runs, Runs], float]
    low: float
    high: float

    def is_met(self, value: float) -> bool:
        """Does it lie within?"""
        return self.low <= value <= self.high


FIGURES = (
    Figure(
        name="s, announced: half of the networks (10)",
        of=lambda new, _gone, _one: median(run.n50_s for run in new),
        low=0.0,
        high=10.0,
    ),
    Figure(
        name="s, announced: 99 % of the users (38)",
        of=lambda new, _gone, _one: median(run.t99_s for run in new),
        low=0.0,
        high=38.0,
    ),
    Figure(
        name="s, withdrawn: 99 % of the networks, median of the seeds (about 120)",
        of=lambda _new, gone, _one: median(run.n99_s for run in gone),
        low=90.0,
        high=150.0,
    ),
    Figure(
        name="s, the same, mean of the seeds (121)",
        of=lambda _new, gone, _one: mean(run.n99_s for run in gone),
        low=90.0,
        high=150.0,
    ),
    Figure(
        name="x, messages of a withdrawal to those of an announcement (4)",
        of=lambda new, gone, _one: _messages(gone) / _messages(new),
        low=3.0,
        high=5.0,
    ),
    Figure(
        name="x, fail-over to announcement, 99 % of the networks (about 1)",
        of=lambda new, _gone, one: median(run.n99_s for run in one) / median(run.n99_s for run in new),
        low=0.0,
        high=1.5,
    ),
    Figure(
        name="x, failure to fail-over, 99 % of the networks (far more than 1)",
        of=lambda _new, gone, one: median(run.n99_s for run in gone) / median(run.n99_s for run in one),
        low=2.0,
        high=float("inf"),
    ),
)


class Bench:
    """The real graph, and the runs that are done, each kept at once."""

    def __init__(self, out: Path, seeds: int) -> None:
        self._topology = Internet(out).placed
        self._lines = Lines.of(self._topology, inflation=DEFAULT.inflation)
        self._clients = Clients.of(self._topology)
        self._kept = out / "published"
        self._kept.mkdir(parents=True, exist_ok=True)
        self._seeds = seeds

    def runs(self, event: Event) -> Runs:
        """Seeds 1 to `seeds` of it."""
        path = ROOT / "bench" / "designs" / f"{event.design}.yaml"
        parsed = design.parse(path.read_text(encoding="utf-8"), file=path.name)
        (item,) = situations(parsed, self._topology, event.question)
        fingerprint = item.fingerprint(self._topology, event.timing)
        known = {item.name: fingerprint}
        file = self._kept / f"{fingerprint}.json"
        done = [*from_text(file.read_text(), known, file=file.name)] if file.exists() else []
        missing = sorted({*range(1, self._seeds + 1)} - {run.seed for run in done})
        if missing:
            start = Start(self._topology, item.scenario.seeds, self._lines, item.before)
            for seed in missing:
                run = simulate(item, start, self._clients, event.timing, seed)
                assert run is not None
                assert run.agrees, f"{item.name}, seed {seed}: another stable state than routing's"
                done.append(run)
                file.write_text(to_text(done, known))
        return [run for run in done if run.seed <= self._seeds]


def rows(bench: Bench, names: Sequence[str]) -> Table:
    """Every event with the median (least to most) of its seeds."""
    table = Table(
        "", "users 50 %", "99 %", "networks 50 %", "90 %", "99 %", "mean", "last message", "messages"
    )
    for name in names:
        runs = bench.runs(EVENTS[name])
        cells = [
            _spread([getattr(run, field) for run in runs])
            for field in ("t50_s", "t99_s", "n50_s", "n90_s", "n99_s")
        ]
        cells += [f"{mean(run.n99_s for run in runs):.0f}", _spread([run.end_s for run in runs])]
        table.add_row(name, *cells, f"{_messages(runs):,.0f}")
    return table


def fit(bench: Bench, names: Sequence[str]) -> Table:
    """Settings x published figures; what is not within has a !."""
    letters = "ABCDEFG"
    legend = [
        f"{letter}: {figure.name}; met from {figure.low:g} to {figure.high:g}"
        for letter, figure in zip(letters, FIGURES, strict=True)
    ]
    table = Table("", *letters, "met", caption="\n".join(legend), caption_justify="left")
    for name in names:
        timing = {**SETTINGS, **NO_INTERVAL}[name]
        new, gone, one = (
            bench.runs(replace(EVENTS[event], timing=timing)) for event in (ANNOUNCED, WITHDRAWN, FAILED_OVER)
        )
        values = [(figure, figure.of(new, gone, one)) for figure in FIGURES]
        met = sum(figure.is_met(value) for figure, value in values)
        cells = [f"{value:.3g}{'' if figure.is_met(value) else ' !'}" for figure, value in values]
        table.add_row(name, *cells, f"{met} of {len(FIGURES)}")
    return table


def _messages(runs: Runs) -> float:
    return mean(run.announcements + run.withdrawals for run in runs)


def _spread(values: Sequence[float]) -> str:
    if min(values) < 0:
        return "-"
    return f"{median(values):.3g} ({min(values):.3g} to {max(values):.3g})"


def main() -> None:
    """As the module says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--fit", action="store_true", help="settings, not events")
    parser.add_argument("--seeds", type=int, help="runs of each (20; 6 for --fit)")
    parser.add_argument("--only", default="", help="names of the rows, separated by semicolons")
    asked = parser.parse_args()
    known = {**SETTINGS, **NO_INTERVAL} if asked.fit else {**EVENTS}
    names = [*filter(None, asked.only.split(";"))] or [*(SETTINGS if asked.fit else EVENTS)]
    if unknown := [name for name in names if name not in known]:
        parser.error(f"there is no {unknown[0]!r}; there is {'; '.join(known)}")
    bench = Bench(ROOT / "out" / "bench", asked.seeds or (6 if asked.fit else 20))
    Console(width=100 if asked.fit else 200).print((fit if asked.fit else rows)(bench, names))


if __name__ == "__main__":
    main()
