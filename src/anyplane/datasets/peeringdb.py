"""read_peeringdb: who is in which city and at which IXP, from answers of PeeringDB or a dump.

A file is one answer of the API (`{"data": [...]}`, told by its fields which table it is) or a dump with all
tables (`{"net": {"data": [...]}, ...}`); several files and pages are joined by id, the later wins. Only the
tables net, fac, ix, ixlan, netfac and netixlan are read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from anyplane.datasets.compressed import excerpt, read_bytes
from anyplane.model.errors import DataError
from anyplane.model.nouns import ASN_MAX

TABLES = ("net", "fac", "ix", "ixlan", "netfac", "netixlan")
_HINT = 'expected an answer of the PeeringDB API, {"data": [...]}, or a dump with net, fac, ix and so on'

Row = Mapping[str, object]
Tables = dict[str, dict[int, Row]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A city as PeeringDB names it; lat and lon are None where it gives no coordinates."""

    city: str
    country: str
    lat: float | None = None
    lon: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One IXP with the networks on its LAN."""

    name: str
    location: Location
    route_server: int
    """ASN of the route server, 0 where unknown."""
    members: tuple[int, ...]
    route_server_peers: tuple[int, ...]
    """The members that peer with the route server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeeringDb:
    """What PeeringDB says of networks and of exchanges."""

    name: Mapping[int, str]
    """Network names by ASN."""
    presence: tuple[tuple[int, Location], ...]
    """(ASN, location) by facility and by exchange, each pair once, sorted by ASN."""
    exchanges: tuple[Exchange, ...]
    """Sorted by id, those without members included."""


def read_peeringdb(paths: Iterable[Path]) -> PeeringDb:
    """One PeeringDb of all these files; a directory stands for the JSON files in it."""
    tables: Tables = {table: {} for table in TABLES}
    for path in paths:
        for file in json_files(path):
            _add(tables, file)
    if not any(tables.values()):
        raise DataError(" ".join(map(str, paths)) or "peeringdb", "holds no table of PeeringDB", hint=_HINT)
    return _joined(tables)


def json_files(path: Path) -> list[Path]:
    """The file itself, or the JSON files of a directory (no manifest, no broken-off download)."""
    if not path.is_dir():
        return [path]
    found = sorted(
        file
        for file in path.iterdir()
        if ".json" in file.suffixes and ".part" not in file.suffixes and file.name != "manifest.json"
    )
    if not found:
        raise DataError(str(path), "the directory holds no JSON file", hint=_HINT)
    return found


def _add(tables: Tables, path: Path) -> None:
    content = read_bytes(path)
    try:
        document = json.loads(content)
    except UnicodeDecodeError as error:
        raise DataError(str(path), f"is not JSON: {error.reason}", hint=_HINT) from error
    except json.JSONDecodeError as error:
        raise DataError(str(path), f"is not JSON: {error.msg}", line=error.lineno, hint=_HINT) from error
    except ValueError as error:
        # A number of thousands of digits: Python refuses to read it.
        raise DataError(str(path), f"is not JSON of PeeringDB: {error}", hint=_HINT) from error
    except RecursionError as error:
        raise DataError(str(path), "is nested too deeply to be an answer of PeeringDB", hint=_HINT) from error
    if not isinstance(document, dict):
        raise DataError(str(path), "the JSON is no object", hint=_HINT)
    if "data" in document:
        rows = _rows(path, "data", document["data"])
        table = _table_of(path, rows)
        _store(tables, path, table, rows)
        return
    known = [table for table in TABLES if table in document]
    if not known:
        raise DataError(str(path), "holds no table of PeeringDB", hint=_HINT)
    for table in known:
        part = document[table]
        if not isinstance(part, dict) or "data" not in part:
            raise DataError(str(path), f"{table} has no data", hint=_HINT)
        _store(tables, path, table, _rows(path, table, part["data"]))


def _rows(path: Path, what: str, value: object) -> list[Row]:
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise DataError(str(path), f"{what} is not a list of objects", hint=_HINT)
    return value


