"""What shapes are made of: atoms as pydantic validators, each with its JSON Schema, and forms of lists.

Every leaf of a design is an atom of quantities.py, countries.py, communities.py, timing.py or endpoints.py,
run by a plain validator, so pydantic never guesses (no "yes" -> True) and the words of every error are ours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PlainValidator,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from anyplane.design import communities as words
from anyplane.design import countries, places, quantities
from anyplane.design.communities import Target
from anyplane.design.design import LoadUnit
from anyplane.design.quantities import Unfit, shown
from anyplane.model.nouns import ASN_MAX, Asn, Place, Prefix, UpstreamKind

VERSION = 1
ONLY_GROUP = "all"
EVERY_GROUP = "*"
T = TypeVar("T")


def fault(message: str, *, hint: str = "") -> PydanticCustomError:
    """An error of ours on its way through pydantic."""
    return PydanticCustomError("design", "{text}", {"text": message, "hint": hint})


def atom(read: Callable[[object], T]) -> PlainValidator:
    """`read` as pydantic runs it: its Unfit becomes an error of ours."""

    def validate(value: object) -> T:
        try:
            return read(value)
        except Unfit as unfit:
            raise fault(unfit.message, hint=unfit.hint) from None

    return PlainValidator(validate)


def pattern(regex: str, *examples: str) -> WithJsonSchema:
    """The schema of a text that fits `regex`."""
    return WithJsonSchema({"type": "string", "pattern": regex, "examples": list(examples)})


class OneOrMany:
    """A lone value stands for a list of one."""

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schema = handler(core)
        return {"anyOf": [schema["items"], schema]}


class NotEmpty:
    """A part that may be left out, but not be written empty: the schema does not invite null."""

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        parts: list[JsonSchemaValue] = handler(core)["anyOf"]
        (schema,) = [part for part in parts if part != {"type": "null"}]
        return schema


class Short:
    """A text that stands for a mapping with this one key."""

    def __init__(self, schema: JsonSchemaValue) -> None:
        self.schema = schema

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"anyOf": [self.schema, handler(core)]}


class ListOrGroups:
    """`prefixes`: a list, or a mapping of group name to group."""

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schema = handler(core)
        return {"anyOf": [_PREFIXES_SCHEMA, schema | _NAMED]}


class ListOrGroup:
    """One group: a list of prefixes, or a mapping that says more."""

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"anyOf": [_PREFIXES_SCHEMA, handler(core)]}


class OneOrPerGroup:
    """`load`: one for all groups, or a mapping of group name to load."""

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schema = handler(core)
        return {"anyOf": [schema["additionalProperties"], schema | _NAMED]}


class Named:
    """A mapping whose keys are names."""

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(core) | _NAMED


_NAMED: JsonSchemaValue = {"propertyNames": {"pattern": quantities.NAME_PATTERN, "maxLength": 63}}


def listed(value: object) -> object:
    """A lone value as a list of one."""
    return value if isinstance(value, list) else [value]


def short(key: str) -> BeforeValidator:
    """A text becomes {key: text}."""
    return BeforeValidator(lambda value: {key: value} if isinstance(value, str) else value)


def written(value: object) -> object:
    """Anything but an empty value."""
    if value is None:
        raise fault("nothing is written here", hint="leave the key out, or say something")
    return value


def grouped(value: object) -> object:
    """A list of prefixes as the one group."""
    return {ONLY_GROUP: value} if isinstance(value, list) else value


def group(value: object) -> object:
    """A list of prefixes as a group that says no more."""
    return {"prefixes": value} if isinstance(value, list) else value


def per_group(value: object) -> object:
    """A lone load as that of every group."""
    return value if isinstance(value, dict) else {EVERY_GROUP: value}


def _kind(value: object) -> UpstreamKind:
    if isinstance(value, str) and value in list(UpstreamKind):
        return UpstreamKind(value)
    hint = "write transit, peer or route_server"
    if str(value).lower().replace("-", "_").replace(" ", "_") in ("rs", "ixp", "routeserver", "route_server"):
        hint = "did you mean route_server?"
    raise Unfit(f"{shown(value)} is not a kind of upstream", hint=hint)


def _version(value: object) -> int:
    if value == VERSION and isinstance(value, int) and not isinstance(value, bool):
        return VERSION
    raise Unfit(f"{shown(value)} is not a version that this program reads", hint=f"write version: {VERSION}")


def _point(value: object) -> Place:
    if isinstance(value, list) and len(value) == 2:
        lat, lon = value
        if all(isinstance(part, int | float) and not isinstance(part, bool) for part in value):
            if -90 <= lat <= 90 and -180 <= lon <= 180:
                return Place(lat=float(lat), lon=float(lon))
            hint = "latitude comes first" if -180 <= lat <= 180 and -90 <= lon <= 90 else ""
            raise Unfit("latitude is -90 to 90, longitude -180 to 180", hint=hint)
    raise Unfit(f"{shown(value)} is not a pair of degrees", hint="write [50.11, 8.68]: north, then east")


def _prepend(value: object) -> int:
    hint = "count the extra copies of your ASN; 0 is none"
    return quantities.whole(value, what="a number of prepends", low=0, high=quantities.PREPEND_MAX, hint=hint)


def _times(value: object) -> int:
    return quantities.whole(value, what="a number of prepends", low=1, high=quantities.PREPEND_MAX)


def med(value: object) -> int:
    """A MULTI_EXIT_DISC."""
    return quantities.whole(value, what="a MED", low=0, high=quantities.MED_MAX)


_ASN_SCHEMA = {
    "anyOf": [
        {"type": "integer", "minimum": 0, "maximum": ASN_MAX},
        {"type": "string", "pattern": quantities.ASN_PATTERN},
    ],
    "examples": [64500, "AS64500"],
}
_PREFIX = r"^\s*[0-9A-Fa-f:.]+/[0-9]{1,3}\s*$"
_PREFIXES_SCHEMA: JsonSchemaValue = {
    "type": "array",
    "items": {"type": "string", "pattern": _PREFIX, "examples": ["198.51.100.0/24", "2001:db8::/48"]},
    "minItems": 1,
}
AsnAtom = Annotated[Asn, atom(quantities.asn), WithJsonSchema(_ASN_SCHEMA)]
PrefixAtom = Annotated[Prefix, atom(quantities.prefix), pattern(_PREFIX, "198.51.100.0/24", "2001:db8::/48")]
NameAtom = Annotated[
    str,
    atom(quantities.name),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": quantities.NAME_PATTERN, "maxLength": 63},
                {"type": "integer", "minimum": 0},
            ]
        }
    ),
]
TextAtom = Annotated[str, atom(quantities.text), pattern(r"\S")]
RateAtom = Annotated[
    tuple[float, LoadUnit] | None,
    atom(quantities.rate),
    pattern(quantities.RATE_PATTERN, "200 kqps", "40 Gbps"),
]
LoadAtom = Annotated[
    tuple[float, LoadUnit],
    atom(quantities.load),
    pattern(quantities.LOAD_PATTERN, "0.02 qps per user", "1.5 kbps per user"),
]
DurationAtom = Annotated[
    float | None, atom(quantities.duration_ms), pattern(quantities.DURATION_PATTERN, "80 ms", "1.5 s")
]
ShareAtom = Annotated[float | None, atom(quantities.share), pattern(quantities.SHARE_PATTERN, "40 %")]
RatioAtom = Annotated[
    float | None, atom(quantities.ratio), pattern(quantities.SHARE_PATTERN, "100 %", "120 %")
]
FlagAtom = Annotated[bool, atom(quantities.flag), WithJsonSchema({"type": "boolean"})]
PrependAtom = Annotated[
    int,
    atom(_prepend),
    WithJsonSchema({"type": "integer", "minimum": 0, "maximum": quantities.PREPEND_MAX}),
]
TimesAtom = Annotated[
    int,
    atom(_times),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": quantities.PREPEND_MAX}),
]
MedAtom = Annotated[
    int, atom(med), WithJsonSchema({"type": "integer", "minimum": 0, "maximum": quantities.MED_MAX})
]
CommunityAtom = Annotated[
    str, atom(words.community), pattern(words.COMMUNITY_PATTERN, "1299:2569", "64500:1:2", "no-export")
]
TargetAtom = Annotated[
    Target,
    atom(words.target),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": ASN_MAX},
                {"type": "string", "pattern": words.TARGET_PATTERN},
            ],
            "examples": ["AS3356", "peers", "country DE", "continent Asia"],
        }
    ),
]
AreaAtom = Annotated[
    frozenset[str], atom(countries.area), pattern(countries.AREA_PATTERN, "DE", "EU", "EEA", "continent Asia")
]
KindAtom = Annotated[
    UpstreamKind, atom(_kind), WithJsonSchema({"enum": [str(kind) for kind in UpstreamKind]})
]
VersionAtom = Annotated[int, atom(_version), WithJsonSchema({"const": VERSION})]
MetroAtom = Annotated[
    tuple[str, Place] | None, atom(places.locate), pattern(r"^\s*[A-Za-z]{3}\s*$", "FRA", "NYC")
]
PointAtom = Annotated[
    Place | None,
    atom(_point),
    WithJsonSchema(
        {
            "type": "array",
            "prefixItems": [
                {"type": "number", "minimum": -90, "maximum": 90},
                {"type": "number", "minimum": -180, "maximum": 180},
            ],
            "minItems": 2,
            "maxItems": 2,
            "examples": [[50.11, 8.68]],
        }
    ),
]
AreasAtom = Annotated[list[AreaAtom], Field(min_length=1), BeforeValidator(listed), OneOrMany()]
Part = Annotated[T | None, BeforeValidator(written), NotEmpty()]
"""A mapping that may be absent (None), but not empty."""
Announced = Annotated[list[TextAtom], Field(min_length=1), BeforeValidator(listed), OneOrMany()]


class Shape(BaseModel):
    """A mapping of known keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)
