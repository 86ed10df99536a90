"""Places: an IATA airport or city code -> where it is.

The metros of the planner come first: their codes mean the city itself, and they stay what they are. Any other
airport comes from `airportsdata` (MIT), loaded when first asked for (0.1 s). It has no city codes and drops
airports that close, so a few further metropolitan area codes of IATA's stand below.
"""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterator
from functools import cache
from importlib import resources

from anyplane.design.quantities import Unfit, shown
from anyplane.model.nouns import Place

_CITIES = {
    "CSL": ("Cabo San Lucas", 22.89, -109.91),
    "DTT": ("Detroit", 42.33, -83.05),
    "IZM": ("Izmir", 38.42, 27.14),
    "KIV": ("Chisinau", 47.01, 28.86),
    "KLA": ("Kampala", 0.35, 32.58),
    "MMA": ("Malmo", 55.60, 13.00),
    "NIC": ("Nicosia", 35.17, 33.36),
    "QDF": ("Dallas", 32.78, -96.80),
    "QLA": ("Los Angeles", 34.05, -118.24),
    "QMI": ("Miami", 25.76, -80.19),
    "QSF": ("San Francisco", 37.77, -122.42),
    "REK": ("Reykjavik", 64.15, -21.94),
    "RWP": ("Rawalpindi", 33.60, 73.05),
    "TCI": ("Tenerife", 28.46, -16.25),
    "YEA": ("Edmonton", 53.55, -113.49),
}
_HUBS = (
    "ACC ADD AKL AMS ARN ATH ATL AUS BCN BEG BKK BLR BNE BOG BOM BOS BRU BUD CAI CCS CGK CLT CMN CPH "
    "CPT DAR DEL DEN DFW DOH DUB DUS DXB EWR EZE FCO FRA GIG GRU GVA HAM HAN HEL HKG HND IAD IAH ICN "
    "IST JFK JNB KHI KUL LAX LHR LIM LIS LOS MAA MAD MAN MEL MEX MIA MNL MRS MUC MXP NBO NRT ORD OSL "
    "OTP PER PHX PRG RIX RUH SCL SEA SFO SGN SIN SOF SYD TLL TLV TPE TUN UIO VIE VNO WAW YUL YVR YYZ "
    "ZAG ZRH"
)


def locate(value: object) -> tuple[str, Place]:
    """The code in upper case and its place; Unfit with near codes where there is none such."""
    code = value.strip().upper() if isinstance(value, str) else ""
    city = _metros().get(code) or _CITIES.get(code)
    found = city or _airports().get(code) or _metros().get(_aliases().get(code, ""))
    if found is None:
        raise Unfit(f"{shown(value)} is not an IATA airport or city code", hint=_near(str(value)))
    return code, Place(lat=found[1], lon=found[2])


@cache
def _metros() -> dict[str, tuple[str, float, float]]:
    return {row["code"]: (row["name"], float(row["lat"]), float(row["lon"])) for row in _table("metros.csv")}


@cache
def _aliases() -> dict[str, str]:
    return {row["alias"]: row["metro"] for row in _table("aliases.csv")}


def _table(name: str) -> Iterator[dict[str, str]]:
    # The tables lie with the other data; reading package data is no call to the folder that owns them.
    text = resources.files("anyplane").joinpath("datasets", "tables", name).read_text(encoding="utf-8")
    return csv.DictReader(text.splitlines())


@cache
def _airports() -> dict[str, tuple[str, float, float]]:
    import airportsdata  # 0.1 s, so only when a design names an airport

    return {
        code: (str(row["city"]), float(row["lat"]), float(row["lon"]))
        for code, row in airportsdata.load("IATA").items()
    }


def _near(value: str) -> str:
    known = {code: row[0] for code, row in (_CITIES | _metros()).items()}
    known |= {code: _airports()[code][0] for code in _HUBS.split() if code in _airports()}
    wanted = value.strip().lower()[:60]
    by_city = [code for code, city in known.items() if wanted and city.lower().startswith(wanted)]
    codes = by_city or difflib.get_close_matches(wanted.upper(), sorted(known), n=9, cutoff=0.6)
    # Most slips keep the letters in place and the first ones right.
    codes.sort(key=lambda code: [one != other for one, other in zip(code, wanted.upper(), strict=False)])
    if not codes:
        return "write for example FRA, or give coordinates: at: [50.11, 8.68]"
    listed = " or ".join(f"{code} ({known[code]})" for code in codes[:2])
    return f"did you mean {listed}?"
