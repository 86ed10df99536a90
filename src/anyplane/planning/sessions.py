"""Sessions: one announcement to one neighbour -> the seeds by which the Internet hears it, or a clear no."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from anyplane.design.design import Site
from anyplane.model.nouns import Announcement, Asn, Effect, ExportRule, RouteClass, UpstreamKind
from anyplane.planning.latency import Float64, km_to
from anyplane.routing import NO_EXPORT, ExportFilter, Seed
from anyplane.topology import Topology

FAR_KM = 300.0
"""A session longer than this is hardly a cross-connect: worth a warning."""
NO_EXPORT_COMMUNITY = "65535:65281"
CONTINENTS = frozenset({"AF", "AN", "AS", "EU", "NA", "OC", "SA"})
"""Where a code is a country's too (Namibia is NA), the continent is meant."""
AS_THE_RECEIVER_HOLDS_IT = {
    RouteClass.CUSTOMER: RouteClass.PROVIDER,
    RouteClass.PEER: RouteClass.PEER,
    RouteClass.PROVIDER: RouteClass.CUSTOMER,
}
"""What the neighbour is to the upstream -> the class in which that neighbour holds the route."""


@dataclass(slots=True, kw_only=False)
class Sessions:
    """Finds neighbours in one topology; `problems` collects, in order, what it lacks."""

    topology: Topology
    problems: list[str] = field(default_factory=list)
    _km: dict[tuple[str, float, float], Float64] = field(default_factory=dict)

    def seeds(self, item: Announcement, site: Site, *, index: int, warnings: list[str]) -> list[Seed]:
        """The seeds of this announcement for site number `index`; none where the neighbour is unknown."""
        km = self._distances(site)
        where = f"site {site.name}: upstream AS{int(item.upstream)}"
        filters = self._filters(item, where, warnings)
        if item.kind == UpstreamKind.ROUTE_SERVER:
            pops, apart = self._members(item, site, km, warnings)
            route_class = RouteClass.PEER
        else:
            pops, apart = self._neighbour(item, site, km, where, warnings)
            route_class = RouteClass.CUSTOMER if item.kind == UpstreamKind.TRANSIT else RouteClass.PEER
        if item.is_blackhole:
            # RFC 7999: the upstream drops the traffic and must not hand the route on.
            filters = (NO_EXPORT,)
        return [
            Seed(
                pop=pop,
                site=index,
                route_class=route_class,
                length=1 + item.as_path_prepend,
                asn=Asn(int(item.origin)),
                km=distance,
                med=item.med,
                is_backup=item.is_backup,
                filters=filters,
            )
            for pop, distance in zip(pops, apart, strict=True)
        ]

    def _distances(self, site: Site) -> Float64:
        key = (site.metro, site.place.lat, site.place.lon)
        if key not in self._km:
            self._km[key] = km_to(self.topology.metros, site.metro, site.place.lat, site.place.lon)
        return self._km[key]

    def _neighbour(
        self, item: Announcement, site: Site, km: Float64, where: str, warnings: list[str]
    ) -> tuple[list[int], list[float]]:
        topology = self.topology
        network = topology.index_of(int(item.upstream))
        if network < 0:
            near = near_networks(topology, int(item.upstream), metro=int(km.argmin()), kind=item.kind)
            self.problems.append(f"{where} is not in this topology\nhint: near it: " + "; ".join(near))
            return [], []
        pop = nearest_pop(topology, network, km)
        distance = float(km[topology.pop_metro[pop]])
        if distance > FAR_KM:
            code = topology.metros.code[int(topology.pop_metro[pop])]
            place = site.metro or f"{site.place.lat:.1f},{site.place.lon:.1f}"
            warnings.append(
                f"{where} is not known to be in {place}; its nearest metro is {code}, {distance:,.0f} km away"
            )
        return [pop], [round(distance, 3)]

    def _members(
        self, item: Announcement, site: Site, km: Float64, warnings: list[str]
    ) -> tuple[list[int], list[float]]:
        topology = self.topology
        ixp = exchange_at(topology, int(item.upstream), km)
        if ixp < 0:
            self.problems.append(self._no_route_server(item, site, km))
            return [], []
        metro = int(topology.ixp_metro[ixp])
        distance = float(km[metro])
        name = topology.ixp_name[ixp] or f"AS{int(item.upstream)}"
        if distance > FAR_KM:
            code = topology.metros.code[metro]
            warnings.append(
                f"site {site.name}: the route server of {name} is in {code}, {distance:,.0f} km from the site"
            )
        pops = ports(topology, ixp)
        away = topology.metros.km[metro]
        # The member's port is at the exchange, however far its nearest known pop is.
        apart = [round(float(away[topology.pop_metro[pop]]) + distance, 3) for pop in pops]
        if not pops:
            warnings.append(f"site {site.name}: the route server of {name} has no known members")
        return pops, apart

    def _no_route_server(self, item: Announcement, site: Site, km: Float64) -> str:
        topology = self.topology
        known = np.flatnonzero(topology.ixp_asn > 0)
        order = known[np.lexsort((known, km[topology.ixp_metro[known]]))] if len(known) else known
        near = [
            f"AS{int(topology.ixp_asn[x])} {topology.ixp_name[x]} in "
            f"{topology.metros.code[int(topology.ixp_metro[x])]}"
            for x in order[:3]
        ]
        message = (
            f"site {site.name}: no exchange in this topology has the route server AS{int(item.upstream)}"
        )
        hint = "near it: " + "; ".join(near) if near else "this topology knows no route servers"
        return f"{message}\nhint: {hint}"

    def _filters(self, item: Announcement, where: str, warnings: list[str]) -> tuple[ExportFilter, ...]:
        filters: list[ExportFilter] = []
        if NO_EXPORT_COMMUNITY in item.communities:
            filters.append(NO_EXPORT)
        for rule in item.export_rules:
            made = self._filter(rule, where, warnings)
            if made is not None and made not in filters:
                filters.append(made)
        return tuple(filters)

    def _filter(self, rule: ExportRule, where: str, warnings: list[str]) -> ExportFilter | None:
        """The filter of a rule, or None when nothing in this topology could match it."""
        topology = self.topology
        networks: frozenset[int] | None = None
        if rule.to_asns:
            found = {asn: topology.index_of(int(asn)) for asn in sorted(rule.to_asns)}
            for asn, index in found.items():
                if index < 0:
                    warnings.append(f"{where}: a community names AS{int(asn)}, which this topology lacks")
            networks = frozenset(index for index in found.values() if index >= 0)
        metros: frozenset[int] | None = None
        if rule.to_regions:
            metros = region_metros(topology, rule.to_regions)
            if not metros:
                regions = ", ".join(sorted(rule.to_regions))
                warnings.append(f"{where}: a community names {regions}, where this topology has no metro")
        if networks == frozenset() or metros == frozenset():
            return None
        return ExportFilter(
            blocks=rule.effect == Effect.NO_EXPORT,
            times=rule.times if rule.effect == Effect.PREPEND else 0,
            networks=networks,
            metros=metros,
            classes=frozenset(AS_THE_RECEIVER_HOLDS_IT[c] for c in rule.to_classes) or None,
        )


