"""Landings that are reckoned already, as a file to go on from: to_text, from_text and the fingerprint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

import numpy as np

from anyplane.planning import kept
from anyplane.planning.attack.sweep import Landing, Sweep
from anyplane.planning.jsonform import from_plain, to_plain

KIND = kept.Kind(
    name="anyplane: responses",
    words="responses of `attack` or `playbook`",
    question="design, Internet or attack",
)


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
    scenario = sweep.scenario
    asked = (scenario.seeds, scenario.owners, sweep.latency, sweep.address_share, sweep.variants.options)
    digest = sha256(repr(asked).encode())
    digest.update(np.ascontiguousarray(sweep.weights).tobytes())
    digest.update(kept.graph_of(sweep.topology))
    return digest.hexdigest()[:32]


def to_text(landings: Mapping[str, Landing], of: str, *, now: Landing) -> str:
    """The landings by response; of: the fingerprint."""
    listed = (to_plain(_kept(name, one, now)) for name, one in sorted(landings.items()))
    return kept.to_text(KIND, {"landings": of}, listed)


def from_text(text: str, of: str, *, now: Landing, file: str) -> dict[str, Landing]:
    """The landings of such a file; a UsageError for one of something else."""
    listed = kept.from_text(text, KIND, {"landings": of}, file=file)
    found = [from_plain(Kept, item, where=f"{file}: landing {i + 1}") for i, item in enumerate(listed)]
    return {one.name: _landing(one, now) for one in found}


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


def _landing(one: Kept, now: Landing) -> Landing:
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
