"""Markers: how one `bgpctl network add`, which knows no neighbours, tells each upstream something else.

bgpctl puts attributes on a route for everybody. So it puts *markers* there instead, extended communities
rt 65535:N, and the rendered configuration has rules that match them for each neighbour:

    allow to 192.0.2.0 ... ext-community rt 65535:A                       this upstream gets it at all
    match to 192.0.2.0 ext-community rt 65535:B set prepend-self 2        bits 1, 2, 4, 8, 16 make any number
    match to 192.0.2.0 ext-community rt 65535:C set metric +64            bits 1 to 2^30 make any MED
    match to 192.0.2.0 ext-community rt 65535:D set community delete *:*  what is on the route is not for it
    match to 192.0.2.0 ext-community rt 65535:E set community 64510:77    a community that the design names
    match to any set ext-community delete rt 65535:*                      no marker ever leaves

N is made from the upstream's ASN and the meaning, so that a configuration older than the design can lack a
rule, but never give a marker another meaning. Communities that the design names for an upstream come by a
rule; others (those of a degraded service) are put on the route itself, and are the same for all that get any.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping

from anyplane.bgp.router import RouterPlan
from anyplane.design.communities import BLACKHOLE, GRACEFUL_SHUTDOWN, NO_ADVERTISE, NO_EXPORT
from anyplane.model.errors import SpeakerRejected
from anyplane.model.nouns import Announcement, Asn, Prefix

PREPEND_BITS = 5
MED_BITS = 31
ANNOUNCE = "announce"
ALONE = "without what is on the route"

Arguments = tuple[str, ...]


def marker(upstream: Asn, meaning: str) -> str:
    """The extended community (as bgpctl and bgpd.conf write it, after `rt`) for a meaning at an upstream."""
    digest = hashlib.blake2b(f"{upstream} {meaning}".encode(), digest_size=4).hexdigest()
    return f"65535:{int(digest, 16)}"


def named(plan: RouterPlan, upstream: Asn) -> tuple[str, ...]:
    """The communities for which the configuration has a rule: the design's, and the well-known ones."""
    design = {text for one in plan.announcements if one.upstream == upstream for text in one.communities}
    return tuple(sorted(design | {GRACEFUL_SHUTDOWN, NO_EXPORT, NO_ADVERTISE, BLACKHOLE}))


def networks(plan: RouterPlan, wanted: Iterable[Announcement]) -> Mapping[Arguments, tuple[Prefix, ...]]:
    """The arguments of `bgpctl network add`, and the prefixes that they are for; or SpeakerRejected."""
    by_prefix: defaultdict[Prefix, list[Announcement]] = defaultdict(list)
    for one in wanted:
        if any(each.upstream == one.upstream and each.family == one.prefix.version for each in plan.sessions):
            by_prefix[one.prefix].append(one)
    found: defaultdict[Arguments, list[Prefix]] = defaultdict(list)
    for prefix, listed in by_prefix.items():
        found[_arguments(plan, listed)].append(prefix)
    return {arguments: tuple(prefixes) for arguments, prefixes in found.items()}


def _arguments(plan: RouterPlan, listed: list[Announcement]) -> Arguments:
    others = {one.upstream: frozenset(one.communities) - set(named(plan, one.upstream)) for one in listed}
    on_route = {each for each in others.values() if each}
    if len(on_route) > 1:
        raise _refusal(
            listed[0], "its upstreams are to get different communities that bgpd.conf has no rules for"
        )
    direct = next(iter(on_route), frozenset())
    marks: set[str] = set()
    for one in listed:
        meanings = [ANNOUNCE, *_bits("prepend", one.as_path_prepend), *_bits("med", one.med)]
        meanings += [f"community {text}" for text in one.communities if text not in direct]
        meanings += [ALONE] if direct and not others[one.upstream] else []
        if one.as_path_prepend >= 1 << PREPEND_BITS or one.med >= 1 << MED_BITS:
            raise _refusal(
                one,
                f"{one.as_path_prepend} prepends or a MED of {one.med} are more than bgpd.conf has rules for",
            )
        marks |= {marker(one.upstream, meaning) for meaning in meanings}
    words = [word for mark in sorted(marks) for word in ("ext-community", "rt", mark)]
    for text in sorted(direct):
        words += ["community" if text.count(":") == 1 else "large-community", text]
    return tuple(words)


def _bits(word: str, number: int) -> list[str]:
    return [f"{word} {1 << bit}" for bit in range(number.bit_length()) if number >> bit & 1]


def _refusal(one: Announcement, why: str) -> SpeakerRejected:
    return SpeakerRejected(
        "openbgpd",
        f"{one.prefix} cannot be announced as wanted: {why}",
        command=f"bgpctl network add {one.prefix}",
        hint=f"prepends end at {(1 << PREPEND_BITS) - 1}, MEDs at {(1 << MED_BITS) - 1}; "
        "name the communities in the design, render again and reload bgpd",
    )
