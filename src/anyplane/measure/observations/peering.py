"""The experiments of the PEERING testbed: two sites announce one prefix, and who reaches which is measured.

The layout is that of Sermpezis et al., "Estimating the Impact of BGP Prefix Hijacking" (IFIP Networking
2021); in experiments/ID_SITE1_SITE2 stand

    dp_pings_est_*.json              ASN -> [site], by pings (and dp_pings_pings_*, a second round)
    dp_trace_est_*.json              ASN -> [site], by RIPE Atlas traceroutes
    cp_bgpstream_est_*.json          ASN -> [site], by route collectors
    SITE_bgpstream_paths.csv         collector, monitor, AS path, while one site announces
    SITE1_SITE2_bgpstream_paths.csv  the same while both announce

Every kind of file is read only when asked for, and no other is opened: whoever scores a prediction of the
two-site catchment can show that it was never read. A list of two sites means that the network is split.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from enum import StrEnum
from pathlib import Path

from anyplane.datasets.compressed import excerpt, read_text
from anyplane.measure.observations.fields import asn_of
from anyplane.model.errors import DataError, UsageError
from anyplane.model.observations import UNKNOWN_SITE, Announced, Method, Observations
from anyplane.model.reading import Reading, Tally

ORIGIN = 47065
"""The testbed's AS: the origin of every path."""

MARKERS = (61574, 61575)
"""Poisoned into the path (origin, marker, origin): by the first site of the name, by the second."""

_FOLDER = re.compile(r"(?P<id>\d+)_(?P<first>[a-z0-9-]+)_(?P<second>[a-z0-9-]+)")
_PACKED = re.compile(r"\.(gz|bz2|xz)$")
_PATHS = re.compile(r"(?P<first>[a-z0-9-]+?)(_(?P<second>[a-z0-9-]+))?_bgpstream_paths\.csv")
_MAPS = {
    "dp_pings_est_as_to_mux_catchment.json": "ping",
    "dp_pings_pings_per_asn.json": "ping",  # of experiment 20: a second, larger round
    "dp_trace_est_ra_as_to_mux_catchment.json": "atlas",
    "cp_bgpstream_est_mon_as_to_mux_catchment.json": "collectors",
}


class Kind(StrEnum):
    """The kinds of files in a folder of an experiment."""

    PING = "ping"
    ATLAS = "atlas"
    COLLECTORS = "collectors"
    SINGLE_SITE_PATHS = "single-site paths"
    BOTH_SITE_PATHS = "both-site paths"


ALL = frozenset(Kind)
_METHODS = {Kind.PING: Method.PING, Kind.ATLAS: Method.ATLAS, Kind.COLLECTORS: Method.PATHS}


def read_experiment(folder: Path, kinds: Collection[str] = ALL) -> Observations:
    """What the files of these kinds in one folder say; files of other kinds are not opened.

    In the two-site files of paths the site is the one whose marker stands in the path. DataError where the
    folder is none of an experiment, or a file is damaged.
    """
    return Observations.merge(*(reading.observations for reading in experiment_readings(folder, kinds)))


def read_peering_catchments(
    root: Path, only: Collection[int] | None = None, kinds: Collection[str] = ALL
) -> Observations:
    """All experiments below `root` (or `root`/experiments), or those of these numbers."""
    return Observations.merge(*(reading.observations for reading in catchment_readings(root, only, kinds)))


def catchment_readings(
    root: Path, only: Collection[int] | None = None, kinds: Collection[str] = ALL
) -> Iterator[Reading]:
    """One Reading for each file of the experiments, one after the other."""
    folders = experiments(root)
    if not folders:
        hint = "its folders are named like 3_ufmg01_uw01"
        raise DataError(str(root), "holds no experiment of the PEERING layout", hint=hint)
    if missing := set(only or ()) - folders.keys():
        present = ", ".join(map(str, folders))
        raise UsageError(f"{root} has no experiment {min(missing)}", hint=f"it has {present}")
    for number, folder in folders.items():
        if only is None or number in only:
            yield from experiment_readings(folder, kinds)


def experiments(root: Path) -> dict[int, Path]:
    """The folders of experiments below `root` or its `experiments`, by number."""
    for place in (root / "experiments", root):
        if place.is_dir():
            found = ((_FOLDER.fullmatch(one.name), one) for one in place.iterdir() if one.is_dir())
            folders = {int(match["id"]): one for match, one in found if match}
            if folders:
                return dict(sorted(folders.items()))
    return {}


def is_experiment(folder: Path) -> bool:
    """Is this folder named like one of an experiment?"""
    return folder.is_dir() and _FOLDER.fullmatch(folder.resolve().name) is not None


