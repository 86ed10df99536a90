"""The definition of convergence: BGP in time, in plain Python. The kernels must send the same messages.

Theory of operation. Every network remembers the last path that each neighbour sent, decides by rules 1 to 5
of `routing.reference` as one router would, and tells its neighbours what its policy lets them hear. A message
takes light and processing to arrive, and messages on one session keep their order (one that overtakes another
would leave a route behind that nobody holds any more). Per session:

- what is wanted is compared with what was sent last; nothing is sent twice;
- an announcement waits until the interval (MRAI, RFC 4271 9.2.1.1) after the one before it is over; what is
  sent then is what is wanted *then*. A withdrawal waits only at networks that do so;
- where other prefixes keep the timer running, even the first announcement waits for the rest of it;
- a path that holds the receiver's own network is as good as none (RFC 4271 9.1.2);
- the neighbour from which the path in use was heard does not hear it back;
- a network that damps adds a penalty for each flap and leaves the session's route unused while it is high.

A network decides once for all its pops; where it leaves from (hot potato) follows from what it knows. Only at
a network that hears a site with rules (action communities) is what a neighbour hears a matter of pops.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field

from anyplane.model.nouns import RouteClass
from anyplane.routing.converge.kernels import ARRIVE, REUSE, SITE, SPEAK
from anyplane.routing.converge.lines import Lines
from anyplane.routing.converge.timing import Routers, interval, phase, processing_time
from anyplane.routing.seeds import Seeds
from anyplane.routing.state import admit, lengths_of
from anyplane.topology import Topology

Path = tuple[int, ...]
"""Networks, nearest first, prepends repeated; then -1 - ASN of the site's origin as often as it stands
there."""
Rank = tuple[int, int]
"""Preference (class, or class + 4 for a backup) and length."""
NOTHING: Path = ()


@dataclass(slots=True)
class Session:
    """One direction of a link, as both ends know it: `a` speaks, the other end hears."""

    heard: Path = NOTHING
    sent: Path = NOTHING
    number: int = 0
    ready: int = 0
    last: int = 0
    is_waiting: bool = False
    is_suppressed: bool = False
    penalty: float = 0.0
    penalty_at: int = 0
    kept: Path = NOTHING


@dataclass(slots=True)
class World:
    """All networks and sessions of one prefix. Sessions are numbered like the topology's adjacencies."""

    topology: Topology
    seeds: Seeds
    lines: Lines
    routers: Routers
    sessions: list[Session] = field(default_factory=list)
    live: list[bool] = field(default_factory=list)
    queue: list[tuple[int, int, int, Path]] = field(default_factory=list)
    messages: int = 0
    last_arrival: int = 0
    silent: tuple[bool, ...] = ()
    exits_of: dict[int, dict[int, int]] = field(default_factory=dict)
    """Of the networks with rules: their exits as they chose them when they last decided."""

    def __post_init__(self) -> None:
        self.sessions = [Session() for _ in range(len(self.topology.adj))]
        self.live = [False] * len(self.seeds.seeds)
        self.silent = tuple(admit(self.topology, self.seeds, lengths_of(self.seeds))[1].tolist())

    # What a network knows and decides.

    def candidates(self, network: int) -> list[tuple[Rank, tuple[int, int, int], Path, int]]:
        """(rank, tie-break, path as heard, adjacency or -(k + 1)) of everything that may be used."""
        topology = self.topology
        found: list[tuple[Rank, tuple[int, int, int], Path, int]] = []
        if self.silent[network]:
            return found
        for k, seed in enumerate(self.seeds.seeds):
            if self.live[k] and int(topology.pop_network[seed.pop]) == network:
                preference = int(seed.route_class) + (4 if seed.is_backup else 0)
                path = (-1 - int(seed.asn),) * seed.length
                found.append(((preference, seed.length), (int(seed.asn), 0, k), path, -(k + 1)))
        for a in range(int(topology.adj_start[network]), int(topology.adj_start[network + 1])):
            path = self.sessions[a].heard
            if path:
                rank = (int(self._class_at(network, a)), len(path))
                found.append((rank, (int(topology.asn[topology.adj[a]]), 1, a), path, a))
        return found

    def choice(self, network: int) -> tuple[Rank, tuple[int, int, int], Path, int] | None:
        """The candidate in use: lowest rank, then lowest neighbour ASN."""
        return min(self.candidates(network), default=None)

    def exits(self, network: int) -> dict[int, int]:
        """Next hop of each pop as in Routes; empty without a route (rules 3 to 5)."""
        topology, found = self.topology, self.candidates(network)
        if not found:
            return {}
        best = min(rank for rank, *_ in found)
        offers: list[tuple[int, tuple[int, int, int], int]] = []
        good = [via for rank, _, _, via in found if rank == best]
        for via in good:
            if via < 0:
                seed = self.seeds.seeds[-via - 1]
                rivals = [self.seeds.seeds[-v - 1] for v in good if v < 0]
                if seed.med == min(rival.med for rival in rivals if rival.asn == seed.asn):
                    offers.append((seed.pop, (int(seed.asn), 0, -via - 1), via))
                continue
            neighbour = int(topology.adj[via])
            interconnects = range(int(topology.ic_start[via]), int(topology.ic_start[via + 1]))
            open_ones = [i for i in interconnects if self._offers(i, via, best, neighbour)]
            for i in open_ones or interconnects:
                far = int(topology.ic_far[i])
                offers.append((int(topology.ic_own[i]), (int(topology.asn[neighbour]), 1, far), far))
        exits = {}
        for pop in range(int(topology.pop_start[network]), int(topology.pop_start[network + 1])):
            away = topology.metros.km[topology.pop_metro[pop]]
            exits[pop] = min((away[topology.pop_metro[at]], tie, hop) for at, tie, hop in offers)[2]
        return exits

    def wanted(self, a: int) -> Path:
        """What the neighbour of adjacency `a` should know now."""
        topology, network = self.topology, int(self.lines.owner[a])
        chosen = self.choice(network)
        if chosen is None or self.silent[topology.adj[a]]:
            return NOTHING
        (preference, _), _, path, via = chosen
        if via == a:
            return NOTHING
        is_from_customer = preference % 4 <= RouteClass.CUSTOMER
        if not is_from_customer and a < int(topology.adj_customers[network]):
            return NOTHING
        if not self._has_rules(network):
            return (network, *path)
        exits = self.exits_of.get(network, {})
        interconnects = range(int(topology.ic_start[a]), int(topology.ic_start[a + 1]))
        extras = [self._extra(int(topology.ic_own[i]), a, exits) for i in interconnects]
        least = min((extra for extra in extras if extra is not None), default=None)
        return NOTHING if least is None else (*(network,) * (1 + least), *path)

    # Time.

    def change(self, k: int, *, is_on: bool, at: int) -> None:
        """Session k of a site comes up or goes down at its network."""
        heapq.heappush(self.queue, (at, k, SITE, (1,) if is_on else NOTHING))

    def run(self, until: int) -> None:
        """Work off every event up to this µs."""
        while self.queue and self.queue[0][0] <= until:
            now, session, kind, value = heapq.heappop(self.queue)
            if kind == SITE:
                network = session - len(self.live)
                if network < 0:
                    self.live[session] = bool(value)
                    network = int(self.topology.pop_network[self.seeds.seeds[session].pop])
                if self.silent[network]:
                    continue
            elif kind == SPEAK:
                self.sessions[session].is_waiting = False
                self._speak(session, now)
                continue
            else:
                network = int(self.lines.owner[session])
                if kind == ARRIVE:
                    self.last_arrival = now
                heard = (
                    self._reused(session, now)
                    if kind == REUSE
                    else self._usable(session, network, value, now)
                )
                if heard is None:
                    continue
                heard = NOTHING if network in heard else heard
                if heard == self.sessions[session].heard:
                    continue
                self.sessions[session].heard = heard
            self._show_exits(network, now)
            for a in range(int(self.topology.adj_start[network]), int(self.topology.adj_start[network + 1])):
                self._speak(a, now)

    def _show_exits(self, network: int, now: int) -> None:
        """A network with rules chooses its exits; a neighbour with rules looks again a moment later."""
        if not self._has_rules(network):
            return
        before, after = self.exits_of.get(network, {}), self.exits(network)
        self.exits_of[network] = after
        for a in range(int(self.topology.adj_start[network]), int(self.topology.adj_start[network + 1])):
            neighbour = int(self.topology.adj[a])
            if before != after and self._has_rules(neighbour):
                due = now + int(self.lines.delay[a])
                heapq.heappush(self.queue, (due, len(self.live) + neighbour, SITE, NOTHING))

    def _speak(self, a: int, now: int) -> None:
        session, network = self.sessions[a], int(self.lines.owner[a])
        says = self.wanted(a)
        if says == session.sent:
            return
        router, seed = self.routers.router[network], self.routers.seed
        if router["mrai"] and (says or router["waits"]):
            if now > session.ready and router["busy"]:
                session.ready = now + int(phase(seed, a, session.number, router["mrai"]))
            if now < session.ready:
                if not session.is_waiting:
                    session.is_waiting = True
                    heapq.heappush(self.queue, (session.ready, a, SPEAK, NOTHING))
                return
            session.ready = now + int(interval(seed, a, session.number, router["mrai"], self.routers.jitter))
        took = int(processing_time(seed, a, session.number, self.routers.processing))
        session.last = max(session.last + 1, now + int(self.lines.delay[a]) + took)
        session.sent = says
        session.number += 1
        self.messages += 1
        heapq.heappush(self.queue, (session.last, int(self.lines.reverse[a]), ARRIVE, says))

    # Damping, of what is heard on an adjacency.

    def _usable(self, a: int, network: int, value: Path, now: int) -> Path | None:
        session = self.sessions[a]
        if not self.routers.router[network]["damps"]:
            return value
        suppress, reuse, half_life, ceiling, on_withdrawal, on_change = self.routers.damping.tolist()
        penalty = session.penalty * 0.5 ** ((now - session.penalty_at) / half_life)
        if session.kept and value != session.kept:
            penalty = min(ceiling, penalty + (on_change if value else on_withdrawal))
        session.kept, session.penalty, session.penalty_at = value, penalty, now
        if not session.is_suppressed and penalty > suppress:
            session.is_suppressed = True
            free = now + int(half_life * math.log2(penalty / reuse)) + 1
            heapq.heappush(self.queue, (free, a, REUSE, NOTHING))
        return NOTHING if session.is_suppressed else value

    def _reused(self, a: int, now: int) -> Path | None:
        session = self.sessions[a]
        _, reuse, half_life, *_ = self.routers.damping.tolist()
        penalty = session.penalty * 0.5 ** ((now - session.penalty_at) / half_life)
        if penalty > reuse:
            free = now + int(half_life * math.log2(penalty / reuse)) + 1
            heapq.heappush(self.queue, (free, a, REUSE, NOTHING))
            return None
        session.is_suppressed = False
        return session.kept

    # Rules of the sites' sessions.

    def _has_rules(self, network: int) -> bool:
        return any(
            seed.filters and int(self.topology.pop_network[seed.pop]) == network for seed in self.seeds.seeds
        )

    def _extra(self, pop: int, a: int, exits: dict[int, int]) -> int | None:
        """Prepends that the owner of `a` adds at this pop towards its neighbour; None: it says nothing."""
        if pop not in exits or exits[pop] >= 0:
            return 0 if pop in exits else None
        to = int(self.topology.adj[a])
        held_as = RouteClass(4 - int(self._class_at(int(self.lines.owner[a]), a)))
        prepends = 0
        for rule in self.seeds.seeds[-exits[pop] - 1].filters:
            matches = (
                (rule.networks is None or to in rule.networks)
                and (rule.metros is None or int(self.topology.pop_metro[pop]) in rule.metros)
                and (rule.classes is None or held_as in rule.classes)
            )
            if matches and rule.blocks:
                return None
            if matches:
                prepends = max(prepends, rule.times)
        return prepends

    def _offers(self, i: int, a: int, best: Rank, neighbour: int) -> bool:
        """Does the far pop of interconnect `i` say what its network as a whole was heard to say?"""
        if not self._has_rules(neighbour):
            return True
        chosen = self.choice(neighbour)
        extra = self._extra(
            int(self.topology.ic_far[i]), int(self.lines.reverse[a]), self.exits_of.get(neighbour, {})
        )
        return chosen is not None and extra is not None and chosen[0][1] + 1 + extra == best[1]

    def _class_at(self, network: int, a: int) -> RouteClass:
        if a < int(self.topology.adj_peers[network]):
            return RouteClass.PROVIDER
        return RouteClass.PEER if a < int(self.topology.adj_customers[network]) else RouteClass.CUSTOMER
