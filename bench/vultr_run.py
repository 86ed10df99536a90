"""Six Vultr sites, June 2023: the shares stated without any measurement, beside those measured.

    bench/accuracy vultr --data DIR [--graph FILE] [--cache DIR]

PEERING's prefix was announced through AS20473 at six of its places, and then again with one more ASN at two
of them; 15,300 addresses were asked. DIR holds the neighbours of the places (`vultr-pop-asn-type-*.csv.gz`).
"""

from __future__ import annotations

import argparse
import csv
import gzip
import sys
import tempfile
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from anyplane import design as designs
from anyplane.calibration.chance import Terrain
from anyplane.datasets.load import load
from anyplane.design.design import Design
from anyplane.model.observations import Announced
from anyplane.planning.calibrating import announced_as
from anyplane.planning.compile import Scenario
from anyplane.planning.compile import compile as compile_design
from anyplane.planning.forecasting import chances
from anyplane.routing import expected, propagate
from anyplane.topology import Topology

GRAPH = "20250901.as-rel2.txt.bz2"
PLACES = {
    "seattle": "SEA",
    "amsterdam": "AMS",
    "tokyo": "NRT",
    "miami": "MIA",
    "delhi": "DEL",
    "saopaulo": "GRU",
}
MEASURED = (
    ((), (10, 19, 8, 18, 23, 19)),
    ((("delhi", 1), ("saopaulo", 1)), (12, 22, 9, 24, 19, 11)),
)
"""What was prepended, and the percentage of addresses that each place answered, in the order of PLACES."""
KINDS = {"provider": "transit", "peer": "peer", "route_server_peer": "peer"}


def main(arguments: list[str] | None = None) -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder with the places' neighbours")
    parser.add_argument("--graph", type=Path, help="AS relationships (default: beside the data)")
    parser.add_argument("--cache", type=Path, help="keep the placed graph here")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        registries = asked.data.parent / "as-info"
        topology = load(
            asked.graph or asked.data.parent / "as-rel" / GRAPH,
            cache=asked.cache or Path(scratch),
            as_org=tuple(registries.glob("20200701.as-org2info.txt.gz")),
            as_names=tuple(registries.glob("ripe_asnames_asn.20180706.txt.xz")),
        )
        (listing,) = asked.data.glob("vultr-pop-asn-type-*.csv.gz")
        parsed = designs.parse(design_text(listing, topology), file="vultr.yaml")
        (scenario,) = compile_design(parsed, topology)
        _print(parsed, scenario, Terrain(topology))
    return 0


def design_text(listing: Path, topology: Topology) -> str:
    """The six places as a design; a neighbour that is several things there counts as the best paid."""
    sessions: dict[str, dict[int, str]] = {place: {} for place in PLACES}
    with gzip.open(listing, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            kind, asn = KINDS.get(row["type"]), int(row["asn"])
            own = sessions.get(row["pop"])
            if own is not None and kind and topology.index_of(asn) >= 0 and own.get(asn) != "transit":
                own[asn] = kind
    lines = ["version: 1", "service: {name: vultr, origin: 20473, prefixes: [184.164.243.0/24]}", "sites:"]
    for place, own in sessions.items():
        upstreams = ", ".join(f"{{asn: {asn}, kind: {kind}}}" for asn, kind in own.items())
        lines.append(f"  {place}: {{metro: {PLACES[place]}, upstreams: [{upstreams}]}}")
    return "\n".join(lines) + "\n"


def _print(parsed: Design, scenario: Scenario, terrain: Terrain) -> None:
    table = Table(title="Share of networks by site (percent); no measurement used")
    for name in ("announced", "", *PLACES, "total variation"):
        table.add_column(name, justify="left" if name in ("announced", "") else "right")
    for prepends, measured in MEASURED:
        announced = Announced(sites=tuple(PLACES), prepends=prepends)
        told = announced_as(scenario, announced, terrain.topology)
        rows = {
            "this model": chances(parsed, told, terrain).probability,
            "rules, ties evenly": expected(propagate(terrain.topology, told.seeds)),
        }
        truth = np.array(measured) / sum(measured)
        table.add_section()
        table.add_row(
            "prepended at " + " and ".join(place for place, _ in prepends) if prepends else "plainly",
            "measured", *(f"{100 * share:.0f}" for share in truth), "",
        )  # fmt: skip
        for name, probability in rows.items():
            by_network = terrain.of_networks(probability)
            share = by_network.sum(axis=0) / by_network.sum()
            away = np.abs(share - truth).sum() / 2
            table.add_row("", name, *(f"{100 * part:.0f}" for part in share), f"{away:.3f}")
    Console(width=130).print(table)


if __name__ == "__main__":
    sys.exit(main())
