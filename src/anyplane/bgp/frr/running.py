"""Running: what matters of bgpd's running configuration, read from its text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from anyplane.design.operation import Address
from anyplane.model.nouns import Prefix

NAMED = {
    "internet": "0:0",
    "graceful-shutdown": "65535:0",
    "accept-own": "65535:1",
    "route-filter-translated-v4": "65535:2",
    "route-filter-v4": "65535:3",
    "route-filter-translated-v6": "65535:4",
    "route-filter-v6": "65535:5",
    "llgr-stale": "65535:6",
    "no-llgr": "65535:7",
    "accept-own-nexthop": "65535:8",
    "blackhole": "65535:666",
    "no-export": "65535:65281",
    "no-advertise": "65535:65282",
    "local-as": "65535:65283",
    "no-peer": "65535:65284",
}
"""FRR's names of communities, as it prints them in lower case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbor:
    """A neighbour as configured; `shutdown` is None, or the message of its administrative shutdown."""

    route_map_out: str = ""
    password: str = ""
    shutdown: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """bgpd's configuration. `asn` None: there is no `router bgp`.

    networks        prefix -> the route-map of its `network` line ("" without one)
    route_maps      (name, sequence number) -> (permit or deny, its lines in any order)
    lists           community lists by (command up to the name) -> entries
    """

    asn: int | None
    networks: Mapping[Prefix, str]
    route_maps: Mapping[tuple[str, int], tuple[str, frozenset[str]]]
    lists: Mapping[str, frozenset[str]]
    neighbors: Mapping[Address, Neighbor]
    is_restart_disabled: bool
    has_import_check: bool


def parse(text: str) -> Running:
    """What `show running-config` says; lines of no interest or of no sense are passed over."""
    asn: int | None = None
    is_default = False
    networks: dict[Prefix, str] = {}
    entries: dict[tuple[str, int], tuple[str, set[str]]] = {}
    lists: dict[str, set[str]] = {}
    facts: dict[str, dict[str, str]] = {}
    flags: set[str] = set()
    entry: set[str] | None = None
    for raw in text.splitlines():
        line = raw.strip()
        if not raw.startswith(" "):
            entry = None
            if match := re.fullmatch(r"router bgp (\d{1,10})", line):
                asn, is_default = int(match[1]), True
            elif match := re.fullmatch(r"route-map (\S+) (permit|deny) (\d{1,5})", line):
                _, entry = entries.setdefault((match[1], int(match[3])), (match[2], set()))
            elif match := re.fullmatch(
                r"(bgp (?:large-)?community-list (?:standard|expanded) \S+)(?: seq \d+)? (permit|deny) ?(.*)",
                line,
            ):
                lists.setdefault(match[1], set()).add(f"{match[2]} {canonical(match[3])}")
            elif line.startswith("router "):
                is_default = False
        elif entry is not None:
            entry.add(canonical(line))
        elif is_default:
            if match := re.match(r"network (\S+)(?: .*?route-map (\S+))?", line):
                if (prefix := _prefix(match[1])) is not None:
                    networks[prefix] = match[2] or ""
            elif match := re.match(r"neighbor (\S+) (peer-group|password|shutdown|route-map) ?(.*)", line):
                if match[2] != "route-map":
                    facts.setdefault(match[1], {})[match[2]] = match[3]
                elif match[3].endswith(" out"):
                    facts.setdefault(match[1], {})["out"] = match[3].removesuffix(" out")
            flags.add(line)
    return Running(
        asn=asn,
        networks=networks,
        route_maps={key: (action, frozenset(lines)) for key, (action, lines) in entries.items()},
        lists={name: frozenset(lines) for name, lines in lists.items()},
        neighbors=_neighbors(facts),
        is_restart_disabled="bgp graceful-restart-disable" in flags,
        has_import_check="no bgp network import-check" not in flags,
    )


def canonical(line: str) -> str:
    """The line with its communities as sorted numbers, so that two forms of one compare equal."""
    match = re.fullmatch(r"(set (?:large-)?community )(.*)", line)
    if (
        match is None
        and re.match(r"^\d+:\d|^[a-z-]+$|^[a-z-]+ ", line)
        and not line.startswith(("match", "set"))
    ):
        match = re.fullmatch(r"()(.*)", line)
    if match is None:
        return line
    words = (NAMED.get(word.lower(), word) for word in match[2].split())
    return match[1] + " ".join(sorted(words))


def _neighbors(facts: Mapping[str, Mapping[str, str]]) -> dict[Address, Neighbor]:
    found: dict[Address, Neighbor] = {}
    for name, said in facts.items():
        try:
            address = ip_address(name)
        except ValueError:
            continue  # a peer group, or a neighbour by its interface
        whole = {**facts.get(said.get("peer-group", ""), {}), **said}
        found[address] = Neighbor(
            route_map_out=whole.get("out", ""),
            password=whole.get("password", ""),
            shutdown=whole["shutdown"].removeprefix("message ") if "shutdown" in whole else None,
        )
    return found


def _prefix(text: str) -> Prefix | None:
    try:
        return ip_network(text)
    except ValueError:
        return None
