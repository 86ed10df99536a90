"""write_forecast and read_forecast: a Forecast as a long table, CSV for people or Parquet, by the ending.

    asn,site,probability,users,country
    174,fra,0.9,120000.0,DE
    174,ams,0.1,120000.0,DE
    3320,fra,1.0,31000000.0,DE

One row for each network and site that it may reach. The first network names every site, with 0 where need
be, so that the order of the sites is kept; a network that reaches none has one row without a site. Both forms
give back exactly what was written. Whoever writes such a file by hand needs `asn,site` only: a missing
probability is 1, users are then unknown (0), and the rows may stand in any order.
"""

from __future__ import annotations

import csv
import math
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt

from anyplane.datasets.asn_table import cells_of, number_of
from anyplane.datasets.cache import replaced
from anyplane.datasets.compressed import excerpt, read_text
from anyplane.model.errors import DataError
from anyplane.model.forecast import SLACK, Forecast

COLUMNS = ("asn", "site", "probability", "users", "country")
_HINT = "a forecast has the columns " + ",".join(COLUMNS) + "; asn,site are enough"
_COPY = """
COPY (
  SELECT asn, nullif(site, '') AS site, probability, users, nullif(country, '') AS country FROM rows
) TO '{file}' (FORMAT parquet, COMPRESSION zstd)
"""
_READ = {
    "asn": "CAST(asn AS BIGINT)",
    "site": "coalesce(CAST(site AS VARCHAR), '')",
    "probability": "coalesce(CAST(probability AS FLOAT), 'nan')",
    "users": "coalesce(CAST(users AS DOUBLE), 0)",
    "country": "coalesce(CAST(country AS VARCHAR), '')",
}
_DEFAULTS = {"probability": "if(site IS NULL, 0, 1)::FLOAT", "users": "0::DOUBLE", "country": "''"}


def write_forecast(path: Path, forecast: Forecast) -> None:
    """Put the forecast into this file, whole or not at all; equal forecasts give equal bytes.

    Parquet where the name ends so, CSV otherwise. DataError where it cannot be written, or there is nothing.
    """
    if not len(forecast):
        raise DataError(str(path), "the forecast holds no network", hint="nothing was written")
    network, site = _stored(forecast)
    if path.suffix.lower() == ".parquet":
        content = _parquet(forecast, network, site)
    else:
        content = _csv(forecast, network, site).encode()
    with replaced(path) as file:
        file.write(content)


def read_forecast(path: Path) -> Forecast:
    """What is in this file; the first row that cannot be used is a DataError with its line (Parquet: row)."""
    rows = _from_parquet(path) if path.suffix.lower() == ".parquet" else _from_csv(path)
    if not rows.asn:
        raise DataError(str(path), "holds no network", hint=_HINT)
    return _forecast(str(path), rows)


@dataclass(slots=True)
class _Rows:
    """What the file says, row by row; each list has one entry for each row."""

    line: list[int] = field(default_factory=list)
    asn: list[int] = field(default_factory=list)
    site: list[str] = field(default_factory=list)
    probability: list[float] = field(default_factory=list)
    users: list[float] = field(default_factory=list)
    country: list[str] = field(default_factory=list)


