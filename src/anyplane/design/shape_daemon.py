"""The shapes of `daemon` and `session`: which BGP daemon a site runs, and with whom it speaks."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from ipaddress import IPv4Address
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from anyplane.design import endpoints, quantities, timing
from anyplane.design.operation import Address, DaemonKind, Endpoint, Role
from anyplane.design.quantities import Unfit, shown
from anyplane.design.shape_atoms import (
    FlagAtom,
    NotEmpty,
    OneOrMany,
    Part,
    Shape,
    Short,
    TextAtom,
    atom,
    fault,
    listed,
    pattern,
    short,
)
from anyplane.design.shape_health import AddressAtom
from anyplane.design.shape_probes import PathAtom, PortAtom

AUTO = "auto"
SYMBOL_MAX = 30
SYMBOL_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*$"
IMPORTS = ("default", "all", "none")
# Words of BIRD's language that a protocol cannot be called, as far as somebody might want to.
# fmt: off
_KEYWORDS = frozenset(
    (
        "accept", "all", "as", "bfd", "bgp", "bmp", "default", "device", "direct", "export", "filter", "from",
        "if", "import", "ipv4", "ipv6", "kernel", "local", "master4", "master6", "mrt", "name", "neighbor",
        "none", "ospf", "passive", "password", "peer", "pipe", "port", "preference", "print", "protocol",
        "provider", "rip", "roa", "role", "rpki", "rs", "rs_client", "rs_server", "static", "table",
        "template", "then", "via", "vpn4", "vpn6", "where",
    )
)
# fmt: on
_KIND_SLIPS = {
    "bird2": "bird",
    "bird3": "bird",
    "birdc": "bird",
    "bgpd": "openbgpd",
    "openbgp": "openbgpd",
    "quagga": "frr",
    "frrouting": "frr",
    "vtysh": "frr",
    "gobgpd": "gobgp",
    "exa": "exabgp",
}


def _kind(value: object) -> DaemonKind:
    word = value.strip() if isinstance(value, str) else ""
    if word in list(DaemonKind):
        return DaemonKind(word)
    folded = word.lower()
    close = _KIND_SLIPS.get(folded) or next(
        iter(difflib.get_close_matches(folded, list(DaemonKind), n=1)), ""
    )
    known = ", ".join(kind for kind in DaemonKind if kind is not DaemonKind.MEMORY)
    raise Unfit(
        f"{shown(value)} is not a BGP daemon that is known here",
        hint=f"did you mean {close}?" if close else f"the daemons are {known}",
    )


def symbol(value: object) -> str:
    """A name that every daemon's configuration can hold."""
    text = value if isinstance(value, str) else ""
    hint = f"use letters, digits and _ (at most {SYMBOL_MAX}), beginning with a letter"
    if text.lower() in _KEYWORDS:
        raise Unfit(f"{shown(value)} is a word of BIRD's own language", hint=f"write for example {text}_1")
    if not re.match(SYMBOL_PATTERN, text) or len(text) > SYMBOL_MAX:
        better = re.sub(r"[^A-Za-z0-9_]+", "_", text)[:SYMBOL_MAX].strip("_")
        if better[:1].isdigit():
            better = f"as{better}"[:SYMBOL_MAX]
        hint = f"{hint}: {better}" if better else hint
        raise Unfit(f"{shown(value)} cannot be the name of a session", hint=hint)
    return text


def _role(value: object) -> Role | str:
    word = value.strip().lower().replace("-", "_") if isinstance(value, str) else ""
    if word == AUTO or word in list(Role):
        return Role(word) if word != AUTO else AUTO
    hint = "it is ours, not theirs: customer of a transit, peer, rs_client of a route server (or auto)"
    raise Unfit(f"{shown(value)} is not a role (RFC 9234)", hint=hint)


def _imports(value: object) -> str:
    if isinstance(value, str) and value in IMPORTS:
        return value
    hint = "write default (the default route alone), all or none"
    raise Unfit(f"{shown(value)} is not what a session may import", hint=hint)


def _multihop(value: object) -> int:
    hint = "count the hops, 2 or more; leave it out where the neighbour is directly connected"
    return quantities.whole(value, what="a number of hops", low=2, high=255, hint=hint)


def _max_prefix(value: object) -> int:
    return quantities.whole(value, what="a number of prefixes", low=1, high=100_000_000)


def _multiplier(value: object) -> int:
    return quantities.whole(value, what="a multiplier", low=1, high=255)


