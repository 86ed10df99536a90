"""What bgpd answers in JSON -> routes, sessions and counts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from anyplane.lab.routers.neighbours import Neighbour
from anyplane.lab.routers.seen import SessionState, TableRoute, Updates
from anyplane.model.nouns import Prefix

_COUNTS = ("updatesSent", "updatesRecv")


def routes(text: str, prefix: Prefix, sessions: Sequence[Neighbour]) -> list[TableRoute]:
    """`show bgp ipv4 unicast PREFIX json`."""
    by_address = {str(one.remote): one for one in sessions}
    found: list[TableRoute] = []
    for path in json.loads(text or "{}").get("paths", []):
        neighbour = by_address.get(path.get("peer", {}).get("peerId", ""))
        hop: dict[str, Any] = next((one for one in path.get("nexthops", []) if one.get("used")), {})
        marks = path.get("largeCommunity", {}).get("list", [])
        said = frozenset([*path.get("community", {}).get("string", "").split(), *marks])
        is_own = neighbour is None
        found.append(
            TableRoute(
                prefix=prefix,
                as_path=_path(path.get("aspath", {})),
                is_best=bool(path.get("bestpath", {}).get("overall", False)),
                next_hop="" if is_own else str(hop.get("ip", "")),
                from_=neighbour.node if neighbour else "",
                kind=neighbour.kind if neighbour else None,
                local_pref=int(path.get("locPrf", path.get("localpref", 0)) or 0),
                med=int(path.get("metric", path.get("med", 0)) or 0),
                communities=said,
                igp_metric=int(hop.get("metric", 0)) if hop.get("accessible", is_own) else None,
                device=neighbour.device if neighbour else "",
                is_discarded=is_own or "4294967295:4:0" in said,
            )
        )
    return found


def sessions(text: str, wanted: Sequence[Neighbour]) -> tuple[SessionState, ...]:
    """`show bgp neighbors json`."""
    seen = _neighbours(text)
    states = []
    for one in wanted:
        facts = seen.get(str(one.remote), {})
        state = str(facts.get("bgpState", "unknown"))
        reason = " ".join([state, str(facts.get("lastResetDueTo", ""))]).strip()
        is_up = state == "Established"
        states.append(
            SessionState(
                name=one.name, node=one.node, kind=one.kind, is_up=is_up, reason="" if is_up else reason
            )
        )
    return tuple(states)


def updates(text: str) -> Updates:
    """`show bgp neighbors json`: messages."""
    stats = [facts.get("messageStats", {}) for facts in _neighbours(text).values()]
    sent, received = (sum(int(one.get(key, 0)) for one in stats) for key in _COUNTS)
    return Updates(updates_sent=sent, updates_received=received)


def fingerprint(text: str) -> str:
    """State and counters of every session."""
    return "\n".join(
        f"{name} {facts.get('bgpState')} {[facts.get('messageStats', {}).get(key) for key in _COUNTS]}"
        for name, facts in sorted(_neighbours(text).items())
    )


def _neighbours(text: str) -> dict[str, dict[str, Any]]:
    return {name: facts for name, facts in json.loads(text or "{}").items() if isinstance(facts, dict)}


def _path(facts: dict[str, Any]) -> tuple[int, ...]:
    return tuple(int(asn) for segment in facts.get("segments", []) for asn in segment.get("list", []))