def experiment_readings(folder: Path, kinds: Collection[str] = ALL) -> Iterator[Reading]:
    """One Reading for each file of these kinds, in the order of their names."""
    if unknown := set(kinds) - set(ALL):
        names = ", ".join(repr(str(kind)) for kind in Kind)
        raise UsageError(f"there is no kind {min(unknown)!r} of file", hint=f"the kinds are {names}")
    if not is_experiment(folder):
        raise DataError(
            str(folder), "is not the folder of an experiment", hint="it is named like 3_ufmg01_uw01"
        )
    for path in sorted(folder.iterdir()):
        kind = kind_of(path)
        if kind is not None and kind in kinds:
            yield read_file(path)


def kind_of(path: Path) -> Kind | None:
    """What a file of this name holds; None where the name is none of the layout."""
    name = _PACKED.sub("", path.name)
    if name in _MAPS:
        return Kind(_MAPS[name])
    if match := _PATHS.fullmatch(name):
        return Kind.BOTH_SITE_PATHS if match["second"] else Kind.SINGLE_SITE_PATHS
    return None


def read_file(path: Path) -> Reading:
    """One file of a folder of an experiment; its folder and its name say what was announced."""
    kind = kind_of(path)
    folder = path.resolve().parent.name
    match = _FOLDER.fullmatch(folder)
    if kind is None or match is None:
        raise DataError(str(path), "is no file of an experiment in the PEERING layout")
    source = f"{folder}/{_PACKED.sub('', path.name)}"
    # A collector may have seen nothing: isi01 alone is invisible, and its file is empty.
    text = read_text(path) if path.stat().st_size else ""
    if kind in _METHODS:
        return _map(text, path, _METHODS[kind], (match["first"], match["second"]), source)
    named = _PATHS.fullmatch(_PACKED.sub("", path.name))
    assert named is not None  # noqa: S101  # kind_of has matched it
    sites = (named["first"], named["second"]) if named["second"] else (named["first"],)
    return _paths(text, path, sites, source)


def _map(text: str, path: Path, method: Method, sites: tuple[str, str], source: str) -> Reading:
    try:
        rows = json.loads(text)
    except ValueError as error:
        line = getattr(error, "lineno", 0)
        raise DataError(str(path), f"is not JSON: {getattr(error, 'msg', error)}", line=line) from None
    if not isinstance(rows, dict):
        raise DataError(str(path), "is not a JSON object ASN -> [site]")
    tally = Tally(rows=len(rows))
    asns: list[int] = []
    index: list[int] = []
    weights: list[float] = []
    for key, value in rows.items():
        asn = asn_of(key)
        named = [value] if isinstance(value, str) else value
        if asn is None:
            tally.lose("not an AS number")
        elif not isinstance(named, list) or not named:
            tally.lose("no site")
        elif not all(name in sites for name in named):
            strange = next(name for name in named if name not in sites)
            tally.lose(f"the site {excerpt(str(strange))} is not one of the experiment")
        else:
            reached = sorted(set(named))
            asns += [asn] * len(reached)
            index += [sites.index(name) for name in reached]
            weights += [1 / len(reached)] * len(reached)
    announced = Announced(sites=sites)
    return tally.reading(
        source,
        Observations.of(
            asns, index, sites=sites, method=method, announced=announced, source=source, weight=weights
        ),
    )


def _paths(text: str, path: Path, sites: tuple[str, ...], source: str) -> Reading:
    tally = Tally()
    asns: list[int] = []
    index: list[int] = []
    paths: list[list[int]] = []
    for line, row in enumerate(text.splitlines(), 1):
        if not row.strip():
            continue
        tally.rows += 1
        fields = row.split("\t")
        if len(fields) != 3:
            raise DataError(
                str(path),
                f"{excerpt(row)} has {len(fields)} fields",
                line=line,
                hint="collector, ASN, AS path",
            )
        monitor, hops = asn_of(fields[1]), [asn_of(hop) for hop in fields[2].split(",")]
        known = [hop for hop in hops if hop is not None]
        if monitor is None:
            tally.lose("not an AS number", line)
        elif len(known) < len(hops):
            tally.lose("AS set in the path" if "{" in fields[2] else "not an AS path", line)
        elif known[-1] != ORIGIN:
            tally.lose(f"the origin is not AS{ORIGIN}", line)
        else:
            site = _marked(known, len(sites))
            if site == UNKNOWN_SITE:
                tally.note("path without the mark of one site", line)
            asns.append(monitor)
            index.append(site)
            paths.append(known)
    announced = Announced(sites=sites)
    return tally.reading(
        source,
        Observations.of(
            asns, index, sites=sites, method=Method.PATHS, announced=announced, source=source, paths=paths
        ),
    )


def _marked(path: list[int], sites: int) -> int:
    """The index of the site that sent this path, by its marker; where one announces there is no other."""
    if sites == 1:
        return 0
    found = [number for number, marker in enumerate(MARKERS) if marker in path]
    return found[0] if len(found) == 1 else UNKNOWN_SITE
