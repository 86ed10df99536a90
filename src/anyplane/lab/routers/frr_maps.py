"""frr_maps: the policy of a router as FRR's lists and route-maps; what `bird` says as filters.

A route-map ends at the first entry that matches, unless that says `on-match next` or `on-match goto`: so the
entries that mark a route go on, and where none matches, the last entry, which permits everything, ends it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from anyplane.lab.blueprint import Blueprint, Node
from anyplane.lab.routers import policy
from anyplane.lab.routers.neighbours import Neighbour, SessionKind
from anyplane.lab.routers.policy import MARK
from anyplane.model.nouns import RouteClass

DISCARD4, DISCARD6 = "192.0.0.8", "100::1"
"""The dummy address of RFC 7600 and one of RFC 6666's: the next hop of what is discarded."""
WORD = {4: "ip", 6: "ipv6"}
_LAST = 60000


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry; `then`: "" ends the map, else the on-match word."""

    verb: str
    match: tuple[str, ...] = ()
    set: tuple[str, ...] = ()
    then: str = ""


_NEXT = "next"


def lists(blueprint: Blueprint, sessions: Sequence[Neighbour]) -> Iterator[str]:
    """The communities, paths and prefixes that the route-maps speak of."""
    # Matched against all communities in a row: no anchor.
    yield f"bgp large-community-list expanded FROM_SITE permit {MARK}:{policy.FROM_SITE}:"
    for kind, name in ((policy.KEEP, "KEEP"), (policy.DISCARD, "DISCARD")):
        yield f"bgp large-community-list standard {name} permit {MARK}:{kind}:0"
    for route_class in (RouteClass.ORIGIN, RouteClass.CUSTOMER):
        yield f"bgp large-community-list standard EARNING permit {MARK}:{policy.CLASS}:{int(route_class)}"
    yield f"bgp large-community-list standard MARKED permit {MARK}:{policy.CLASS}:0"
    for route_class in (RouteClass.CUSTOMER, RouteClass.PEER, RouteClass.PROVIDER):
        yield f"bgp large-community-list standard MARKED permit {MARK}:{policy.CLASS}:{int(route_class)}"
    yield f"bgp large-community-list expanded MARKS permit ^{MARK}:.*"
    yield "bgp community-list standard BACKUP permit 65535:0"
    yield "bgp community-list standard INSIDE permit 65535:65281"
    yield "bgp community-list standard INSIDE permit 65535:65282"
    yield "bgp community-list standard BLACKHOLED permit 65535:666"
    yield "bgp community-list standard NO_ADVERTISE permit 65535:65282"
    yield f"bgp as-path access-list INVALID deny _{blueprint.origin}$"
    yield "bgp as-path access-list INVALID permit .*"
    for prefix in blueprint.prefixes:
        word, longest = WORD[prefix.version], prefix.max_prefixlen
        yield f"{word} prefix-list ORIGIN permit {prefix}"
        if prefix.prefixlen < longest:
            yield f"{word} prefix-list ORIGIN_HOSTS permit {prefix} ge {longest}"
            yield f"{word} prefix-list ORIGIN_LONGER permit {prefix} ge {prefix.prefixlen + 1}"
    for one in sessions:
        for number in one.export.blocked_by:
            yield _numbered(f"{one.name}_blocked", number)
        for times, numbers in one.export.prepends:
            for number in numbers:
                yield _numbered(f"{one.name}_{times}", number)
        if one.hearing is not None:
            for index, text in enumerate(one.hearing.communities):
                yield f"bgp {_kind(text)}-list standard {one.name}_c{index} permit {text}"
            for index, prefix in enumerate(one.hearing.rules):
                yield f"{WORD[prefix.version]} prefix-list {one.name}_p{index} permit {prefix}"


def maps(node: Node, sessions: Sequence[Neighbour], *, is_told_by_cache: bool = False) -> Iterator[str]:
    """OWN for what the router originates; NAME_in and NAME_out for every session."""
    own = (
        f"set local-preference {policy.LOCAL_PREF[RouteClass.ORIGIN]}",
        f"set large-community {MARK}:{policy.CLASS}:0",
    )
    yield from _map("OWN", [_Entry("permit", set=own)])
    for one in sessions:
        match one.kind:
            case SessionKind.INTERNAL:
                arriving, leaving = [_discarding(4), _discarding(6)], [_own_hop(one)]
            case SessionKind.EBGP:
                arriving = [*_rov(node, is_told_by_cache=is_told_by_cache), _classed(one)]
                leaving = list(_leaving(node, one))
            case SessionKind.SERVER:
                site = _Entry("permit", match=("match large-community FROM_SITE",), then="goto 30")
                checked = list(_rov(node, is_told_by_cache=is_told_by_cache))
                # A blackholed host has no ROA of its length, and needs none.
                dropped = _Entry(
                    "permit", match=("match large-community DISCARD",), then=f"goto {10 * (4 + len(checked))}"
                )
                arriving = [site, _Entry("deny"), dropped, *checked, *_accepted(one)]
                leaving = [_default()]
            case _:
                arriving = [*_heard(one), *_accepted(one)]
                leaving = [_default()]
        yield from _map(f"{one.name}_in", arriving)
        yield from _map(f"{one.name}_out", leaving)


def _map(name: str, entries: Sequence[_Entry]) -> Iterator[str]:
    for number, entry in enumerate(entries, start=1):
        yield f"route-map {name} {entry.verb} {number * 10}"
        yield from (f" {line}" for line in (*entry.match, *entry.set))
        if entry.then:
            yield f" on-match {entry.then}"
        yield "exit"
    if not entries or entries[-1].then:
        yield f"route-map {name} permit {_LAST}"
        yield "exit"


def _heard(one: Neighbour) -> Iterator[_Entry]:
    """A site's route: is it one of the origin's, and what does it ask for?"""
    heard, word = one.hearing, WORD[one.families[0]]
    assert heard is not None  # noqa: S101  # sessions with sites have it
    yield _Entry("permit", match=(f"match {word} address prefix-list ORIGIN",), then="goto 40")
    host = (f"match {word} address prefix-list ORIGIN_HOSTS", "match community BLACKHOLED")
    yield _Entry("permit", match=host, then="goto 40")
    yield _Entry("deny")
    yield _Entry("permit", set=("set large-comm-list MARKS delete",), then=_NEXT)
    for index, (text, numbers) in enumerate(heard.communities.items()):
        asked = (f"match {_kind(text)} {one.name}_c{index}",)
        yield _Entry("permit", match=asked, set=_marks(policy.RULE, *numbers), then=_NEXT)
    for index, (prefix, numbers) in enumerate(heard.rules.items()):
        if prefix.version == one.families[0]:
            bound = (f"match {word} address prefix-list {one.name}_p{index}",)
            yield _Entry("permit", match=bound, set=_marks(policy.RULE, *numbers), then=_NEXT)
    keep, drop = _marks(policy.KEEP, 0), _marks(policy.DISCARD, 0)
    yield _Entry("permit", match=("match community INSIDE",), set=keep, then=_NEXT)
    yield _Entry("permit", match=("match community BLACKHOLED",), set=keep, then=_NEXT)
    yield _Entry("permit", match=("match community BLACKHOLED",), set=drop, then=_NEXT)
    # FRR would not even tell its own network; the model takes NO_ADVERTISE for NO_EXPORT.
    quiet = ("match community NO_ADVERTISE",)
    yield _Entry("permit", match=quiet, set=("set comm-list NO_ADVERTISE delete",), then=_NEXT)


def _accepted(one: Neighbour) -> Iterator[_Entry]:
    yield _classed(one)
    backup = (f"set local-preference {policy.BACKUP_LOCAL_PREF}",)
    yield _Entry("permit", match=("match community BACKUP",), set=backup, then=_NEXT)
    yield from (_discarding(4), _discarding(6))


def _classed(one: Neighbour) -> _Entry:
    preference = f"set local-preference {policy.LOCAL_PREF[one.route_class]}"
    marks = _marks(policy.CLASS, int(one.route_class))
    return _Entry("permit", set=(preference, *marks, "set ipv6 next-hop prefer-global"), then=_NEXT)


def _rov(node: Node, *, is_told_by_cache: bool) -> Iterator[_Entry]:
    """What RPKI validation would drop: by a cache, or by the ROAs that the origin would have signed."""
    if not node.is_rov:
        return
    if is_told_by_cache:
        yield _Entry("deny", match=("match rpki invalid",))
        return
    for word in WORD.values():
        forged = (f"match {word} address prefix-list ORIGIN", "match as-path INVALID")
        yield _Entry("deny", match=forged)
        # Longer than the ROA allows: invalid whoever the path names as its origin (RFC 6811).
        yield _Entry("deny", match=(f"match {word} address prefix-list ORIGIN_LONGER",))


def _leaving(node: Node, one: Neighbour) -> Iterator[_Entry]:
    exported = "MARKED" if RouteClass.PROVIDER in one.export.classes else "EARNING"
    yield _Entry("permit", match=(f"match large-community {exported}",), then="goto 30")
    yield _Entry("deny")
    yield _Entry("deny", match=("match large-community KEEP",))
    if one.export.blocked_by:
        yield _Entry("deny", match=(f"match large-community {one.name}_blocked",))
    bare = ("set community none", "set large-community none", *_ourselves(one))
    for times, _ in one.export.prepends:
        copies = f"set as-path prepend {' '.join([str(node.asn)] * times)}"
        yield _Entry("permit", match=(f"match large-community {one.name}_{times}",), set=(*bare, copies))
    yield _Entry("permit", set=bare)


def _own_hop(one: Neighbour) -> _Entry:
    return _Entry("permit", set=_ourselves(one))


def _ourselves(one: Neighbour) -> tuple[str, str]:
    """Both: where a route-map sets one family's next hop, bgpd leaves the other's as it was heard."""
    return (f"set ip next-hop {one.hop4}", f"set ipv6 next-hop global {one.hop6}")


def _default() -> _Entry:
    return _Entry("deny")


def _discarding(family: int) -> _Entry:
    hop = f"set ip next-hop {DISCARD4}" if family == 4 else f"set ipv6 next-hop global {DISCARD6}"
    return _Entry("permit", match=("match large-community DISCARD",), set=(hop,), then=_NEXT)


def _numbered(name: str, number: int) -> str:
    return f"bgp large-community-list standard {name} permit {MARK}:{policy.RULE}:{number}"


def _marks(kind: int, *numbers: int) -> tuple[str, ...]:
    if not numbers:
        return ()
    return (f"set large-community {' '.join(f'{MARK}:{kind}:{number}' for number in numbers)} additive",)


def _kind(text: str) -> str:
    return "large-community" if text.count(":") == 2 else "community"
