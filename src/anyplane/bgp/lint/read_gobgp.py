"""GoBGP: neighbours and policies of a gobgpd.conf in TOML, read line by line so that places are known."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from anyplane.bgp.lint.facts import Mark, Openness, Policy, Restart, RouterFacts, SessionFacts
from anyplane.bgp.lint.tokens import silences
from anyplane.design.design import Location
from anyplane.design.operation import DaemonKind

_HOLD_S = 90
_PAIR = re.compile(r'^\s*([A-Za-z0-9_-]+)\s*=\s*(?:"([^"]*)"?|\'([^\']*)\'?|([^#]*?))\s*(?:#.*)?$')


@dataclass(slots=True)
class _Table:
    """A neighbour (or the global part): where it begins, and its settings by dotted name."""

    location: Location
    settings: dict[str, Mark] = field(default_factory=dict)

    def text(self, *names: str) -> str:
        """The value of the first that is set, in lower case."""
        return next((self.settings[name].text.lower() for name in names if name in self.settings), "")


def read_gobgp(text: str, *, file: str) -> RouterFacts:
    """The facts of a gobgpd.conf."""
    common, neighbors = _tables(text)
    sessions = tuple(_session(one, common) for one in neighbors if "config.neighbor-address" in one.settings)
    return RouterFacts(
        file=file,
        source=text,
        kind=DaemonKind.GOBGP,
        sessions=sessions,
        passwords=tuple(one.password for one in sessions if one.password),
        local_asn=common.settings.get("config.as"),
        silenced=silences(text),
    )


def _tables(text: str) -> tuple[_Table, list[_Table]]:
    common = _Table(Location(line=1, column=1))
    neighbors: list[_Table] = []
    table, prefix = _Table(Location(line=1, column=1)), ""
    for number, line in enumerate(text.split("\n"), 1):
        if head := re.match(r"^\s*(\[\[?)\s*([A-Za-z0-9_.-]+)", line):
            first, _, rest = head[2].partition(".")
            place = Location(line=number, column=head.start(1) + 1)
            if first == "neighbors":
                if not rest or not neighbors:
                    neighbors.append(_Table(place))
                table, prefix = neighbors[-1], rest
            elif first == "global":
                table, prefix = common, rest
            else:
                table, prefix = _Table(place), rest
        elif pair := _PAIR.match(line):
            value = next(one for one in (pair[2], pair[3], pair[4], "") if one is not None)
            name = f"{prefix}.{pair[1]}" if prefix else pair[1]
            table.settings[name] = Mark(text=value, location=Location(line=number, column=pair.start(1) + 1))
    return common, neighbors


def _session(one: _Table, common: _Table) -> SessionFacts:
    said = one.settings
    address = said["config.neighbor-address"]
    hold = said.get("timers.config.hold-time")
    password = said.get("config.auth-password")
    restart = one.text("graceful-restart.config.enabled") == "true"
    is_helper = one.text("graceful-restart.config.helper-only") == "true"
    mode = Restart.HELPER if restart and is_helper else Restart.ON if restart else Restart.OFF
    long_lived = said.get("graceful-restart.config.long-lived-enabled")
    limit = any(name.endswith("prefix-limit.config.max-prefixes") for name in said)
    return SessionFacts(
        name=f"neighbor {address.text}",
        location=one.location,
        neighbor=address,
        peer_asn=said.get("config.peer-as"),
        local_asn=said.get("config.local-as") or common.settings.get("config.as"),
        restart=mode,
        restart_at=said["graceful-restart.config.enabled"].location if restart else None,
        long_lived=long_lived if long_lived and long_lived.text == "true" else None,
        imports=tuple(_policies(one, common, "import")),
        exports=tuple(_policies(one, common, "export")),
        has_max_prefix=limit,
        password=password,
        has_password=password is not None,
        has_gtsm=one.text("ttl-security.config.enabled") == "true",
        is_multihop=one.text("ebgp-multihop.config.enabled") == "true",
        hold_s=int(hold.text) if hold and re.fullmatch(r"\d{1,6}", hold.text) else _HOLD_S,
    )


def _policies(one: _Table, common: _Table, direction: str) -> Iterator[Policy]:
    """GoBGP passes everything unless a policy list or a default of reject-route is named."""
    listed, default = (
        f"apply-policy.config.{direction}-policy-list",
        f"apply-policy.config.default-{direction}-policy",
    )
    for table in (one, common):
        if table.text(default) in ("reject-route", "reject"):
            has_list = table.text(listed) not in ("", "[]")
            openness = Openness.FILTERED if has_list else Openness.NOTHING
            yield Policy(openness=openness, location=table.settings[default].location)
            return
        if table.text(listed) not in ("", "[]"):
            yield Policy(openness=Openness.FILTERED, location=table.settings[listed].location)
            return
    yield Policy(openness=Openness.EVERYTHING, location=one.location)