def nearest_pop(topology: Topology, network: int, km: Float64 | NDArray[np.float32]) -> int:
    """The pop of a network where (M,) km is least; of several the first."""
    start, end = int(topology.pop_start[network]), int(topology.pop_start[network + 1])
    return start + int(km[topology.pop_metro[start:end]].argmin())


def exchange_at(topology: Topology, route_server: int, km: Float64) -> int:
    """The exchange with this route server, -1 where there is none.

    One ASN may serve several exchanges of one operator: that at the site is meant, (M,) km away from it.
    """
    matches = np.flatnonzero(topology.ixp_asn == route_server)
    return int(matches[int(km[topology.ixp_metro[matches]].argmin())]) if len(matches) else -1


def ports(topology: Topology, ixp: int) -> list[int]:
    """For each member of an exchange, in order, the pop that speaks there: its nearest."""
    away = topology.metros.km[int(topology.ixp_metro[ixp])]
    members = topology.ixp_member[int(topology.ixp_start[ixp]) : int(topology.ixp_start[ixp + 1])]
    return [nearest_pop(topology, int(member), away) for member in members]


def region_metros(topology: Topology, regions: frozenset[str]) -> frozenset[int]:
    """The metros in these continents and countries."""
    continents = regions & CONTINENTS
    countries = regions - CONTINENTS
    metros = topology.metros
    return frozenset(
        index
        for index in range(len(metros.code))
        if metros.continent[index] in continents or metros.country[index] in countries
    )


def near_networks(topology: Topology, asn: int, *, metro: int, kind: UpstreamKind) -> list[str]:
    """Up to four networks that may have been meant: of this role in this metro, and close by number."""
    here = np.unique(topology.pop_network[topology.pop_metro == metro])
    if kind == UpstreamKind.TRANSIT:
        weight = topology.adj_start[here + 1] - topology.adj_customers[here]
        here, weight = here[weight > 0], weight[weight > 0]
    else:
        weight = topology.adj_customers[here] - topology.adj_peers[here]
    biggest = [int(n) for n in here[np.lexsort((here, -weight))][:3]]
    apart = np.abs(topology.asn.astype(np.int64) - asn)
    if len(apart):
        biggest.append(int(apart.argmin()))
    code = topology.metros.code[metro]
    there = set(here.tolist())
    return [
        label(topology, network) + (f" (in {code})" if network in there else "")
        for network in dict.fromkeys(biggest)
    ]


def label(topology: Topology, network: int) -> str:
    """ "AS3320 DTAG" or "AS3320" where the name is unknown."""
    name = topology.name[network] if topology.name else ""
    return f"AS{int(topology.asn[network])} {name}".rstrip()
