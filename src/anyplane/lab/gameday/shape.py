"""The shape of a scenario file, as pydantic models made of the declared fields of steps and expectations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, create_model

from anyplane.design import quantities, timing
from anyplane.design.design import LoadUnit
from anyplane.design.quantities import Unfit, shown
from anyplane.design.shape_atoms import fault
from anyplane.lab.gameday import parts
from anyplane.lab.gameday.expectations import EXPECTATIONS
from anyplane.lab.gameday.scenario import ProbeKind
from anyplane.lab.gameday.steps import STEPS

VERSION = 1
DESIGN = "examples/dozen-cities.yaml"
ROUTERS = 60
RATES = (1.0, 5000.0)
STRICT = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


def atom(read: Callable[[object], object]) -> PlainValidator:
    """`read` as pydantic runs it: its Unfit becomes an error of ours."""

    def validate(value: object) -> object:
        try:
            return read(value)
        except Unfit as unfit:
            raise fault(unfit.message, hint=unfit.hint) from None

    return PlainValidator(validate)


def _model(kind: type) -> type[BaseModel]:
    """The shape of one step or expectation: its fields, each read by its part."""
    fields = parts.fields_of(kind)
    made: dict[str, Any] = {
        field.name: (
            Annotated[Any, atom(field.part.read)],
            ... if field.is_required else parts.default_of(kind, field.name),
        )
        for field in fields
    }
    return create_model(kind.__name__, __config__=STRICT, **made)


def _short(kind: type) -> BeforeValidator:
    """A lone value stands for the one field that must be given; `true` for no field at all."""
    required = [field.name for field in parts.fields_of(kind) if field.is_required]

    def read(value: object) -> object:
        if isinstance(value, dict):
            return value
        if not required and value is True:
            return {}
        if len(required) == 1 and value is not None and not isinstance(value, bool):
            return {required[0]: value}
        names = [field.name for field in parts.fields_of(kind)]
        form = "{" + ", ".join(f"{name}: ..." for name in required or names) + "}" if names else "true"
        key = parts.key_of(kind)
        raise fault(f"{shown(value)} does not say what {key} needs", hint=f"write {key}: {form}")

    return BeforeValidator(read)


def _items(kinds: Mapping[str, type], **others: object) -> type[BaseModel]:
    """The shape of one entry of a list: one of `kinds` by its key, and `others`."""
    made: dict[str, Any] = {
        key: (Annotated[_model(kind), _short(kind)] | None, Field(default=None))
        for key, kind in kinds.items()
    }
    made |= others
    return create_model("Item", __config__=STRICT, **made)


def _version(value: object) -> int:
    if value == VERSION and isinstance(value, int) and not isinstance(value, bool):
        return VERSION
    raise Unfit(f"{shown(value)} is not a version that this program reads", hint=f"write version: {VERSION}")


def _rate(value: object) -> float:
    if isinstance(value, str) and (text := value.strip()).endswith("/s"):
        value = text.removesuffix("/s").strip() + " qps"
    rate, unit = quantities.rate(value)
    if unit is not LoadUnit.QPS:
        raise Unfit(f"{shown(value)} is not a rate of queries", hint="write for example 100 qps")
    if not RATES[0] <= rate <= RATES[1]:
        raise Unfit(
            f"{shown(value)} is out of bounds", hint=f"{RATES[0]:g} to {RATES[1]:g} qps for each client"
        )
    return rate


def _kinds(value: object) -> tuple[ProbeKind, ...]:
    listed: list[Any] = value if isinstance(value, list) else [value]
    known = [kind.value for kind in ProbeKind]
    for one in listed:
        if one not in known:
            raise Unfit(f"{shown(one)} is not a kind of probe", hint=f"the kinds are {', '.join(known)}")
    if not listed:
        raise Unfit("kinds is empty; it needs at least one entry", hint="write kinds: [udp]")
    return tuple(dict.fromkeys(ProbeKind(one) for one in listed))


def _routers(value: object) -> int:
    return quantities.whole(value, what="a number of routers", low=3, high=5000)


_PAUSE = timing.between(0.0001, parts.LONGEST_S, what="a time in a game day")


def _words(value: object) -> dict[str, Any]:
    if isinstance(value, dict) and value:
        return value
    raise Unfit(
        f"{shown(value)} says nothing of the design", hint="write for example with: {safety: {floor: 0}}"
    )


def _moment(value: object) -> float:
    return 0.0 if value in ("0 s", "0 ms") else _PAUSE(value)


StepItem = _items(
    STEPS,
    at=(Annotated[float | None, atom(_moment)], None),
    after=(Annotated[float | None, atom(_moment)], None),
    name=(Annotated[str | None, atom(quantities.name)], None),
)
ExpectationItem = _items(EXPECTATIONS)


class ProbesShape(BaseModel):
    """`probes:`: who asks, how and how often."""

    model_config = STRICT
    clients: Annotated[Any, atom(parts.CLIENTS.read)] = parts.CLIENTS.read("all")
    kinds: Annotated[tuple[ProbeKind, ...], atom(_kinds)] = (ProbeKind.UDP,)
    rate: Annotated[float, atom(_rate)] = 100.0


class ScenarioShape(BaseModel):
    """A whole scenario file."""

    model_config = STRICT
    version: Annotated[int, atom(_version)]
    name: Annotated[str, atom(quantities.name)]
    shows: Annotated[str, atom(quantities.text)]
    design: Annotated[str, atom(quantities.text)] = DESIGN
    routers: Annotated[int, atom(_routers)] = ROUTERS
    words: Annotated[dict[str, Any], atom(_words)] = Field(default={}, alias="with")
    probes: ProbesShape = ProbesShape()
    settle: Annotated[float, atom(_moment)] = 1.0
    steps: Annotated[list[StepItem], Field(min_length=1)]  # type: ignore[valid-type]  # made of declared steps
    expect: Annotated[list[ExpectationItem], Field(min_length=1)]  # type: ignore[valid-type]  # likewise