def _stored(forecast: Forecast) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(network, site) of each row that the file gets; site -1 = none."""
    wanted = forecast.probability > 0
    wanted[0] = True
    alone = ~wanted.any(axis=1)
    network, site = np.nonzero(np.column_stack((wanted, alone)))
    return network, np.where(site == len(forecast.sites), -1, site)


def _csv(forecast: Forecast, network: npt.NDArray[np.int64], site: npt.NDArray[np.int64]) -> str:
    class _Lines(list[str]):
        def write(self, text: str) -> None:
            self.append(text)

    lines = _Lines()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(COLUMNS)
    names = (*forecast.sites, "")
    asns, users, countries = forecast.asn.tolist(), forecast.users.tolist(), forecast.country.tolist()
    values = np.column_stack((forecast.probability, np.zeros(len(forecast), np.float32)))[network, site]
    # The shortest decimals that give the same float32 back.
    for row, column, value in zip(network.tolist(), site.tolist(), values.astype(str).tolist(), strict=True):
        writer.writerow((asns[row], names[column], value, users[row], countries[row]))
    return "".join(lines)


def _parquet(forecast: Forecast, network: npt.NDArray[np.int64], site: npt.NDArray[np.int64]) -> bytes:
    # DuckDB finds this dictionary of columns by its name in the query.
    rows: dict[str, npt.NDArray[np.generic]] = {
        "asn": forecast.asn[network],
        "site": np.array([*forecast.sites, ""], object)[site],
        "probability": np.column_stack((forecast.probability, np.zeros(len(forecast), np.float32)))[
            network, site
        ],
        "users": forecast.users[network],
        "country": forecast.country[network].astype(object),
    }
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(":memory:") as connection:
        file = Path(folder) / "forecast.parquet"
        connection.execute("SET threads = 1")  # the order of the rows, and so the bytes, stay the same
        connection.register("rows", rows)
        connection.execute(_COPY.format(file=str(file).replace("'", "''")))
        return file.read_bytes()


def _from_parquet(path: Path) -> _Rows:
    if not path.is_file():
        raise DataError(str(path), "there is no such file", hint=_HINT)
    try:
        with duckdb.connect(":memory:") as connection:
            connection.execute("SET threads = 1")
            described = connection.execute("DESCRIBE SELECT * FROM read_parquet($1)", [str(path)]).fetchall()
            present = {str(row[0]) for row in described}
            if missing := [name for name in COLUMNS[:2] if name not in present]:
                raise DataError(str(path), f"has no column {', '.join(missing)}", hint=_HINT)
            columns = ", ".join(
                f"{how if name in present else _DEFAULTS[name]} AS {name}" for name, how in _READ.items()
            )
            found = connection.execute(f"SELECT {columns} FROM read_parquet($1)", [str(path)]).fetchnumpy()  # noqa: S608  # ours
    except duckdb.Error as error:
        why = str(error).strip().splitlines()[0]
        raise DataError(str(path), f"cannot be read as a forecast: {why}", hint=_HINT) from error
    if np.ma.is_masked(found["asn"]):
        raise DataError(
            str(path),
            "the row has no asn",
            line=int(np.argmax(np.ma.getmaskarray(found["asn"]))) + 1,
            hint=_HINT,
        )
    rows = _Rows(
        list(range(1, len(found["asn"]) + 1)), *(np.asarray(found[name]).tolist() for name in COLUMNS)
    )
    outside = next((index for index, asn in enumerate(rows.asn) if not 0 <= asn <= 0xFFFFFFFF), None)
    if outside is not None:
        number_of(str(rows.asn[outside]), str(path), rows.line[outside])
    return rows


def _from_csv(path: Path) -> _Rows:
    rows = _Rows()
    place: dict[str, int] = {}
    file = str(path)
    for line, cells in _lines(path):
        if not place:
            place = _header(cells, file, line)
            continue
        if len(cells) <= max(place["asn"], place["site"]):
            raise DataError(file, f"{excerpt(','.join(cells))} has too few columns", line=line, hint=_HINT)

        text = {name: cells[at].strip() for name, at in place.items() if at < len(cells)}
        site = text["site"]
        rows.line.append(line)
        rows.asn.append(number_of(text["asn"], file, line))
        rows.site.append(site)
        rows.probability.append(
            _number(text.get("probability", ""), "a probability", file, line, 1.0 if site else 0.0)
        )
        rows.users.append(_number(text.get("users", ""), "a number of users", file, line, 0.0))
        rows.country.append(text.get("country", ""))
    return rows


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    for line, text in enumerate(read_text(path).splitlines(), start=1):
        if text.strip() and not text.startswith("#"):
            yield line, cells_of(text, str(path), line)


def _header(cells: Sequence[str], file: str, line: int) -> dict[str, int]:
    titles = [title.strip().lower() for title in cells]
    if missing := [name for name in COLUMNS[:2] if name not in titles]:
        raise DataError(file, f"the header has no column {', '.join(missing)}", line=line, hint=_HINT)
    return {name: titles.index(name) for name in COLUMNS if name in titles}


def _number(text: str, what: str, file: str, line: int, default: float) -> float:
    if not text:
        return default
    try:
        return float(text)
    except ValueError:
        raise DataError(file, f"{excerpt(text)} is not {what}", line=line, hint=_HINT) from None


def _forecast(file: str, rows: _Rows) -> Forecast:
    """The table as arrays; DataError at the first row that contradicts another or the meaning of a column."""
    names = tuple(dict.fromkeys(filter(None, rows.site)))
    asns, first, network = np.unique(np.array(rows.asn, np.uint32), return_index=True, return_inverse=True)
    sums = [0.0] * len(asns)
    before = first.tolist()
    seen: set[tuple[int, str]] = set()
    rows_of = zip(rows.line, rows.asn, rows.site, rows.probability, rows.users, rows.country, strict=True)
    places = network.reshape(-1).tolist()
    for at, (line, asn, site, value, users, country) in zip(places, rows_of, strict=True):
        if (asn, site) in seen:
            raise DataError(
                file, f"AS{asn} has {site or 'no site'} twice", line=line, hint="give each site one row"
            )
        seen.add((asn, site))
        if not 0 <= value <= (1 if site else 0):
            rule = "is not between 0 and 1" if site else "belongs to no site"
            raise DataError(
                file,
                f"the probability {value:g} of AS{asn} {rule}",
                line=line,
                hint="what the rows of a network lack to 1 is the probability of no route",
            )
        if not 0 <= users < math.inf:
            raise DataError(file, f"{users:g} is not a number of users", line=line, hint="0 or more")
        if (users, country) != (rows.users[before[at]], rows.country[before[at]]):
            raise DataError(
                file,
                f"AS{asn} has other users or another country than on line {rows.line[before[at]]}",
                line=line,
                hint="users and country are of the network, the same in each of its rows",
            )
        if len(country) not in (0, 2):
            raise DataError(
                file, f"{excerpt(country)} is not a country", line=line, hint="two letters, as DE"
            )
        sums[at] += value
        if sums[at] > 1 + SLACK:
            raise DataError(
                file,
                f"the probabilities of AS{asn} sum to more than 1",
                line=line,
                hint="a network has one probability for each site, together 1 at most",
            )
    column = {name: index for index, name in enumerate(names)} | {"": len(names)}
    odds = np.zeros((len(asns), len(names) + 1), np.float32)
    odds[network.reshape(-1), [column[site] for site in rows.site]] = rows.probability
    try:
        return Forecast.of(
            asns,
            odds[:, : len(names)],
            sites=names,
            users=np.array(rows.users)[first],
            country=np.array(rows.country)[first],
        )
    except ValueError as error:  # too many sites, or a sum that is beyond the slack only as float32
        raise DataError(file, str(error), hint=_HINT) from None