def _table_of(path: Path, rows: list[Row]) -> str:
    """Which table the rows are of; "" for one that is not read (ixfac, ixpfx, org) or is empty."""
    if not rows:
        return ""
    has = rows[0].keys()
    if {"net_id", "ixlan_id", "asn"} <= has:
        return "netixlan"
    if {"net_id", "fac_id"} <= has:
        return "netfac"
    if {"ix_id", "rs_asn"} <= has:
        return "ixlan"
    if {"asn", "info_type"} <= has:
        return "net"
    if {"city", "country", "latitude", "clli"} <= has:
        return "fac"
    if {"city", "country", "proto_unicast"} <= has:
        return "ix"
    if "id" in has and "status" in has:
        return ""
    raise DataError(
        str(path), f"an object with {excerpt(', '.join(map(str, has)))} is of no table", hint=_HINT
    )


def _store(tables: Tables, path: Path, table: str, rows: list[Row]) -> None:
    if not table:
        return
    for index, row in enumerate(rows):
        number = row.get("id")
        if not isinstance(number, int):
            raise DataError(str(path), f"{table}[{index}] has no id", hint=_HINT)
        asn = row.get("asn") if table in {"net", "netixlan"} else 0
        if not isinstance(asn, int) or not 0 <= asn <= ASN_MAX:
            raise DataError(
                str(path), f"{table}[{index}]: {excerpt(str(asn))} is not an AS number (0 to {ASN_MAX})"
            )
        if row.get("status", "ok") == "ok":
            tables[table][number] = row


def _joined(tables: Tables) -> PeeringDb:
    location_of_fac = {number: _location(row) for number, row in tables["fac"].items()}
    location_of_ix = {number: _location(row) for number, row in tables["ix"].items()}
    asn_of_net = {number: _whole(row, "asn") for number, row in tables["net"].items()}
    is_route_server = {
        _whole(row, "asn") for row in tables["net"].values() if row.get("info_type") == "Route Server"
    }
    present: dict[tuple[int, Location], None] = {}
    for row in tables["netfac"].values():
        asn = asn_of_net.get(_whole(row, "net_id"), _whole(row, "local_asn"))
        place = location_of_fac.get(_whole(row, "fac_id"), _location(row))
        if asn and place.country:
            present[asn, place] = None

    ix_of_lan = {number: _whole(row, "ix_id") for number, row in tables["ixlan"].items()}
    declared = {_whole(row, "ix_id"): _whole(row, "rs_asn") for row in tables["ixlan"].values()}
    members: dict[int, dict[int, bool]] = {number: {} for number in tables["ix"]}
    found: dict[int, int] = {}
    for _, row in sorted(tables["netixlan"].items()):
        asn, ix = _whole(row, "asn"), _whole(row, "ix_id") or ix_of_lan.get(_whole(row, "ixlan_id"), 0)
        if not asn or ix not in members or row.get("operational") is False:
            continue
        if asn in is_route_server:
            found.setdefault(ix, asn)
            continue
        members[ix][asn] = members[ix].get(asn, False) or row.get("is_rs_peer") is True
        if location_of_ix[ix].country:
            present[asn, location_of_ix[ix]] = None
    exchanges = tuple(
        Exchange(
            name=_text(row, "name") or f"IX {number}",
            location=location_of_ix[number],
            route_server=declared.get(number, 0) or found.get(number, 0),
            members=tuple(sorted(members[number])),
            route_server_peers=tuple(sorted(asn for asn, is_peer in members[number].items() if is_peer)),
        )
        for number, row in sorted(tables["ix"].items())
    )
    return PeeringDb(
        name={_whole(row, "asn"): _text(row, "name") for row in tables["net"].values() if _text(row, "name")},
        presence=tuple(sorted(present, key=_by_asn_and_place)),
        exchanges=exchanges,
    )


def _by_asn_and_place(entry: tuple[int, Location]) -> tuple[int, str, str, float, float]:
    asn, place = entry
    return asn, place.country, place.city, place.lat or 0.0, place.lon or 0.0


def _location(row: Row) -> Location:
    lat, lon = row.get("latitude"), row.get("longitude")
    is_given = (
        isinstance(lat, int | float) and isinstance(lon, int | float) and abs(lat) <= 90 and abs(lon) <= 180
    )
    return Location(
        city=_text(row, "city"),
        country=_text(row, "country").upper(),
        lat=float(lat) if is_given and isinstance(lat, int | float) else None,
        lon=float(lon) if is_given and isinstance(lon, int | float) else None,
    )


def _whole(row: Row, field: str) -> int:
    value = row.get(field)
    return value if isinstance(value, int) and 0 <= value <= ASN_MAX else 0


def _text(row: Row, field: str) -> str:
    value = row.get(field)
    return value.strip() if isinstance(value, str) else ""
