"""Sweep: every attacker in every variant that is asked for, many runs of routing side by side.

All attackers are seeds of one set (`routing.batch`), all of one virtual site, and a row of lengths switches
one of them on. Who validates is a topology of its own; whose route is invalid, a set of seeds of its own.

A more-specific is run without us: it competes with nothing. A network that hears it forwards by it, whatever
else it hears; one that drops it forwards by our route, and the packet may then meet a network that does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from anyplane.model.nouns import Asn, RouteClass
from anyplane.planning import kept
from anyplane.planning.catchment import Clients
from anyplane.planning.compile import Scenario
from anyplane.planning.rounding import fraction, people
from anyplane.planning.trust.attackers import Attackers
from anyplane.planning.trust.cases import EVERY_SITE, Variant
from anyplane.planning.trust.report import Attack, World
from anyplane.planning.weighted import Float64, Int64
from anyplane.routing import NO_SITE, Engine, Routes, Seed, Seeds, batch
from anyplane.routing.crossing import crossing
from anyplane.routing.state import OFF, Lengths, lengths_of
from anyplane.topology import Topology

COUNTRIES = 12
"""The countries with the most users are told apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What one attacker takes: users, share of all networks, users cut off, and shares of some countries."""

    users: float
    networks: float
    cut_off: float
    countries: tuple[float, ...]


NOTHING = Taken(users=0.0, networks=0.0, cut_off=0.0, countries=(0.0,) * COUNTRIES)
Finished = Callable[[int], None]


@dataclass(slots=True, kw_only=True)
class Sweep:
    """The runs of one scenario. rov: (N,) by world. done: by variant's name and attacker's ASN.

    Clients are those of the scenario's audience; the others count neither as users nor as countries.
    """

    scenario: Scenario
    topology: Topology
    clients: Clients
    attackers: Attackers
    rov: Mapping[World, NDArray[np.bool_]]
    threads: int = 2
    done: dict[tuple[str, int], Taken] = field(default_factory=dict)
    weight: Float64 = field(init=False)
    network_weight: Float64 = field(init=False)
    countries: tuple[str, ...] = field(init=False)
    country_users: Float64 = field(init=False)
    _country: Int64 = field(init=False)

    def __post_init__(self) -> None:
        topology, clients = self.topology, self.clients
        self.weight = np.zeros(topology.pops)
        self.weight[clients.pop] = clients.users
        self.network_weight = 1.0 / np.diff(topology.pop_start)[topology.pop_network] / topology.networks
        by_country = np.bincount(clients.country, weights=clients.users, minlength=len(clients.countries))
        order = [int(c) for c in np.lexsort((np.arange(len(by_country)), -by_country)) if by_country[c] > 0]
        chosen = [c for c in order if clients.countries[c]][:COUNTRIES]
        self.countries = tuple(clients.countries[c] for c in chosen)
        self.country_users = by_country[chosen].astype(np.float64)
        place = np.full(len(clients.countries), COUNTRIES, np.int64)
        place[chosen] = np.arange(len(chosen))
        self._country = np.full(topology.pops, COUNTRIES, np.int64)
        self._country[clients.pop] = place[clients.country]

    def fingerprint(self) -> str:
        """A hash of all that a run depends on but its variant and attacker."""
        digest = sha256(repr((self.scenario.seeds, self.countries)).encode())
        for world in World:
            digest.update(self.rov[world].tobytes())
        digest.update(kept.graph_of(self.topology))
        digest.update(self.weight.tobytes() + self._country.tobytes())
        return digest.hexdigest()[:32]

    def asn(self, attacker: int) -> int:
        """The ASN of attacker number `attacker`."""
        return int(self.topology.asn[self.attackers.network[attacker]])

    def lacking(self, asked: Mapping[Variant, NDArray[np.bool_]]) -> list[tuple[Variant, list[int]]]:
        """Which attackers are still to be run, by variant; those that change nothing are answered here."""
        found = []
        for variant in sorted(asked, key=lambda variant: variant.turn):
            who = np.flatnonzero(asked[variant])
            if variant.is_attack_invalid:
                idle = self.attackers.contained(self.topology, self.rov[variant.world])
                for a in who[idle[who]]:
                    self.done.setdefault((variant.name, self.asn(int(a))), NOTHING)
            left = [int(a) for a in who if (variant.name, self.asn(int(a))) not in self.done]
            if left:
                found.append((variant, left))
        return found

    def run(self, variant: Variant, which: Iterable[int], finished: Finished | None = None) -> None:
        """Run these attackers (numbers) in this variant; each is in `done` as soon as it is."""
        numbers = list(which)
        world = replace(self.topology, rov=self.rov[variant.world])
        ours = Seeds.of(
            [replace(seed, is_invalid=variant.is_own_invalid) for seed in self.scenario.seeds.seeds],
            sites=self.scenario.seeds.sites,
        )
        hijack = ours.sites
        seeds = Seeds.of(
            [*ours.seeds, *(self._seed(variant, a, site=hijack) for a in numbers)], sites=hijack + 1
        )
        announced = self._announced(variant)
        engine = Engine(world, ours)
        before = engine.run(announced, reuse=True)
        had_route = before.site != NO_SITE
        count = self._specific if variant.attack is Attack.SPECIFIC else self._rival
        is_beside = variant.attack is not Attack.SPECIFIC
        rows = np.full((len(numbers), len(seeds.seeds)), OFF, np.uint16)
        if is_beside:
            rows[:, : len(announced)] = announced
        at = len(announced) + np.arange(len(numbers))
        rows[np.arange(len(numbers)), at] = [seed.length for seed in seeds.seeds[len(announced) :]]

        def summarise(row: int, routes: Routes) -> None:
            attacker = numbers[row]
            network = int(self.attackers.network[attacker])
            chance = count(routes, before, hijack)
            self.done[variant.name, self.asn(attacker)] = self._taken(
                chance, network, lost=had_route & (routes.site == NO_SITE) if is_beside else None
            )

        batch.run(world, seeds, rows, summarise, threads=self.threads, progress=finished)

    def _announced(self, variant: Variant) -> Lengths:
        if variant.site == EVERY_SITE:
            return lengths_of(self.scenario.seeds)
        return self.scenario.alone(variant.site)

    def _seed(self, variant: Variant, attacker: int, *, site: int) -> Seed:
        """The attacker originates by itself; a forged origin stands behind it in the path, one AS longer."""
        network = int(self.attackers.network[attacker])
        is_forged = variant.attack is Attack.FORGED
        origin = int(self.scenario.seeds.seeds[0].asn) if is_forged else int(self.topology.asn[network])
        return Seed(
            pop=int(self.topology.pop_start[network]),
            site=site,
            route_class=RouteClass.ORIGIN,
            length=int(is_forged),
            asn=Asn(origin),
            is_invalid=variant.is_attack_invalid,
        )

    def _rival(self, routes: Routes, _before: Routes, hijack: int) -> Float64:
        return crossing(routes, site=hijack)

    def _specific(self, routes: Routes, before: Routes, _hijack: int) -> Float64:
        hears = routes.route_class != RouteClass.NONE
        others = ~hears[self.topology.pop_network]
        if not (others & (before.site != NO_SITE)).any():
            return np.where(others, 0.0, 1.0)
        return crossing(before, networks=hears)

    def _taken(self, chance: Float64, network: int, *, lost: NDArray[np.bool_] | None) -> Taken:
        """The attacker's own users are its own already, so they are not counted as taken."""
        first, last = int(self.topology.pop_start[network]), int(self.topology.pop_start[network + 1])
        chance[first:last] = 0.0
        users = chance * self.weight
        by_country = np.bincount(self._country, weights=users, minlength=COUNTRIES + 1)
        here = len(self.countries)
        shares = by_country[:here] / self.country_users
        return Taken(
            users=people(float(users.sum())),
            networks=fraction(float((chance * self.network_weight).sum())),
            cut_off=0.0 if lost is None else people(float(self.weight[lost].sum())),
            countries=(*(round(float(share), 4) for share in shares), *(0.0,) * (COUNTRIES - here)),
        )
