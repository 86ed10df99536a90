"""invented_report: a Report of any number of sites, made of arithmetic alone, for the tests of the page."""

from __future__ import annotations

from dataclasses import replace
from math import acos, cos, radians, sin

from anyplane.planning.report import (
    Audience,
    CountryRow,
    Failure,
    Ideal,
    Latency,
    MetroRow,
    Misplaced,
    NetworkUsers,
    Objective,
    Offender,
    Report,
    ResidencyResult,
    Rtt,
    ScenarioReport,
    Share,
    Site,
    SiteResult,
    SiteUsers,
    State,
    Takeover,
    Unicast,
    World,
)

# code, city, country, continent, lat, lon, users in millions
CITIES = (
    ("FRA", "Frankfurt", "DE", "EU", 50.11, 8.68, 41), ("NYC", "New York", "US", "NA", 40.71, -74.01, 58),
    ("SIN", "Singapore", "SG", "AS", 1.35, 103.82, 9), ("SAO", "São Paulo", "BR", "SA", -23.55, -46.63, 49),
    ("SYD", "Sydney", "AU", "OC", -33.87, 151.21, 11), ("JNB", "Johannesburg", "ZA", "AF", -26.2, 28.05, 21),
    ("LON", "London", "GB", "EU", 51.51, -0.13, 44), ("TYO", "Tokyo", "JP", "AS", 35.68, 139.69, 71),
    ("DFW", "Dallas", "US", "NA", 32.78, -96.8, 38), ("BOM", "Mumbai", "IN", "AS", 19.08, 72.88, 183),
    ("AMS", "Amsterdam", "NL", "EU", 52.37, 4.9, 15), ("LAX", "Los Angeles", "US", "NA", 34.05, -118.24, 47),
    ("PAR", "Paris", "FR", "EU", 48.86, 2.35, 46), ("MAD", "Madrid", "ES", "EU", 40.42, -3.7, 34),
    ("MIL", "Milan", "IT", "EU", 45.46, 9.19, 33), ("STO", "Stockholm", "SE", "EU", 59.33, 18.07, 9),
    ("WAW", "Warsaw", "PL", "EU", 52.23, 21.01, 31), ("IST", "Istanbul", "TR", "AS", 41.01, 28.98, 66),
    ("MOW", "Moscow", "RU", "EU", 55.76, 37.62, 88), ("DXB", "Dubai", "AE", "AS", 25.2, 55.27, 14),
    ("DEL", "Delhi", "IN", "AS", 28.61, 77.21, 241), ("MAA", "Chennai", "IN", "AS", 13.08, 80.27, 122),
    ("BKK", "Bangkok", "TH", "AS", 13.76, 100.5, 52), ("JKT", "Jakarta", "ID", "AS", -6.21, 106.85, 148),
    ("MNL", "Manila", "PH", "AS", 14.6, 120.98, 73), ("HKG", "Hong Kong", "HK", "AS", 22.32, 114.17, 22),
    ("SHA", "Shanghai", "CN", "AS", 31.23, 121.47, 310), ("BJS", "Beijing", "CN", "AS", 39.9, 116.41, 288),
    ("SEL", "Seoul", "KR", "AS", 37.57, 126.98, 47), ("KIX", "Osaka", "JP", "AS", 34.69, 135.5, 39),
    ("SEA", "Seattle", "US", "NA", 47.61, -122.33, 19), ("ORD", "Chicago", "US", "NA", 41.88, -87.63, 43),
    ("MIA", "Miami", "US", "NA", 25.76, -80.19, 27), ("YTO", "Toronto", "CA", "NA", 43.65, -79.38, 18),
    ("MEX", "Mexico City", "MX", "NA", 19.43, -99.13, 88), ("BOG", "Bogotá", "CO", "SA", 4.71, -74.07, 34),
    ("LIM", "Lima", "PE", "SA", -12.05, -77.04, 22), ("SCL", "Santiago", "CL", "SA", -33.45, -70.67, 16),
    ("BUE", "Buenos Aires", "AR", "SA", -34.6, -58.38, 39), ("LOS", "Lagos", "NG", "AF", 6.52, 3.38, 97),
    ("ACC", "Accra", "GH", "AF", 5.6, -0.19, 19), ("NBO", "Nairobi", "KE", "AF", -1.29, 36.82, 24),
    ("CAI", "Cairo", "EG", "AF", 30.04, 31.24, 74), ("CPT", "Cape Town", "ZA", "AF", -33.92, 18.42, 13),
    ("PER", "Perth", "AU", "OC", -31.95, 115.86, 3), ("AKL", "Auckland", "NZ", "OC", -36.85, 174.76, 4),
    ("HNL", "Honolulu", "US", "OC", 21.31, -157.86, 1), ("SUV", "Suva", "FJ", "OC", -18.14, 178.44, 0.6),
)  # fmt: skip


