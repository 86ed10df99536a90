"""BIRD 2 and 3: sessions, filters and traps of a bird.conf."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anyplane.bgp.lint.facts import (
    Mark,
    Openness,
    Policy,
    Restart,
    RouterFacts,
    SessionFacts,
    Trap,
)
from anyplane.bgp.lint.tokens import Statement, silences, statements
from anyplane.design.design import Location
from anyplane.design.operation import DaemonKind

_ON = ("on", "yes", "1", "true")
_OFF = ("off", "no", "0", "false")
_CHANNELS = ("ipv4", "ipv6")
_HOLD_S = 240
"""BIRD's default hold time."""


def read_bird(text: str, *, file: str) -> RouterFacts:
    """The facts of a bird.conf; includes are named, not followed."""
    tree = statements(text)
    reader = _Reader(tree)
    sessions = tuple(
        session for one in tree if one.begins("protocol", "bgp") for session in reader.sessions(one)
    )
    return RouterFacts(
        file=file,
        source=text,
        kind=DaemonKind.BIRD,
        sessions=sessions,
        traps=tuple(_traps(tree)),
        includes=tuple(one.words[1] for one in tree if one.begins("include") and len(one.words) > 1),
        passwords=tuple(one.password for one in sessions if one.password),
        silenced=silences(text),
    )


class _Reader:
    """Constants, templates and filters by name."""

    def __init__(self, tree: list[Statement]) -> None:
        self.constants = {
            one.words[1].text: one.words[3]
            for one in tree
            if one.begins("define") and len(one.words) == 4 and one.words[2].text == "="
        }
        self.templates = {
            one.words[2].text: one for one in tree if one.begins("template", "bgp") and len(one.words) > 2
        }
        self.filters = {one.words[1].text: one for one in tree if one.begins("filter") and len(one.words) > 1}

    def sessions(self, protocol: Statement) -> Iterator[SessionFacts]:
        """The session of one protocol; none where it has no neighbour of its own."""
        said = self._inherited(protocol, depth=0)
        neighbor = _last(said, "neighbor")
        if neighbor is None or len(neighbor.words) < 2 or neighbor.words[1].text == "range":
            return
        local = _last(said, "local")
        peer_asn = neighbor.after("as")
        if peer_asn is None:
            kinds = [word for word in neighbor.words if word.text in ("internal", "external")]
            peer_asn = kinds[0] if kinds else None
        names = [word.text for word in protocol.words[2:3] if word.text != "from"]
        hold = _last(said, "hold", "time")
        password = _last(said, "password")
        restart, restart_at = _restart(said, protocol.location)
        exports = tuple(self._policies(said, "export"))
        prepend, med, steered_at = self._steering(said)
        tables = [one for one in _everywhere(said) if one.begins("export", "table")]
        yield SessionFacts(
            name=f"protocol bgp {names[0]}" if names else "protocol bgp",
            location=protocol.location,
            neighbor=self._constant(neighbor.words[1]),
            peer_asn=self._constant(peer_asn) if peer_asn else None,
            local_asn=self._constant(mark) if local and (mark := local.after("as")) else None,
            restart=restart,
            restart_at=restart_at,
            long_lived=_long_lived(said),
            imports=tuple(self._policies(said, "import")),
            exports=exports,
            has_max_prefix=any(
                one.begins(kind, "limit") and "off" not in one.texts
                for one in _everywhere(said)
                for kind in ("import", "receive")
            ),
            password=password.words[1] if password and len(password.words) > 1 else None,
            has_password=password is not None or _last(said, "authentication") is not None,
            has_gtsm=_is_on(_last(said, "ttl", "security"), at=2),
            is_multihop=_last(said, "multihop") is not None,
            has_bfd=_is_on(_last(said, "bfd"), at=1),
            hold_s=hold.words[2].number if hold and len(hold.words) > 2 else _HOLD_S,
            export_table_at=tables[-1].location if tables and _is_on(tables[-1], at=2) else None,
            prepend=prepend,
            med=med,
            steered_at=steered_at,
        )

    def _inherited(self, one: Statement, *, depth: int) -> list[Statement]:
        origin = one.after("from")
        above = self.templates.get(origin.text) if origin else None
        # A template that comes from itself is refused by BIRD; here it is just not followed.
        before = self._inherited(above, depth=depth + 1) if above and depth < 8 else []
        return [*before, *(one.block or [])]

    def _constant(self, mark: Mark) -> Mark:
        value = self.constants.get(mark.text)
        return Mark(text=value.text, location=mark.location) if value else mark

    def _policies(self, said: list[Statement], direction: str) -> Iterator[Policy]:
        """The policy of each channel; the last that is said counts."""
        top = _policy_statements(said, direction)
        channels = {one.texts[0] for one in said if one.texts[:1] and one.texts[0] in _CHANNELS}
        for name in sorted(channels) or [""]:
            inside = [inner for one in said if one.texts[:1] == (name,) for inner in one.block or []]
            found = [*top, *_policy_statements(inside, direction)]
            family = int(name[-1]) if name else 0
            if not found:
                place = next((one.location for one in said if one.texts[:1] == (name,)), None)
                if place:
                    yield Policy(openness=Openness.UNSAID, location=place, family=family)
                continue
            yield Policy(openness=self._openness(found[-1]), location=found[-1].location, family=family)

    def _openness(self, one: Statement) -> Openness:
        words = one.texts[1:]
        if words[:1] == ("all",):
            return Openness.EVERYTHING
        if words[:1] == ("none",):
            return Openness.NOTHING
        if words[:1] == ("where",):
            return Openness.EVERYTHING if words[1:] == ("true",) else Openness.FILTERED
        body = self._body(one)
        first = next((inner.texts[:1] for inner in body if inner.texts), ())
        if first == ("accept",):
            return Openness.EVERYTHING
        return Openness.NOTHING if first == ("reject",) else Openness.FILTERED

    def _body(self, one: Statement) -> list[Statement]:
        if one.block is not None:
            return one.block
        named = self.filters.get(one.words[2].text) if len(one.words) > 2 else None
        return (named.block or []) if named else []

    def _steering(self, said: list[Statement]) -> tuple[int | None, int | None, Location | None]:
        """Prepends and MED that the export filter sets whatever the route; None where conditions decide."""
        found = [one for one in _everywhere(said) if one.begins("export", "filter")]
        body = self._body(found[-1]) if found else []
        prepend, med, place = None, None, None
        for one in body:
            text = "".join(one.texts)
            if one.begins("if"):
                continue
            if re.match(r"bgp_path\.prepend\(", text):
                prepend, place = (prepend or 0) + 1, place or one.location
            elif match := re.match(r"bgp_med=(\d{1,10})$", text):
                med, place = int(match[1]), place or one.location
        return prepend, med, place


