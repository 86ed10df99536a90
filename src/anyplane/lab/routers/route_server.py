"""route_server: BIRD as the route server of an exchange (RFC 7947): from sites to members, nothing changed.

Members hear the sites' routes with the marks that their wishes left (see `policy`), so that each member does
what the site asked of its exports. Of several sites behind one route server, the members hear the one that
they would all choose: shortest path, lowest MED, first in the design. What members send is a default route
alone: a site behind the route server answers its users by way of the member with the lowest router id.
"""

from __future__ import annotations

from collections.abc import Sequence

from anyplane.lab.blueprint import Blueprint, Node
from anyplane.lab.routers import policy
from anyplane.lab.routers.bird import ANY, FILE, head, hear_site, transport
from anyplane.lab.routers.neighbours import Neighbour, SessionKind


def configuration(blueprint: Blueprint, node: Node, sessions: Sequence[Neighbour]) -> dict[str, str]:
    """File name -> text."""
    parts = [*head(blueprint, node, sessions), *(_session(one) for one in sessions)]
    return {FILE: "\n".join(parts)}


def _session(one: Neighbour) -> str:
    channels = "".join(_channel(one, family) for family in one.families)
    return f"protocol bgp {one.name} {{   # {one.node}\n{transport(one)}      rs client;\n{channels}}}\n"


def _channel(one: Neighbour, family: int) -> str:
    site = f"(MARK, {policy.FROM_SITE}, {int(one.ties[0]) if one.ties else 0})"
    any_site = f"[ (MARK, {policy.FROM_SITE}, *) ]"
    if one.kind == SessionKind.SITE:
        arriving = (
            f"{hear_site(one)}      bgp_large_community.add({site});\n"
            f"      if (65535, 0) ~ bgp_community then bgp_local_pref = {policy.BACKUP_LOCAL_PREF};\n"
            "      accept;\n"
        )
        leaving = f"      if net != {ANY[family]} then reject;\n      accept;\n"
    else:
        arriving = (
            f"      if net != {ANY[family]} then reject;\n      bgp_large_community.empty;\n      accept;\n"
        )
        # A MED goes on only when it is set in the export filter.
        leaving = (
            f"      if !(bgp_large_community ~ {any_site}) then reject;\n"
            "      if defined(bgp_med) then bgp_med = bgp_med + 0;\n      accept;\n"
        )
    return (
        f"  ipv{family} {{\n    next hop keep;\n    import filter {{\n{arriving}    }};\n"
        f"    export filter {{\n{leaving}    }};\n  }};\n"
    )
