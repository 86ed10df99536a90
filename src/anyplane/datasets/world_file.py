"""read_world: an Internet written by hand (docs/reference/world-file.md) -> Topology.

Every fault is found and told with its line and column, as of a design. What is not written is not there:
networks are in the metros listed, buy from the providers listed, and have the users listed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from anyplane.datasets.world import aliases, metros
from anyplane.design import quantities
from anyplane.design.document import Document, Value, read
from anyplane.design.document import Path as Where
from anyplane.design.faults import near
from anyplane.design.quantities import Unfit, shown
from anyplane.design.raw import children, one_or_many
from anyplane.model.errors import DataError, DesignError, Problem
from anyplane.model.nouns import Asn
from anyplane.topology import Topology, build

VERSION = 1
WORLD_KEYS = ("version", "world", "networks", "exchanges")
NETWORK_KEYS = ("asn", "name", "metros", "users", "providers", "peers", "rov")
EXCHANGE_KEYS = ("name", "metro", "asn", "members")
MULTIPLIERS = {"": 1.0, "k": 1e3, "M": 1e6}
T = TypeVar("T")


def read_world(path: Path) -> Topology:
    """The topology of this file; DesignError with every fault, DataError where it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not a text in UTF-8"
        raise DataError(str(path), f"cannot be read: {reason}") from error
    return parse_world(text, file=str(path))


def parse_world(text: str, *, file: str = "world.yaml") -> Topology:
    """The topology in `text`; `file` is only a name."""
    document = read(text, file=file)
    if not isinstance(document.root, dict):
        message = "the file is empty" if document.root is None else "a world is a mapping of keys to values"
        hint = "examples/dozen-cities.world.yaml is a world to begin with"
        raise DesignError((Problem(file=file, line=1, column=0, path="", message=message, hint=hint),))
    reader = _Reader(document=document, problems=list(document.duplicates))
    world = reader.world(document.root)
    if reader.problems:
        ordered = sorted(dict.fromkeys(reader.problems), key=lambda one: (one.line, one.column))
        raise DesignError(tuple(ordered))
    return _built(world)


@dataclass(slots=True, kw_only=True)
class _Network:
    """One network as written; links name the other end and where that is said."""

    asn: Asn
    where: Where
    name: str = ""
    users: dict[int, float] = field(default_factory=dict)
    """By metro index: every metro that the network is in."""
    providers: dict[Asn, Where] = field(default_factory=dict)
    peers: dict[Asn, Where] = field(default_factory=dict)
    has_rov: bool = False


@dataclass(slots=True, kw_only=True)
class _Exchange:
    asn: Asn
    name: str
    metro: int
    members: dict[Asn, Where]


@dataclass(slots=True, kw_only=True)
class _World:
    name: str
    networks: dict[Asn, _Network]
    exchanges: list[_Exchange]


