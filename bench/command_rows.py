"""The rows about whole commands and about making and opening topologies."""

from __future__ import annotations

import random
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np

from anyplane.datasets import load
from anyplane.datasets.world import countries, known_ixps, known_networks, metros
from anyplane.topology.synthetic import synthesize
from bench.internet import DESIGN, Internet
from bench.measured import ANYPLANE, Measured, alternate_processes, of_calls, of_processes, process

NUMBA = (sys.executable, "-c", "import numpy, numba")
NOTHING = (sys.executable, "-c", "pass")
PREFIXES = 40


def routes(internet: Internet, runs: int, _full: bool) -> Measured:
    """40 prefixes through `anyplane routes`, whole process, writing included."""
    draw = random.Random(1)
    asns = [int(asn) for asn in internet.placed.asn]
    with tempfile.TemporaryDirectory() as directory:
        commands = []
        for count in (PREFIXES, 1):
            rows = [f"{draw.choice(asns)},10.{i}.0.0/16,False,0\n" for i in range(count) for _ in range(2)]
            file = Path(directory) / f"{count}.csv"
            file.write_text("seed_asn,prefix,rov_invalid,prepend\n" + "".join(rows), encoding="utf-8")
            names = ("--as-rel", str(internet.graph), "--announcements", str(file))
            commands.append((*ANYPLANE, "routes", *names, "--no-metros", "-o", f"{directory}/ribs.csv"))
        mine, its = alternate_processes(*commands, runs=runs)
        process(commands[0])
        size = (Path(directory) / "ribs.csv").stat().st_size
    return of_processes(mine, its, against="one prefix", note=f"writes {size / 1e6:.0f} MB")


def cache(internet: Internet, runs: int, _full: bool) -> Measured:
    """Opening the placed topology, checksums included."""
    path = internet.cached
    size = path.stat().st_size
    return of_calls(
        lambda: load(path, cache=internet.out),
        lambda: zlib.crc32(path.read_bytes()),
        runs=runs * 3,
        against="CRC-32 of the file",
        note=f"{size / 1e6:.0f} MB",
    )


def plan(internet: Internet, runs: int, _full: bool) -> Measured:
    """`anyplane plan` of 20 sites with single failures, everything cached, whole process."""
    command = (*ANYPLANE, "plan", str(DESIGN), "--topology", str(internet.cached))
    mine, its = alternate_processes(command, (*command, "--no-failures"), runs=runs)
    return of_processes(mine, its, against="without failures")


def first(_internet: Internet, runs: int, _full: bool) -> Measured:
    """The first `anyplane plan` of a fresh machine: kernels compiled, Internet made."""
    mine, its = [], []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as directory:
            mine.append(process(_default_plan(), env=_fresh(directory)))
            its.append(process(_default_plan(), env=_fresh(directory)))
    return of_processes(mine, its, against="the second run")


def second(_internet: Internet, runs: int, _full: bool) -> Measured:
    """Every later `anyplane plan` on the default Internet."""
    with tempfile.TemporaryDirectory() as directory:
        mine, its = alternate_processes(_default_plan(), NUMBA, runs=runs, env=_fresh(directory))
    return of_processes(mine, its, against="python importing numba")


def _default_plan() -> tuple[str, ...]:
    return (*ANYPLANE, "plan", str(DESIGN))


def _fresh(directory: str) -> dict[str, str]:
    """An environment in which nothing has been cached yet."""
    return {"ANYPLANE_CACHE": f"{directory}/anyplane", "NUMBA_CACHE_DIR": f"{directory}/numba"}


def help_text(_internet: Internet, runs: int, _full: bool) -> Measured:
    """`anyplane --help`, whole process."""
    mine, its = alternate_processes((*ANYPLANE, "--help"), NOTHING, runs=runs * 3)
    return of_processes(mine, its, against="python doing nothing")


def synthetic(networks: int, runs: int, *, times: int) -> Measured:
    """Making a synthetic Internet of that size; the ratio is to one a `times`-th as large."""
    tables = {"metros": metros(), "countries": countries()}
    tables |= {"known_networks": known_networks(), "known_ixps": known_ixps()}
    smaller = networks // times

    def make(size: int) -> None:
        synthesize(size, rng=np.random.default_rng(1), **tables)  # type: ignore[arg-type]

    make(smaller)
    return of_calls(
        lambda: make(networks),
        lambda: make(smaller),
        runs=runs,
        against=f"one of {smaller:,} networks",
    )


def synthetic_2k(_internet: Internet, runs: int, _full: bool) -> Measured:
    """2,000 networks."""
    return synthetic(2_000, runs, times=2)


def synthetic_10k(_internet: Internet, runs: int, _full: bool) -> Measured:
    """10,000 networks."""
    return synthetic(10_000, runs, times=5)


def synthetic_80k(_internet: Internet, runs: int, _full: bool) -> Measured:
    """80,000 networks."""
    return synthetic(80_000, runs, times=8)
