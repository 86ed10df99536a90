"""The PEERING experiments for the accuracy bench: a design, what may be learned, what is the truth."""

from __future__ import annotations

import gzip
import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anyplane.datasets.load import load
from anyplane.measure.observations.peering import Kind, experiments, read_experiment
from anyplane.model.observations import Method, Observations
from anyplane.planning.calibrating import answers_of
from anyplane.topology import Topology

ORIGIN = 47065
GRAPH = "20191201.as-rel2.txt.bz2"
PLACES = {
    "amsterdam01": "AMS",
    "clemson01": "GSP",
    "cornell01": "ITH",
    "gatech01": "ATL",
    "grnet01": "ATH",
    "isi01": "LAX",
    "neu01": "BOS",
    "phoenix01": "PHX",
    "sbu01": "ISP",
    "saopaulo01": "GRU",
    "seattle01": "SEA",
    "ufmg01": "CNF",
    "ufms01": "CGR",
    "utah01": "SLC",
    "uw01": "SEA",
    "wisc01": "MSN",
}
"""Where each site of the testbed stands (its name says so), as the airport."""
TO_LEARN_FROM = (Kind.PING, Kind.ATLAS, Kind.COLLECTORS, Kind.SINGLE_SITE_PATHS, Kind.BOTH_SITE_PATHS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """Which of an experiment's two sites answered each network (index); split networks are left out."""

    sites: tuple[str, str]
    network: np.ndarray
    site: np.ndarray
    unknown: int
    """Networks that the graph lacks."""


def topology_of(data: Path, graph: Path | None, cache: Path) -> Topology:
    """The graph of the experiments' epoch, placed by the registries beside it."""
    registries = data.parent / "as-info"
    files = {
        "as_org": tuple(registries.glob("20200701.as-org2info.txt.gz")),
        "as_names": tuple(registries.glob("ripe_asnames_asn.20180706.txt.xz")),
    }
    return load(graph or data.parent / "as-rel" / GRAPH, cache=cache, **files)


def design_text(data: Path, topology: Topology, sites: Collection[str]) -> str:
    """The testbed as a design: every IPv4 session of its sites, as the testbed itself lists them."""
    (listing, *_) = sorted(data.glob("peers_of_sites_*.json*"))
    packed = listing.read_bytes()
    rows = json.loads(gzip.decompress(packed) if listing.suffix == ".gz" else packed)
    sessions: dict[str, dict[int, str]] = {site: {} for site in sorted(sites)}
    for row in rows:
        site, asn = row["BGP Mux"], int(row["Peer ASN"])
        is_wanted = row["IP version"] == "IPv4" and row["Route Server"] != "True" and site in sessions
        if is_wanted and topology.index_of(asn) >= 0:
            sessions[site][asn] = "transit" if row["Transit"] == "True" else "peer"
    lines = ["version: 1", "service:", "  name: peering", f"  origin: {ORIGIN}"]
    lines += ["  prefixes: [184.164.243.0/24]", "sites:"]
    for site, own in sessions.items():
        upstreams = ", ".join(f"{{asn: {asn}, kind: {kind}}}" for asn, kind in own.items())
        lines.append(f"  {site}: {{metro: {PLACES[site]}, upstreams: [{upstreams}]}}")
    return "\n".join(lines) + "\n"


def sites_of(*roots: Path) -> tuple[str, ...]:
    """The sites that any experiment of these folders uses."""
    names = {
        name for root in roots for folder in experiments(root).values() for name in folder.name.split("_")[1:]
    }
    return tuple(sorted(names))


def to_learn(scored: int, data: Path, train: Path) -> Observations:
    """Everything but the scored experiment: of its own folder only the paths to one site alone are opened.

    Another experiment with the same two sites would be the same question; its answers are left out too.
    """
    own = experiments(data)[scored]
    sites = set(own.name.split("_")[1:])
    parts = [read_experiment(own, (Kind.SINGLE_SITE_PATHS,))]
    for folder in experiments(train).values():
        is_same = set(folder.name.split("_")[1:]) == sites
        parts.append(read_experiment(folder, (Kind.SINGLE_SITE_PATHS,) if is_same else TO_LEARN_FROM))
    return Observations.merge(*parts)


def truth(scored: int, data: Path, topology: Topology) -> Truth:
    """What the pings of an experiment say."""
    folder = experiments(data)[scored]
    first, second = folder.name.split("_")[1:]
    seen = read_experiment(folder, (Kind.PING,))
    (announced,) = {item for item in seen.announced if len(item.sites) == 2}
    methods = tuple(Method)
    answers = answers_of(seen, seen.method == methods.index(Method.PING), announced, topology)
    assert answers is not None
    sure = answers.weight > 0.99
    order = {announced.sites.index(name): k for k, name in enumerate((first, second))}
    return Truth(
        sites=(first, second),
        network=answers.network[sure],
        site=np.array([order[int(site)] for site in answers.site[sure]]),
        unknown=len(set(seen.asn.tolist()) - set(topology.asn.tolist())),
    )
