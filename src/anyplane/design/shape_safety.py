"""The shape of `safety`: the guards between a failed check and a withdrawal, and the timers."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from anyplane.design import quantities, timing
from anyplane.design.operation import Isolation
from anyplane.design.quantities import ASN_PATTERN, Unfit, shown
from anyplane.design.shape_atoms import (
    NameAtom,
    OneOrMany,
    Part,
    PrependAtom,
    Shape,
    Short,
    atom,
    fault,
    listed,
    pattern,
)
from anyplane.design.shape_probes import PathAtom

SITES_MAX = 10_000
WITHDRAW = "withdraw"
LEASE_S = (1.0, 60.0)
_PREFIX = r"[0-9A-Fa-f:.]+/[0-9]{1,3}"


def _sites(value: object) -> int:
    return quantities.whole(value, what="a number of sites", low=1, high=SITES_MAX)


def _floor(value: object) -> int:
    hint = "so many other sites stay, whatever fails; 0 switches the guard off"
    return quantities.whole(value, what="a number of sites", low=0, high=SITES_MAX, hint=hint)


def _headroom(value: object) -> float:
    result = quantities.ratio(value)
    if result == 0:
        raise Unfit(f"{shown(value)} would never let a site go", hint="100 % is full")
    return result


def _part(value: object) -> float:
    result = quantities.share(value)
    if result == 0:
        raise Unfit(f"{shown(value)} would freeze every site for ever", hint="write for example 50 %")
    return result


def _isolation(value: object) -> Isolation:
    if isinstance(value, str) and value in list(Isolation):
        return Isolation(value)
    hint = "write hold (stay announced) or withdraw"
    raise Unfit(f"{shown(value)} is not what an isolated site may do", hint=hint)


def _retired(value: object) -> str:
    """ "192.0.2.0/24", or "AS64510": the canonical text."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"AS{quantities.asn(value)}"
    text = value.strip() if isinstance(value, str) else ""
    if "/" in text:
        return str(quantities.prefix(value))
    if re.match(r"^(?:[Aa][Ss])?[0-9]+$", text):
        return f"AS{quantities.asn(value)}"
    hint = "write a prefix (192.0.2.0/24) or an upstream (AS64510)"
    raise Unfit(f"{shown(value)} is neither a prefix nor an AS number", hint=hint)


def _death(value: object) -> object:
    if value == WITHDRAW:
        return {"hold": 0}
    if isinstance(value, dict):
        return value
    hint = "write withdraw, or {hold: 10 min}"
    raise fault(f"{shown(value)} is not what the death of the agent may mean", hint=hint)


def _hold(value: object) -> float:
    if value == 0:  # what _death makes of `withdraw`
        return 0.0
    hint = "a service that nobody checks stays announced for so long"
    return timing.between(LEASE_S[1], 86_400, what="a hold after the agent's death", hint=hint)(value)


_LEASE_HINT = "3 s is usual: shorter and a busy machine loses it, longer and a dead agent's service stays"
LeaseAtom = Annotated[
    float,
    atom(timing.between(*LEASE_S, what="a lease", hint=_LEASE_HINT)),
    pattern(timing.TIME_PATTERN, "3 s"),
]
AwhileAtom = Annotated[
    float, atom(timing.between(0.1, 86_400, what="this time")), pattern(timing.TIME_PATTERN, "30 s", "10 min")
]
FreshAtom = Annotated[
    float,
    atom(timing.between(1, 3600, what="the age of a fresh word", hint="30 s is usual")),
    pattern(timing.TIME_PATTERN, "30 s"),
]
PatienceAtom = Annotated[
    float,
    atom(timing.between(0.1, 60, what="patience", hint="a dead site stays announced for so long")),
    pattern(timing.TIME_PATTERN, "2 s"),
]
SitesAtom = Annotated[
    int, atom(_sites), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": SITES_MAX})
]


class BudgetShape(Shape):
    """How many sites may withdraw in which time."""

    sites: SitesAtom = Field(default=2, description="withdrawals of sites")
    per: AwhileAtom = Field(default=600.0, description="in any such time")