def invented(
    sites: int = 12,
    *,
    metros: int = 96,
    scenarios: int = 1,
    service: str = "Example resolver",
    suffix: str = "",
    audience: Audience | None = None,
) -> Report:
    """A report whose numbers hang together well enough to look at; `suffix` ends every text of the design."""
    places = tuple(_site(index, suffix, sites) for index in range(sites))
    all_sites = places
    if sites > 5:
        off = replace(places[5], is_enabled=False)
        hole = replace(places[0], name=f"(blackhole at AS64500{suffix})", is_virtual=True, capacity=None)
        all_sites = (*places[:5], off, *places[6:], hole)
    names = ("dns", "api", "web")
    return Report(
        service=service + suffix,
        design=f"example{suffix}.yaml",
        origin_asn=64500,
        load_unit="qps",
        world=World(
            origin=f"synthetic 10k, seed 1{suffix}", networks=10_000, pops=14_204, links=51_310, users=4.9e9,
            rov_networks=2_130,
        ),
        latency=Latency(inflation=1.5, fibre_km_per_ms=204.19, hop_ms=0.4, last_mile_ms=4.0),
        sites=all_sites,
        scenarios=tuple(
            _scenario(names[index] + suffix, index, all_sites, metros, suffix, audience)
            for index in range(scenarios)
        ),
        warnings=tuple(f"site x{k}: AS64496 is not known to be in XYZ{suffix}" for k in range(scenarios * 3)),
    )  # fmt: skip


def _noise(*keys: int) -> float:
    value = 2166136261
    for key in keys:
        value = ((value ^ (key + 11)) * 16777619 + 97) & 0xFFFFFFFF
        value ^= value >> 13
    return (value % 100_003) / 100_003


def _km(a: Site | MetroRow, b: Site | MetroRow) -> float:
    p, q, turn = radians(a.lat), radians(b.lat), radians(a.lon - b.lon)
    return 6371 * acos(max(-1.0, min(1.0, sin(p) * sin(q) + cos(p) * cos(q) * cos(turn))))


def _ms(km: float) -> float:
    return round(4 + km * 1.5 * 2 / 204.19, 1)


def _spread(index: int) -> tuple[str, str, str, str, float, float, float]:
    code, city, country, continent, lat, lon, users = CITIES[index % len(CITIES)]
    turn = index // len(CITIES)
    if turn:
        lat += (_noise(index, 1) - 0.5) * 9
        lon += (_noise(index, 2) - 0.5) * 14
        code, city, users = f"{code}{turn}", f"{city} {turn}", users * (0.1 + 0.4 * _noise(index, 3))
    return code, city, country, continent, round(lat, 2), round((lon + 180) % 360 - 180, 2), users * 1e6


def _site(index: int, suffix: str, sites: int) -> Site:
    code, city, country, _, lat, lon, _ = _spread(index)
    return Site(
        name=code.lower() + suffix, metro=code, city=city, country=country, lat=lat, lon=lon,
        capacity=round(7.2e7 / sites * (0.7 + 1.6 * _noise(index, 4))) if index != 3 else None,
    )  # fmt: skip


def _rtt(base: float, spread: float) -> Rtt:
    p50 = round(base, 1)
    return Rtt(
        p50=p50, p90=round(p50 + spread, 1), p95=round(p50 + spread * 1.5, 1),
        p99=round(p50 + spread * 2.4, 1), mean=round(p50 + spread * 0.4, 1),
    )  # fmt: skip


