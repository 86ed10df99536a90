"""assemble: public data files -> Topology, with a record of what went into it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anyplane.datasets import manifest
from anyplane.datasets.as_country import Registry, merge, read_registry
from anyplane.datasets.as_rel import AsRel, read_as_rel
from anyplane.datasets.asn_table import read_users
from anyplane.datasets.compressed import sha256_of
from anyplane.datasets.metro_match import MetroIndex
from anyplane.datasets.peeringdb import PeeringDb, json_files, read_peeringdb
from anyplane.datasets.rov_lists import read_rov_list
from anyplane.datasets.world import countries, known_ixps, known_networks, metros
from anyplane.topology import Metros, Topology, build
from anyplane.topology.known import NetworkKind
from anyplane.topology.placement import place
from anyplane.topology.users import estimate_users

Ixp = tuple[str, int, int, tuple[int, ...]]
"""Name, ASN of the route server or 0, metro, members: as `build` wants them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The files that a topology of the real Internet is made of; only the graph is required.

    as_org and as_names are read by the same reader; of two that know a country, the earlier file wins, those
    of as_org first. PeeringDB gives metros, exchanges and names; users and rov speak of single networks.
    """

    as_rel: Path
    as_org: tuple[Path, ...] = ()
    as_names: tuple[Path, ...] = ()
    peeringdb: tuple[Path, ...] = ()
    users: Path | None = None
    rov: Path | None = None

    def files(self) -> Iterator[tuple[str, Path]]:
        """(role, file), in an order that does not depend on the caller."""
        yield "as-rel", self.as_rel
        yield from (("as-org", path) for path in self.as_org)
        yield from (("as-names", path) for path in self.as_names)
        yield from (("peeringdb", file) for path in self.peeringdb for file in json_files(path))
        yield from (("users", path) for path in (self.users,) if path is not None)
        yield from (("rov", path) for path in (self.rov,) if path is not None)


def digests(inputs: Inputs) -> tuple[tuple[str, Path, str], ...]:
    """(role, file, SHA-256) of every input; one that differs from its download's manifest is a DataError."""
    found = tuple((role, path, sha256_of(path)) for role, path in inputs.files())
    for _, path, digest in found:
        manifest.check(path, digest)
    return found


def assemble(
    inputs: Inputs, *, step: Callable[[str], None] | None = None
) -> tuple[Topology, dict[str, object]]:
    """The topology and its provenance; `step` hears what is being done."""
    say = step or (lambda _: None)
    say("checking the files")
    digested = digests(inputs)
    say("reading the AS relationships")
    graph = read_as_rel(inputs.as_rel)
    say("reading names, countries and cities")
    registry = merge(read_registry(path) for path in (*inputs.as_org, *inputs.as_names))
    peeringdb = read_peeringdb(inputs.peeringdb) if inputs.peeringdb else None
    given_users = read_users(inputs.users) if inputs.users else {}
    rov = read_rov_list(inputs.rov).asns if inputs.rov else frozenset()

    world = metros()
    asn = graph.asns
    home = {network.asn: network.country for network in known_networks() if network.country}
    country = np.array([registry.country.get(n) or home.get(n, "") for n in asn.tolist()], dtype="U2")
    say("placing networks in metros")
    presence = place(
        asn,
        country,
        world,
        known=_known_metros(world, peeringdb),
        providers_customers=graph.providers_customers,
        peers=graph.peers,
        countries=countries(),
    )
    say("estimating users")
    # Zero counts too: a carrier or a content network is known to serve no people.
    table = {int(network.asn): network.users for network in known_networks()}
    users = estimate_users(
        presence,
        world,
        countries=countries(),
        providers_customers=graph.providers_customers,
        known={**table, **given_users},
        home=(asn, country),
    )
    say("building the topology")
    ixps = _of_peeringdb(asn, world, peeringdb) if peeringdb else ()
    is_measured = bool(ixps)
    if not ixps:
        ixps = _of_table(graph, world, presence)
    topology = build(
        asn=asn,
        providers_customers=graph.providers_customers,
        peers=graph.peers,
        presence=presence,
        metros=world,
        users=users,
        country=country,
        rov=np.isin(asn, np.array(sorted(rov), dtype=np.uint32)),
        ixps=ixps,
        names=_names(asn, registry, peeringdb),
        origin=_origin(inputs),
    )
    facts = {
        "self_links": graph.self_links,
        "duplicates": graph.duplicates,
        "contradictions": graph.contradictions,
        "users_given": int(np.isin(asn, np.array(sorted(given_users), dtype=np.uint32)).sum()),
        "exchanges": "PeeringDB" if is_measured else "well-known exchanges, members estimated",
    }
    provenance: dict[str, object] = {
        "inputs": [_described(role, path, digest) for role, path, digest in digested],
        "facts": facts,
        "clique": list(graph.clique),
    }
    return topology, provenance


