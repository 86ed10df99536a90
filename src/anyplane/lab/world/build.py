"""build: Design + a small Topology -> Blueprint; `draft` says what stands where and what cables carry."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace

from anyplane.design.design import Design
from anyplane.design.operation import DaemonKind
from anyplane.lab.blueprint import (
    MOST_NODES,
    Blueprint,
    Node,
    NodeKind,
    RouterKind,
)
from anyplane.lab.world.answerable import answerable
from anyplane.lab.world.draft import Draft
from anyplane.lab.world.edition import edition
from anyplane.model.errors import UsageError
from anyplane.model.nouns import Asn
from anyplane.planning.latency import LatencyModel
from anyplane.topology import Topology

NAME = re.compile(r"[a-z0-9-]{1,24}")


def build(
    design: Design,
    topology: Topology,
    *,
    name: str = "lab",
    frr: int | Collection[str] = 0,
    mrai_s: int = 0,
    has_delays: bool = True,
    clients: Collection[int] | None = None,
    daemons: Mapping[str, DaemonKind] | None = None,
    has_fast_checks: bool = False,
    is_plain_ibgp: bool = False,
    latency: LatencyModel | None = None,
) -> Blueprint:
    """The lab of a design on a topology that is small already (planning.reduction, or a world by hand).

    frr: so many of the busiest networks of one metro that no site is connected to, or nodes by name; these
    run FRR with that advertisement interval. clients: pops where users sit; default: all that have users.
    daemons: the BGP daemon of a site by its name, instead of the design's. has_fast_checks: as in `edition`.
    is_plain_ibgp: as in Blueprint.
    """
    if not NAME.fullmatch(name):
        raise UsageError(f"{name!r} cannot name a lab", hint="use at most 24 of a-z, 0-9 and -")
    unknown = sorted(set(daemons or {}) - {str(site.name) for site in design.sites})
    if unknown:
        raise UsageError(f"the design has no site {unknown[0]}, whose daemon was chosen")
    draft = Draft(design=design, topology=topology, latency=latency or LatencyModel())
    draft.routers(clients)
    draft.places()
    draft.adjacencies()
    draft.exchanges()
    draft.upstreams()
    if len(draft.nodes) > MOST_NODES:
        raise UsageError(f"{len(draft.nodes):,} nodes do not fit into a lab; it holds {MOST_NODES:,}")
    nodes, links_of_sites = draft.numbered()
    blueprint = Blueprint(
        name=name,
        origin=design.origin,
        prefixes=tuple(prefix for group in design.groups for prefix in group.prefixes),
        communities=dict(design.communities),
        nodes=_with_daemons(nodes, draft, frr, mrai_s),
        links=tuple(draft.links),
        exchanges=tuple(draft.lans.values()),
        sites=links_of_sites,
        has_delays=has_delays,
        is_plain_ibgp=is_plain_ibgp,
    )
    if not design.source:
        return blueprint
    whole = edition(design.source, blueprint, daemons=daemons or {}, has_fast_checks=has_fast_checks)
    text, left_out = answerable(whole, blueprint) if _has_checks(design) else (whole, ())
    return replace(blueprint, design_text=text, left_out=left_out)


def _has_checks(design: Design) -> bool:
    """Does it say itself what is checked?"""
    return any(
        judged.checks or judged.backends
        for listed in (design.health, *(site.health for site in design.sites))
        for judged in listed.values()
    )


def _with_daemons(
    nodes: tuple[Node, ...], draft: Draft, frr: int | Collection[str], mrai_s: int
) -> tuple[Node, ...]:
    chosen = set(frr) if not isinstance(frr, int) else set(_busiest(nodes, draft, frr))
    routers = {node.name for node in nodes if node.kind == NodeKind.ROUTER}
    if unknown := sorted(chosen - routers):
        known = ", ".join(sorted(routers)[:6])
        raise UsageError(f"there is no router {unknown[0]} to run FRR on", hint=f"for example {known}")
    return tuple(
        replace(node, daemon=RouterKind.FRR, mrai_s=mrai_s) if node.name in chosen else node for node in nodes
    )


def _busiest(nodes: tuple[Node, ...], draft: Draft, count: int) -> list[str]:
    pops: dict[Asn, list[Node]] = {}
    for node in nodes:
        if node.kind == NodeKind.ROUTER:
            pops.setdefault(node.asn, []).append(node)
    links: dict[str, int] = {}
    for link in draft.links:
        for end in (link.a, link.b):
            links[end] = links.get(end, 0) + 1
    on_a_lan = {port.node for lan in draft.lans.values() for port in lan.ports}
    single = [
        some[0]
        for asn, some in pops.items()
        if len(some) == 1 and int(asn) not in draft.network_upstreams and some[0].name not in on_a_lan
    ]
    single.sort(key=lambda node: (-links.get(node.name, 0), node.asn))
    return [node.name for node in single[:count]]
