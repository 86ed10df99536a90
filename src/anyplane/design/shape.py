"""The design file's shape: pydantic models at the border, from which the JSON Schema is published too.

A key that is absent is known by `model_fields_set`; an empty value (`med:`) is an error, not an absence. What
is said about running the sites has shapes of its own: shape_health.py, shape_safety.py, shape_daemon.py.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from anyplane.design import communities as words
from anyplane.design.shape_atoms import (
    Announced,
    AreasAtom,
    AsnAtom,
    CommunityAtom,
    DurationAtom,
    FlagAtom,
    KindAtom,
    ListOrGroup,
    ListOrGroups,
    LoadAtom,
    MedAtom,
    MetroAtom,
    NameAtom,
    Named,
    OneOrMany,
    OneOrPerGroup,
    PointAtom,
    PrefixAtom,
    PrependAtom,
    RateAtom,
    RatioAtom,
    Shape,
    ShareAtom,
    TargetAtom,
    TextAtom,
    TimesAtom,
    VersionAtom,
    fault,
    group,
    grouped,
    listed,
    per_group,
)
from anyplane.design.shape_daemon import MaybeDaemon, Sessions
from anyplane.design.shape_health import HealthShape
from anyplane.design.shape_probes import KINDS
from anyplane.design.shape_safety import SafetyShape
from anyplane.model.nouns import UpstreamKind


def _form_of_users(value: object) -> str:
    # These enter pydantic's locations, so they must not look like keys of a design.
    return "(except)" if isinstance(value, dict | ExceptShape) else "(areas)"


class ActionShape(Shape):
    """What an upstream does with the route: one effect, on the neighbours that `to` selects (all without)."""

    prepend: TimesAtom = Field(default=0, description="prepend the upstream's ASN so many times more")
    no_export: FlagAtom = Field(default=False, description="do not announce to the selected neighbours")
    to: Annotated[list[TargetAtom], Field(min_length=1), BeforeValidator(listed), OneOrMany()] = Field(
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


class PolicyShape(Shape):
    """How a prefix is announced to an upstream; also what a shared policy may say."""

    kind: KindAtom = Field(default=UpstreamKind.TRANSIT, description="what the neighbour is to us")
    prepend: PrependAtom = Field(default=0, description="extra copies of our ASN in the path")
    med: MedAtom = Field(default=0, description="MULTI_EXIT_DISC; lower wins among sessions to one neighbour")
    communities: Annotated[list[CommunityAtom], BeforeValidator(listed), OneOrMany()] = Field(
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
    session: Sessions = Field(default=[], description="one for each address of the neighbour (v4 and v6)")
    policy: Annotated[list[NameAtom], Field(min_length=1), BeforeValidator(listed), OneOrMany()] = Field(
        default=[], description="policies to merge in; a later one wins over an earlier, own keys over both"
    )


class SiteShape(Shape):
    """A PoP: where it is, what it carries, whom it announces to."""

    metro: MetroAtom = Field(default=None, description="IATA airport or city code")
    at: PointAtom = Field(default=None, description="degrees north and east; wins over the metro's place")
    capacity: RateAtom = Field(default=None, description="what the site can serve")
    enabled: FlagAtom = Field(default=True, description="false: the site announces nothing")
    announce: Announced = Field(default=[], description="groups or prefixes; all if absent")
    upstreams: list[UpstreamShape] = Field(min_length=1, description="the site's BGP neighbours")
    daemon: MaybeDaemon = Field(default=None, description="the site's BGP daemon, or its kind alone")
    health: Annotated[dict[str, HealthShape], Named()] = Field(
        default={}, description="by group; replaces what the design says on that group"
    )


class ExceptShape(Shape):
    """Everybody but the users in some areas."""

    areas: AreasAtom = Field(alias="except", description="countries (DE), EU, EEA, `continent Asia`")


class GroupShape(Shape):
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


class ServiceShape(Shape):
    """The anycast service."""

    name: NameAtom = Field(description="a name for reports")
    origin: AsnAtom = Field(description="the AS number that originates the prefixes")
    prefixes: Annotated[
        dict[str, Annotated[GroupShape, BeforeValidator(group), ListOrGroup()]],
        Field(min_length=1),
        BeforeValidator(grouped),
        ListOrGroups(),
    ] = Field(description="a list, or groups by name that can be announced and handed out apart")
    load: Annotated[dict[str, LoadAtom], BeforeValidator(per_group), OneOrPerGroup()] = Field(
        default={}, description="expected load of one user, for each group alike or by group"
    )


class ObjectivesShape(Shape):
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


class ResidencyShape(Shape):
    """Users of some countries may be served from some sites only."""

    name: NameAtom
    users: AreasAtom = Field(description="countries (DE), EU, EEA, `continent Asia`")
    sites: Annotated[list[TextAtom], Field(min_length=1), BeforeValidator(listed), OneOrMany()]
    groups: Annotated[list[TextAtom], Field(min_length=1), BeforeValidator(listed), OneOrMany()] = Field(
        default=[], description="the groups of prefixes under this rule; all if absent"
    )


class CheckShape(Shape):
    """Settings of `anyplane check`."""

    silence: dict[str, TextAtom] = Field(
        default={}, description="rule id -> the reason why it does not apply"
    )


class DesignShape(Shape):
    """One anycast service: what is announced where, to whom and how, and what is promised."""

    version: VersionAtom = Field(description="version of this format")
    service: ServiceShape
    policies: Annotated[dict[str, PolicyShape], Named()] = Field(
        default={}, description="settings shared by name"
    )
    communities: dict[
        str, Annotated[list[ActionShape], Field(min_length=1), BeforeValidator(listed), OneOrMany()]
    ] = Field(default={}, description="what upstreams do on an action community, as they document it")
    sites: Annotated[dict[str, SiteShape], Field(min_length=1), Named()]
    objectives: ObjectivesShape = ObjectivesShape()
    residency: list[ResidencyShape] = Field(default=[])
    health: Annotated[dict[str, HealthShape], Named()] = Field(
        default={},
        description="by group of prefixes (`all` where prefixes is a list): how its health is judged",
    )
    safety: SafetyShape = Field(
        default_factory=SafetyShape, description="the guards before a withdrawal, and timers"
    )
    check: CheckShape = CheckShape()


_ONE_OF = {
    "CheckItemShape": KINDS,
    "ProcessShape": ("name", "pidfile", "unit"),
    "FleetShape": ("file", "static"),
}


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
    for name, keys in _ONE_OF.items():
        schema["$defs"][name]["oneOf"] = [{"required": [key]} for key in keys]
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
            if not _is_said(node):
                node.pop("default", None)
        for child in node.values():
            _tidy(child)
    elif isinstance(node, list):
        for child in node:
            _tidy(child)


def _is_said(node: dict[str, Any]) -> bool:
    """Is the default something that could be written in the file?"""
    default = node.get("default")
    if "enum" in node:
        return default in node["enum"]
    if isinstance(default, bool) or node.get("type") != "string":
        return isinstance(default, bool | int) and default >= node.get("minimum", default)
    return isinstance(default, str) and default != ""
