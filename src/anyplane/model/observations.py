"""Observations: which site answered which network, as measured, while what was announced.

A table of columns, one row for each thing seen. Rows stand in one order, so that the same observations are
the same bytes: by what was announced, method, network, then every other column. Merging is a union of
multisets: a row seen twice in one file stays twice (two probes in one network may well answer alike), while
the same file merged twice adds nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from typing import TypeVar

import numpy as np
import numpy.typing as npt

UNKNOWN_SITE = -1
"""In `Observations.site`: somebody answered, and nobody knows from which site."""

_MOST = np.iinfo(np.int16).max

T = TypeVar("T")

_DTYPES: dict[str, npt.DTypeLike] = {
    "asn": np.uint32,
    "prefix": np.object_,
    "site": np.int16,
    "method": np.int8,
    "at": np.float64,
    "rtt_ms": np.float32,
    "weight": np.float32,
    "policy": np.int16,
    "source": np.int16,
}


class Method(StrEnum):
    """How it was seen. The order is that of `Observations.method`: new ones go to the end."""

    PING = "ping"
    """the anycast address pinged a network, and the answer came back to a site"""
    ATLAS = "atlas"
    """a traceroute or another question of a RIPE Atlas probe, answered by a site"""
    DNS = "dns"
    """a DNS answer named its site (NSID, hostname.bind, id.server)"""
    PATHS = "paths"
    """a route collector's AS path says the site"""
    HTTP = "http"
    """an HTTP answer named its site"""
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Announced:
    """What was announced while something was observed; equal announcements have equal `policy()`."""

    sites: tuple[str, ...]
    """names, sorted"""
    prepends: tuple[tuple[str, int], ...] = ()
    """(site, or "site>upstream ASN"; extra ASNs, 1 or more), sorted"""
    prefix: str = ""
    """the anycast prefix; "" = any"""

    def __post_init__(self) -> None:
        object.__setattr__(self, "sites", tuple(sorted(set(self.sites))))
        object.__setattr__(self, "prepends", tuple(sorted((who, n) for who, n in self.prepends if n)))

    def policy(self) -> str:
        """12 hexadecimal digits of the SHA-256 of the canonical JSON: the name of this announcement set."""
        canonical = json.dumps(
            {
                "prefix": self.prefix,
                "prepends": [list(pair) for pair in self.prepends],
                "sites": list(self.sites),
            },
            sort_keys=True,
            separators=(",", ":"),
            ensure_ascii=True,
        )
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]

    def __str__(self) -> str:
        extra = "".join(f", {who} +{n}" for who, n in self.prepends)
        prefix = f" ({self.prefix})" if self.prefix else ""
        return (" + ".join(self.sites) or "nothing") + extra + prefix


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Observations:
    """O rows. `merge` and `of` give them sorted and with sorted tables; `only` keeps order and tables."""

    asn: npt.NDArray[np.uint32]
    """(O,) the observer network"""
    prefix: npt.NDArray[np.object_]
    """(O,) str: the observer's prefix, or a metro code, or "" """
    site: npt.NDArray[np.int16]
    """(O,) index into `sites`; -1 = answered, site unknown"""
    sites: tuple[str, ...]
    method: npt.NDArray[np.int8]
    """(O,) index into tuple(Method)"""
    at: npt.NDArray[np.float64]
    """(O,) Unix seconds UTC; NaN = unknown"""
    rtt_ms: npt.NDArray[np.float32]
    """(O,) milliseconds; NaN = unknown"""
    weight: npt.NDArray[np.float32]
    """(O,) how many answers the row stands for; 0.5 twice where a network is split"""
    policy: npt.NDArray[np.int16]
    """(O,) index into `announced`"""
    announced: tuple[Announced, ...]
    path_start: npt.NDArray[np.int64]
    """(O+1,) the path of row i is path[path_start[i]:path_start[i + 1]]"""
    path: npt.NDArray[np.uint32]
    """(total,) AS paths as seen, prepends and all: observer first, origin last; empty unless PATHS"""
    source: npt.NDArray[np.int16]
    """(O,) index into `sources`"""
    sources: tuple[str, ...]

    def __post_init__(self) -> None:
        rows = len(self.asn)
        if any(len(getattr(self, name)) != rows for name in _DTYPES) or len(self.path_start) != rows + 1:
            raise ValueError("the columns of observations have different lengths")
        for name, table in (("site", self.sites), ("policy", self.announced), ("source", self.sources)):
            column = getattr(self, name)
            lowest = -1 if name == "site" else 0
            if len(table) > _MOST or (rows and not lowest <= column.min() <= column.max() < len(table)):
                raise ValueError(f"observations: a {name} is not in its table of {len(table)}")

    def __len__(self) -> int:
        return len(self.asn)

    @staticmethod
    def none() -> Observations:
        """An empty table."""
        return Observations(
            **{name: np.empty(0, kind) for name, kind in _DTYPES.items()},
            sites=(),
            announced=(),
            path_start=np.zeros(1, np.int64),
            path=np.empty(0, np.uint32),
            sources=(),
        )

    @staticmethod
    def of(
        asn: npt.ArrayLike,
        site: npt.ArrayLike,
        *,
        sites: Sequence[str],
        method: Method,
        announced: Announced,
        source: str,
        prefix: npt.ArrayLike = "",
        at: npt.ArrayLike = np.nan,
        rtt_ms: npt.ArrayLike = np.nan,
        weight: npt.ArrayLike = 1.0,
        paths: Sequence[Sequence[int]] | None = None,
    ) -> Observations:
        """Rows of one method, one announcement set and one source, sorted. A scalar holds for every row."""
        networks = np.asarray(asn, np.uint32)
        rows = len(networks)

        def column(name: str, values: npt.ArrayLike) -> npt.NDArray[np.generic]:
            return np.broadcast_to(np.asarray(values, _DTYPES[name]), (rows,)).copy()

        lengths = (
            np.fromiter(map(len, paths), np.int64, rows) if paths is not None else np.zeros(rows, np.int64)
        )
        start = np.concatenate(([0], np.cumsum(lengths)))
        flat = [hop for hops in paths for hop in hops] if paths is not None else []
        columns: dict[str, npt.ArrayLike] = {
            "asn": networks,
            "prefix": prefix,
            "site": site,
            "method": tuple(Method).index(method),
            "at": np.round(np.asarray(at, np.float64) * 1e6)
            / 1e6,  # whole microseconds, as the store keeps them
            "rtt_ms": rtt_ms,
            "weight": weight,
            "policy": 0,
            "source": 0,
        }
        raw = Observations(
            **{name: column(name, values) for name, values in columns.items()},  # type: ignore[arg-type]  # by name
            sites=tuple(sites),
            announced=(announced,),
            path_start=start,
            path=np.asarray(flat, np.uint32),
            sources=(source,),
        )
        return Observations.merge(raw)

    def only(self, mask: npt.ArrayLike) -> Observations:
        """The rows where `mask` (O, bool) holds, or those of the given indices; the tables stay whole."""
        chosen = np.asarray(mask)
        index = np.flatnonzero(chosen) if chosen.dtype == np.bool_ else chosen.astype(np.int64)
        lengths = np.diff(self.path_start)[index]
        start = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
        hops = np.arange(start[-1]) + np.repeat(self.path_start[index] - start[:-1], lengths)
        return replace(
            self,
            **{name: getattr(self, name)[index] for name in _DTYPES},
            path_start=start,
            path=self.path[hops],
        )

    @staticmethod
    def merge(*parts: Observations) -> Observations:
        """All rows of all parts, sorted, with one table of sites, announcement sets and sources.

        A row that stands k times in one part and m times in another stands max(k, m) times: merging a part
        again changes nothing, and the order of the parts does not matter. Rows are the same where every
        column is.
        """
        sites = tuple(sorted({name for part in parts for name in _used(part.sites, part.site)}))
        announced = tuple(sorted({item for part in parts for item in _used(part.announced, part.policy)}))
        sources = tuple(sorted({name for part in parts for name in _used(part.sources, part.source)}))
        whole = _concatenated([_retabled(part, sites, announced, sources) for part in parts])
        part_of = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        keys = _keys(whole)
        order, first = _grouped([*keys, part_of])
        copy = np.empty(len(whole), np.int64)
        starts = np.flatnonzero(first)
        copy[order] = np.arange(len(whole)) - np.repeat(starts, np.diff(np.append(starts, len(whole))))
        order, first = _grouped([*keys, copy])
        return whole.only(order[first])

    def path_of(self, row: int) -> tuple[int, ...]:
        """The AS path of one row, observer first; () where none was seen."""
        return tuple(int(hop) for hop in self.path[self.path_start[row] : self.path_start[row + 1]])

    def site_of(self, row: int) -> str:
        """The site's name; "" where it is unknown."""
        return self.sites[self.site[row]] if self.site[row] >= 0 else ""

    def is_same(self, other: Observations) -> bool:
        """Whether both hold the same rows in the same order with the same tables (NaN equals NaN)."""
        if (self.sites, self.announced, self.sources) != (other.sites, other.announced, other.sources):
            return False
        floats = ("at", "rtt_ms", "weight")
        return all(
            np.array_equal(getattr(self, name), getattr(other, name), equal_nan=name in floats)
            for name in (*_DTYPES, "path_start", "path")
        )


