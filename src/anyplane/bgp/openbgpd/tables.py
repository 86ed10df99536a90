"""Tables: bgpctl's JSON about networks, sessions and the Adj-RIB-Out, read without trust."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network

from anyplane.bgp.speaker import Route, SessionSeen, SessionState
from anyplane.design.operation import Address, Session
from anyplane.model.nouns import Asn, Prefix

SHUT_DOWN = "shut down by configuration"
OWN_DOING = "bgpd sent a NOTIFICATION"
_NAMED = {
    "GRACEFUL_SHUTDOWN": "65535:0",
    "BLACKHOLE": "65535:666",
    "NO_EXPORT": "65535:65281",
    "NO_ADVERTISE": "65535:65282",
    "NO_EXPORT_SUBCONFED": "65535:65283",
    "NO_PEER": "65535:65284",
}


def networks_held(document: Mapping[str, object]) -> frozenset[Prefix]:
    """`network show`: the prefixes that bgpd announces as its own, wherever they come from."""
    return frozenset(
        prefix for entry in _entries(document, "fib") if (prefix := _prefix(entry.get("prefix"))) is not None
    )


def routes_sent(document: Mapping[str, object], neighbor: Address, *, asn: Asn) -> frozenset[Route]:
    """`show rib detail out neighbor`; the path begins with our own ASN once."""
    found: set[Route] = set()
    for entry in _entries(document, "rib"):
        prefix = _prefix(entry.get("prefix"))
        if prefix is None:
            continue
        path = entry.get("aspath")
        med = entry.get("metric")
        copies = path.split().count(str(asn)) if isinstance(path, str) else 0
        found.add(
            Route(
                neighbor=neighbor,
                prefix=prefix,
                prepend=max(0, copies - 1),
                med=med if isinstance(med, int) else 0,
                communities=frozenset(
                    _NAMED.get(text, text)
                    for key in ("communities", "large_communities", "extended_communities")
                    for text in _texts(entry.get(key))
                ),
            )
        )
    return frozenset(found)


def sessions_seen(document: Mapping[str, object], sessions: tuple[Session, ...]) -> tuple[SessionSeen, ...]:
    """`show neighbor`, for the sessions of the design."""
    listed: dict[Address, dict[str, object]] = {}
    for entry in _entries(document, "neighbors"):
        try:
            listed[ip_address(str(entry.get("remote_addr")))] = entry
        except ValueError:
            continue
    return tuple(_seen(session, listed.get(session.neighbor)) for session in sessions)


def _seen(session: Session, entry: Mapping[str, object] | None) -> SessionSeen:
    if entry is not None and entry.get("state") == "Established":
        up = entry.get("last_updown_sec")
        return SessionSeen(
            neighbor=session.neighbor,
            upstream=session.upstream,
            state=SessionState.UP,
            uptime_s=float(up) if isinstance(up, int) else None,
        )
    reason = "bgpd has no such neighbor" if entry is None else _reason(session, entry)
    return SessionSeen(
        neighbor=session.neighbor, upstream=session.upstream, state=SessionState.DOWN, reason=reason
    )


def _reason(session: Session, entry: Mapping[str, object]) -> str:
    words = [str(entry.get("state", "unknown"))]
    for key in ("last_error", "last_error_received", "last_error_sent", "last_shutdown_reason"):
        if isinstance(word := entry.get(key), str) and word:
            words.append(word)
    config = entry.get("config")
    if isinstance(config, dict) and config.get("down") is True:
        words.append(SHUT_DOWN)
    if len(words) == 1 and _notifications(entry):
        # bgpctl does not say which; of the prefix limit it says nothing at all.
        words.append(f"{OWN_DOING}, its log says which")
        if isinstance(config, dict) and (limit := config.get("max_prefix")):
            words.append(f"is the limit of {limit} prefixes exceeded?")
    if session.password_file and words[0] in ("Connect", "Active"):
        words.append("a TCP MD5 key that differs from the neighbor's looks like this")
    return "; ".join(words)


def _notifications(entry: Mapping[str, object]) -> bool:
    here: object = entry
    for key in ("stats", "message", "sent", "notifications"):
        here = here.get(key) if isinstance(here, dict) else None
    return isinstance(here, int) and here > 0


def _entries(document: Mapping[str, object], key: str) -> Iterator[dict[str, object]]:
    listed = document.get(key)
    if isinstance(listed, list):
        for entry in listed:
            if isinstance(entry, dict):
                yield entry


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, list):
        for text in value:
            if isinstance(text, str):
                yield text


def _prefix(text: object) -> Prefix | None:
    try:
        return ip_network(str(text))
    except ValueError:
        return None
