"""The store: observations as one Parquet file that people can ask in SQL.

    SELECT announced, method, site, count(*) FROM 'observations.parquet' GROUP BY ALL

Columns: asn, prefix, site (NULL: answered, site unknown), method, seen_at (UTC), rtt_ms, weight, policy,
announced (names of sites), prepends (as "fra=3"), anycast_prefix, path (ASNs; NULL: none seen), source.
Nothing is kept outside of the columns, so a file that another program wrote with them can be read too.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import duckdb
import numpy as np
import numpy.typing as npt

from anyplane.model.errors import DataError
from anyplane.model.observations import Announced, Method, Observations

_BETWEEN = "\x1f"  # the ASCII unit separator: stands in no name
_WRITE = """
COPY (
  SELECT asn, prefix, nullif(site, '') AS site, method, make_timestamp(CAST(at_us AS BIGINT)) AS seen_at,
    rtt_ms, weight, policy,
    CASE WHEN announced = '' THEN [] ELSE string_split(announced, chr(31)) END AS announced,
    CASE WHEN prepends = '' THEN [] ELSE string_split(prepends, chr(31)) END AS prepends, anycast_prefix,
    CASE WHEN path <> '' THEN CAST(string_split(path, ' ') AS UINTEGER[]) END AS path, source
  FROM rows
) TO '{file}' (FORMAT parquet, COMPRESSION zstd)
"""
_READ = {
    "asn": "CAST(asn AS UINTEGER)",
    "prefix": "coalesce(CAST(prefix AS VARCHAR), '')",
    "site": "coalesce(CAST(site AS VARCHAR), '')",
    "method": "coalesce(CAST(method AS VARCHAR), 'other')",
    "seen_at": "CAST(epoch_us(seen_at) AS DOUBLE)",
    "rtt_ms": "CAST(rtt_ms AS FLOAT)",
    "weight": "coalesce(CAST(weight AS FLOAT), 1)",
    "announced": "coalesce(array_to_string(announced, chr(31)), '')",
    "prepends": "coalesce(array_to_string(prepends, chr(31)), '')",
    "anycast_prefix": "coalesce(CAST(anycast_prefix AS VARCHAR), '')",
    "path": "coalesce(array_to_string(path, ' '), '')",
    "source": "coalesce(CAST(source AS VARCHAR), '')",
}
_DEFAULTS = {"seen_at": "CAST(NULL AS DOUBLE)", "rtt_ms": "CAST(NULL AS FLOAT)", "weight": "CAST(1 AS FLOAT)"}
_REQUIRED = ("asn", "site", "method", "announced")
_HINT = "observations are written by `anyplane measure import`"

Column = npt.NDArray[np.object_]
_Float = TypeVar("_Float", np.float32, np.float64)


def write_observations(path: Path, observations: Observations) -> None:
    """Put the observations into this file, whole or not at all; equal observations give equal bytes."""
    texts = [" ".join(map(str, observations.path_of(row))) for row in range(len(observations))]
    names = np.array([*observations.sites, ""], object)
    announced = observations.announced
    # DuckDB finds this dictionary of columns by its name in the query.
    rows: dict[str, npt.NDArray[np.generic]] = {
        "asn": observations.asn,
        "prefix": observations.prefix,
        "site": names[observations.site],  # -1 is the last one
        "method": np.array([str(method) for method in Method], object)[observations.method],
        "at_us": np.round(observations.at * 1e6),
        "rtt_ms": observations.rtt_ms,
        "weight": observations.weight,
        "policy": _spread([one.policy() for one in announced], observations.policy),
        "announced": _spread([_BETWEEN.join(one.sites) for one in announced], observations.policy),
        "prepends": _spread(
            [_BETWEEN.join(f"{who}={n}" for who, n in one.prepends) for one in announced], observations.policy
        ),
        "anycast_prefix": _spread([one.prefix for one in announced], observations.policy),
        "path": np.array(texts, object),
        "source": _spread(observations.sources, observations.source),
    }
    with _beside(path) as file, _connection() as connection:
        connection.register("rows", rows)
        connection.execute(_WRITE.format(file=str(file).replace("'", "''")))


def read_observations(path: Path) -> Observations:
    """What is in this file; DataError where it is no Parquet file of observations, or a damaged one."""
    if not path.is_file():
        raise DataError(str(path), "there is no such file", hint=_HINT)
    try:
        with _connection() as connection:
            described = connection.execute("DESCRIBE SELECT * FROM read_parquet($1)", [str(path)]).fetchall()
            present = {str(row[0]) for row in described}
            if missing := [name for name in _REQUIRED if name not in present]:
                raise DataError(str(path), f"has no column {', '.join(missing)}", hint=_HINT)
            columns = ", ".join(
                f"{how if name in present else _DEFAULTS.get(name, chr(39) * 2)} AS {name}"
                for name, how in _READ.items()
            )
            rows = connection.execute(f"SELECT {columns} FROM read_parquet($1)", [str(path)]).fetchnumpy()  # noqa: S608  # ours
    except duckdb.Error as error:
        why = str(error).strip().splitlines()[0]
        raise DataError(str(path), f"cannot be read as observations: {why}", hint=_HINT) from error
    return _observations(path, rows)


def append_observations(path: Path, observations: Observations) -> Observations:
    """Add to the file what it does not hold yet, and return the whole; the file need not be there before.

    Two imports at the same time wait for each other.
    """
    with _locked(path):
        before = read_observations(path) if path.exists() else Observations.none()
        whole = Observations.merge(before, observations)
        write_observations(path, whole)
    return whole


def _observations(path: Path, rows: dict[str, npt.NDArray[np.generic]]) -> Observations:
    if np.ma.is_masked(rows["asn"]):
        raise DataError(str(path), "a row has no asn", hint=_HINT)
    methods = {str(method): number for number, method in enumerate(Method)}
    named, method = _table(rows["method"])
    if unknown := [name for name in named if name not in methods]:
        raise DataError(
            str(path), f"{unknown[0]!r} is not a method", hint="the methods are " + ", ".join(methods)
        )
    sites, site = _table(rows["site"])
    sources, source = _table(rows["source"])
    parts = [rows[name].astype(str).astype(object) for name in ("announced", "prepends", "anycast_prefix")]
    together = parts[0] + "\n" + parts[1] + "\n" + parts[2] if len(parts[0]) else parts[0]
    sets, policy = _table(together)
    texts = rows["path"].tolist()
    raw = Observations(
        asn=np.asarray(rows["asn"], np.uint32),
        prefix=np.asarray(rows["prefix"], object),
        site=np.where(np.array([*sites, ""], object)[site] == "", -1, site).astype(np.int16),
        sites=tuple(sites),
        method=np.array([methods[name] for name in named] or [0], np.int8)[method],
        at=_floats(rows["seen_at"], np.float64) / np.float64(1e6),
        rtt_ms=_floats(rows["rtt_ms"], np.float32),
        weight=_floats(rows["weight"], np.float32),
        policy=policy.astype(np.int16),
        announced=tuple(_announced(path, text) for text in sets),
        path_start=np.concatenate(
            ([0], np.cumsum([text.count(" ") + 1 if text else 0 for text in texts]))
        ).astype(np.int64),
        path=np.array(" ".join(texts).split(), np.uint32),
        source=source.astype(np.int16),
        sources=tuple(sources),
    )
    return Observations.merge(raw)


def _announced(path: Path, text: str) -> Announced:
    sites, prepends, prefix = text.split("\n")
    pairs = []
    for pair in filter(None, prepends.split(_BETWEEN)):
        who, _, count = pair.rpartition("=")
        if not who or not count.isdigit():
            raise DataError(str(path), f"{pair!r} in prepends is not SITE=NUMBER", hint=_HINT)
        pairs.append((who, int(count)))
    return Announced(sites=tuple(filter(None, sites.split(_BETWEEN))), prepends=tuple(pairs), prefix=prefix)


def _spread(table: Sequence[str], column: npt.NDArray[np.int16]) -> Column:
    return np.array([*table, ""], object)[column]


def _table(column: npt.NDArray[np.generic]) -> tuple[list[str], npt.NDArray[np.int64]]:
    """The distinct texts of a column, and the index of each row into them."""
    if not len(column):
        return [], np.empty(0, np.int64)
    texts, index = np.unique(np.asarray(column, object), return_inverse=True)
    return [str(text) for text in texts], index.reshape(-1).astype(np.int64)


def _floats(column: npt.NDArray[np.generic], kind: type[_Float]) -> npt.NDArray[_Float]:
    """The column with NaN where it is NULL."""
    return np.asarray(np.ma.filled(np.ma.asarray(column, kind), np.nan), kind)


@contextlib.contextmanager
def _connection() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(":memory:")
    try:
        connection.execute("SET threads = 1")  # the order of the rows, and so the bytes, stay the same
        yield connection
    finally:
        connection.close()


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A file in the same directory that takes the name of `path` when it is whole."""
    target = path.resolve()
    file = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        yield file
        with file.open("rb") as written:
            os.fsync(written.fileno())
        file.chmod(target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask())
        file.replace(target)
    except (OSError, duckdb.Error) as error:
        why = getattr(error, "strerror", None) or str(error).strip().splitlines()[0]
        raise DataError(str(path), f"cannot be written: {why}") from error
    finally:
        file.unlink(missing_ok=True)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Alone with this file among all who ask; the lock is on its directory, so that it leaves nothing."""
    try:
        directory = os.open(path.resolve().parent, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise DataError(str(path), f"cannot be written: {error.strerror}") from error
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