def _setting(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise Unfit(f"{shown(value)} is not a setting", hint="write a text or a number")


MaybeAddressAtom = Annotated[
    Address | None, atom(endpoints.address), pattern(endpoints.ADDRESS_PATTERN, "192.0.2.1")
]
RtrAtom = Annotated[
    Endpoint,
    atom(lambda value: endpoints.elsewhere(value, default=323)),
    pattern(endpoints.OPEN_ENDPOINT_PATTERN, "127.0.0.1:3323"),
]
SettingAtom = Annotated[
    str, atom(_setting), WithJsonSchema({"type": ["string", "integer", "number", "boolean"]})
]


class BfdShape(Shape):
    """RFC 5880 timers."""

    interval: Annotated[
        float, atom(timing.between(0.01, 10, what="a BFD interval")), pattern(timing.TIME_PATTERN, "100 ms")
    ] = Field(default=0.1, description="between two packets")
    multiplier: Annotated[
        int, atom(_multiplier), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 255})
    ] = Field(default=3, description="packets lost until the neighbour is dead")


def _bfd_form(value: object) -> object:
    if isinstance(value, dict):
        return value
    try:
        return {} if quantities.flag(value) else None
    except Unfit as unfit:
        hint = unfit.hint if "YAML" in unfit.hint else "write true, or {interval: 100 ms, multiplier: 3}"
        raise fault(f"{shown(value)} does not switch BFD on or off", hint=hint) from None


class SessionShape(Shape):
    """One BGP session with one address of the upstream."""

    neighbor: AddressAtom = Field(
        description="the upstream's address; its family is that of the prefixes sent"
    )
    local: MaybeAddressAtom = Field(default=None, description="our address; the kernel's choice if absent")
    name: Annotated[
        str,
        atom(symbol),
        WithJsonSchema({"type": "string", "pattern": SYMBOL_PATTERN, "maxLength": SYMBOL_MAX}),
    ] = Field(default="", description="its name in the daemon's configuration; as64510_v4 if absent")
    port: PortAtom = Field(default=179, description="the neighbour's port")
    password_file: PathAtom = Field(default="", description="holds the TCP MD5 key; never part of a design")
    gtsm: FlagAtom = Field(
        default=False, description="GTSM (RFC 5082): packets from further away are dropped"
    )
    multihop: Annotated[
        int, atom(_multihop), WithJsonSchema({"type": "integer", "minimum": 2, "maximum": 255})
    ] = Field(default=0, description="hops to the neighbour; directly connected if absent")
    bfd: Annotated[BfdShape | None, NotEmpty(), BeforeValidator(_bfd_form), Short({"type": "boolean"})] = (
        Field(default=None, description="true, or timers: a dead neighbour is noticed in milliseconds")
    )
    role: Annotated[
        Role | str, atom(_role), WithJsonSchema({"enum": [*(str(one) for one in Role), AUTO]})
    ] = Field(default="", description="our role (RFC 9234); auto: what the upstream's kind says")
    max_prefix: Annotated[
        int | None,
        atom(_max_prefix),
        WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 100_000_000}),
    ] = Field(default=None, description="more prefixes from the neighbour end the session")
    hold: Annotated[int, atom(timing.hold_time), pattern(timing.TIME_PATTERN, "9 s", "90 s")] = Field(
        default=90, description="BGP hold time: a silent neighbour is noticed after so long"
    )
    passive: FlagAtom = Field(default=False, description="true: wait for the neighbour to connect")
    imports: Annotated[str, atom(_imports), WithJsonSchema({"enum": list(IMPORTS)})] = Field(
        default="default", description="what is accepted: the default route alone, all (filtered) or none"
    )


class DaemonShape(Shape):
    """The BGP daemon of a site and how the agent reaches it."""

    kind: Annotated[DaemonKind, atom(_kind), WithJsonSchema({"enum": [str(kind) for kind in DaemonKind]})] = (
        Field(
            default=DaemonKind.EXABGP,
            description="bird, frr, exabgp (the default), gobgp, openbgpd or memory",
        )
    )
    router_id: Annotated[
        IPv4Address | None, atom(endpoints.address4), pattern(r"^\s*[0-9.]+\s*$", "192.0.2.1")
    ] = Field(default=None, description="BGP identifier; the first local IPv4 address if absent")
    control: TextAtom = Field(default="", description="its socket or API address; the usual one if absent")
    include: PathAtom = Field(default="", description="the file of routes that the agent owns, in /run")
    rpki: Annotated[list[RtrAtom], Field(min_length=1), BeforeValidator(listed), OneOrMany()] = Field(
        default=[], description="RPKI-to-Router caches (RFC 8210); port 323 if absent"
    )
    witness: Annotated[
        Endpoint | None, atom(endpoints.elsewhere), pattern(endpoints.ENDPOINT_PATTERN, "127.0.0.1:1790")
    ] = Field(default=None, description="a passive listener that shows what really leaves")
    settings: Mapping[str, SettingAtom] = Field(default={}, description="what only one kind of daemon knows")


MaybeDaemon = Annotated[Part[DaemonShape], short("kind"), Short({"enum": [str(kind) for kind in DaemonKind]})]
Sessions = Annotated[list[SessionShape], Field(min_length=1), BeforeValidator(listed), OneOrMany()]
