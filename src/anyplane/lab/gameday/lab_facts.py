"""facts_of: what a lab has, in a game day's words, from its blueprint and its edition of the design."""

from __future__ import annotations

from anyplane.design.design import Design
from anyplane.lab.blueprint import Blueprint, NodeKind
from anyplane.lab.gameday.clients import Client
from anyplane.lab.gameday.stage import Facts, SiteFacts


def facts_of(blueprint: Blueprint, design: Design) -> Facts:
    """Sites, clients and networks."""
    of_design = {str(site.name): site for site in design.sites}
    per_user = sum(group.load_per_user or 0.0 for group in design.groups)
    sites = []
    for name, node in blueprint.site_nodes.items():
        site = of_design[name]
        health = {**design.health, **site.health}
        sites.append(
            SiteFacts(
                name=name,
                country=node.location.country,
                continent=node.location.continent,
                upstreams=tuple(
                    dict.fromkeys(int(one.upstream) for one in blueprint.sites if one.site == name)
                ),
                backends=tuple(one.name for group in health.values() for one in group.backends),
                capacity_users=site.capacity / per_user if site.capacity and per_user else None,
            )
        )
    routers = sum(node.kind is NodeKind.ROUTER for node in blueprint.nodes)
    return Facts(
        sites=tuple(sites),
        clients=tuple(
            Client(
                node=node.name,
                metro=node.location.metro,
                asn=int(node.asn),
                users=node.users,
                country=node.location.country,
                continent=node.location.continent,
            )
            for node in blueprint.clients
        ),
        networks=frozenset(int(asn) for asn in blueprint.by_asn),
        where=f"Lab {blueprint.name}: {routers} routers, {len(sites)} sites",
    )