def _used(table: tuple[T, ...], column: npt.NDArray[np.int16]) -> list[T]:
    return [table[index] for index in np.unique(column).tolist() if index >= 0]


def _retabled(
    part: Observations, sites: tuple[str, ...], announced: tuple[Announced, ...], sources: tuple[str, ...]
) -> Observations:
    """The same rows with indices into the given tables, which hold all that the rows use."""

    def moved(column: npt.NDArray[np.int16], old: tuple[T, ...], new: tuple[T, ...]) -> npt.NDArray[np.int16]:
        if len(new) > _MOST:
            raise ValueError(f"observations hold at most {_MOST} sites, announcement sets or sources")
        place = {item: number for number, item in enumerate(new)}
        renumbered = np.asarray([*(place.get(item, -1) for item in old), -1], np.int16)  # the last is for -1
        return renumbered[column]

    return replace(
        part,
        site=moved(part.site, part.sites, sites),
        policy=moved(part.policy, part.announced, announced),
        source=moved(part.source, part.sources, sources),
        sites=sites,
        announced=announced,
        sources=sources,
    )


def _concatenated(parts: list[Observations]) -> Observations:
    """One after the other; all have the same tables."""
    if not parts:
        return Observations.none()
    lengths = np.concatenate([np.diff(part.path_start) for part in parts])
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _DTYPES}
    return replace(
        parts[0],
        **columns,  # type: ignore[arg-type]  # mypy cannot see which names these are
        path_start=np.concatenate(([0], np.cumsum(lengths))).astype(np.int64),
        path=np.concatenate([part.path[part.path_start[0] : part.path_start[-1]] for part in parts]),
    )


def _grouped(
    keys: Sequence[npt.NDArray[np.generic]],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """The order of the keys, most important first; and, in that order, where a row differs from the last."""
    order = np.lexsort(list(reversed(keys)))
    first = np.zeros(len(order), np.bool_)
    first[:1] = True
    for key in keys:
        first[1:] |= key[order][1:] != key[order][:-1]
    return order, first


def _keys(rows: Observations) -> list[npt.NDArray[np.generic]]:
    """One array for each column, most important first, equal only where the rows are (NaN as infinity)."""
    ranked = np.unique(rows.prefix, return_inverse=True)[1].reshape(-1) if len(rows) else rows.asn
    big_endian = rows.path.astype(">u4").tobytes()
    ends = (rows.path_start * 4).tolist()
    hops = [big_endian[a:b] for a, b in pairwise(ends)]
    place = {key: number for number, key in enumerate(sorted(set(hops)))}
    paths = np.fromiter((place[key] for key in hops), np.int64, len(hops))
    floats = [np.where(np.isnan(column), np.inf, column) for column in (rows.at, rows.rtt_ms)]
    return [
        rows.policy, rows.method, rows.asn, ranked, rows.site, *floats, rows.weight, paths, rows.source,
    ]  # fmt: skip
