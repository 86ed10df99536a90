"""Sweep: where users and attacks end up under each response, all of them in one pass over the routes.

A response is a row over one set of seeds (planning.variants), a set of networks that drop, or both; equal
ones are reckoned once. Users and every attack are handed on together, by expectation: each tie an even draw,
as `plan` reckons its users.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from anyplane.design.design import Design
from anyplane.design.setting import Setting, Uplink
from anyplane.planning.assess import Assessor
from anyplane.planning.attack.responses import POISON_LENGTH, Poison, Response
from anyplane.planning.compile import Scenario
from anyplane.planning.latency import LatencyModel
from anyplane.planning.rounding import ms
from anyplane.planning.tally import rtt_of
from anyplane.planning.variants import Choices, variants
from anyplane.planning.weighted import Float64
from anyplane.routing import Routes, Seeds, batch
from anyplane.routing.batch import Rows
from anyplane.routing.crossing import crossing
from anyplane.routing.flow import Flows, flows
from anyplane.routing.frontier import Engine
from anyplane.routing.state import OFF, Lengths
from anyplane.topology import Topology

CHUNK = 64
"""Responses that are reckoned before what is known is handed on."""
KEEP_GROWTH = 1.5
Quantiles = tuple[float | None, float | None, float | None, float | None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Landing:
    """Where W weights end under one response: users in row 0, then the attacks; S sites, virtual ones too.

    by_site: (W, S). dropped: (W,) by networks that were asked to. unreached: (W,) without a route. moved:
    users whose chosen site is another than now, or none. rtt: ms at 50, 90, 95, 99 % of
    the users that are served.
    """

    by_site: Float64
    dropped: Float64
    unreached: Float64
    moved: float
    rtt: Quantiles


class Sweep:
    """One scenario, its users and some attacks, and every response that may be asked about later.

    weights: (A, P) the attacks. address_share: the part of the users that use the attacked address; those of
    the other addresses in the prefix are left alone by a blackhole.
    """

    def __init__(
        self,
        design: Design,
        topology: Topology,
        scenario: Scenario,
        prepared: Sequence[Response],
        *,
        weights: Float64,
        latency: LatencyModel,
        address_share: float = 1.0,
    ) -> None:
        wanted: dict[Uplink, list[Setting]] = {}
        for response in prepared:
            for uplink, setting in response.settings.items():
                wanted.setdefault(uplink, []).append(setting)
        (self.variants,) = variants(design, topology, (scenario,), wanted)
        self.scenario = self.variants.scenario
        self.topology = topology
        self.latency = latency
        self.address_share = address_share
        self.assessor = Assessor(design, topology, self.scenario, latency)
        self.clients = self.assessor.clients
        legit = np.zeros(topology.pops)
        legit[self.clients.pop] = self.clients.users
        self.weights = np.vstack([legit[np.newaxis, :], weights])
        self.totals: Float64 = self.weights.sum(axis=1)
        self._place = {uplink: u for u, uplink in enumerate(self.variants.uplinks)}
        self._site_of_seed = np.array([seed.site for seed in self.scenario.seeds.seeds], np.int64)
        self.engine = Engine(topology, self.scenario.seeds)
        self.row: Lengths = self.variants.rows(self.variants.as_designed())[0]
        self.routes = self.engine.run(self.row)
        self._site_now = self.routes.site[self.clients.pop]
        self.now = self._landing(self.engine.run(self.row, reuse=True), None)

    def land(
        self,
        responses: Sequence[Response],
        *,
        threads: int = 2,
        known: Mapping[str, Landing] | None = None,
        keep: Callable[[Mapping[str, Landing]], None] | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> list[Landing]:
        """The Landing of each response, in their order.

        known: of some of them, by name. keep is told all that are known, from time to time, at the end and on
        an interrupt, so that a long sweep can go on from there.
        """
        found = dict(known or {})
        left = [response for response in responses if response.name not in found]
        kept = len(found)
        try:
            for start in range(0, len(left), CHUNK):
                some = left[start : start + CHUNK]
                found.update(zip((one.name for one in some), self._some(some, threads), strict=True))
                # Seldom enough that writing all anew costs little beside what is reckoned.
                if keep is not None and len(found) > kept * KEEP_GROWTH:
                    keep(found)
                    kept = len(found)
                if progress is not None:
                    progress(len(responses) - len(left) + start + len(some), len(responses))
        finally:
            if keep is not None and len(found) > kept:
                keep(found)
        return [found[response.name] for response in responses]

    def _some(self, responses: Sequence[Response], threads: int) -> list[Landing]:
        plain = [response for response in responses if response.poison is None]
        rows = self.rows(plain)
        keys = [(row.tobytes(), one.droppers) for row, one in zip(rows, plain, strict=True)]
        first = {key: index for index, key in reversed(list(enumerate(keys)))}
        unique = sorted(first.values())
        place = {keys[index]: position for position, index in enumerate(unique)}
        sinks = [self._sinks(plain[index].droppers) for index in unique]
        found = batch.run(
            self.topology,
            self.scenario.seeds,
            rows[unique],
            lambda r, routes: self._landing(routes, sinks[r]),
            threads=threads,
        )
        landings = {one.name: found[place[key]] for one, key in zip(plain, keys, strict=True)}
        for one in responses:
            if one.poison is not None:
                landings[one.name] = self._landing(self.poisoned(one.poison), None)
        return [landings[one.name] for one in responses]

    def rows(self, responses: Sequence[Response]) -> Rows:
        """(R, K) the seed lengths of responses, by their settings alone."""
        return self.variants.rows(self._choices(responses))

    def without(self, sites: Sequence[int]) -> Landing:
        """The Landing when these sites have withdrawn everything."""
        row = self.row.copy()
        row[np.isin(np.array(self.scenario.owners), np.array(sites, np.int64))] = OFF
        return self._landing(self.engine.run(row, reuse=True), None)

    def poisoned(self, poison: Poison) -> Routes:
        """The routes with this ASN in the paths from these sites.

        Its network alone drops what "is invalid", which is how routing says that a network refuses a route;
        the sites' own announcements never are, so nothing else is meant by it here.
        """
        rov = np.zeros(self.topology.networks, bool)
        index = self.topology.index_of(poison.asn)
        if index >= 0:
            rov[index] = True
        owners = np.array(self.scenario.owners)
        is_theirs = np.isin(owners, np.array(poison.sites, np.int64))
        seeds = [
            replace(seed, is_invalid=bool(is_theirs[k])) for k, seed in enumerate(self.scenario.seeds.seeds)
        ]
        row = self.row.copy()
        row[is_theirs & (row != OFF)] += POISON_LENGTH
        engine = Engine(replace(self.topology, rov=rov), Seeds.of(seeds, sites=self.scenario.seeds.sites))
        return engine.run(row, reuse=True)

    def spread(self, weights: Float64) -> Flows:
        """Where other weights, (W, P), end as things are now, by seed."""
        return flows(self.engine.run(self.row, reuse=True), weights)

    def by_site(self, by_seed: Float64) -> Float64:
        """(W, S) what comes in at each site, of (W, K) by seed."""
        found = np.zeros((len(by_seed), len(self.scenario.sites)))
        for w, row in enumerate(by_seed):
            found[w] = np.bincount(self._site_of_seed, weights=row, minlength=found.shape[1])
        return found

    def by_uplink(self, by_seed: Float64) -> Float64:
        """(W, U) the same by uplink of the variants."""
        found = np.zeros((len(by_seed), len(self.variants.uplinks)))
        for u, heard in enumerate(self.variants.heard):
            found[:, u] = by_seed[:, heard[0].seeds].sum(axis=1)
        return found

    def _choices(self, responses: Sequence[Response]) -> Choices:
        choices = np.zeros((len(responses), len(self.variants.uplinks)), np.int16)
        for r, response in enumerate(responses):
            for uplink, setting in response.settings.items():
                u = self._place[uplink]
                choices[r, u] = self.variants.options[u].index(setting)
        return choices

    def _sinks(self, droppers: Sequence[int]) -> NDArray[np.bool_] | None:
        if not droppers:
            return None
        sinks = np.zeros(self.topology.networks, bool)
        sinks[[index for asn in droppers if (index := self.topology.index_of(asn)) >= 0]] = True
        return sinks

    def _landing(self, routes: Routes, sinks: NDArray[np.bool_] | None) -> Landing:
        found = flows(routes, self.weights, sinks=sinks)
        by_site, dropped = self.by_site(found.by_seed), found.sunk
        if sinks is not None and self.address_share < 1:
            # The users of the other addresses go on as if nothing were dropped.
            free = self.by_site(flows(routes, self.weights[:1]).by_seed)[0]
            by_site[0] = self.address_share * by_site[0] + (1 - self.address_share) * free
            dropped = dropped.copy()
            dropped[0] *= self.address_share
        here = routes.site[self.clients.pop]
        return Landing(
            by_site=by_site,
            dropped=dropped,
            unreached=np.maximum(0.0, self.totals - by_site.sum(axis=1) - dropped),
            moved=float(self.clients.users[here != self._site_now].sum()),
            rtt=self._rtt(routes, by_site[0], sinks),
        )

    def _rtt(self, routes: Routes, users: Float64, sinks: NDArray[np.bool_] | None) -> Quantiles:
        if sinks is None:
            p50, p90, p95, p99 = (ms(value) for value in self.assessor.figures(routes, users=users).rtt)
            return p50, p90, p95, p99
        pop = self.clients.pop
        lost = crossing(routes, networks=sinks)[pop] * self.address_share
        is_real = routes.site[pop] < self.scenario.real_sites
        rtt = self.latency.rtt(routes.km[pop], routes.hops[pop])
        left = rtt_of(rtt[is_real], (self.clients.users * (1 - lost))[is_real])
        return left.p50, left.p90, left.p95, left.p99