def _scenario(
    name: str, number: int, sites: tuple[Site, ...], metros: int, suffix: str, audience: Audience | None
) -> ScenarioReport:
    live = [site for site in sites if site.is_enabled and not site.is_virtual]
    rows = tuple(_metro(index, number, live) for index in range(metros))
    total = sum(row.users for row in rows)
    got = {site.name: 0.0 for site in sites}
    for row in rows:
        for entry in row.sites:
            got[entry.site] += entry.users
    results = tuple(_result(index, site, got[site.name], total, suffix) for index, site in enumerate(sites))
    countries: dict[str, list[MetroRow]] = {}
    for row in rows:
        countries.setdefault(row.country, []).append(row)
    groups = tuple(_misplaced(index, rows, live, suffix) for index in range(min(10, len(live) * 3)))
    return ScenarioReport(
        name=name,
        groups=(name,),
        prefixes=("192.0.2.0/24", "2001:db8::/48"),
        audience=audience,
        users=total,
        unreached=round(total * 0.003),
        unreached_share=0.003,
        certain=0.612,
        open=0.385,
        load=total * 0.02,
        rtt=_rtt(210 / len(live) ** 0.6 + 9, 45),
        sites=results,
        ideal=Ideal(
            users=total * 0.27, share=0.27, lost_ms=38.4, lost_mean_ms=10.4,
            rtt=_rtt(150 / len(live) ** 0.6 + 8, 30), groups=groups,
        ),
        unicast=tuple(
            Unicast(site=site.name, rtt=_rtt(110 + 80 * _noise(index, 7), 110), unreached=0.0)
            for index, site in enumerate(live)
        ),
        failures=tuple(_failure(index, site, live, got, total) for index, site in enumerate(live)),
        objectives=_objectives(live),
        residency=_residency(suffix, live),
        countries=tuple(
            _country(code, found)
            for code, found in sorted(countries.items(), key=lambda item: -sum(row.users for row in item[1]))
        ),
        metros=tuple(sorted(rows, key=lambda row: -row.users)),
    )  # fmt: skip


def _metro(index: int, number: int, live: list[Site]) -> MetroRow:
    code, city, country, continent, lat, lon, users = _spread(index)
    row = MetroRow(
        metro=code, city=city, country=country, continent=continent, lat=lat, lon=lon, users=round(users),
        unreached=round(users) if index == 45 else 0.0, rtt=Rtt(), sites=(),
    )  # fmt: skip
    if index == 45:
        return row
    near = sorted(live, key=lambda site: _km(row, site))
    if _noise(index, number, 5) < 0.12 and len(near) > 2:
        near = near[2:] + near[:2]
    first = 0.45 + 0.55 * _noise(index, number, 6) if len(near) > 1 else 1.0
    parts = (first, 1 - first) if len(near) > 1 else (1.0,)
    return replace(
        row,
        rtt=_rtt(_ms(_km(row, near[0])), 20),
        sites=tuple(
            sorted(
                (
                    SiteUsers(site=near[k].name, users=round(users * part))
                    for k, part in enumerate(parts)
                    if part
                ),
                key=lambda entry: -entry.users,
            )
        ),
    )


def _result(index: int, site: Site, users: float, total: float, suffix: str) -> SiteResult:
    share = round(users / total, 6)
    rtt = _rtt(8 + 60 * _noise(index, 8), 25 + 50 * _noise(index, 9)) if users else Rtt()
    low, high = (
        round(share * (0.35 + 0.6 * _noise(index, 10)), 6),
        round(min(1.0, share * (1.1 + _noise(index, 11))), 6),
    )
    load = users * 0.02
    return SiteResult(
        site=site.name, users=users, rtt=rtt, networks=int(users / 1e5),
        share=Share(certain=low, expected=share, possible=high, chosen=share),
        load=load, load_possible=high * total * 0.02,
        utilisation=round(load / site.capacity, 4) if site.capacity else None,
        utilisation_possible=round(high * total * 0.02 / site.capacity, 4) if site.capacity else None,
        top_networks=(
            NetworkUsers(asn=3320, name=f"Example Net{suffix}", country="DE", users=users * 0.3, rtt_ms=14.0),
            NetworkUsers(asn=64496, name="", country="", users=users * 0.1, rtt_ms=31.0),
        ) if users else (),
    )  # fmt: skip


