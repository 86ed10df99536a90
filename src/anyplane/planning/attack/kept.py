"""Landings that are reckoned already, as a file to go on from: to_text, from_text and the fingerprint."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from math import isfinite
from typing import Protocol

import numpy as np

from anyplane.model.errors import UsageError
from anyplane.planning.attack.sweep import Landing, Sweep
from anyplane.planning.jsonform import from_plain, parse, to_plain

KIND = "anyplane: responses"
VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A Landing in plain numbers, by the name of its response. sites: at which it is another than now."""

    name: str
    sites: tuple[int, ...]
    columns: tuple[tuple[float, ...], ...]
    dropped: tuple[float, ...]
    unreached: tuple[float, ...]
    moved: float
    rtt: tuple[float | None, ...]


class Resume(Protocol):
    """Where responses that are reckoned are kept, to go on from when the command is given again."""

    def known(self, sweep: Sweep) -> Mapping[str, Landing]:
        """Those that are there, by name."""

    def keep(self, sweep: Sweep, landings: Mapping[str, Landing]) -> None:
        """All that are known by now."""


def fingerprint(sweep: Sweep) -> str:
    """A hash of all that a Landing depends on but its response."""
    topology, scenario = sweep.topology, sweep.scenario
    asked = (scenario.seeds, scenario.owners, sweep.latency, sweep.address_share, sweep.variants.options)
    digest = sha256(repr(asked).encode())
    digest.update(np.ascontiguousarray(sweep.weights).tobytes())
    # Relationships lie in the bounds of the runs; who validates is not asked about, and names move nothing.
    for name, array in topology.arrays().items():
        if name not in ("country", "rov"):
            digest.update(np.ascontiguousarray(array).tobytes())
    digest.update(topology.metros.km.tobytes())
    return digest.hexdigest()[:32]


def to_text(landings: Mapping[str, Landing], of: str, *, now: Landing) -> str:
    """The landings by response; of: the fingerprint. JSON keeps every digit."""
    listed = [to_plain(_kept(name, one, now)) for name, one in sorted(landings.items())]
    rows = ",\n".join(json.dumps(one, ensure_ascii=False, allow_nan=False) for one in listed)
    head = json.dumps({"kind": KIND, "version": VERSION, "fingerprint": of})
    return f'{head[:-1]}, "landings": [\n{rows}\n]}}\n'


def from_text(text: str, of: str, *, now: Landing, file: str) -> dict[str, Landing]:
    """The landings of such a file; a UsageError for one of something else."""
    plain = parse(text, file=file)
    if not isinstance(plain, dict) or plain.get("kind") != KIND:
        raise UsageError(f"{file} does not hold responses of `attack` or `playbook`", hint="name a new file")
    if plain.get("version") != VERSION:
        raise UsageError(f"{file} was written by another version of anyplane", hint="name a new file")
    if plain.get("fingerprint") != of:
        raise UsageError(
            f"{file} holds responses of another question: another design, Internet or attack",
            hint="ask the same again, or name a new file",
        )
    listed = plain.get("landings")
    if not isinstance(listed, list):
        raise UsageError(f"{file} is damaged", hint="name a new file")
    found = [from_plain(Kept, item, where=f"{file}: landings[{i}]") for i, item in enumerate(listed)]
    return {one.name: _landing(one, now, file) for one in found}


def _kept(name: str, landing: Landing, now: Landing) -> Kept:
    sites = np.flatnonzero((landing.by_site != now.by_site).any(axis=0))
    return Kept(
        name=name,
        sites=tuple(sites.tolist()),
        columns=tuple(tuple(column) for column in landing.by_site[:, sites].T.tolist()),
        dropped=tuple(landing.dropped.tolist()),
        unreached=tuple(landing.unreached.tolist()),
        moved=landing.moved,
        rtt=landing.rtt,
    )


def _landing(one: Kept, now: Landing, file: str) -> Landing:
    many, sites = now.by_site.shape
    is_whole = (
        len(one.rtt) == 4
        and len(one.sites) == len(one.columns)
        and all(0 <= site < sites for site in one.sites)
        and all(isfinite(number) for row in (one.dropped, one.unreached, *one.columns) for number in row)
        and isfinite(one.moved)
        and {len(one.dropped), len(one.unreached), *map(len, one.columns)} == {many}
    )
    if not is_whole:
        raise UsageError(f"{file} is damaged", hint="name a new file")
    by_site = now.by_site.copy()
    for site, column in zip(one.sites, one.columns, strict=True):
        by_site[:, site] = column
    p50, p90, p95, p99 = one.rtt
    return Landing(
        by_site=by_site,
        dropped=np.array(one.dropped, np.float64),
        unreached=np.array(one.unreached, np.float64),
        moved=one.moved,
        rtt=(p50, p90, p95, p99),
    )