def _policy_statements(said: list[Statement], direction: str) -> list[Statement]:
    kinds = ("all", "none", "filter", "where")
    return [one for one in said if one.begins(direction) and len(one.words) > 1 and one.texts[1] in kinds]


def _everywhere(said: list[Statement]) -> Iterator[Statement]:
    """The options of the protocol and of its channels."""
    for one in said:
        yield one
        if one.texts[:1] and one.texts[0] in _CHANNELS:
            yield from one.block or []


def _last(said: list[Statement], *texts: str) -> Statement | None:
    found = [one for one in _everywhere(said) if one.begins(*texts)]
    return found[-1] if found else None


def _is_on(one: Statement | None, *, at: int) -> bool:
    return one is not None and (len(one.words) <= at or one.texts[at] not in _OFF)


def _restart(said: list[Statement], default: Location) -> tuple[Restart, Location]:
    """Graceful restart of the protocol and its channels; `aware` is BIRD's default."""
    found = [
        one for one in _everywhere(said) if one.begins("graceful", "restart") and "time" not in one.texts
    ]
    if not found:
        return Restart.HELPER, default
    for one in found:
        value = one.texts[2] if len(one.words) > 2 else "on"
        if value in _ON:
            return Restart.ON, one.location
    last = found[-1]
    is_off = len(last.words) > 2 and last.texts[2] in _OFF
    return (Restart.OFF if is_off else Restart.HELPER), last.location


def _long_lived(said: list[Statement]) -> Mark | None:
    for one in _everywhere(said):
        if one.begins("long", "lived", "graceful", "restart") and one.texts[-1] not in _OFF:
            return one.words[0]
    return None


def _traps(tree: list[Statement]) -> Iterator[Trap]:
    for one in tree:
        if one.begins("protocol", "kernel") or one.begins("template", "kernel"):
            for inner in one.block or []:
                if inner.begins("persist") and _is_on(inner, at=1):
                    yield Trap(
                        rule="AR004",
                        location=inner.location,
                        path="protocol kernel",
                        message="routes stay in the kernel after BIRD has ended",
                        hint="write: persist off;",
                    )
        if not one.begins("protocol", "static"):
            continue
        for inner in one.block or []:
            if inner.begins("route") and (via := inner.after("via")) and not via.text.startswith("["):
                prefix = inner.words[1].text
                if prefix in ("0.0.0.0/0", "::/0"):
                    continue  # the way out of this machine, which is not announced
                yield Trap(
                    rule="AR014",
                    location=inner.location,
                    path="protocol static",
                    message=f"{prefix} is a static route via {via.text}",
                    hint='write: protocol direct { ipv4; ipv6; interface "lo"; } and put the prefix on lo',
                )
