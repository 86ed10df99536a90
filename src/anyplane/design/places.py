"""Places: an IATA airport or city code -> where it is.

Airports come from `airportsdata` (MIT), loaded when first asked for (0.1 s). It has no city codes, which
operators use as much (LON, NYC, TYO): those below are IATA's metropolitan area codes, with the coordinates of
the city's centre.
"""

from __future__ import annotations

import difflib
from functools import cache

from anyplane.design.quantities import Unfit, shown
from anyplane.model.nouns import Place

_CITIES = {
    "BAK": ("Baku", 40.38, 49.89),
    "BER": ("Berlin", 52.52, 13.40),
    "BHZ": ("Belo Horizonte", -19.92, -43.94),
    "BJS": ("Beijing", 39.90, 116.41),
    "BUE": ("Buenos Aires", -34.60, -58.38),
    "BUH": ("Bucharest", 44.43, 26.10),
    "CAS": ("Casablanca", 33.59, -7.61),
    "CHI": ("Chicago", 41.88, -87.63),
    "CSL": ("Cabo San Lucas", 22.89, -109.91),
    "DTT": ("Detroit", 42.33, -83.05),
    "FRU": ("Bishkek", 42.87, 74.59),
    "GZA": ("Gaza", 31.50, 34.47),
    "HOU": ("Houston", 29.76, -95.37),
    "IEV": ("Kyiv", 50.45, 30.52),
    "IZM": ("Izmir", 38.42, 27.14),
    "JKT": ("Jakarta", -6.21, 106.85),
    "KIV": ("Chisinau", 47.01, 28.86),
    "KLA": ("Kampala", 0.35, 32.58),
    "LON": ("London", 51.51, -0.13),
    "MIL": ("Milan", 45.46, 9.19),
    "MMA": ("Malmo", 55.60, 13.00),
    "MOW": ("Moscow", 55.76, 37.62),
    "NIC": ("Nicosia", 35.17, 33.36),
    "NYC": ("New York", 40.71, -74.01),
    "OSA": ("Osaka", 34.69, 135.50),
    "PAR": ("Paris", 48.86, 2.35),
    "PNH": ("Phnom Penh", 11.56, 104.92),
    "QDF": ("Dallas", 32.78, -96.80),
    "QLA": ("Los Angeles", 34.05, -118.24),
    "QMI": ("Miami", 25.76, -80.19),
    "QSF": ("San Francisco", 37.77, -122.42),
    "REK": ("Reykjavik", 64.15, -21.94),
    "RIO": ("Rio de Janeiro", -22.91, -43.17),
    "ROM": ("Rome", 41.90, 12.50),
    "RWP": ("Rawalpindi", 33.60, 73.05),
    "SAO": ("Sao Paulo", -23.55, -46.63),
    "SEL": ("Seoul", 37.57, 126.98),
    "SHA": ("Shanghai", 31.23, 121.47),
    "SIA": ("Xi'an", 34.26, 108.93),
    "SPK": ("Sapporo", 43.06, 141.35),
    "STO": ("Stockholm", 59.33, 18.07),
    "TCI": ("Tenerife", 28.46, -16.25),
    "TYO": ("Tokyo", 35.68, 139.69),
    "WAS": ("Washington", 38.91, -77.04),
    "YEA": ("Edmonton", 53.55, -113.49),
    "YMQ": ("Montreal", 45.50, -73.57),
    "YTO": ("Toronto", 43.65, -79.38),
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
    if code in _CITIES:
        _, lat, lon = _CITIES[code]
        return code, Place(lat=lat, lon=lon)
    airport = _airports().get(code)
    if airport is None:
        raise Unfit(f"{shown(value)} is not an IATA airport or city code", hint=_near(str(value)))
    return code, Place(lat=airport[1], lon=airport[2])


@cache
def _airports() -> dict[str, tuple[str, float, float]]:
    import airportsdata  # 0.1 s, so only when a design names an airport

    return {
        code: (str(row["city"]), float(row["lat"]), float(row["lon"]))
        for code, row in airportsdata.load("IATA").items()
    }


def _near(value: str) -> str:
    known = {code: row[0] for code, row in _CITIES.items()}
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
