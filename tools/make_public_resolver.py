"""Write examples/public-resolver.yaml: 300 sites in 300 metros, upstreams among those that are there.

    python tools/make_public_resolver.py > examples/public-resolver.yaml

The metros, networks and exchanges are those of the package's own tables, so the file changes only with them.
"""

from __future__ import annotations

import csv
import math
from collections import Counter
from pathlib import Path

TABLES = Path(__file__).parent.parent / "src" / "anyplane" / "datasets" / "tables"
SITES = 300
MOST_PER_COUNTRY = {"US": 44, "CN": 4, "RU": 4}
MOST_ELSEWHERE = 20
TRANSIT_KINDS = ("tier1", "transit")
SELLERS = (*TRANSIT_KINDS, "regional", "eyeball")
NEAR = 2  # hundreds of kilometres
SOLD_BY = {"17974": "7713"}
"""Telkomnet sells through its parent's AS: it is not in the AS graphs of today."""
HEAD = """\
# A public DNS resolver: {count} sites in {count} metros. Made by tools/make_public_resolver.py.
#
# Each site buys from two or three networks that are present in its metro or next to it, and joins the route
# server of the exchange there, if there is one. One line holds one site.
version: 1
service:
  name: public-resolver
  origin: 64501
  prefixes: [198.51.100.0/24, 2001:db8:53::/48]
  load: 0.01 qps per user

sites:
"""
TAIL = """
# What the default synthetic Internet keeps with a little room.
objectives:
  p50_rtt: 25 ms
  p95_rtt: 160 ms
  largest_share: 15 %

check:
  silence:
    AP002: an example must use documentation prefixes
    AP003: an example must use a documentation ASN
"""


def main() -> None:
    """Print the design."""
    countries = {row["code"]: float(row["online"]) for row in rows("countries")}
    metros = sorted(
        rows("metros"), key=lambda row: -float(row["population"]) * countries.get(row["country"], 0.5)
    )
    networks = [row for row in rows("networks") if row["kind"] in SELLERS]
    places = {row["code"]: row for row in metros}
    servers: dict[str, str] = {}
    for row in rows("ixps"):
        if row["asn"] != "0":
            servers.setdefault(row["metro"], row["asn"])
    print(HEAD.format(count=SITES), end="")
    for metro in sorted(chosen(metros, networks), key=lambda row: row["code"]):
        near = sorted(networks, key=lambda row: rank(row, metro, places))
        near = [row for row in near if sells(row, metro, places)]
        count = 3 if float(metro["population"]) > 8e6 else 2
        sellers = dict.fromkeys(SOLD_BY.get(row["asn"], row["asn"]) for row in near)
        sessions = [f"{{asn: {asn}}}" for asn in list(sellers)[:count]]
        if metro["code"] in servers:
            sessions.append(f"{{asn: {servers[metro['code']]}, kind: route_server}}")
        capacity = max(20, 10 * round(float(metro["population"]) / 2e5))
        code, listed = metro["code"], ", ".join(sessions)
        print(f"  {code.lower()}: {{metro: {code}, capacity: {capacity} kqps, upstreams: [{listed}]}}")
    print(TAIL, end="")


def chosen(metros: list[dict[str, str]], networks: list[dict[str, str]]) -> list[dict[str, str]]:
    """The metros with the most users and two networks to buy from, so many of each country at most."""
    places = {row["code"]: row for row in metros}
    taken: Counter[str] = Counter()
    result: list[dict[str, str]] = []
    for metro in metros:
        country = metro["country"]
        sellers = sum(sells(network, metro, places) for network in networks)
        if sellers >= 2 and taken[country] < MOST_PER_COUNTRY.get(country, MOST_ELSEWHERE):
            taken[country] += 1
            result.append(metro)
    return result[:SITES]


def sells(network: dict[str, str], metro: dict[str, str], places: dict[str, dict[str, str]]) -> bool:
    """Is it near, and an international network or one of the country?"""
    is_fit = network["kind"] in TRANSIT_KINDS or network["country"] == metro["country"]
    return is_fit and distance(network, metro, places) <= NEAR


def rank(
    network: dict[str, str], metro: dict[str, str], places: dict[str, dict[str, str]]
) -> tuple[int, bool, int]:
    """Networks in the metro first, international ones before national ones, in a fixed shuffle."""
    apart = distance(network, metro, places)
    return (apart, network["kind"] not in TRANSIT_KINDS, spread(network, metro))


def distance(network: dict[str, str], metro: dict[str, str], places: dict[str, dict[str, str]]) -> int:
    """Hundreds of kilometres from the metro to the network's nearest; 0 where it is there."""
    there = [places[code] for code in network["metros"].split() if code in places]
    return min((int(km(one, metro) / 100) for one in there), default=999)


def km(one: dict[str, str], other: dict[str, str]) -> float:
    """Great-circle distance."""
    degrees = (float(row[key]) for row in (one, other) for key in ("lat", "lon"))
    lat, lon, far_lat, far_lon = map(math.radians, degrees)
    cosine = math.sin(lat) * math.sin(far_lat) + math.cos(lat) * math.cos(far_lat) * math.cos(lon - far_lon)
    return 6371 * math.acos(max(-1.0, min(1.0, cosine)))


def spread(network: dict[str, str], metro: dict[str, str]) -> int:
    """A fixed shuffle, so that not every site buys from the lowest ASN."""
    return (int(network["asn"]) * 7919 + sum(map(ord, metro["code"])) * 104_729) % 1009


def rows(table: str) -> list[dict[str, str]]:
    """One table of the package."""
    with (TABLES / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


if __name__ == "__main__":
    main()
