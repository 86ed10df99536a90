"""The shape of `health`: what is checked for one group of prefixes, and what follows."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from anyplane.design import endpoints, quantities
from anyplane.design.operation import Address
from anyplane.design.quantities import Unfit, shown
from anyplane.design.shape_atoms import (
    CommunityAtom,
    FlagAtom,
    NameAtom,
    OneOrMany,
    PrependAtom,
    Shape,
    atom,
    listed,
    med,
    pattern,
)
from anyplane.design.shape_probes import CheckItemShape, TimedShape

COUNT_MAX = 1000


def _need(value: object) -> int | None:
    if value == "all":
        return None
    if value == "any":
        return 1
    hint = "write all, any, or how many of the local checks must pass"
    return quantities.whole(value, what="a number of checks", low=1, high=COUNT_MAX, hint=hint)


def _count(value: object) -> int:
    return quantities.whole(value, what="a number of backends", low=1, high=COUNT_MAX)


def _weight(value: object) -> int:
    return quantities.whole(value, what="a weight", low=1, high=254)


def _interface(value: object) -> str:
    word = quantities.text(value)
    if len(word.encode()) > 15 or "/" in word or " " in word or word in (".", ".."):
        raise Unfit(f"{shown(value)} is not the name of an interface", hint="write for example eth1")
    return word


AddressAtom = Annotated[
    Address,
    atom(endpoints.address),
    pattern(endpoints.ADDRESS_PATTERN, "198.51.100.53", "2001:db8:53::53"),
]
OtherMedAtom = Annotated[
    int | None, atom(med), WithJsonSchema({"type": "integer", "minimum": 0, "maximum": quantities.MED_MAX})
]
NeedAtom = Annotated[
    int | None,
    atom(_need),
    WithJsonSchema(
        {"anyOf": [{"enum": ["all", "any"]}, {"type": "integer", "minimum": 1, "maximum": COUNT_MAX}]}
    ),
]


class DegradedShape(Shape):
    """How an impaired service is announced: less wanted, but there."""

    prepend: PrependAtom = Field(default=3, description="further copies of our ASN in the path")
    med: OtherMedAtom = Field(default=None, description="MULTI_EXIT_DISC; the announcement's own if absent")
    graceful_shutdown: FlagAtom = Field(default=False, description="GRACEFUL_SHUTDOWN (RFC 8326)")
    communities: Annotated[list[CommunityAtom], BeforeValidator(listed), OneOrMany()] = Field(
        default=[], description="sent besides those of the announcement"
    )


class BackendShape(Shape):
    """One server behind the service address."""

    name: NameAtom = Field(description="a name for reports")
    address: AddressAtom = Field(description="where the site's router reaches it")
    interface: Annotated[str, atom(_interface), pattern(r"^\s*\S{1,15}\s*$", "eth1")] = Field(
        default="", description="the interface of the way there; found by the kernel if absent"
    )
    weight: Annotated[
        int, atom(_weight), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 254})
    ] = Field(default=1, description="its share of the flows against the others'")
    checks: list[CheckItemShape] = Field(
        default=[], description="as those of the group; here `service` is the backend's address"
    )


class HealthShape(TimedShape):
    """How the health of one group is judged; the timers are defaults of its checks."""

    addresses: Annotated[list[AddressAtom], Field(min_length=1), BeforeValidator(listed), OneOrMany()] = (
        Field(
            default=[],
            description="service addresses that the agent keeps on lo; the first of a family is "
            "what `service` means; the first host of the first prefix of each family if absent",
        )
    )
    together: FlagAtom = Field(
        default=False, description="true: v4 and v6 are announced and withdrawn as one"
    )
    need: NeedAtom = Field(default=None, description="how many local checks must pass: all, any or a number")
    degraded: DegradedShape = Field(
        default_factory=DegradedShape, description="how it is announced when impaired"
    )
    checks: list[CheckItemShape] = Field(default=[], description="what is checked")
    backends: list[BackendShape] = Field(default=[], description="servers behind the service address")
    need_backends: Annotated[
        int, atom(_count), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": COUNT_MAX})
    ] = Field(default=1, description="with fewer live backends the site is down")
