"""The design file's shape: pydantic models at the border, from which the JSON Schema is published too.

Every leaf is an atom of quantities.py, countries.py or communities.py, run by a plain validator, so pydantic
never guesses (no "yes" -> True) and the words of every error are ours. A key that is absent is known by
`model_fields_set`; an empty value (`med:`) is an error, not an absence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    PlainValidator,
    Tag,
    WithJsonSchema,
    model_validator,
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


def _atom(read: Callable[[object], T]) -> PlainValidator:
    def validate(value: object) -> T:
        try:
            return read(value)
        except Unfit as unfit:
            raise fault(unfit.message, hint=unfit.hint) from None

    return PlainValidator(validate)


def _text(pattern: str, *examples: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": list(examples)})


class _OneOrMany:
    """A lone value stands for a list of one."""

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schema = handler(core)
        return {"anyOf": [schema["items"], schema]}


class _ListOrGroups:
    """`prefixes`: a list, or a mapping of group name to group."""

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schema = handler(core)
        return {"anyOf": [_PREFIXES_SCHEMA, schema | _NAMED]}


class _ListOrGroup:
    """One group: a list of prefixes, or a mapping that says more."""

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"anyOf": [_PREFIXES_SCHEMA, handler(core)]}


class _OneOrPerGroup:
    """`load`: one for all groups, or a mapping of group name to load."""

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schema = handler(core)
        return {"anyOf": [schema["additionalProperties"], schema | _NAMED]}


class _Named:
    """A mapping whose keys are names."""

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(core) | _NAMED


_NAMED: JsonSchemaValue = {"propertyNames": {"pattern": quantities.NAME_PATTERN, "maxLength": 63}}


def _listed(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _grouped(value: object) -> object:
    return {ONLY_GROUP: value} if isinstance(value, list) else value


def _group(value: object) -> object:
    return {"prefixes": value} if isinstance(value, list) else value


def _form_of_users(value: object) -> str:
    # These enter pydantic's locations, so they must not look like keys of a design.
    return "(except)" if isinstance(value, dict | ExceptShape) else "(areas)"


def _per_group(value: object) -> object:
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


def _mapping(value: object) -> dict[str, object]:
    if isinstance(value, dict):
        return value
    raise Unfit(f"{shown(value)} is not a mapping")


def _prepend(value: object) -> int:
    hint = "count the extra copies of your ASN; 0 is none"
    return quantities.whole(value, what="a number of prepends", low=0, high=quantities.PREPEND_MAX, hint=hint)


def _times(value: object) -> int:
    return quantities.whole(value, what="a number of prepends", low=1, high=quantities.PREPEND_MAX)


def _med(value: object) -> int:
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
AsnAtom = Annotated[Asn, _atom(quantities.asn), WithJsonSchema(_ASN_SCHEMA)]
PrefixAtom = Annotated[Prefix, _atom(quantities.prefix), _text(_PREFIX, "198.51.100.0/24", "2001:db8::/48")]
NameAtom = Annotated[
    str,
    _atom(quantities.name),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": quantities.NAME_PATTERN, "maxLength": 63},
                {"type": "integer", "minimum": 0},
            ]
        }
    ),
]
TextAtom = Annotated[str, _atom(quantities.text), _text(r"\S")]
RateAtom = Annotated[
    tuple[float, LoadUnit] | None,
    _atom(quantities.rate),
    _text(quantities.RATE_PATTERN, "200 kqps", "40 Gbps"),
]
LoadAtom = Annotated[
    tuple[float, LoadUnit],
    _atom(quantities.load),
    _text(quantities.LOAD_PATTERN, "0.02 qps per user", "1.5 kbps per user"),
]
DurationAtom = Annotated[
    float | None, _atom(quantities.duration_ms), _text(quantities.DURATION_PATTERN, "80 ms", "1.5 s")
]
ShareAtom = Annotated[float | None, _atom(quantities.share), _text(quantities.SHARE_PATTERN, "40 %")]
RatioAtom = Annotated[
    float | None, _atom(quantities.ratio), _text(quantities.SHARE_PATTERN, "100 %", "120 %")
]
FlagAtom = Annotated[bool, _atom(quantities.flag), WithJsonSchema({"type": "boolean"})]
PrependAtom = Annotated[
    int,
    _atom(_prepend),
    WithJsonSchema({"type": "integer", "minimum": 0, "maximum": quantities.PREPEND_MAX}),
]
TimesAtom = Annotated[
    int,
    _atom(_times),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": quantities.PREPEND_MAX}),
]
MedAtom = Annotated[
    int, _atom(_med), WithJsonSchema({"type": "integer", "minimum": 0, "maximum": quantities.MED_MAX})
]
CommunityAtom = Annotated[
    str, _atom(words.community), _text(words.COMMUNITY_PATTERN, "1299:2569", "64500:1:2", "no-export")
]
TargetAtom = Annotated[
    Target,
    _atom(words.target),
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
    frozenset[str], _atom(countries.area), _text(countries.AREA_PATTERN, "DE", "EU", "EEA", "continent Asia")
]
KindAtom = Annotated[
    UpstreamKind, _atom(_kind), WithJsonSchema({"enum": [str(kind) for kind in UpstreamKind]})
]
VersionAtom = Annotated[int, _atom(_version), WithJsonSchema({"const": VERSION})]
MetroAtom = Annotated[
    tuple[str, Place] | None, _atom(places.locate), _text(r"^\s*[A-Za-z]{3}\s*$", "FRA", "NYC")
]
PointAtom = Annotated[
    Place | None,
    _atom(_point),
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
OpenAtom = Annotated[Mapping[str, object], _atom(_mapping), WithJsonSchema({"type": "object"})]
AreasAtom = Annotated[list[AreaAtom], Field(min_length=1), BeforeValidator(_listed), _OneOrMany()]
Announced = Annotated[list[TextAtom], Field(min_length=1), BeforeValidator(_listed), _OneOrMany()]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ActionShape(_Shape):
    """What an upstream does with the route: one effect, on the neighbours that `to` selects (all without)."""

    prepend: TimesAtom = Field(default=0, description="prepend the upstream's ASN so many times more")
    no_export: FlagAtom = Field(default=False, description="do not announce to the selected neighbours")
    to: Annotated[list[TargetAtom], Field(min_length=1), BeforeValidator(_listed), _OneOrMany()] = Field(
        default=[],
        description="AS3356, peers, customers, providers, `country DE`, `continent Asia`; of one sort any, "
        "of different sorts all must agree",
    )

    @model_validator(mode="after")
    def _has_one_effect(self) -> ActionShape:
        if bool(self.prepend) == self.no_export:
            said = "two effects at once" if self.prepend else "no effect"
            raise fault(f"the action has {said}", hint="give one of `prepend: 2` and `no_export: true`")
        return self


class PolicyShape(_Shape):
    """How a prefix is announced to an upstream; also what a shared policy may say."""

    kind: KindAtom = Field(default=UpstreamKind.TRANSIT, description="what the neighbour is to us")
    prepend: PrependAtom = Field(default=0, description="extra copies of our ASN in the path")
    med: MedAtom = Field(default=0, description="MULTI_EXIT_DISC; lower wins among sessions to one neighbour")
    communities: Annotated[list[CommunityAtom], BeforeValidator(_listed), _OneOrMany()] = Field(
        default=[], description="sent as written: a:b, a:b:c, no-export, graceful-shutdown, blackhole"
    )
    no_export: FlagAtom = Field(
        default=False, description="NO_EXPORT (RFC 1997): the neighbour keeps the route"
    )
    backup: FlagAtom = Field(
        default=False, description="GRACEFUL_SHUTDOWN (RFC 8326): used where nothing else is"
    )
    blackhole: FlagAtom = Field(
        default=False, description="BLACKHOLE (RFC 7999): the neighbour drops traffic"
    )
    announce: Announced = Field(
        default=[], description="groups or prefixes; all that the site announces if absent"
    )
    actions: list[ActionShape] = Field(
        default=[], description="what the upstream does by agreement, without a community in `communities`"
    )


class UpstreamShape(PolicyShape):
    """One BGP neighbour of a site."""

    asn: AsnAtom = Field(description="the neighbour's AS number; of an IXP that of its route server")
    policy: Annotated[list[NameAtom], Field(min_length=1), BeforeValidator(_listed), _OneOrMany()] = Field(
        default=[], description="policies to merge in; a later one wins over an earlier, own keys over both"
    )


class SiteShape(_Shape):
    """A PoP: where it is, what it carries, whom it announces to."""

    metro: MetroAtom = Field(default=None, description="IATA airport or city code")
    at: PointAtom = Field(default=None, description="degrees north and east; wins over the metro's place")
    capacity: RateAtom = Field(default=None, description="what the site can serve")
    enabled: FlagAtom = Field(default=True, description="false: the site announces nothing")
    announce: Announced = Field(default=[], description="groups or prefixes; all if absent")
    upstreams: list[UpstreamShape] = Field(min_length=1, description="the site's BGP neighbours")
    daemon: OpenAtom = Field(
        default={}, description="reserved: the BGP daemon of this site; kept, not read yet"
    )


class ExceptShape(_Shape):
    """Everybody but the users in some areas."""

    areas: AreasAtom = Field(alias="except", description="countries (DE), EU, EEA, `continent Asia`")


class GroupShape(_Shape):
    """Prefixes that are announced and handed out together."""

    prefixes: Annotated[list[PrefixAtom], Field(min_length=1)]
    users: Annotated[
        Annotated[AreasAtom, Tag("(areas)")] | Annotated[ExceptShape, Tag("(except)")],
        Discriminator(_form_of_users),
    ] = Field(
        default=[],
        description="who is given these addresses (by DNS, say): countries (DE), EU, EEA, `continent Asia`, "
        "or `{except: [EU]}`; everybody if absent",
    )


class ServiceShape(_Shape):
    """The anycast service."""

    name: NameAtom = Field(description="a name for reports")
    origin: AsnAtom = Field(description="the AS number that originates the prefixes")
    prefixes: Annotated[
        dict[str, Annotated[GroupShape, BeforeValidator(_group), _ListOrGroup()]],
        Field(min_length=1),
        BeforeValidator(_grouped),
        _ListOrGroups(),
    ] = Field(description="a list, or groups by name that can be announced and handed out apart")
    load: Annotated[dict[str, LoadAtom], BeforeValidator(_per_group), _OneOrPerGroup()] = Field(
        default={}, description="expected load of one user, for each group alike or by group"
    )


class ObjectivesShape(_Shape):
    """What is promised; `plan` exits with 1 when one is broken."""

    p50_rtt: DurationAtom = Field(default=None, description="RTT that half of the users stay under")
    p90_rtt: DurationAtom = None
    p95_rtt: DurationAtom = None
    p99_rtt: DurationAtom = None
    largest_share: ShareAtom = Field(default=None, description="no site serves more of the users")
    smallest_share: ShareAtom = Field(default=None, description="no site serves less of the users")
    worst_failure_load: RatioAtom = Field(
        default=None, description="load against capacity on any site after any one site fails"
    )
    worst_failure_p95_rtt: DurationAtom = Field(default=None, description="p95 RTT after any one site fails")


class ResidencyShape(_Shape):
    """Users of some countries may be served from some sites only."""

    name: NameAtom
    users: AreasAtom = Field(description="countries (DE), EU, EEA, `continent Asia`")
    sites: Annotated[list[TextAtom], Field(min_length=1), BeforeValidator(_listed), _OneOrMany()]
    groups: Annotated[list[TextAtom], Field(min_length=1), BeforeValidator(_listed), _OneOrMany()] = Field(
        default=[], description="the groups of prefixes under this rule; all if absent"
    )


class CheckShape(_Shape):
    """Settings of `anyplane check`."""

    silence: dict[str, TextAtom] = Field(
        default={}, description="rule id -> the reason why it does not apply"
    )


class DesignShape(_Shape):
    """One anycast service: what is announced where, to whom and how, and what is promised."""

    version: VersionAtom = Field(description="version of this format")
    service: ServiceShape
    policies: Annotated[dict[str, PolicyShape], _Named()] = Field(
        default={}, description="settings shared by name"
    )
    communities: dict[
        str, Annotated[list[ActionShape], Field(min_length=1), BeforeValidator(_listed), _OneOrMany()]
    ] = Field(default={}, description="what upstreams do on an action community, as they document it")
    sites: Annotated[dict[str, SiteShape], Field(min_length=1), _Named()]
    objectives: ObjectivesShape = ObjectivesShape()
    residency: list[ResidencyShape] = []
    health: OpenAtom = Field(default={}, description="reserved: health checks; kept, not read yet")
    check: CheckShape = CheckShape()


def json_schema() -> dict[str, Any]:  # JSON has no narrower type
    """The JSON Schema (2020-12) of the design file, for editors."""
    schema = DesignShape.model_json_schema(mode="validation")
    schema["properties"]["communities"]["propertyNames"] = {"pattern": words.COMMUNITY_PATTERN}
    schema["properties"]["check"] = {"$ref": "#/$defs/CheckShape"}
    schema["$defs"]["SiteShape"]["anyOf"] = [{"required": ["metro"]}, {"required": ["at"]}]
    schema["$defs"]["ActionShape"]["oneOf"] = [
        {"required": ["prepend"], "properties": {"no_export": {"const": False}}},
        {
            "required": ["no_export"],
            "properties": {"no_export": {"const": True}},
            "not": {"required": ["prepend"]},
        },
    ]
    _tidy(schema)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:anyplane:design:1",
        **schema,
        "title": "Anyplane design",
    }


def _tidy(node: object) -> None:
    # pydantic titles every field with its own name and shows defaults that mean "absent".
    if isinstance(node, dict):
        if node.keys() & {"type", "anyOf", "oneOf", "$ref", "enum", "const"}:
            if isinstance(node.get("title"), str):
                node.pop("title")
            if node.get("default", ...) in (None, [], {}) or isinstance(node.get("default"), dict):
                node.pop("default", None)
        for child in node.values():
            _tidy(child)
    elif isinstance(node, list):
        for child in node:
            _tidy(child)
