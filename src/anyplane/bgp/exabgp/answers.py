"""What ExaBGP answers, as values; whatever it writes, these return a value or raise SpeakerRejected.

`show adj-rib out extensive` has one line a route:

    neighbor 192.0.2.0 local-ip 192.0.2.1 ... ipv4 unicast 198.51.100.0/24 next-hop 192.0.2.1
        as-path ( 64500 64500 ) med 7 community [ 64500:1 no-export ] large-community 64500:1:2
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from anyplane.bgp.speaker import Route, SessionSeen, SessionState
from anyplane.design.operation import Address, Session
from anyplane.model.errors import SpeakerRejected

_NAMED = {
    "no-export": "65535:65281",
    "no-advertise": "65535:65282",
    "no-export-subconfed": "65535:65283",
    "no-peer": "65535:65284",
    "nopeer": "65535:65284",
    "blackhole": "65535:666",
    "graceful-shutdown": "65535:0",
}
_OPEN, _CLOSE = ("[", "("), ("]", ")")
# RFC 4271, RFC 4486, RFC 8203, RFC 9234, RFC 9384
_CODES = {
    1: "message header error",
    2: "OPEN refused",
    3: "UPDATE refused",
    4: "hold timer expired",
    5: "state machine error",
    6: "cease",
}
_SUBCODES = {
    (2, 2): "bad peer AS",
    (2, 3): "bad BGP identifier",
    (2, 6): "unacceptable hold time",
    (2, 7): "unsupported capability",
    (2, 11): "role mismatch",
    (6, 1): "maximum number of prefixes reached",
    (6, 2): "administrative shutdown",
    (6, 3): "peer de-configured",
    (6, 4): "administrative reset",
    (6, 5): "connection rejected",
    (6, 6): "other configuration change",
    (6, 7): "connection collision",
    (6, 8): "out of resources",
    (6, 9): "hard reset",
    (6, 10): "BFD down",
}


def routes_in(lines: Iterable[str]) -> frozenset[Route]:
    """The routes that `show adj-rib out extensive` lists."""
    return frozenset(route_in(line) for line in lines if line)


def route_in(line: str) -> Route:
    """One of its lines."""
    words = line.split()
    try:
        at = words.index("unicast")
        facts = _facts(words[at + 2 :])
        return Route(
            neighbor=ip_address(words[1]),
            prefix=ip_network(words[at + 1]),
            prepend=max(0, len(facts.get("as-path", ())) - 1),
            med=int(facts["med"][0]) if facts.get("med") else 0,
            communities=frozenset(
                _NAMED.get(text, text)
                for kind in ("community", "large-community")
                for text in facts.get(kind, ())
            ),
        )
    except (ValueError, IndexError) as error:
        raise SpeakerRejected(
            "exabgp",
            f"a route that makes no sense ({error})",
            command="show adj-rib out extensive",
            reply=line[:300],
        ) from None


def _facts(words: list[str]) -> dict[str, tuple[str, ...]]:
    """Attribute -> its values: `med 7`, `as-path ( 1 2 )`, `community [ a b ]`, `community a`."""
    facts: dict[str, tuple[str, ...]] = {}
    at = 0
    while at < len(words):
        name, at = words[at], at + 1
        values: list[str] = []
        if at < len(words) and words[at] in _OPEN:
            at += 1
            while words[at] not in _CLOSE:
                values.append(words[at])
                at += 1
            at += 1
        elif at < len(words):
            values.append(words[at])
            at += 1
        facts[name] = tuple(values)
    return facts


def sessions_in(
    lines: Iterable[str], sessions: Iterable[Session], reasons: Mapping[Address, str]
) -> tuple[SessionSeen, ...]:
    """The sessions as `show neighbor json` has them. One that it does not name is down."""
    text = "".join(lines)
    try:
        listed = json.loads(text)
        # `state` says "down" in the first second of a session; the state machine's own word is exact.
        found = {
            ip_address(one["peer"]["address"]): (str(one["fsm"]), float(one["duration"] or 0))
            for one in listed
        }
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
        raise SpeakerRejected(
            "exabgp",
            f"neighbours that make no sense ({error})",
            command="show neighbor json",
            reply=text[:300],
        ) from None
    seen = []
    for one in sessions:
        state, duration = found.get(one.neighbor, ("unknown to exabgp", 0.0))
        is_up = state == "ESTABLISHED"
        waiting = f"{state.lower()}: nothing heard from {one.neighbor} port {one.port}"
        seen.append(
            SessionSeen(
                neighbor=one.neighbor,
                upstream=one.upstream,
                state=SessionState.UP if is_up else SessionState.DOWN,
                reason="" if is_up else reasons.get(one.neighbor, "") or waiting,
                uptime_s=duration if is_up else None,
            )
        )
    return tuple(seen)


def learn(reasons: dict[Address, str], event: Mapping[str, Any]) -> None:
    """Keep in `reasons` why each session is down, from an event of ExaBGP's; nonsense changes nothing."""
    try:
        neighbor = event["neighbor"]
        peer = ip_address(neighbor["address"]["peer"])
        if event["type"] == "notification":
            reasons[peer] = _notification(neighbor["direction"], neighbor["notification"])
        elif neighbor.get("state") == "up":
            reasons.pop(peer, None)
        elif neighbor.get("state") == "down" and "NOTIFICATION" not in reasons.get(peer, ""):
            reasons[peer] = str(neighbor.get("reason", ""))[:300]
    except (KeyError, TypeError, ValueError, AttributeError):
        return


def _notification(direction: str, fields: Mapping[str, Any]) -> str:
    code, subcode = int(fields["code"]), int(fields["subcode"])
    words = [_CODES.get(code, "NOTIFICATION"), _SUBCODES.get((code, subcode), "")]
    message = str(fields.get("message", ""))[:200]
    said = ", ".join(word for word in words if word) + f" ({code}/{subcode})"
    who = "the neighbour sent" if direction == "receive" else "we sent"
    return f"{who} NOTIFICATION: {said}" + (f": {message}" if message else "")