def _misplaced(index: int, rows: tuple[MetroRow, ...], live: list[Site], suffix: str) -> Misplaced:
    row = rows[(index * 7 + 3) % len(rows)]
    near = sorted(live, key=lambda site: _km(row, site))
    far = near[min(len(near) - 1, 1 + index % 4)]
    rtt, best = _ms(_km(row, far)), _ms(_km(row, near[0]))
    return Misplaced(
        asn=3320 + index, name=f"Example Net {index}{suffix}", metro=row.metro, reached=far.name,
        nearest=near[0].name, users=round(row.users * 0.4), rtt_ms=rtt, nearest_rtt_ms=best,
        lost_ms=round(rtt - best, 1), certain=index % 3 != 0,
        reason=f"its customer route through AS{64500 + index} wins over the peer route to {near[0].name}",
    )  # fmt: skip


def _failure(index: int, site: Site, live: list[Site], got: dict[str, float], total: float) -> Failure:
    others = sorted((other for other in live if other is not site), key=lambda other: _km(site, other))
    moved = got[site.name]
    parts = [0.55, 0.25, 0.12, 0.05, 0.03] if len(others) > 4 else [1.0]
    takeovers = []
    for other, part in zip(others, parts, strict=False):
        users = got[other.name] + moved * part
        use = round(users * 0.02 / other.capacity, 4) if other.capacity else None
        takeovers.append(
            Takeover(
                site=other.name, users=users, gained=moved * part, share_of_moved=part, load=users * 0.02,
                utilisation=use, is_overloaded=use is not None and use > 1,
            )
        )  # fmt: skip
    known = [taker for taker in takeovers if taker.utilisation is not None]
    worst = max(known, key=lambda taker: taker.utilisation or 0.0, default=None)
    return Failure(
        site=site.name, moved=moved, takeovers=tuple(takeovers), rtt=_rtt(30 + 20 * _noise(index, 12), 50),
        unreached=total * 0.003, newly_unreached=moved * 0.02 if index == 2 else 0.0,
        worst_site=worst.site if worst else None, worst_utilisation=worst.utilisation if worst else None,
        overloaded=tuple(taker.site for taker in takeovers if taker.is_overloaded),
    )  # fmt: skip


def _objectives(live: list[Site]) -> tuple[Objective, ...]:
    return (
        Objective(
            name="p95_rtt", target=100.0, actual=92.4, low=None, high=None, at_most=True, state=State.KEPT,
            subject="", detail="95 % of users are answered within 92.4 ms.",
        ),
        Objective(
            name="largest_share", target=0.25, actual=0.22, low=0.12, high=0.31, at_most=True,
            state=State.MAY_BREAK, subject=live[0].name,
            detail="It has 22 % of the users; ties leave 12 % to 31 % open.",
        ),
        Objective(
            name="worst_failure_load", target=0.9, actual=1.31, low=None, high=None, at_most=True,
            state=State.BROKEN, subject=live[-1].name,
            detail="When it fails, the next site is at 131 % of its capacity.",
        ),
    )  # fmt: skip


def _residency(suffix: str, live: list[Site]) -> tuple[ResidencyResult, ...]:
    outside = (live[-1].name,)
    return (
        ResidencyResult(
            name=f"eu-data{suffix}", groups=("dns",), countries=("DE", "FR", "IT"), sites=(live[0].name,),
            users=1.2e8, certain=4.1e6,
            expected=7.7e6, possible=1.31e7, state=State.BROKEN,
            by_country=(
                Offender(asn=0, name="", country="DE", certain=4.1e6, possible=1.31e7, sites=outside),
            ),
            by_network=(
                Offender(
                    asn=3320, name=f"Example Net{suffix}", country="DE", certain=4.1e6, possible=9e6,
                    sites=outside,
                ),
            ),
        ),
    )  # fmt: skip


def _country(code: str, rows: list[MetroRow]) -> CountryRow:
    users: dict[str, float] = {}
    for row in rows:
        for entry in row.sites:
            users[entry.site] = users.get(entry.site, 0.0) + entry.users
    return CountryRow(
        country=code, users=sum(row.users for row in rows), unreached=sum(row.unreached for row in rows),
        rtt=next((row.rtt for row in rows), Rtt()),
        sites=tuple(SiteUsers(site=s, users=u) for s, u in sorted(users.items(), key=lambda item: -item[1])),
    )  # fmt: skip