@dataclass(slots=True, kw_only=True)
class _Reader:
    """Reads the values of one document; what is wrong goes to `problems`, and the reading goes on."""

    document: Document
    problems: list[Problem]
    are_all_known: bool = True
    """Could the number of every network be read? If not, that one is missed at other places is no news."""

    def world(self, root: dict[str, Value]) -> _World:
        """All of it, and whether its parts fit together."""
        self.keys((), root, WORLD_KEYS, needed=("version", "networks"), what="a world")
        if "version" in root and root["version"] != VERSION:
            self.wrong(("version",), f"{shown(root['version'])} is not a version that this program reads")
        networks: dict[Asn, _Network] = {}
        if root.get("networks") in ([], None) and "networks" in root:
            self.wrong(
                ("networks",), "there is no network", hint="add for example - {asn: 174, metros: [FRA]}"
            )
        for where, item in self.items(("networks",), root.get("networks")):
            network = self.network(where, item)
            self.are_all_known &= network is not None and network.asn not in networks
            if network is not None and network.asn in networks:
                line = self.document.span(networks[network.asn].where).line
                self.wrong((*where, "asn"), f"AS{network.asn} is listed already, on line {line}")
            elif network is not None:
                networks[network.asn] = network
        exchanges = [
            exchange
            for where, item in self.items(("exchanges",), root.get("exchanges"))
            if (exchange := self.exchange(where, item, networks)) is not None
        ]
        self.links(networks)
        name = self.value((), root, "world", quantities.text) or ""
        return _World(name=name, networks=networks, exchanges=exchanges)

    def network(self, where: Where, item: Value) -> _Network | None:
        """One entry of `networks`."""
        if not isinstance(item, dict):
            self.wrong(
                where, f"a network is a mapping, not {shown(item)}", hint="write {asn: 174, metros: [FRA]}"
            )
            return None
        self.keys(where, item, NETWORK_KEYS, needed=("asn",), what="a network")
        asn = self.value(where, item, "asn", quantities.asn)
        users: dict[int, float] = {}
        before = len(self.problems)
        for place, metro in self.items((*where, "metros"), item.get("metros")):
            found = self.fit(place, metro, _metro)
            if found is not None and found in users:
                self.wrong(place, f"{shown(metro)} is listed twice")
            elif found is not None:
                users[found] = 0.0
        self.users(where, item.get("users"), users)
        if not users and len(self.problems) == before:
            hint = "add for example metros: [FRA], or users: {FRA: 2M}"
            self.wrong(where, "the network is in no metro", hint=hint)
        if asn is None:
            return None
        return _Network(
            asn=asn,
            where=(*where, "asn"),
            name=self.value(where, item, "name", quantities.text) or "",
            users=users,
            providers=self.asns((*where, "providers"), item.get("providers")),
            peers=self.asns((*where, "peers"), item.get("peers")),
            has_rov=bool(self.value(where, item, "rov", quantities.flag)),
        )

    def users(self, where: Where, written: Value, users: dict[int, float]) -> None:
        """`users`: a number where there is one metro, else a number for each; adds those metros."""
        where = (*where, "users")
        if isinstance(written, dict):
            for code, value in written.items():
                metro = self.fit((*where, code), code, _metro, of_key=True)
                count = self.fit((*where, code), value, _users)
                if metro is not None:
                    users[metro] = count or 0.0
        elif written is not None:
            count = self.fit(where, written, _users)
            if len(users) == 1:
                users[next(iter(users))] = count or 0.0
            else:
                message = "one number of users needs one metro"
                self.wrong(where, message, hint="say how many are where: users: {LIS: 2M, MAD: 4M}")

    def exchange(self, where: Where, item: Value, networks: dict[Asn, _Network]) -> _Exchange | None:
        """One entry of `exchanges`."""
        if not isinstance(item, dict):
            hint = "write {name: DE-CIX, asn: 6695, metro: FRA, members: [174]}"
            self.wrong(where, f"an exchange is a mapping, not {shown(item)}", hint=hint)
            return None
        self.keys(where, item, EXCHANGE_KEYS, needed=("asn", "metro", "members"), what="an exchange")
        asn = self.value(where, item, "asn", quantities.asn)
        metro = self.value(where, item, "metro", _metro)
        if asn is not None and asn in networks:
            self.wrong((*where, "asn"), f"AS{asn} is a network already; a route server has its own number")
        members = self.asns((*where, "members"), item.get("members"))
        for member, place in members.items():
            self.known(member, place, networks)
        if asn is None or metro is None:
            return None
        name = self.value(where, item, "name", quantities.text) or f"AS{asn}"
        return _Exchange(asn=asn, name=name, metro=metro, members=members)

    def links(self, networks: dict[Asn, _Network]) -> None:
        """Do both ends of every link exist, and does nobody sell to himself by a detour?"""
        for network in networks.values():
            for what, others in (("provider", network.providers), ("peer", network.peers)):
                for other, where in others.items():
                    if other == network.asn:
                        self.wrong(where, f"AS{other} cannot be its own {what}")
                    else:
                        self.known(other, where, networks)
            for other, where in network.peers.items():
                far = networks.get(other)
                if other in network.providers or (far is not None and network.asn in far.providers):
                    message = (
                        f"AS{network.asn} and AS{other} are customer and provider; they cannot be peers too"
                    )
                    self.wrong(
                        where, message, hint="two networks have one relationship; take one of them away"
                    )
        self.circles(networks)

    def circles(self, networks: dict[Asn, _Network]) -> None:
        """Valley-free routing surely has a stable state only where nobody sells to his own provider."""
        done: set[Asn] = set()
        for start in networks:
            trail: list[Asn] = []
            walks = [iter([start])]
            while walks:
                here = next(walks[-1], None)
                if here is None:
                    walks.pop()
                    if trail:
                        done.add(trail.pop())
                elif here in trail:
                    circle = [*trail[trail.index(here) :], here]
                    said = " buys from ".join(f"AS{asn}" for asn in circle)
                    self.wrong(
                        networks[circle[-2]].providers[here], f"providers go round in a circle: {said}"
                    )
                elif here in networks and here not in done:
                    trail.append(here)
                    walks.append(iter([one for one in networks[here].providers if one != here]))

    def known(self, asn: Asn, where: Where, networks: dict[Asn, _Network]) -> None:
        """A problem where no network has this number."""
        if asn not in networks and self.are_all_known:
            hint = near(str(asn), [str(one) for one in networks], what="networks")
            self.wrong(where, f"there is no network AS{asn} in this world", hint=hint)

    def asns(self, where: Where, written: Value) -> dict[Asn, Where]:
        """A list of AS numbers, each with its place."""
        found: dict[Asn, Where] = {}
        for place, item in [] if written is None else one_or_many(written):
            asn = self.fit((*where, *place), item, quantities.asn)
            if asn is not None and asn in found:
                self.wrong((*where, *place), f"AS{asn} is listed twice")
            elif asn is not None:
                found[asn] = (*where, *place)
        return found

    def items(self, where: Where, written: Value) -> Iterator[tuple[Where, Value]]:
        """What a list holds, each with its place."""
        if written is not None and not isinstance(written, list):
            if isinstance(written, str) and where[-1] == "metros":
                yield where, written
                return
            self.wrong(
                where, f"this must be a list, not {shown(written)}", hint="begin each entry with a dash"
            )
            return
        for place, item in children(written):
            yield (*where, *place), item

    def keys(
        self, where: Where, item: dict[str, Value], known: Sequence[str], *, needed: Sequence[str], what: str
    ) -> None:
        """A problem for each key that is unknown or missing."""
        for key in item:
            if key not in known:
                hint = near(key, known, what=f"keys of {what}")
                self.problems.append(
                    self.document.problem(
                        (*where, key), f"{what} has no key {shown(key)}", hint=hint, of_key=True
                    )
                )
        for key in needed:
            if key not in item:
                self.wrong(where, f"{what} needs {key}")

    def value(self, where: Where, item: dict[str, Value], key: str, fit: Callable[[object], T]) -> T | None:
        """What the key holds, None where it is absent or wrong."""
        return self.fit((*where, key), item[key], fit) if key in item else None

    def fit(
        self, where: Where, value: Value, fit: Callable[[object], T], *, of_key: bool = False
    ) -> T | None:
        """What `fit` makes of the value; its Unfit becomes a problem."""
        try:
            return fit(value)
        except Unfit as unfit:
            found = self.document.problem(where, unfit.message, hint=unfit.hint, of_key=of_key)
            self.problems.append(found)
            return None

    def wrong(self, where: Where, message: str, *, hint: str = "") -> None:
        """One more problem."""
        self.problems.append(self.document.problem(where, message, hint=hint))


