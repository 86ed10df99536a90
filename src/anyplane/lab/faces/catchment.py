"""catchment: which site answered each client of the lab, beside the plan, and as the planner's own type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anyplane.lab.blueprint import Blueprint, Node
from anyplane.lab.world.prediction import Prediction

if TYPE_CHECKING:
    from anyplane.planning.catchment import Catchment
    from anyplane.topology import Topology

NO_SITE = ""
SAME_RTT_MS, SAME_RTT_PART = 1.0, 0.02
"""How far the lab may be from the plan, the larger of the two: relay and server take their time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a client was answered to id.server: the site ("" where nobody answered), and after how long."""

    site: str
    rtt_ms: float | None = None
    error: str = ""
    """Why there is no answer, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the plan says of a client: the site ("" where it has no route), how it gets there, how long."""

    site: str
    rtt_ms: float | None = None
    as_path: tuple[int, ...] = ()
    metros: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One client: the plan's word and the lab's."""

    node: Node
    planned: Expected
    answer: Answer

    @property
    def is_same(self) -> bool:
        """Did the site answer that the plan names?"""
        return self.planned.site == self.answer.site

    @property
    def is_slow(self) -> bool:
        """Did it take longer, or shorter, than planned by more than 1 ms and 2 %?"""
        planned, found = self.planned.rtt_ms, self.answer.rtt_ms
        if planned is None or found is None or not self.is_same:
            return False
        return abs(found - planned) > max(SAME_RTT_MS, SAME_RTT_PART * planned)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All clients of a lab for one prefix, those with the most users first."""

    lab: str
    prefix: str
    address: str
    """The service address that was asked."""
    has_delays: bool
    rows: tuple[Row, ...]

    @property
    def differing(self) -> tuple[Row, ...]:
        """Those answered by another site than planned, or by none."""
        return tuple(row for row in self.rows if not row.is_same)

    @property
    def users(self) -> float:
        """All of them."""
        return sum(row.node.users for row in self.rows)

    @property
    def users_differing(self) -> float:
        """Of the clients that differ."""
        return sum(row.node.users for row in self.differing)


def expected(prediction: Prediction, prefix: str, blueprint: Blueprint) -> dict[str, Expected]:
    """What the prediction says of each router for this prefix, by the name of the node."""
    found: dict[str, Expected] = {}
    known = prediction.by_prefix.get(prefix)
    for route in known.routes if known is not None else ():
        metros = [hop.metro for hop in route.hops]
        if route.site in blueprint.site_nodes:
            metros.append(blueprint.site_nodes[route.site].location.metro)
        found[route.node] = Expected(
            site=route.site,
            rtt_ms=route.rtt_ms,
            as_path=(int(blueprint.by_name[route.node].asn), *route.as_path) if route.site else (),
            metros=tuple(code for at, code in enumerate(metros) if at == 0 or code != metros[at - 1]),
        )
    return found


def compared(
    blueprint: Blueprint,
    *,
    prefix: str,
    address: str,
    planned: Mapping[str, Expected],
    answers: Mapping[str, Answer],
) -> Comparison:
    """Plan and lab by client; both by the name of the node, and who is missing in one has no site there."""
    rows = [
        Row(
            node=node,
            planned=planned.get(node.name, Expected(site=NO_SITE)),
            answer=answers.get(node.name, Answer(site=NO_SITE, error="was not asked")),
        )
        for node in blueprint.clients
    ]
    rows.sort(key=lambda row: (-row.node.users, row.node.location.metro, row.node.asn))
    return Comparison(
        lab=blueprint.name, prefix=prefix, address=address, has_delays=blueprint.has_delays, rows=tuple(rows)
    )


def measured(
    topology: Topology, sites: Sequence[str], blueprint: Blueprint, answers: Mapping[str, Answer]
) -> Catchment:
    """The answers as a Catchment of the topology that the lab was made from; sites in the design's order.

    A measurement is certain, so the only possible site is the one that answered. What no client was asked
    for, or nobody answered, has no site. A measurement knows no kilometres: they are infinite.
    """
    import numpy as np

    from anyplane.planning.catchment import Catchment, Clients, mask_of

    clients = Clients.of(topology)
    index = {name: number for number, name in enumerate(sites)}
    by_place = {(int(node.asn), node.location.metro.upper()): node.name for node in blueprint.clients}
    site = np.full(len(clients.pop), -1, np.int64)
    rtt = np.full(len(clients.pop), np.inf)
    words = max(1, -(-len(sites) // 64))
    possible = np.zeros((len(clients.pop), words), np.uint64)
    for row, (network, metro) in enumerate(zip(clients.network, clients.metro, strict=True)):
        place = (int(topology.asn[network]), topology.metros.code[int(metro)])
        answer = answers.get(by_place.get(place, ""))
        if answer is None or answer.site not in index:
            continue
        site[row] = index[answer.site]
        rtt[row] = np.inf if answer.rtt_ms is None else answer.rtt_ms
        possible[row] = mask_of([index[answer.site]], words)
    return Catchment(
        clients=clients,
        site=site,
        km=np.full(len(clients.pop), np.inf, np.float32),
        rtt=rtt,
        possible=possible,
        choices=(site >= 0).astype(np.int64),
        sites=len(sites),
        real_sites=len(sites),
    )


def as_plain(found: Comparison) -> dict[str, object]:
    """For `--json`."""
    return {
        "lab": found.lab,
        "prefix": found.prefix,
        "address": found.address,
        "has_delays": found.has_delays,
        "users": round(found.users),
        "users_differing": round(found.users_differing),
        "differing": len(found.differing),
        "clients": [
            {
                "node": row.node.name,
                "asn": int(row.node.asn),
                "metro": row.node.location.metro,
                "users": round(row.node.users),
                "planned": row.planned.site or None,
                "planned_rtt_ms": _rounded(row.planned.rtt_ms),
                "answered": row.answer.site or None,
                "rtt_ms": _rounded(row.answer.rtt_ms),
                "error": row.answer.error or None,
                "is_same": row.is_same,
            }
            for row in found.rows
        ],
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
