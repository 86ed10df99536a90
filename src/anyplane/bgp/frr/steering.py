"""Steering: the wanted announcements as lines of bgpd's configuration, each upstream with its own attributes.

A *shape* is what every upstream is to be sent of a prefix: (upstream, prepends, MED, communities) of those
that get it at all. It has a number, made from its content. `network P route-map ANYPLANE-N` puts the *tag* N
on the route, which bgpd keeps to itself (no attribute on the wire, nothing to strip), and the out route-map
of each neighbour has an entry N that matches the tag and sets the attributes; what matches none is not sent.
An entry is written before the first route needs it and never changed, so a change of attributes is a change
of the tag: one UPDATE for that prefix after bgpd's 50 ms, whatever the table's size, with neither the 5 s of
`bgp route-map delay-timer` nor a `clear` that walks the whole table.

bgpd 8.4 shows the path and the MED of its Adj-RIB-Out, but no communities. It filters that view by a
route-map, though: so for each set of communities in use there is a route-map ANYPLANE-SEEN-H which passes the
routes that carry exactly it.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from anyplane.bgp.frr.running import Running, canonical
from anyplane.design.operation import Session
from anyplane.model.nouns import Announcement, Asn, Prefix

NETWORK = "ANYPLANE-"
OUT = "ANYPLANE-OUT-"
IN = "ANYPLANE-IN-"
SEEN = "ANYPLANE-SEEN-"
SEEN_ANY = "ANYPLANE-SEEN-ANY"
_LIST = "ANYPLANE-LIST-"
_FIRST, _NUMBERS = 100, 65_000

Attributes = tuple[Asn, int, int, frozenset[str]]
Shape = tuple[int, frozenset[Attributes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Steering:
    """Lines that bgpd must have; the forms are those of `Running`."""

    networks: Mapping[Prefix, str]
    route_maps: Mapping[tuple[str, int], tuple[str, tuple[str, ...]]]
    lists: Mapping[str, tuple[str, ...]]


def out_map(session: Session) -> str:
    """The name of the route-map that a session's routes leave through."""
    return OUT + re.sub(r"[^A-Za-z0-9_.-]", "_", session.name)


def steering(wanted: Iterable[Announcement], sessions: Iterable[Session]) -> Steering:
    """What makes bgpd announce exactly `wanted` over `sessions`."""
    listed = tuple(sessions)
    by_prefix: defaultdict[Prefix, set[Attributes]] = defaultdict(set)
    for one in wanted:
        if any(each.upstream == one.upstream and each.family == one.prefix.version for each in listed):
            by_prefix[one.prefix].add(
                (one.upstream, one.as_path_prepend, one.med, frozenset(one.communities))
            )
    shapes: dict[Prefix, Shape] = {
        prefix: (prefix.version, frozenset(attributes)) for prefix, attributes in by_prefix.items()
    }
    origin = {one.prefix: one.origin for one in wanted}
    numbers = _numbered(shapes.values())
    route_maps: dict[tuple[str, int], tuple[str, tuple[str, ...]]] = {}
    lists: dict[str, tuple[str, ...]] = {}
    for prefix, shape in shapes.items():
        number = numbers[shape]
        route_maps[f"{NETWORK}{number}", 10] = ("permit", (f"set tag {number}",))
        for upstream, prepend, med, communities in shape[1]:
            lines = _entry(number, origin[prefix], prepend, med, communities)
            for session in listed:
                if session.upstream == upstream and session.family == shape[0]:
                    route_maps[out_map(session), number] = ("permit", lines)
            if communities:
                _add_witness(communities, route_maps, lists)
    if shapes:
        _add_any_witness(route_maps, lists)
    return Steering(
        networks={prefix: f"{NETWORK}{numbers[shape]}" for prefix, shape in shapes.items()},
        route_maps=route_maps,
        lists=lists,
    )


def additions(wanted: Steering, running: Running) -> tuple[tuple[str, ...], frozenset[str]]:
    """Commands that write what is not there yet, and the route-maps of which an entry had to be mended.

    Only somebody else's hand makes mending necessary; the routes that left by it must be sent anew.
    """
    commands: list[str] = []
    mended: set[str] = set()
    for name, entries in wanted.lists.items():
        held = running.lists.get(name, frozenset())
        if held != frozenset(entries):
            commands += [f"no {name}"] if held else []
            commands += [f"{name} {entry}" for entry in entries]
    for (name, number), (action, lines) in wanted.route_maps.items():
        there = running.route_maps.get((name, number))
        if there == (action, frozenset(canonical(line) for line in lines)):
            continue
        if there is not None:
            commands.append(f"no route-map {name} {there[0]} {number}")
            mended.add(name)
        commands += [f"route-map {name} {action} {number}", *lines, "exit"]
    return tuple(commands), frozenset(mended)