class SameCheckShape(Shape):
    """One check that fails at many sites at once says more about the check than about the sites."""

    share: Annotated[float, atom(_part), pattern(quantities.SHARE_PATTERN, "50 %")] = Field(
        default=0.5, description="of the sites that are heard"
    )
    within: AwhileAtom = Field(default=60.0, description="their failures began within this time")


class DeathShape(Shape):
    """What becomes of the announcements when the agent dies."""

    hold: Annotated[float, atom(_hold), pattern(timing.TIME_PATTERN, "10 min")] = Field(
        description="they stay for so long"
    )


class QuarantineShape(Shape):
    """A flapping service stays away, twice as long each time."""

    first: AwhileAtom = Field(default=10.0, description="the first time")
    longest: AwhileAtom = Field(default=600.0, description="never longer")


class DrainShape(Shape):
    """How a site is taken out of service."""

    prepend: PrependAtom = Field(default=3, description="further copies of our ASN in the path")
    wait: AwhileAtom = Field(default=60.0, description="GRACEFUL_SHUTDOWN for so long, then the withdrawal")


class FleetShape(Shape):
    """Where the words of other sites come from; one of the keys."""

    file: PathAtom = Field(default="", description="a file that something else keeps fresh")
    static: Annotated[list[NameAtom], Field(min_length=1), BeforeValidator(listed), OneOrMany()] = Field(
        default=[], description="sites that are taken as fresh and healthy"
    )

    @model_validator(mode="after")
    def _is_one(self) -> FleetShape:
        if len(self.model_fields_set) != 1:
            said = "two sources" if self.model_fields_set else "no source"
            raise fault(f"{said} of what other sites say", hint="give one of file and static")
        return self


class SafetyShape(Shape):
    """The guards between a failed check and a withdrawal, and the timers."""

    floor: Annotated[
        int, atom(_floor), WithJsonSchema({"type": "integer", "minimum": 0, "maximum": SITES_MAX})
    ] = Field(default=1, description="other sites that must be fresh and healthy before one may withdraw")
    headroom: Annotated[float, atom(_headroom), pattern(quantities.SHARE_PATTERN, "100 %")] = Field(
        default=1.0, description="load against capacity that the others may reach when they take over"
    )
    budget: BudgetShape = Field(
        default_factory=BudgetShape, description="how many sites may withdraw in which time"
    )
    same_check: SameCheckShape = Field(
        default_factory=SameCheckShape, description="one check that fails at so many sites freezes them"
    )
    fresh: FreshAtom = Field(default=30.0, description="older words of a site do not count")
    patience: PatienceAtom = Field(default=2.0, description="how long a failed site waits for newer words")
    isolated: Annotated[
        Isolation, atom(_isolation), WithJsonSchema({"enum": [str(one) for one in Isolation]})
    ] = Field(default=Isolation.HOLD, description="what a dead site does that hears no other")
    lease: LeaseAtom = Field(default=3.0, description="lifetime of the prefix on lo, renewed by the agent")
    on_agent_death: Annotated[DeathShape, BeforeValidator(_death), Short({"const": WITHDRAW})] = Field(
        default_factory=lambda: DeathShape(hold=0), description="withdraw, or {hold: TIME}"
    )
    quarantine: QuarantineShape = Field(
        default_factory=QuarantineShape, description="how long a flapping service rests"
    )
    drain: DrainShape = Field(default_factory=DrainShape, description="how a site is taken out of service")
    retire: Annotated[
        list[
            Annotated[
                str,
                atom(_retired),
                WithJsonSchema(
                    {
                        "anyOf": [
                            {"type": "integer", "minimum": 0, "maximum": 4_294_967_295},
                            {"type": "string", "pattern": rf"^\s*{_PREFIX}\s*$|{ASN_PATTERN}"},
                        ],
                        "examples": ["192.0.2.0/24", "AS64510"],
                    }
                ),
            ]
        ],
        BeforeValidator(listed),
        OneOrMany(),
    ] = Field(default=[], description="prefixes and upstreams that a new design may leave out")
    fleet: Part[FleetShape] = Field(default=None, description="where the words of other sites come from")
