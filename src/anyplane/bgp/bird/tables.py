"""What `show protocols all` and `show route all` say, as values; the words of BIRD 2 and BIRD 3 alike."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_address, ip_network

from anyplane.bgp.bird.protocol import Reply
from anyplane.bgp.speaker import Route
from anyplane.design.operation import Address
from anyplane.model.nouns import Asn, Prefix

_HEADLINE, _DETAIL = 1002, 1006
_ROUTE, _ATTRIBUTES = 1007, 1012
_ATTRIBUTE = re.compile(r"\s*(?:BGP\.|bgp_)(as_path|path|med|community|large_community):\s*(.*)")
_ESTABLISHED = "Established"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolSeen:
    """One BGP protocol. `table` of its channel, `info` the last column, `error` BIRD's own words."""

    name: str
    neighbor: Address
    table: str
    channel: str
    is_up: bool
    since: str = ""
    info: str = ""
    error: str = ""
    limits: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """Why it is not up, as a person reads it."""
        words = [*self.limits, self.error or self.info.removeprefix(_ESTABLISHED).strip()]
        return "; ".join(word for word in words if word)


@dataclass(slots=True)
class _Facts:
    name: str
    since: str
    info: str
    values: dict[str, str] = field(default_factory=dict)
    channel: str = ""
    limits: list[str] = field(default_factory=list)


def protocols(reply: Reply) -> tuple[ProtocolSeen, ...]:
    """The BGP sessions in a reply to `show protocols all`."""
    found = [_protocol(facts) for facts in _blocks(reply)]
    return tuple(one for one in found if one is not None)


def routes(reply: Reply, *, neighbor: Address, asn: Asn) -> frozenset[Route]:
    """The routes in a reply to `show route all`, as `neighbor` is sent them; the best of each prefix."""
    found: dict[Prefix, Route] = {}
    for prefix, facts in _entries(reply):
        path = facts.get("as_path", facts.get("path", "")).split()
        plain = re.findall(r"\((\d+),\s*(\d+)\)", facts.get("community", ""))
        large = re.findall(r"\((\d+),\s*(\d+),\s*(\d+)\)", facts.get("large_community", ""))
        med = facts.get("med", "0")
        found.setdefault(
            prefix,
            Route(
                neighbor=neighbor,
                prefix=prefix,
                prepend=path.count(str(asn)),
                med=int(med) if med.isascii() and med.isdigit() and len(med) <= 10 else 0,
                communities=frozenset(":".join(parts) for parts in [*plain, *large]),
            ),
        )
    return frozenset(found.values())


def prefixes(reply: Reply) -> frozenset[Prefix]:
    """The prefixes in a reply to `show route`."""
    return frozenset(prefix for prefix, _ in _entries(reply))


def uptime(since: str, *, now: datetime) -> float | None:
    """Seconds since a time that BIRD printed: as `timeformat protocol iso long`, or of today, its default."""
    with contextlib.suppress(ValueError):
        if re.fullmatch(r"\d\d:\d\d:\d\d(?:\.\d+)?", since):
            since = f"{now.date().isoformat()} {since}"
        if re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?", since):
            then = datetime.fromisoformat(since)
            return max(0.0, (now - then.replace(tzinfo=now.tzinfo)).total_seconds())
    return None


def _blocks(reply: Reply) -> Iterator[_Facts]:
    facts: _Facts | None = None
    for code, text in reply.lines:
        if code == _HEADLINE and (match := re.match(r"(\S+)\s+(\S+)\s+(\S+)\s+(\w+)\s*(.*)", text)):
            if facts is not None:
                yield facts
            facts = None
            if match[2] == "BGP":
                since = re.match(r"(?:\d{4}-\d\d-\d\d)?\s?(?:\d\d:\d\d:\d\d(?:\.\d+)?)?", match[5])
                when = since[0] if since else ""
                facts = _Facts(name=match[1], since=when.strip(), info=match[5][len(when) :].strip())
        elif facts is not None:
            _detail(facts, text.strip())
    if facts is not None:
        yield facts


def _detail(facts: _Facts, text: str) -> None:
    if text.startswith("Channel "):
        facts.channel = facts.channel or text.split()[1]
    elif "[HIT]" in text:
        facts.limits.append(re.sub(r"\s+", " ", text))
    elif ":" in text:
        key, _, value = text.partition(":")
        facts.values.setdefault(key.strip(), value.strip())


def _protocol(facts: _Facts) -> ProtocolSeen | None:
    try:
        neighbor = ip_address(facts.values.get("Neighbor address", ""))
    except ValueError:
        return None
    return ProtocolSeen(
        name=facts.name,
        neighbor=neighbor,
        table=facts.values.get("Table", ""),
        channel=facts.channel,
        is_up=facts.values.get("BGP state") == _ESTABLISHED,
        since=facts.since,
        info=facts.info,
        error=facts.values.get("Last error", ""),
        limits=tuple(facts.limits),
    )


def _entries(reply: Reply) -> Iterator[tuple[Prefix, dict[str, str]]]:
    prefix: Prefix | None = None
    facts: dict[str, str] = {}
    for code, text in reply.lines:
        if code == _ROUTE and (match := re.match(r"([0-9a-fA-F.:]+/\d+)\s", text + " ")):
            if prefix is not None:
                yield prefix, facts
            prefix, facts = None, {}
            with contextlib.suppress(ValueError):
                prefix = ip_network(match[1])
        elif code in (_ATTRIBUTES, _ROUTE) and (match := _ATTRIBUTE.match(text)):
            facts.setdefault(match[1], match[2])
    if prefix is not None:
        yield prefix, facts
