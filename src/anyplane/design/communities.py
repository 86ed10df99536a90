"""Communities and the targets of `to:`: text -> canonical text, or what it selects.

RFC 1997 (standard, a:b with 16 bits each), RFC 8092 (large, a:b:c with 32 bits each), and the well-known
ones by name: RFC 1997 no-export and no-advertise, RFC 8326 graceful-shutdown, RFC 7999 blackhole.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from anyplane.design.countries import CONTINENT_PATTERN, continent, country
from anyplane.design.quantities import ASN_PATTERN, Unfit, asn, shown
from anyplane.model.nouns import Asn, RouteClass

NO_EXPORT = "65535:65281"
NO_ADVERTISE = "65535:65282"
GRACEFUL_SHUTDOWN = "65535:0"
BLACKHOLE = "65535:666"
WELL_KNOWN = {
    "no-export": NO_EXPORT,
    "no-advertise": NO_ADVERTISE,
    "graceful-shutdown": GRACEFUL_SHUTDOWN,
    "blackhole": BLACKHOLE,
}
CLASSES = {"customers": RouteClass.CUSTOMER, "peers": RouteClass.PEER, "providers": RouteClass.PROVIDER}
_HALF = r"0*(?:[0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
COMMUNITY_PATTERN = (
    rf"^\s*(?:{'|'.join(WELL_KNOWN)}|{_HALF}:{_HALF}|[0-9]{{1,10}}:[0-9]{{1,10}}:[0-9]{{1,10}})\s*$"
)
TARGET_PATTERN = (
    rf"^\s*(?:(?:[Aa][Ss])?[0-9]{{1,10}}|{'|'.join(CLASSES)}|country\s+[A-Za-z]{{2}}|"
    rf"continent\s+(?:{CONTINENT_PATTERN}))\s*$"
)
_AMBIGUOUS = frozenset(("AF", "AS", "NA", "SA"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One word of `to:`; exactly one field is set."""

    asn: Asn | None = None
    region: str = ""
    route_class: RouteClass | None = None


def community(value: object) -> str:
    """The text form in decimal; names of well-known communities become numbers."""
    example = 'write "1299:2569", "64500:1:2" or no-export'
    if not isinstance(value, str):
        raise Unfit(f"{shown(value)} is not a community", hint=example)
    word = value.strip()
    if word.lower().replace("_", "-") in WELL_KNOWN:
        return WELL_KNOWN[word.lower().replace("_", "-")]
    if re.match(r"^[0-9]+(?::[0-9]+){1,2}$", word) and len(word) < 60:
        parts = [int(part) for part in word.split(":")]
        if len(parts) == 2 and max(parts) <= 65535:
            return f"{parts[0]}:{parts[1]}"
        if len(parts) == 3 and max(parts) <= 4_294_967_295:
            return f"{parts[0]}:{parts[1]}:{parts[2]}"
        if len(parts) == 2:
            hint = "a 4-byte ASN needs a large community, ASN:value:value (RFC 8092)"
            raise Unfit(f"{shown(value)}: each half of a community ends at 65535", hint=hint)
        raise Unfit(f"{shown(value)}: each part of a large community ends at 4294967295")
    if re.match(r"^(?:rt|ro|soo|target|origin|ext|generic|0x[0-9a-f]+)[:(]", word, re.IGNORECASE):
        hint = "upstreams take actions from standard (a:b) and large (a:b:c) communities"
        raise Unfit(f"{shown(value)} looks like an extended community, which is not supported", hint=hint)
    near = difflib.get_close_matches(word.lower(), WELL_KNOWN, n=1)
    raise Unfit(f"{shown(value)} is not a community", hint=f"did you mean {near[0]}?" if near else example)


def target(value: object) -> Target:
    """What one word of `to:` selects: AS3356, peers, `country DE`, `continent Asia`."""
    if isinstance(value, int) and not isinstance(value, bool):
        return Target(asn=asn(value))
    word = " ".join(value.split()) if isinstance(value, str) else ""
    if re.match(ASN_PATTERN, word):
        return Target(asn=asn(word))
    kind, _, rest = word.partition(" ")
    if kind.lower() == "continent":
        return Target(region=continent(rest))
    if kind.lower() == "country":
        code = country(rest)
        if code in _AMBIGUOUS:
            # ExportRule.to_regions holds both kinds of code side by side; these four are both.
            hint = "name the networks there by ASN instead"
            raise Unfit(f"country {code} shares its code with a continent and cannot be selected", hint=hint)
        return Target(region=code)
    if word.lower() in CLASSES:
        return Target(route_class=CLASSES[word.lower()])
    words = [*CLASSES, "country DE", "continent Asia"]
    if kind.lower() == "region":
        hint = "write `continent Asia` or `country JP`: a bare AS could be Asia or American Samoa"
    else:
        near = difflib.get_close_matches(word.lower(), CLASSES, n=1)
        hint = f"did you mean {near[0]}?" if near else f"write AS3356, {', '.join(words)}"
    raise Unfit(f"{shown(value)} is not a target of an action", hint=hint)


def owner(text: str) -> Asn | None:
    """The network that gives a community its meaning, or None where the first part does not name one."""
    first = int(text.split(":")[0])
    is_nobody = first in (0, 23456, 65535) or 64512 <= first <= 65534 or first >= 4_200_000_000
    return None if is_nobody else Asn(first)
