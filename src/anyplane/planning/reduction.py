"""reduction: a topology of a few dozen pops in which the kept ones route exactly as in the whole Internet.

Theory of operation. Take a set of pops that is *closed*: with each pop that has a route it holds the pop
where that route leaves the network and the pop of the next network. Keep these pops, every interconnect
between two of them, and nothing else; no interconnect is invented. Then the kept pops' choices in the whole
world are a stable state of the small one too: what each of them chose is still offered, with the same
attributes, because the neighbour that offers it chose as before; and what else is offered was offered before,
and lost. A stable state is unique (Gao and Rexford), so it is *the* state of the small world: same AS paths,
same kilometres, same site. The set may be closed under several states at once, those of several prefixes and
of the failure of each site; then the theorem holds in each. Where backups take part (RFC 8326), the states
that lead to the last one are such states too.

What is lost: users of networks that were left out, and ties, because fewer equally good offers are left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anyplane.design.design import Design
from anyplane.model.errors import UsageError
from anyplane.model.nouns import UpstreamKind
from anyplane.planning.compile import Scenario
from anyplane.planning.compile import compile as compile_design
from anyplane.planning.latency import km_to
from anyplane.planning.reduction_choice import Closure, Run, candidates, cheapest, choose
from anyplane.planning.reduction_cut import cut
from anyplane.planning.sessions import exchange_at, nearest_pop
from anyplane.routing import Engine, Routes
from anyplane.routing.state import Lengths, lengths_of, settle_backups
from anyplane.topology import Topology

ROUTERS = 60
CORE_SHARE = 0.5
"""Failures are kept as long as what the upstreams alone need for them stays under this share of the pops."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduction:
    """The small world and what it stands for.

    topology: at most so many pops as asked for, the same type and the same metros. pops: for each of its pops
    the index in the whole topology, ascending. clients: the pops of the small world that have users (all of
    them are routed as in the whole). failures: the sites whose loss alone is kept too. users, whole_users:
    of the kept pops and of all. notes: in words, for people.
    """

    topology: Topology
    pops: tuple[int, ...]
    clients: tuple[int, ...]
    failures: tuple[str, ...]
    users: float
    whole_users: float
    notes: tuple[str, ...] = ()

    @property
    def coverage(self) -> float:
        """The share of all users who sit in a kept pop."""
        return self.users / self.whole_users if self.whole_users > 0 else 0.0


def reduced(
    design: Design, topology: Topology, *, routers: int = ROUTERS, failures: bool = True
) -> Reduction:
    """The part of the topology that the design's routes need, with at most so many pops.

    Kept, in this order: the upstreams' pops with their paths; the same under the loss of each single site, of
    the site with most users first, while that takes under half of the pops; clients (`reduction_choice` says
    which); the pops that could have been chosen instead. A UsageError names the least number of routers.
    """
    distinct = list({one.routing: one for one in compile_design(design, topology)}.values())
    engines = [Engine(topology, scenario.seeds) for scenario in distinct]
    states = [_States.of(engine, lengths_of(engine.seeds)) for engine in engines]
    base = [one.last for one in states]
    weight = topology.users if float(topology.users.sum()) > 0 else np.ones(topology.pops)
    clients = candidates(topology, weight, base)
    roots = _roots(design, topology)
    closure = Closure(topology, [run for one in states for run in one.runs])
    least = cheapest(closure, closure.of_all(roots), clients)
    if least > routers:
        raise UsageError(
            f"{routers} routers cannot hold the upstreams of this design and one client",
            hint=f"it takes at least {least}: give --routers {least} or more, or announce to fewer upstreams",
        )

    kept: list[int] = []
    notes = []
    for site in _by_users(distinct, base, topology) if failures else ():
        runs = [
            run
            for scenario, engine in zip(distinct, engines, strict=True)
            for run in _States.of(engine, scenario.without(site)).runs
        ]
        wider = Closure(topology, [*closure.runs, *runs])
        core = wider.of_all(roots)
        if len(core) > max(routers * CORE_SHARE, least) or cheapest(wider, core, clients) > routers:
            notes.append(f"routes after the loss of {design.sites[site].name} may differ: too few routers")
            continue
        closure = wider
        kept.append(site)

    choice = choose(topology, closure, roots, base, clients=clients, weight=weight, routers=routers)
    small, pops = cut(topology, choice.pops, exchanges=_exchanges(design, topology))
    return Reduction(
        topology=small,
        pops=pops,
        clients=tuple(int(pop) for pop in np.flatnonzero(small.users > 0)),
        failures=tuple(str(design.sites[site].name) for site in sorted(kept)),
        users=float(small.users.sum()),
        whole_users=float(topology.users.sum()),
        notes=(_in_words(topology, small), *choice.notes, *notes),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _States:
    """The last state of one run of an engine, and all that it went through to settle its backups."""

    last: Routes
    runs: tuple[Run, ...]

    @staticmethod
    def of(engine: Engine, lengths: Lengths) -> _States:
        runs: list[Run] = []
        seed_pop = np.array([seed.pop for seed in engine.seeds.seeds], np.int32)

        def run(_topology: Topology, _seeds: object, row: Lengths) -> Routes:
            routes = engine.run_row(row)
            runs.append(Run(routes.next_hop, seed_pop))
            return routes

        last = settle_backups(engine.topology, engine.seeds, run, lengths)
        return _States(last=last, runs=tuple(runs))


def _roots(design: Design, topology: Topology) -> tuple[int, ...]:
    """The pops of transits and peers that hear a site. Members of an exchange come as clients do."""
    found = set()
    for site in design.sites:
        km = km_to(topology.metros, site.metro, site.place.lat, site.place.lon)
        for upstream in site.upstreams if site.is_enabled else ():
            network = topology.index_of(int(upstream.asn))
            if upstream.kind != UpstreamKind.ROUTE_SERVER and network >= 0:
                found.add(nearest_pop(topology, network, km))
    return tuple(sorted(found))


def _exchanges(design: Design, topology: Topology) -> tuple[int, ...]:
    """The exchanges where a site is."""
    found = set()
    for site in design.sites:
        km = km_to(topology.metros, site.metro, site.place.lat, site.place.lon)
        for upstream in site.upstreams if site.is_enabled else ():
            if upstream.kind == UpstreamKind.ROUTE_SERVER:
                found.add(exchange_at(topology, int(upstream.asn), km))
    return tuple(sorted(found))


def _by_users(scenarios: Sequence[Scenario], base: Sequence[Routes], topology: Topology) -> list[int]:
    """The announcing sites, that of most users first."""
    users: dict[int, float] = {}
    for scenario, routes in zip(scenarios, base, strict=True):
        for site in scenario.announcing:
            users[site] = users.get(site, 0.0) + float(topology.users[routes.site == site].sum())
    return sorted(users, key=lambda site: (-users[site], site))


def _in_words(topology: Topology, small: Topology) -> str:
    users, whole = float(small.users.sum()), float(topology.users.sum())
    share = users / whole if whole > 0 else 0.0
    metros = len(set(small.pop_metro.tolist()))
    count = int((small.users > 0).sum())
    return (
        f"{small.pops} of {topology.pops:,} pops, in {metros} metros; {count} of them have users, "
        f"{share:.1%} of all; nobody speaks for the others"
    )
