"""What BIRD's control socket answers -> routes, sessions and counts."""

from __future__ import annotations

import re
from collections.abc import Sequence

from anyplane.bgp.bird.protocol import Reply
from anyplane.bgp.bird.tables import protocols
from anyplane.lab.routers.neighbours import Neighbour
from anyplane.lab.routers.seen import SessionState, TableRoute, Updates
from anyplane.model.nouns import Prefix

_ROUTE = re.compile(
    r"(?:\S+/\d+)?\s+(?P<dest>unicast|blackhole|unreachable|prohibit) \[(?P<name>\S+) [^\]]*\] "
    r"(?P<best>\* )?\((?P<preference>\d+)-?(?:/(?P<metric>\S+))?\)"
)
"""A "-" behind the preference: deterministic MED sets it aside."""
_VIA = re.compile(r"\s+via (\S+) on (\S+)")
_ATTRIBUTE = re.compile(r"\s+(?:BGP\.|bgp_)(\w+):\s*(.*)")
_SESSION = re.compile(r"(\S+)\s+BGP\s+\S+\s+\w+\s+[\d-]+ [\d:.]+(.*)")
"""Name, protocol, table, state, since (timeformat protocol iso long ms), info."""
_COUNT = re.compile(r"\s+(Import|Export) (updates|withdraws):\s+(\d+)\s+\S+\s+\S+\s+\S+\s+(\d+)")


def routes(reply: Reply, prefix: Prefix, sessions: Sequence[Neighbour]) -> list[TableRoute]:
    """`show route PREFIX all`."""
    by_name = {one.name: one for one in sessions}
    found: list[TableRoute] = []
    blocks: list[tuple[re.Match[str], dict[str, str], list[tuple[str, str]]]] = []
    for _, text in reply.lines:
        if match := _ROUTE.match(text):
            blocks.append((match, {}, []))
        elif blocks and (via := _VIA.match(text)):
            blocks[-1][2].append((via[1], via[2]))
        elif blocks and (said := _ATTRIBUTE.match(text)):
            blocks[-1][1].setdefault(said[1], said[2])
    for match, facts, vias in blocks:
        neighbour = by_name.get(match["name"])
        metric = match["metric"] or "0"
        gateway, device = vias[0] if vias else ("", "")
        found.append(
            TableRoute(
                prefix=prefix,
                as_path=tuple(int(asn) for asn in facts.get("as_path", facts.get("path", "")).split()),
                is_best=match["best"] is not None,
                next_hop=gateway,
                from_=neighbour.node if neighbour else "",
                kind=neighbour.kind if neighbour else None,
                local_pref=int(facts.get("local_pref", "0")),
                med=int(facts.get("med", "0")),
                communities=_communities(facts),
                igp_metric=int(metric) if metric.isdigit() else None,
                device=device,
                is_discarded=match["dest"] != "unicast",
            )
        )
    return found


def sessions(reply: Reply, wanted: Sequence[Neighbour]) -> tuple[SessionState, ...]:
    """`show protocols all`."""
    seen = {one.name: one for one in protocols(reply)}
    return tuple(
        SessionState(
            name=one.name,
            node=one.node,
            kind=one.kind,
            is_up=one.name in seen and seen[one.name].is_up,
            reason=seen[one.name].reason if one.name in seen else "BIRD has no such protocol",
        )
        for one in wanted
    )


def missing(reply: Reply, wanted: Sequence[Neighbour]) -> tuple[SessionState, ...]:
    """`show protocols`: the sessions that are not established, with the last column as the reason."""
    said: dict[str, str] = {}
    for _, text in reply.lines:
        if match := _SESSION.match(text):
            said[match[1]] = match[2].strip()
    return tuple(
        SessionState(
            name=one.name,
            node=one.node,
            kind=one.kind,
            is_up=False,
            reason=said.get(one.name, "BIRD has no such protocol"),
        )
        for one in wanted
        if said.get(one.name) != "Established"
    )


def updates(reply: Reply) -> Updates:
    """`show protocols all`: of routes sent what passed the filters, of routes received all."""
    total = dict.fromkeys(("Import updates", "Import withdraws", "Export updates", "Export withdraws"), 0)
    is_bgp = False
    for _, text in reply.lines:
        if not text.startswith(" "):
            is_bgp = text.split()[1:2] == ["BGP"]
        elif is_bgp and (match := _COUNT.match(text)):
            total[f"{match[1]} {match[2]}"] += int(match[3] if match[1] == "Import" else match[4])
    return Updates(
        updates_sent=total["Export updates"],
        updates_received=total["Import updates"],
        withdrawals_sent=total["Export withdraws"],
        withdrawals_received=total["Import withdraws"],
    )


def fingerprint(reply: Reply) -> str:
    """Every counter of every session."""
    return "\n".join(text for _, text in reply.lines if _COUNT.match(text) or "BGP state" in text)


def _communities(facts: dict[str, str]) -> frozenset[str]:
    plain = re.findall(r"\((\d+),\s*(\d+)\)", facts.get("community", ""))
    large = re.findall(r"\((\d+),\s*(\d+),\s*(\d+)\)", facts.get("large_community", ""))
    return frozenset(":".join(parts) for parts in [*plain, *large])
