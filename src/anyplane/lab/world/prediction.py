"""predict: what the planner says of every node of a lab, in the words of the node's own BGP table.

`predict` runs outside; a Prediction is plain values, written to JSON (`to_json`) and read inside the lab
(`from_json`) without NumPy. Round trips are those of the wire: out along the predicted path, back from the
site by its default route (the upstream of the lowest router id) and along that router's path to the client's
network. The last mile is not on the wire; `last_mile_ms` says what the planner adds for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from anyplane.lab.blueprint import Blueprint, LinkKind, Node, NodeKind
from anyplane.model.errors import UsageError
from anyplane.model.nouns import Asn, RouteClass

if TYPE_CHECKING:
    from anyplane.design.design import Design, Site
    from anyplane.planning.compile import Scenario
    from anyplane.planning.latency import LatencyModel
    from anyplane.routing import Routes
    from anyplane.topology import Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One pop on the way."""

    asn: int
    metro: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRoute:
    """What one router node thinks of one prefix; `site` "" where it has no route.

    site         by its name in the design; "(blackhole at AS174)" where an upstream drops the traffic
    as_path      as the node's table shows it: the neighbour first, the origin with its prepends last
    hops         the routers from this one to the last before the site: in each network where traffic enters
                 it and, where that is another metro, where it leaves it
    km           along them
    rtt_ms       on the wire, out and back; None without a route or a site that answers
    is_certain   no tie on the way could lead elsewhere; `sites` are all the possible ones
    """

    node: str
    site: str = ""
    as_path: tuple[int, ...] = ()
    hops: tuple[Hop, ...] = ()
    km: float = 0.0
    rtt_ms: float | None = None
    is_certain: bool = True
    sites: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefixPrediction:
    """Of one prefix, every router node in the order of the blueprint."""

    prefix: str
    routes: tuple[NodeRoute, ...]

    def of(self, node: str) -> NodeRoute:
        """What that node thinks; KeyError where there is no such router."""
        for route in self.routes:
            if route.node == node:
                return route
        raise KeyError(node)


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Of all prefixes of the design, with the sites and upstreams named in `without` gone."""

    prefixes: tuple[PrefixPrediction, ...]
    last_mile_ms: float
    without: tuple[str, ...] = ()

    @cached_property
    def by_prefix(self) -> Mapping[str, PrefixPrediction]:
        """By prefix in text form."""
        return {item.prefix: item for item in self.prefixes}


def to_json(prediction: Prediction) -> str:
    """As text."""
    from pydantic import TypeAdapter

    return TypeAdapter(Prediction).dump_json(prediction).decode()


def from_json(text: str) -> Prediction:
    """The prediction in that text."""
    from pydantic import TypeAdapter

    return TypeAdapter(Prediction).validate_json(text)


def predict(
    design: Design,
    topology: Topology,
    blueprint: Blueprint,
    *,
    without: Collection[str] = (),
    latency: LatencyModel | None = None,
) -> Prediction:
    """What every router of the blueprint is to think; topology: the small one that it was built of.

    without: sites that are gone ("mad"), or upstreams of a site ("mad:174").
    """
    from anyplane.planning.compile import compile as compile_design
    from anyplane.planning.latency import LatencyModel
    from anyplane.routing import propagate

    left = less(design, without)
    model = latency or LatencyModel()
    pops = _pops(topology, blueprint)
    ways_back = _WaysBack(left, topology, blueprint, pops=pops, latency=model)
    found: dict[str, PrefixPrediction] = {}
    for scenario in compile_design(left, topology):
        routes = propagate(topology, scenario.seeds)
        told = tuple(
            _of_node(node, pops[node.name], routes, scenario, model, ways_back)
            for node in blueprint.nodes
            if node.kind == NodeKind.ROUTER
        )
        for prefix in scenario.prefixes:
            found[str(prefix)] = PrefixPrediction(prefix=str(prefix), routes=told)
    return Prediction(
        prefixes=tuple(found[str(prefix)] for prefix in blueprint.prefixes if str(prefix) in found),
        last_mile_ms=model.last_mile_ms,
        without=tuple(sorted(without)),
    )


def less(design: Design, without: Collection[str]) -> Design:
    """The design without these sites and upstreams; the sites stay in it and announce nothing."""
    known = {str(site.name) for site in design.sites} | {
        f"{site.name}:{upstream.asn}" for site in design.sites for upstream in site.upstreams
    }
    if unknown := sorted(set(without) - known):
        raise UsageError(
            f"the design has no site or upstream {unknown[0]}",
            hint="write a site as mad, an upstream of it as mad:174",
        )
    sites = tuple(
        replace(
            site,
            is_enabled=site.is_enabled and str(site.name) not in without,
            upstreams=tuple(one for one in site.upstreams if f"{site.name}:{one.asn}" not in without),
        )
        for site in design.sites
    )
    return replace(design, sites=sites)


def _of_node(
    node: Node,
    pop: int,
    routes: Routes,
    scenario: Scenario,
    latency: LatencyModel,
    ways_back: _WaysBack,
) -> NodeRoute:
    from anyplane.planning.candidates import possible_sites

    path = routes.pop_path(pop)
    if not path:
        return NodeRoute(node=node.name)
    topology = routes.topology
    site = scenario.sites[int(routes.site[pop])]
    km = float(routes.km[pop])
    out = _one_way(latency, km, int(routes.hops[pop]))
    back = ways_back.one_way(site, pop)
    sites = tuple(scenario.sites[index] for index in possible_sites(routes, pop))
    return NodeRoute(
        node=node.name,
        site=site,
        # The planner's path begins with the node's own network, a table's with the neighbour.
        as_path=tuple(int(asn) for asn in routes.as_path(pop)[1:]),
        hops=tuple(_hop(topology, here) for here in _routers(routes, path)),
        km=round(km, 3),
        rtt_ms=None if back is None else round(out + back, 3),
        is_certain=len(sites) == 1,
        sites=sites,
    )


class _WaysBack:
    """From a site to a client: over the site's default route, then as the client's own network is routed."""

    def __init__(
        self,
        design: Design,
        topology: Topology,
        blueprint: Blueprint,
        *,
        pops: Mapping[str, int],
        latency: LatencyModel,
    ) -> None:
        self._topology = topology
        self._pops = pops
        self._latency = latency
        self._first = {str(site.name): _first_link(site, blueprint) for site in design.sites}
        self._routes: dict[int, Routes] = {}

    def one_way(self, site: str, client: int) -> float | None:
        """Milliseconds from the site to a pop; None where nothing goes back (a virtual site, no upstream)."""
        first = self._first.get(site)
        if first is None:
            return None
        name, delay_ms = first
        router = self._pops[name]
        routes = self._to(client)
        path = routes.pop_path(router)
        if not path:
            return None
        # The last network on the way is the client's own: its seed is crossed by nobody.
        crossings = len(path) - 1
        return delay_ms + _one_way(self._latency, float(routes.km[router]), crossings)

    def _to(self, client: int) -> Routes:
        from anyplane.routing import Seed, Seeds, propagate

        if client not in self._routes:
            asn = Asn(int(self._topology.asn[self._topology.pop_network[client]]))
            seed = Seed(pop=client, site=0, route_class=RouteClass.ORIGIN, length=0, asn=asn)
            self._routes[client] = propagate(self._topology, Seeds.of([seed], sites=1))
        return self._routes[client]


def _first_link(site: Site, blueprint: Blueprint) -> tuple[str, float] | None:
    """The router whose default route the site takes, that of the lowest router id, and the way there in ms.

    Where a site has route servers alone, that is a member of the first exchange.
    """
    node = blueprint.site_nodes.get(str(site.name))
    if node is None:
        return None
    there = {int(upstream.asn) for upstream in site.upstreams}
    links = [
        link
        for link in blueprint.links_of[node.name]
        if link.kind == LinkKind.SITE and int(blueprint.by_name[link.a].asn) in there
    ]
    if links:
        first = min(links, key=lambda link: blueprint.by_name[link.a].router_id)
        return first.a, first.delay_ms
    lans = [lan for lan in blueprint.exchanges_of[node.name] if int(lan.asn) in there]
    if not lans:
        return None
    lan = min(lans, key=lambda one: blueprint.by_name[one.route_server].router_id)
    members = [port for port in lan.ports if blueprint.by_name[port.node].kind == NodeKind.ROUTER]
    if not members:
        return None
    member = min(members, key=lambda port: blueprint.by_name[port.node].router_id)
    return member.node, lan.port(node.name).delay_ms + member.delay_ms


def _one_way(latency: LatencyModel, km: float, crossings: int) -> float:
    from anyplane.lab.world.draft import path_delay_ms

    return path_delay_ms(latency, km, crossings=crossings)


def _pops(topology: Topology, blueprint: Blueprint) -> dict[str, int]:
    """The pop of each router node."""
    metros = {code: index for index, code in enumerate(topology.metros.code)}
    found = {}
    for node in blueprint.nodes:
        if node.kind == NodeKind.ROUTER:
            network = topology.index_of(int(node.asn))
            pop = topology.pop_at(network, metros[node.location.metro]) if network >= 0 else -1
            if pop < 0:
                raise UsageError(f"the topology has no pop for {node.name}: the lab was built of another one")
            found[node.name] = pop
    return found


def _routers(routes: Routes, path: Sequence[int]) -> Iterator[int]:
    """The pops on the way, those where a network is left included."""
    from anyplane.planning.reduction_choice import exit_pop

    for here in path:
        yield here
        after = int(routes.next_hop[here])
        leaves = exit_pop(routes.topology, here, after) if after >= 0 else routes.seeds.seeds[-after - 1].pop
        if leaves != here:
            yield leaves


def _hop(topology: Topology, pop: int) -> Hop:
    asn = int(topology.asn[topology.pop_network[pop]])
    return Hop(asn=asn, metro=topology.metros.code[int(topology.pop_metro[pop])])