def _described(role: str, path: Path, digest: str) -> dict[str, object]:
    entry = manifest.check(path, digest)
    said = {} if entry is None else {"url": entry.url, "fetched": entry.fetched, "licence": entry.licence}
    return {"role": role, "file": path.name, "sha256": digest, "size": path.stat().st_size, **said}


def _origin(inputs: Inputs) -> str:
    extras = [path.name for role, path in inputs.files() if role not in {"as-rel", "peeringdb"}]
    if inputs.peeringdb:
        extras.append("PeeringDB")
    return inputs.as_rel.name + (f" with {', '.join(extras)}" if extras else "")


def _known_metros(world: Metros, peeringdb: PeeringDb | None) -> dict[int, Sequence[int]]:
    """Metros of the networks that somebody knows: the table of well-known ones and PeeringDB together."""
    index = {code: metro for metro, code in enumerate(world.code)}
    present: defaultdict[int, set[int]] = defaultdict(set)
    for network in known_networks():
        present[network.asn].update(index[code] for code in network.metros)
    if peeringdb is not None:
        match = MetroIndex(world, known=(location for _, location in peeringdb.presence))
        for asn, location in peeringdb.presence:
            metro = match.metro_of(location)
            if metro >= 0:
                present[asn].add(metro)
    return {asn: sorted(found) for asn, found in present.items()}


def _of_peeringdb(asn: NDArray[np.uint32], world: Metros, peeringdb: PeeringDb) -> tuple[Ixp, ...]:
    """The exchanges where networks of the graph peer with a route server; names are made distinct."""
    match = MetroIndex(world, known=(location for _, location in peeringdb.presence))
    inside = set(asn.tolist())
    found: list[Ixp] = []
    for exchange in peeringdb.exchanges:
        metro = match.metro_of(exchange.location)
        members = tuple(member for member in exchange.route_server_peers if member in inside)
        if metro >= 0 and members:
            found.append((exchange.name, exchange.route_server, metro, members))
    return tuple(found)


def _of_table(
    graph: AsRel, world: Metros, presence: tuple[NDArray[np.int64], NDArray[np.int32]]
) -> tuple[Ixp, ...]:
    """The well-known exchanges with members guessed: of the networks in that metro, those with most peers.

    As many as the exchange is known to have. Transit-free networks stay out: they do not use route servers.
    """
    index = {code: metro for metro, code in enumerate(world.code)}
    peering, degree = np.unique(graph.peers, return_counts=True)
    kept_out = {*graph.clique, *(int(n.asn) for n in known_networks() if n.kind is NetworkKind.TIER1)}
    found: list[Ixp] = []
    for exchange in known_ixps():
        here = np.unique(presence[0][presence[1] == index[exchange.metro]])
        here = here[np.isin(here, peering) & ~np.isin(here, np.array(sorted(kept_out), dtype=np.int64))]
        order = np.argsort(-degree[np.searchsorted(peering, here)], kind="stable")
        members = np.sort(here[order[: exchange.members]])
        found.append((exchange.name, int(exchange.asn), index[exchange.metro], tuple(members.tolist())))
    return tuple(found)


def _names(asn: NDArray[np.uint32], registry: Registry, peeringdb: PeeringDb | None) -> tuple[str, ...]:
    """The well-known name, else PeeringDB's, else the registry's."""
    known: Mapping[int, str] = {int(network.asn): network.name for network in known_networks()}
    listed: Mapping[int, str] = peeringdb.name if peeringdb is not None else {}
    return tuple(known.get(n) or listed.get(n) or registry.name.get(n, "") for n in asn.tolist())