def leftovers(wanted: Steering, running: Running) -> tuple[str, ...]:
    """Commands that remove entries of ours which no `network` line used even before this turn."""
    used = {*running.networks.values(), *wanted.networks.values()}
    tags = {int(name.removeprefix(NETWORK)) for name in used if re.fullmatch(NETWORK + r"\d+", name)}
    commands: list[str] = []
    for (name, number), (action, _) in running.route_maps.items():
        is_network = re.fullmatch(NETWORK + r"\d+", name) is not None and name not in used
        is_out = name.startswith(OUT) and _FIRST <= number < _FIRST + _NUMBERS and number not in tags
        if is_network or is_out:
            commands.append(f"no route-map {name} {action} {number}")
    for key, (action, _) in running.route_maps.items():
        if wanted.networks and key[0].startswith(SEEN) and key not in wanted.route_maps:
            commands.append(f"no route-map {key[0]} {action} {key[1]}")
    for name in running.lists:
        if wanted.networks and name.rpartition(" ")[2].startswith(_LIST) and name not in wanted.lists:
            commands.append(f"no {name}")
    return tuple(commands)


def network_commands(asn: Asn, removed: Iterable[Prefix], added: Mapping[Prefix, str]) -> tuple[str, ...]:
    """`network` lines in their address families; removals first."""
    commands: list[str] = []
    gone = tuple(removed)
    for version, name in ((4, "ipv4"), (6, "ipv6")):
        lines = [f"no network {prefix}" for prefix in gone if prefix.version == version]
        lines += [
            f"network {prefix} route-map {how}" for prefix, how in added.items() if prefix.version == version
        ]
        if lines:
            commands += [f"address-family {name} unicast", *lines, "exit-address-family"]
    return (f"router bgp {asn}", *commands, "exit") if commands else ()


def witnesses(running: Running) -> dict[str, frozenset[str]]:
    """The route-maps that show communities, with the set that each passes."""
    found: dict[str, frozenset[str]] = {}
    for name in {name for name, _ in running.route_maps if name.startswith(SEEN) and name != SEEN_ANY}:
        digest = name.removeprefix(SEEN)
        found[name] = frozenset(
            word
            for kind in ("community", "large-community")
            for entry in running.lists.get(f"bgp {kind}-list standard {_LIST}{digest}", ())
            for word in entry.split()[1:]
        )
    return found


def _numbered(shapes: Iterable[Shape]) -> dict[Shape, int]:
    numbers: dict[Shape, int] = {}
    taken: set[int] = set()
    for shape in sorted(set(shapes), key=_text):
        number = int(_digest(_text(shape)), 16) % _NUMBERS
        while number in taken:
            number = (number + 1) % _NUMBERS
        taken.add(number)
        numbers[shape] = _FIRST + number
    return numbers


def _entry(number: int, asn: Asn, prepend: int, med: int, communities: frozenset[str]) -> tuple[str, ...]:
    standard, large = split(communities)
    # One tag on all that leaves: else bgpd sends an equal route again because its tag is another.
    lines = [f"match tag {number}", "set tag 1"]
    if prepend:
        lines.append("set as-path prepend " + " ".join([str(asn)] * prepend))
    if med:
        lines.append(f"set metric {med}")
    if standard:
        lines.append("set community " + " ".join(standard))
    if large:
        lines.append("set large-community " + " ".join(large))
    return tuple(lines)


def _add_witness(
    communities: frozenset[str],
    route_maps: dict[tuple[str, int], tuple[str, tuple[str, ...]]],
    lists: dict[str, tuple[str, ...]],
) -> None:
    digest = _digest(" ".join(sorted(communities)))
    name = f"{SEEN}{digest}"
    lines: list[str] = []
    for number, kind, texts in zip((5, 6), ("community", "large-community"), split(communities), strict=True):
        if texts:
            lists[f"bgp {kind}-list standard {_LIST}{digest}"] = ("permit " + " ".join(texts),)
            lines.append(f"match {kind} {_LIST}{digest} exact-match")
        else:
            lists[f"bgp {kind}-list expanded {_LIST}ANY"] = ("permit :",)
            route_maps[name, number] = ("deny", (f"match {kind} {_LIST}ANY",))
    route_maps[name, 10] = ("permit", tuple(lines))


def _add_any_witness(
    route_maps: dict[tuple[str, int], tuple[str, tuple[str, ...]]], lists: dict[str, tuple[str, ...]]
) -> None:
    for number, kind in ((5, "community"), (6, "large-community")):
        lists[f"bgp {kind}-list expanded {_LIST}ANY"] = ("permit :",)
        route_maps[SEEN_ANY, number] = ("permit", (f"match {kind} {_LIST}ANY",))


def split(communities: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Standard and large ones, each sorted as text."""
    listed = sorted(communities)
    return tuple(one for one in listed if one.count(":") == 1), tuple(
        one for one in listed if one.count(":") == 2
    )


def _text(shape: Shape) -> str:
    return f"{shape[0]} " + " ".join(
        f"{upstream} {prepend} {med} {','.join(sorted(communities))};"
        for upstream, prepend, med, communities in sorted(shape[1], key=lambda one: (one[:3], sorted(one[3])))
    )


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