def _metro(value: object) -> int:
    """The index of a metro of the planner's, by its code or that of one of its airports."""
    code = value.strip().upper() if isinstance(value, str) else ""
    known = metros().code
    code = aliases().get(code, code)
    if code in known:
        return known.index(code)
    by_city = [c for c, city in zip(known, metros().name, strict=True) if city.upper() == code and code]
    hint = (
        f"did you mean {by_city[0]}?" if by_city else near(code, known) if code else "write for example FRA"
    )
    raise Unfit(f"{shown(value)} is not a metro that the planner knows", hint=hint)


def _users(value: object) -> float:
    """20000, "20k" or "1.5M"."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf:
        return float(value)
    match = re.fullmatch(rf"\s*({quantities.NUMBER})\s*([kM]?)\s*", value) if isinstance(value, str) else None
    if match is None:
        raise Unfit(f"{shown(value)} is not a number of users", hint="write for example 20000, 20k or 1.5M")
    return float(match[1]) * MULTIPLIERS[match[2]]


def _built(world: _World) -> Topology:
    networks = list(world.networks.values())
    places = [(network.asn, metro, users) for network in networks for metro, users in network.users.items()]
    atlas = metros()
    return build(
        asn=[network.asn for network in networks],
        providers_customers=[(seller, one.asn) for one in networks for seller in one.providers],
        peers=[(one.asn, other) for one in networks for other in one.peers],
        presence=([asn for asn, _, _ in places], [metro for _, metro, _ in places]),
        users=[users for _, _, users in places],
        country=[atlas.country[next(iter(one.users))] for one in networks],
        rov=[one.has_rov for one in networks],
        ixps=tuple((x.name, int(x.asn), x.metro, tuple(int(m) for m in x.members)) for x in world.exchanges),
        names=tuple(one.name for one in networks),
        metros=atlas,
        origin=f"{world.name or 'a world'}, written by hand",
    )
