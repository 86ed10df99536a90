"""A directory with BGPy's answer: announcements, validating networks and the RIB of every network."""

from __future__ import annotations

import ast
import csv
import lzma
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from worlds import metros

from anyplane.datasets.announcements import read_announcements
from anyplane.datasets.as_rel import read_as_rel
from anyplane.datasets.asn_table import read_rov
from anyplane.model.nouns import RouteClass
from anyplane.routing import Routes, Seed, Seeds, propagate
from anyplane.routing.ribs import HEADER, main_pops, rib_rows
from anyplane.topology import Topology, build

FIXTURES = Path(__file__).parent / "fixtures" / "bgpy"
SMALL_GRAPH = FIXTURES / "small.as-rel2.txt"
SMALL_CASES = ("anycast", "chain", "clique", "hijack", "prefixes", "prepends")


@cache
def graph(path: Path) -> Topology:
    """The AS relationships of a file with every network in one metro."""
    relations = read_as_rel(path)
    return build(
        asn=relations.asns,
        providers_customers=relations.providers_customers,
        peers=relations.peers,
        presence=(relations.asns, np.zeros(len(relations.asns), np.int64)),
        metros=metros(np.zeros((1, 1))),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One topology, the seeds of each prefix, and BGPy's text."""

    topology: Topology
    seeds: dict[str, Seeds]
    expected: bytes

    def routes(self) -> dict[str, Routes]:
        """Our answer, by prefix."""
        return {prefix: propagate(self.topology, seeds) for prefix, seeds in self.seeds.items()}

    def paths(self) -> dict[str, dict[int, tuple[int, ...]]]:
        """BGPy's answer: prefix -> ASN -> path."""
        found: dict[str, dict[int, tuple[int, ...]]] = {prefix: {} for prefix in self.seeds}
        rows = csv.DictReader(self.expected.decode().splitlines())
        for row in rows:
            found[row["prefix"]][int(row["asn"])] = ast.literal_eval(row["as_path"])
        return found


def read(directory: Path, topology: Topology) -> Case:
    """The case of this directory, on this graph."""
    rov = directory / "rov_asns.csv"
    if rov.exists():
        topology = replace(topology, rov=np.isin(topology.asn, sorted(read_rov(rov))))
    by_prefix: dict[str, list[Seed]] = {}
    for row in read_announcements(directory / "anns.csv"):
        seeds = by_prefix.setdefault(row.prefix, [])
        seeds.append(
            Seed(
                pop=topology.index_of(row.seed_asn),
                site=len(seeds),
                route_class=RouteClass.ORIGIN,
                length=row.prepend,
                asn=row.seed_asn,
                is_invalid=row.rov_invalid,
            )
        )
    packed = directory / "ribs.csv.xz"
    text = lzma.decompress(packed.read_bytes()) if packed.exists() else (directory / "ribs.csv").read_bytes()
    return Case(
        topology=topology,
        seeds={prefix: Seeds.of(seeds, sites=len(seeds)) for prefix, seeds in by_prefix.items()},
        expected=text,
    )


def ribs(case: Case) -> bytes:
    """Our answer as one text, in the format of BGPy's."""
    pops = main_pops(case.topology)
    rows = (rib_rows(routes, prefix, pops=pops) for prefix, routes in case.routes().items())
    return HEADER + b"".join(rows)
