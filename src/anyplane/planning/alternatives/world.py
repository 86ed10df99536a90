"""Ground: one scenario of a design, its users, and the Reach of every address that the ways hand out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyplane.calibration.calibration import NOTHING, Calibration
from anyplane.calibration.chance import Terrain
from anyplane.design.design import Design
from anyplane.model.errors import UsageError
from anyplane.planning.alternatives.answers import allowed, distances
from anyplane.planning.alternatives.reach import Reach, Rule, likely_reach, reach_of, with_cover
from anyplane.planning.alternatives.regions import SiteRegion
from anyplane.planning.catchment import Clients, has_metros
from anyplane.planning.compile import Scenario
from anyplane.planning.compile import compile as compile_design
from anyplane.planning.forecasting import chances
from anyplane.planning.latency import LatencyModel
from anyplane.planning.promises import is_under
from anyplane.planning.weighted import Float64
from anyplane.routing import batch
from anyplane.routing.state import OFF, Lengths, lengths_of
from anyplane.topology import Topology

Bools = NDArray[np.bool_]
LEAST_REACH = 0.99
"""A site that alone is reached by fewer users than this part of the most is not handed out by GeoDNS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What all ways share. km, may: (M, R) to the sites of the design, and whether residency allows them."""

    design: Design
    topology: Topology
    scenario: Scenario
    clients: Clients
    latency: LatencyModel
    rules: tuple[Rule, ...]
    km: Float64
    may: Bools
    metro_users: Float64
    """(M,) of the whole topology: where resolvers are."""
    threads: int

    @property
    def sites(self) -> int:
        """All sites, the virtual ones too."""
        return len(self.scenario.sites)

    def row(self, sites: Sequence[int]) -> Lengths:
        """The seed lengths when only these sites announce."""
        owners = np.array(self.scenario.owners)
        return np.where(np.isin(owners, list(sites)), lengths_of(self.scenario.seeds), OFF).astype(np.uint16)

    def reaches(
        self, rows: Sequence[Lengths], *, has_rules: bool, finished: Callable[[int], None] = lambda _: None
    ) -> list[Reach]:
        """The Reach of a prefix announced as each of these rows says."""
        rules = self.rules if has_rules else ()
        return batch.run(
            self.topology,
            self.scenario.seeds,
            np.array(rows),
            lambda _, routes: reach_of(
                routes,
                self.clients,
                latency=self.latency,
                real_sites=self.scenario.real_sites,
                metros=len(self.topology.metros.code),
                rules=rules,
            ),
            threads=self.threads,
            progress=finished,
        )


def ground(design: Design, topology: Topology, *, group: str, latency: LatencyModel, threads: int) -> Ground:
    """The Ground of the one scenario meant; UsageError where there are several, no users or no places."""
    scenario = one_scenario(design, topology, group)
    if not has_metros(topology):
        raise UsageError("GeoDNS answers by place, and this topology has no metros")
    if not scenario.announcing:
        raise UsageError("nothing is announced", hint="enable a site with an upstream")
    clients = Clients.of(topology, scenario.audience)
    if not clients.total:
        raise UsageError(
            "this topology knows no users of this service", hint="give them with --users FILE (CSV asn,users)"
        )
    under = [rule for rule in design.residency if is_under(rule, scenario)]
    return Ground(
        design=design,
        topology=topology,
        scenario=scenario,
        clients=clients,
        latency=latency,
        rules=tuple(Rule.of(rule, clients, scenario.sites, scenario.real_sites) for rule in under),
        km=distances(design, topology.metros),
        may=allowed(design, under, topology.metros),
        metro_users=np.bincount(topology.pop_metro, topology.users, len(topology.metros.code)).astype(
            np.float64
        ),
        threads=threads,
    )


def one_scenario(design: Design, topology: Topology, group: str) -> Scenario:
    """The scenario of a group, or of one of its prefixes ("dns/192.0.2.0/24"); UsageError if open."""
    names = [item.name for item in design.groups]
    owner, slash, _ = group.partition("/")
    by_prefix = bool(slash) and group not in names and owner in names
    scenarios = compile_design(design, topology, group=owner if by_prefix else group)
    if by_prefix:
        scenarios = tuple(item for item in scenarios if item.name == group) or scenarios
    if len(scenarios) > 1:
        listed = ", ".join(item.name for item in scenarios)
        raise UsageError(
            f"one announcement set is compared at a time, and this design has {len(scenarios)}: {listed}",
            hint=f"choose one with --group, for example --group {scenarios[0].name}",
        )
    return scenarios[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """The Reach of each address: of each site alone, of each region, of all sites together.

    covered: the regions under the covering prefix. best: (U,) RTT to each user's best site alone.
    takes_part: (n,) is the site handed out by GeoDNS?
    """

    announcing: tuple[int, ...]
    regions: tuple[SiteRegion, ...]
    alone: tuple[Reach, ...]
    regional: tuple[Reach, ...]
    covered: tuple[Reach, ...]
    everywhere: Reach
    best: Float64
    takes_part: Bools
    alone_served: Float64


def addresses(
    on: Ground,
    regions: Sequence[SiteRegion],
    *,
    calibration: Calibration = NOTHING,
    finished: Callable[[int], None] = lambda _: None,
) -> Addresses:
    """All Addresses, by the rules or as probable as the calibration says."""
    announcing = on.scenario.announcing
    rows = [on.row((site,)) for site in announcing]
    rows += [on.row(region.sites) for region in regions]
    rows.append(lengths_of(on.scenario.seeds))
    found = on.reaches(rows, has_rules=True, finished=finished)
    alone, regional, everywhere = found[: len(announcing)], found[len(announcing) : -1], found[-1]
    if calibration != NOTHING:
        terrain = Terrain(on.topology)
        everywhere = likely(on, everywhere, announcing, alone, terrain, calibration)
        regional = [
            likely(
                on,
                reach,
                region.sites,
                [alone[announcing.index(site)] for site in region.sites],
                terrain,
                calibration,
            )
            for reach, region in zip(regional, regions, strict=True)
        ]
    rtts = [reach.parts[0].rtt for reach in alone]
    served = np.array([float(on.clients.users[np.isfinite(rtt)].sum()) for rtt in rtts])
    best = rtts[0].copy()
    for rtt in rtts[1:]:
        np.minimum(best, rtt, out=best)
    return Addresses(
        announcing=announcing,
        regions=tuple(regions),
        alone=tuple(alone),
        regional=tuple(regional),
        covered=covered(on, regional, everywhere),
        everywhere=everywhere,
        best=best,
        takes_part=served >= LEAST_REACH * served.max(),
        alone_served=served,
    )


def covered(on: Ground, regional: Sequence[Reach], everywhere: Reach) -> tuple[Reach, ...]:
    """The regional addresses under a covering prefix that all sites announce."""
    return tuple(with_cover(reach, everywhere, on.clients, rules=on.rules) for reach in regional)


def likely(
    on: Ground,
    known: Reach,
    sites: Sequence[int],
    alone: Sequence[Reach],
    terrain: Terrain,
    calibration: Calibration,
) -> Reach:
    """The Reach of an address of these sites under a calibration."""
    if len(sites) == 1:
        return known
    found = chances(on.design, on.scenario, terrain, calibration, sites=sites)
    chance = found.probability[on.clients.pop][:, list(sites)]
    return likely_reach(known, chance, alone, sites, on.clients, rules=on.rules)
