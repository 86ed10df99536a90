"""What a router's configuration says of its sessions, the same for every daemon, and where it says so."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address

from anyplane.bgp.witness_sessions import IPV6_BLOCK
from anyplane.design.design import Location
from anyplane.design.operation import Address, DaemonKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A word of the file and where it stands."""

    text: str
    location: Location

    @property
    def number(self) -> int | None:
        """The word as a number ("64500", "AS64500", "1.10")."""
        text = self.text.upper().removeprefix("AS")
        if re.fullmatch(r"[0-9]{1,10}", text):
            return int(text)
        if match := re.fullmatch(r"([0-9]{1,5})\.([0-9]{1,5})", text):
            return int(match[1]) * 65536 + int(match[2])
        return None


class Restart(StrEnum):
    """Graceful restart on a session (RFC 4724)."""

    OFF = "off"
    HELPER = "helper"
    ON = "on"


class Openness(StrEnum):
    """What a policy lets through."""

    NOTHING = "nothing"
    FILTERED = "filtered"
    EVERYTHING = "everything"
    UNSAID = "unsaid"
    """No policy: the daemon's default decides, which is to pass nothing on an external session (RFC 8212)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What may come in or go out on a session, in one family."""

    openness: Openness
    location: Location
    family: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFacts:
    """One external BGP session of the file. None: the daemon cannot, or the file does not say.

    `prepend` and `med` are what the export policy sets on every route.
    """

    name: str
    location: Location
    neighbor: Mark | None = None
    peer_asn: Mark | None = None
    local_asn: Mark | None = None
    restart: Restart = Restart.OFF
    restart_at: Location | None = None
    long_lived: Mark | None = None
    imports: tuple[Policy, ...] = ()
    exports: tuple[Policy, ...] = ()
    has_max_prefix: bool = True
    password: Mark | None = None
    has_password: bool = True
    has_gtsm: bool = True
    is_multihop: bool = False
    has_bfd: bool | None = None
    hold_s: int | None = None
    export_table_at: Location | None = None
    """Where BIRD is told to keep an export table."""
    prepend: int | None = None
    med: int | None = None
    steered_at: Location | None = None

    @property
    def address(self) -> Address | None:
        """The neighbour's address, if it is one."""
        try:
            return ip_address(self.neighbor.text) if self.neighbor else None
        except ValueError:
            return None

    @property
    def is_internal(self) -> bool:
        """iBGP? Its routes do not leave the AS by it."""
        ours = self.local_asn.number if self.local_asn else None
        theirs = self.peer_asn.number if self.peer_asn else None
        return (ours is not None and ours == theirs) or (
            self.peer_asn is not None and self.peer_asn.text == "internal"
        )

    @property
    def is_on_this_machine(self) -> bool:
        """Does it end here, as that of a witness does? Then nobody can cut in, and nothing leaves by it."""
        address = self.address
        if address is None:
            return False
        return address.is_loopback or (address.version == 6 and address in IPV6_BLOCK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trap:
    """A place where a reader saw a rule broken that only its daemon can break."""

    rule: str
    location: Location
    message: str
    hint: str
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterFacts:
    """One file, read. `includes`: other files that it takes in. `silenced`: rule id -> reason."""

    file: str
    source: str
    kind: DaemonKind
    sessions: tuple[SessionFacts, ...] = ()
    traps: tuple[Trap, ...] = ()
    includes: tuple[Mark, ...] = ()
    passwords: tuple[Mark, ...] = ()
    local_asn: Mark | None = None
    silenced: Mapping[str, str] = field(default_factory=dict)
