"""Graph and SeedArrays: topology and seeds in the flat form that the kernels read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anyplane.model.nouns import RouteClass
from anyplane.routing.seeds import Seed, Seeds
from anyplane.routing.state import OFF, Lengths, admit
from anyplane.topology import Topology


class Graph(NamedTuple):
    """The arrays of Topology that routing reads, under their names there."""

    asn: NDArray[np.uint32]
    pop_start: NDArray[np.uint32]
    pop_metro: NDArray[np.uint32]
    pop_network: NDArray[np.uint32]
    adj_start: NDArray[np.uint32]
    adj_peers: NDArray[np.uint32]
    adj_customers: NDArray[np.uint32]
    adj: NDArray[np.uint32]
    ic_start: NDArray[np.uint32]
    ic_own: NDArray[np.uint32]
    ic_far: NDArray[np.uint32]
    rov: NDArray[np.bool_]
    km: NDArray[np.float32]

    @staticmethod
    def of(topology: Topology) -> Graph:
        """The arrays of this topology, not copied.

        Indices are seen as unsigned, because a kernel checks a signed one for being negative each time.
        """
        arrays = {name: getattr(topology, name) for name in Graph._fields if name != "km"}
        unsigned = {
            name: array.view(np.uint32) if array.dtype == np.int32 else array
            for name, array in arrays.items()
        }
        return Graph(**unsigned, km=topology.metros.km)


class SeedTable(NamedTuple):
    """Seeds as columns, K rows, and their filters in CSR form (F rules).

    networks of rule f: rule_networks[rule_networks_start[f]:rule_networks_start[f + 1]], sorted; none listed
    and rule_any_network: every network. rule_metros: (F, M). rule_classes: bit RouteClass of the neighbour's
    view. silent: networks that take no part. has_invalid: is any seed invalid?
    """

    pop: NDArray[np.int32]
    network: NDArray[np.int32]
    site: NDArray[np.uint16]
    route_class: NDArray[np.uint8]
    km: NDArray[np.float32]
    asn: NDArray[np.uint32]
    is_invalid: NDArray[np.bool_]
    rule_start: NDArray[np.int32]
    rule_blocks: NDArray[np.bool_]
    rule_times: NDArray[np.int32]
    rule_any_network: NDArray[np.bool_]
    rule_networks_start: NDArray[np.int32]
    rule_networks: NDArray[np.int32]
    rule_metros: NDArray[np.bool_]
    rule_classes: NDArray[np.uint8]
    silent: NDArray[np.int32]
    has_invalid: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedArrays:
    """The SeedTable, and what turns a row of a batch into the row that the kernel may use.

    dropped: seeds that their network refuses (ROV). compared: the seeds whose MED matters, because another
    one of the same group has another MED; group: the number of the group of each of these.
    """

    table: SeedTable
    dropped: NDArray[np.bool_]
    compared: NDArray[np.int64]
    group: NDArray[np.int64]
    med: NDArray[np.int64]

    @staticmethod
    def of(topology: Topology, seeds: Seeds) -> SeedArrays:
        """The columns of these seeds."""
        rows = seeds.seeds
        if seeds.sites > OFF - 1:
            raise ValueError(f"{seeds.sites} sites do not fit in 16 bits")
        pop = np.array([s.pop for s in rows], np.int32)
        network = topology.pop_network[pop] if len(rows) else np.empty(0, np.int32)
        unlimited = np.zeros(len(rows), np.uint16)
        admitted, silent = admit(topology, seeds, unlimited)
        rules = [rule for s in rows for rule in s.filters]
        metros = np.ones((len(rules), len(topology.metros.code)), bool)
        for f, rule in enumerate(rules):
            if rule.metros is not None:
                metros[f] = False
                metros[f, sorted(rule.metros)] = True
        listed = [sorted(rule.networks or ()) for rule in rules]
        table = SeedTable(
            pop=pop,
            network=network.astype(np.int32),
            site=np.array([s.site for s in rows], np.uint16),
            route_class=np.array([s.route_class for s in rows], np.uint8),
            km=np.array([s.km for s in rows], np.float32),
            asn=np.array([s.asn for s in rows], np.uint32),
            is_invalid=np.array([s.is_invalid for s in rows], bool),
            rule_start=_starts([len(s.filters) for s in rows]),
            rule_blocks=np.array([rule.blocks for rule in rules], bool),
            rule_times=np.array([rule.times for rule in rules], np.int32),
            rule_any_network=np.array([rule.networks is None for rule in rules], bool),
            rule_networks_start=_starts([len(networks) for networks in listed]),
            rule_networks=np.array([n for networks in listed for n in networks], np.int32),
            rule_metros=metros,
            rule_classes=np.array([_class_bits(rule.classes) for rule in rules], np.uint8),
            silent=np.flatnonzero(silent).astype(np.int32),
            has_invalid=any(s.is_invalid for s in rows),
        )
        compared, group = _med_groups(table, rows)
        return SeedArrays(
            table=table,
            dropped=admitted == OFF,
            compared=compared,
            group=group,
            med=np.array([rows[k].med for k in compared], np.int64),
        )

    def admitted(self, lengths: Lengths) -> Lengths:
        """The row with refused seeds off, and those off that lose by MED among equally long ones.

        MED is compared among routes of one neighbour only (RFC 4271 9.1.2.2 c), here: same network, class
        and origin ASN; a shorter path comes first, so equally long seeds are compared with one another.
        """
        row = lengths.copy()
        row[self.dropped] = OFF
        if len(self.compared):
            rivals = self.group << 16 | row[self.compared]
            order = np.lexsort((self.med, rivals))
            first = np.searchsorted(rivals[order], rivals)  # of each seed's rivals, the one of lowest MED
            row[self.compared[self.med > self.med[order][first]]] = OFF
        return row


def _med_groups(table: SeedTable, seeds: tuple[Seed, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    groups: dict[tuple[int, int, int], list[int]] = {}
    for k in range(len(table.pop)):
        key = (int(table.network[k]), int(table.route_class[k]), int(table.asn[k]))
        groups.setdefault(key, []).append(k)
    unequal = [group for group in groups.values() if len({seeds[k].med for k in group}) > 1]
    return (
        np.array([k for group in unequal for k in group], np.int64),
        np.repeat(np.arange(len(unequal)), [len(group) for group in unequal]),
    )


def _starts(counts: list[int]) -> NDArray[np.int32]:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)


def _class_bits(classes: frozenset[RouteClass] | None) -> int:
    return 0xFF if classes is None else sum(1 << int(c) for c in classes)
