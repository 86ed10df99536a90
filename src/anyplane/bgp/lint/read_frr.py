"""FRR: sessions, route-maps and traps of a bgpd.conf or frr.conf."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from anyplane.bgp.lint.facts import Mark, Openness, Policy, Restart, RouterFacts, SessionFacts, Trap
from anyplane.bgp.lint.tokens import lines, silences
from anyplane.design.design import Location
from anyplane.design.operation import DaemonKind

Line = tuple[Mark, ...]
_FILTERS = ("route-map", "prefix-list", "filter-list", "distribute-list")
_START = Location(line=1, column=1)


def read_frr(text: str, *, file: str) -> RouterFacts:
    """The facts of a configuration as `show running-config` or a file has it."""
    reader = _Reader()
    for line in lines(text, comment="!#"):
        reader.take(line)
    sessions = tuple(reader.sessions())
    return RouterFacts(
        file=file,
        source=text,
        kind=DaemonKind.FRR,
        sessions=sessions,
        traps=tuple(reader.traps()),
        passwords=tuple(reader.passwords()),
        local_asn=reader.asn,
        silenced=silences(text),
    )


@dataclass(slots=True)
class _RouteMap:
    """One entry of a route-map."""

    line: Line
    said: list[Line] = field(default_factory=list)

    @property
    def is_permit(self) -> bool:
        return len(self.line) > 2 and self.line[2].text == "permit"

    def sets(self, *words: str) -> Line | None:
        return next((one for one in self.said if _texts(one)[: len(words) + 1] == ("set", *words)), None)

    @property
    def has_match(self) -> bool:
        return any(one[0].text in ("match", "call") for one in self.said)


class _Reader:
    """Collects lines by what they belong to."""

    def __init__(self) -> None:
        self.router: Line | None = None
        self.asn: Mark | None = None
        self.family = "ipv4 unicast"
        self.top: list[Line] = []
        self.bgp: list[Line] = []
        self.neighbors: dict[str, list[tuple[str, Line]]] = {}
        self.maps: dict[str, list[_RouteMap]] = {}
        self.in_map: _RouteMap | None = None
        self.in_bgp = False

    def take(self, line: Line) -> None:
        """One line with words."""
        words = _texts(line)
        if words[:2] == ("router", "bgp"):
            self.in_bgp, self.in_map, self.family = True, None, "ipv4 unicast"
            if self.router is None and len(line) > 2:
                self.router, self.asn = line, line[2]
        elif words[0] == "route-map" and len(words) > 1:
            self.in_bgp, self.in_map = False, _RouteMap(line)
            self.maps.setdefault(words[1], []).append(self.in_map)
        elif words[0] == "address-family":
            self.family = " ".join(words[1:3]) if len(words) > 2 else f"{words[-1]} unicast"
        elif words[0] == "exit-address-family":
            self.family = "ipv4 unicast"
        elif self.in_map is not None and words[0] in ("match", "set", "call", "on-match", "description"):
            self.in_map.said.append(line)
        elif self.in_bgp and words[0] in ("neighbor", "no", "bgp", "network", "redistribute", "timers"):
            self._in_bgp(line)
        elif self.in_bgp and words[0] in ("exit", "end"):
            self.in_bgp = False
        else:
            self.in_map = None
            self.in_bgp = self.in_bgp and line[0].location.column > 1
            self.top.append(line)

    def _in_bgp(self, line: Line) -> None:
        words = _texts(line)
        if words[:2] == ("bgp", "route-map"):
            self.top.append(line)
        at = 1 if words[0] == "neighbor" else 2
        if words[0] == "neighbor" or words[:2] == ("no", "neighbor"):
            if len(words) > at:
                self.neighbors.setdefault(words[at], []).append((self.family, line))
        else:
            self.bgp.append(line)

    def sessions(self) -> Iterator[SessionFacts]:
        """A session for each neighbour that has an AS number, its own or its peer-group's."""
        groups = {name for name, said in self.neighbors.items() if self._find(said, "peer-group", bare=True)}
        for name, own in self.neighbors.items():
            if name in groups:
                continue
            member = self._find(own, "peer-group")
            group = self.neighbors.get(member[3].text, []) if member and len(member) > 3 else []
            said = [*group, *own]
            remote = self._find(said, "remote-as")
            if remote is not None and len(remote) > 3:
                # `no neighbor X activate` may come first; a session is where its neighbour is made.
                first = next((line for _, line in own if line[0].text == "neighbor"), remote)
                yield self._session(first, remote[3], said)

    def _session(self, first: Line, remote: Mark, said: list[tuple[str, Line]]) -> SessionFacts:
        local_as = self._find(said, "local-as")
        password = self._find(said, "password")
        hops = self._find(said, "ebgp-multihop")
        restart, restart_at = self._restart(said, first)
        exports = tuple(self._policies(first, said, "out"))
        prepend, med, steered_at = self._steering(said)
        return SessionFacts(
            name=f"neighbor {first[1].text}",
            location=first[0].location,
            neighbor=first[1],
            peer_asn=remote,
            local_asn=local_as[3] if local_as and len(local_as) > 3 else self.asn,
            restart=restart,
            restart_at=restart_at,
            long_lived=self._bgp("bgp", "long-lived-graceful-restart"),
            imports=tuple(self._policies(first, said, "in")),
            exports=exports,
            has_max_prefix=self._find(said, "maximum-prefix") is not None,
            password=password[3] if password and len(password) > 3 else None,
            has_password=password is not None,
            has_gtsm=self._find(said, "ttl-security") is not None,
            is_multihop=hops is not None,
            has_bfd=self._find(said, "bfd") is not None,
            hold_s=self._hold(said),
            prepend=prepend,
            med=med,
            steered_at=steered_at,
        )

    def _restart(self, said: list[tuple[str, Line]], first: Line) -> tuple[Restart, Location]:
        if off := self._find(said, "graceful-restart-disable"):
            return Restart.OFF, off[0].location
        for word in ("graceful-restart", "graceful-restart-helper"):
            if one := self._find(said, word):
                return (Restart.ON if word == "graceful-restart" else Restart.HELPER), one[0].location
        on, off_mark = self._bgp("bgp", "graceful-restart"), self._bgp("bgp", "graceful-restart-disable")
        if off_mark:
            return Restart.OFF, off_mark.location
        return (Restart.ON, on.location) if on else (Restart.HELPER, first[0].location)

    def _policies(self, first: Line, said: list[tuple[str, Line]], direction: str) -> Iterator[Policy]:
        """The policy in each family that is activated."""
        for family in ("ipv4 unicast", "ipv6 unicast"):
            if not self._is_active(said, family):
                continue
            found = [
                line
                for where, line in said
                if where == family
                and line[-1].text == direction
                and _texts(line)[2:3]
                and line[2].text in _FILTERS
            ]
            number = int(family[3])
            if not found:
                openness = Openness.UNSAID if self._requires_policy() else Openness.EVERYTHING
                yield Policy(openness=openness, location=first[0].location, family=number)
                continue
            worth = [self._openness(line) for line in found]
            order = (Openness.NOTHING, Openness.FILTERED, Openness.EVERYTHING)
            yield Policy(openness=min(worth, key=order.index), location=found[0][0].location, family=number)

    def _is_active(self, said: list[tuple[str, Line]], family: str) -> bool:
        words = [_texts(line) for where, line in said if where == family]
        if any(one[0] == "no" and one[-1] == "activate" for one in words):
            return False
        if any(one[0] == "neighbor" and one[-1] == "activate" for one in words):
            return True
        has_default = not any(_texts(line) == ("no", "bgp", "default", "ipv4-unicast") for line in self.bgp)
        return family == "ipv4 unicast" and has_default

    def _requires_policy(self) -> bool:
        is_off = any(_texts(line) == ("no", "bgp", "ebgp-requires-policy") for line in self.bgp)
        profile = [
            _texts(line)[2] for line in self.top if _texts(line)[:2] == ("frr", "defaults") and len(line) > 2
        ]
        is_on = any(_texts(line) == ("bgp", "ebgp-requires-policy") for line in self.bgp)
        return is_on or not (is_off or profile[-1:] == ["datacenter"])

    def _openness(self, line: Line) -> Openness:
        entries = self.maps.get(line[3].text) if line[2].text == "route-map" and len(line) > 3 else None
        if not entries:
            return Openness.FILTERED
        if not any(one.is_permit for one in entries):
            return Openness.NOTHING
        has_denial = any(not one.is_permit for one in entries)
        is_open = any(one.is_permit and not one.has_match for one in entries) and not has_denial
        return Openness.EVERYTHING if is_open else Openness.FILTERED

    def _steering(self, said: list[tuple[str, Line]]) -> tuple[int | None, int | None, Location | None]:
        """What a route-map of one entry sets on every route; None where matches decide."""
        for _, line in said:
            words = _texts(line)
            if words[2:3] != ("route-map",) or words[-1] != "out" or len(words) < 5:
                continue
            entries = self.maps.get(words[3], [])
            if len(entries) == 1 and not entries[0].has_match:
                path, metric = entries[0].sets("as-path", "prepend"), entries[0].sets("metric")
                place = path or metric
                prepend = _copies(path) if path else None
                med = metric[2].number if metric and len(metric) > 2 else None
                return prepend, med, place[0].location if place else None
        return None, None, None

    def _hold(self, said: list[tuple[str, Line]]) -> int | None:
        own = [line for _, line in said if _texts(line)[2:3] == ("timers",) and len(line) == 5]
        if own and own[-1][3].text != "connect":
            return own[-1][4].number
        common = [line for line in self.bgp if _texts(line)[:2] == ("timers", "bgp") and len(line) > 3]
        return common[-1][3].number if common else 180

    def traps(self) -> Iterator[Trap]:
        """What only FRR has."""
        delay = [one for one in self.top if _texts(one)[:3] == ("bgp", "route-map", "delay-timer")]
        if self.router is not None and (not delay or _texts(delay[-1])[-1] != "0"):
            line = delay[-1] if delay else self.router
            state = f"is {line[-1].text} s" if delay else "is not set, which means 5 s"
            yield Trap(
                rule="AR005",
                location=line[0].location,
                message=f"the delay of route-map changes {state}",
                hint="write before `router bgp`: bgp route-map delay-timer 0",
            )
        for line in self.bgp:
            yield from _trap(line)
        for name, said in self.neighbors.items():
            default = self._find(said, "default-originate")
            if default is not None:
                yield Trap(
                    rule="AR018",
                    location=default[0].location,
                    path=f"neighbor {name}",
                    message=f"{name} is sent a default route",
                    hint=f"write: no neighbor {name} default-originate",
                )

    def passwords(self) -> Iterator[Mark]:
        """Every TCP MD5 key in the file."""
        for said in self.neighbors.values():
            found = self._find(said, "password")
            if found is not None and len(found) > 3:
                yield found[3]

    def _bgp(self, *words: str) -> Mark | None:
        return next((line[0] for line in self.bgp if _texts(line)[: len(words)] == words), None)

    @staticmethod
    def _find(said: list[tuple[str, Line]], word: str, *, bare: bool = False) -> Line | None:
        """The last `neighbor X word ...`; bare: without anything after it."""
        found = [
            line for _, line in said if line[0].text == "neighbor" and len(line) > 2 and line[2].text == word
        ]
        if bare:
            found = [line for line in found if len(line) == 3]
        return found[-1] if found else None


def _trap(line: Line) -> Iterator[Trap]:
    words = _texts(line)
    place = line[0].location
    if words == ("no", "bgp", "ebgp-requires-policy"):
        yield Trap(
            rule="AR008",
            location=place,
            message="a session without a policy passes everything",
            hint="write: bgp ebgp-requires-policy",
        )
    elif words[:4] == ("no", "bgp", "network", "import-check"):
        yield Trap(
            rule="AR013",
            location=place,
            message="a network is announced whether or not its address is on the machine",
            hint="write: bgp network import-check",
        )
    elif words[0] == "redistribute" and "route-map" not in words:
        kind = words[1] if len(words) > 1 else ""
        yield Trap(
            rule="AR017",
            location=place,
            message=f"every {kind} route is announced",
            hint=f"write: redistribute {kind} route-map ANYCAST-ONLY",
        )


def _copies(line: Line) -> int:
    """How many numbers `set as-path prepend ...` adds."""
    words = _texts(line)[3:]
    if words[:1] == ("last-as",):
        return int(words[1]) if len(words) > 1 and words[1].isdecimal() and len(words[1]) < 4 else 1
    return len(words)


def _texts(line: Line) -> tuple[str, ...]:
    return tuple(word.text for word in line)
