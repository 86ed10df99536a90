"""Tables: bgpd's JSON about its sessions and its Adj-RIB-Out, read without trust."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from anyplane.bgp.speaker import SessionSeen, SessionState
from anyplane.design.operation import Address, Session
from anyplane.model.errors import SpeakerRejected
from anyplane.model.nouns import Asn, Prefix


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One route of an Adj-RIB-Out, after the out route-map."""

    prepend: int
    med: int


def sent(text: str, *, asn: Asn, command: str) -> dict[Prefix, Sent]:
    """`show bgp ... advertised-routes json`; the path is shown without the ASN that eBGP puts first."""
    document = _document(text, command)
    routes = document.get("advertisedRoutes", {})
    found: dict[Prefix, Sent] = {}
    for name, facts in _items(routes):
        try:
            prefix = ip_network(name)
        except ValueError:
            continue
        path = facts.get("path")
        med = facts.get("metric")
        found[prefix] = Sent(
            prepend=path.split().count(str(asn)) if isinstance(path, str) else 0,
            med=med if isinstance(med, int) else 0,
        )
    return found


def sessions_seen(text: str, sessions: tuple[Session, ...], *, command: str) -> tuple[SessionSeen, ...]:
    """`show bgp neighbors json`, for the sessions of the design."""
    listed: dict[Address, dict[str, object]] = {}
    for name, facts in _items(_document(text, command)):
        try:
            listed[ip_address(name)] = facts
        except ValueError:
            continue
    return tuple(_seen(session, listed.get(session.neighbor)) for session in sessions)


def _seen(session: Session, facts: dict[str, object] | None) -> SessionSeen:
    if facts is None:
        return SessionSeen(
            neighbor=session.neighbor,
            upstream=session.upstream,
            state=SessionState.DOWN,
            reason="bgpd has no such neighbor",
        )
    if facts.get("bgpState") == "Established":
        up = facts.get("bgpTimerUpMsec")
        return SessionSeen(
            neighbor=session.neighbor,
            upstream=session.upstream,
            state=SessionState.UP,
            uptime_s=up / 1000 if isinstance(up, int) else None,
        )
    return SessionSeen(
        neighbor=session.neighbor,
        upstream=session.upstream,
        state=SessionState.DOWN,
        reason=_reason(session, facts),
    )


def _reason(session: Session, facts: dict[str, object]) -> str:
    words = [str(facts.get("bgpState", "unknown"))]
    if facts.get("adminShutDown") is True:
        words.append("shut down by configuration")
    for key in ("lastResetDueTo", "lastNotificationReason", "lastShutdownDescription"):
        word = facts.get(key)
        if isinstance(word, str) and word.strip() and word not in words:
            words.append(word.strip())
    if facts.get("prefixesConfigExceedMax") is True:
        words.append("more prefixes than its limit: `clear bgp NEIGHBOR` starts it again")
    if session.password_file and words[0] in ("Connect", "Active"):
        words.append("a TCP MD5 key that differs from the neighbor's looks like this")
    return "; ".join(words)


def _document(text: str, command: str) -> dict[str, object]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise SpeakerRejected(
            "frr",
            "bgpd's answer is not the JSON object that was asked for",
            command=command,
            reply=" ".join(text.split())[:200],
            hint="FRR 8.4 and later are supported: vtysh -c 'show version'",
        )
    return document


def _items(document: object) -> Iterator[tuple[str, dict[str, object]]]:
    if isinstance(document, dict):
        for name, facts in document.items():
            if isinstance(facts, dict):
                yield name, facts
