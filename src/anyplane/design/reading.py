"""parse: design text -> Design, or one DesignError with every fault found, in the order of the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from anyplane.design import communities as words
from anyplane.design import quantities, reading_health, reading_operation
from anyplane.design.design import (
    Audience,
    Design,
    LoadUnit,
    Location,
    Objectives,
    PrefixGroup,
    Residency,
    Site,
    Upstream,
)
from anyplane.design.document import Document, path_text, read
from anyplane.design.operation import Health
from anyplane.model.errors import DesignError, Problem
from anyplane.model.nouns import Effect, ExportRule, Place, Prefix, SiteName

if TYPE_CHECKING:
    from anyplane.design.shape import (
        ActionShape,
        DesignShape,
        GroupShape,
        PolicyShape,
        SiteShape,
        UpstreamShape,
    )
    from anyplane.design.shape_health import HealthShape


def parse(text: str, *, file: str = "design.yaml") -> Design:
    """The design in `text`; DesignError with all its faults where it is not one. `file` is only a name."""
    # pydantic costs 0.1 s to import, and most commands that see this module never parse.
    from pydantic import ValidationError

    from anyplane.design import faults, references, references_operation
    from anyplane.design.rules import RULES
    from anyplane.design.shape import DesignShape

    document = read(text, file=file)
    if not isinstance(document.root, dict):
        message = "the file is empty" if document.root is None else "a design is a mapping of keys to values"
        hint = "examples/two-sites.yaml is a design to begin with"
        raise DesignError((Problem(file=file, line=1, column=0, path="", message=message, hint=hint),))
    problems = [*document.duplicates, *references.problems(document, rule_ids=[rule.id for rule in RULES])]
    shape: DesignShape | None = None
    try:
        shape = DesignShape.model_validate(document.root)
    except ValidationError as error:
        problems += faults.problems(error.errors(include_url=False), document)
    if problems or shape is None:
        hidden = references_operation.secret_lines(document)
        problems = [replace(one, source="") if one.line in hidden else one for one in problems]
        ordered = sorted(dict.fromkeys(problems), key=lambda one: (one.line, one.column))
        raise DesignError(tuple(ordered))
    return _design(shape, document, source=text)


def _design(shape: DesignShape, document: Document, *, source: str) -> Design:
    service = shape.service
    whole = service.load.get("*")
    loads = {name: service.load.get(name, whole) for name in service.prefixes}
    groups = tuple(
        PrefixGroup(
            name=name,
            prefixes=tuple(group.prefixes),
            load_per_user=load[0] if (load := loads[name]) else None,
            audience=_audience(group),
        )
        for name, group in service.prefixes.items()
    )
    units = [load[1] for load in loads.values() if load]
    units += [site.capacity[1] for site in shape.sites.values() if site.capacity]
    catalogue = {
        words.community(key): tuple(_rule(action) for action in actions)
        for key, actions in shape.communities.items()
    }
    goals = shape.objectives
    paths = dict.fromkeys((*document.values, *document.keys))
    spans = {path: document.span(path) for path in paths}
    return Design(
        file=document.file,
        name=service.name,
        origin=service.origin,
        groups=groups,
        sites=tuple(
            _site(name, site, shape, groups=groups, catalogue=catalogue) for name, site in shape.sites.items()
        ),
        load_unit=units[0] if units else LoadUnit.QPS,
        objectives=Objectives(
            p50_rtt_ms=goals.p50_rtt,
            p90_rtt_ms=goals.p90_rtt,
            p95_rtt_ms=goals.p95_rtt,
            p99_rtt_ms=goals.p99_rtt,
            largest_share=goals.largest_share,
            smallest_share=goals.smallest_share,
            worst_failure_load=goals.worst_failure_load,
            worst_failure_p95_rtt_ms=goals.worst_failure_p95_rtt,
        ),
        residency=tuple(
            Residency(
                name=rule.name,
                countries=frozenset().union(*rule.users),
                sites=frozenset(SiteName(name) for name in rule.sites),
                groups=frozenset(rule.groups),
            )
            for rule in shape.residency
        ),
        communities=catalogue,
        health=_health(shape.health, groups, path="health"),
        safety=reading_operation.safety(shape.safety),
        silenced=shape.check.silence,
        locations={
            path_text(path): Location(line=span.line, column=span.column) for path, span in spans.items()
        },
        source=source,
    )


def _audience(group: GroupShape) -> Audience | None:
    if not group.users:
        return None
    if isinstance(group.users, list):
        return Audience(countries=frozenset().union(*group.users))
    return Audience(countries=frozenset().union(*group.users.areas), is_exclusion=True)


def _site(
    name: str,
    site: SiteShape,
    shape: DesignShape,
    *,
    groups: tuple[PrefixGroup, ...],
    catalogue: dict[str, tuple[ExportRule, ...]],
) -> Site:
    labels = reading_operation.session_names(
        (one.name, upstream.asn, one.neighbor.version)
        for upstream in site.upstreams
        for one in upstream.session
    )
    code, place = site.metro or ("", Place(lat=0.0, lon=0.0))
    upstreams = tuple(
        _upstream(
            upstream,
            shape,
            site=site,
            groups=groups,
            catalogue=catalogue,
            labels=labels,
            path=f"sites.{name}.upstreams.{number}",
        )
        for number, upstream in enumerate(site.upstreams)
    )
    return Site(
        name=SiteName(name),
        metro=code,
        place=site.at or place,
        upstreams=upstreams,
        capacity=site.capacity[0] if site.capacity else None,
        is_enabled=site.enabled,
        daemon=reading_operation.daemon(site.daemon, path=f"sites.{name}.daemon"),
        health=_health(site.health, groups, path=f"sites.{name}.health"),
    )


def _health(
    shapes: dict[str, HealthShape], groups: tuple[PrefixGroup, ...], *, path: str
) -> dict[str, Health]:
    prefixes = {group.name: group.prefixes for group in groups}
    return {
        name: reading_health.health(name, shape, prefixes=prefixes[name], path=f"{path}.{name}")
        for name, shape in shapes.items()
    }


def _upstream(
    upstream: UpstreamShape,
    shape: DesignShape,
    *,
    site: SiteShape,
    groups: tuple[PrefixGroup, ...],
    catalogue: dict[str, tuple[ExportRule, ...]],
    labels: Iterator[str],
    path: str,
) -> Upstream:
    # Of single settings the last wins. Communities and actions add up, as in a chain of route maps.
    layers: list[PolicyShape] = [*(shape.policies[name] for name in upstream.policy), upstream]

    def last(key: str) -> PolicyShape:
        given = [layer for layer in layers if key in layer.model_fields_set]
        return given[-1] if given else upstream

    sent = tuple(dict.fromkeys(text for layer in layers for text in layer.communities))
    agreed = [_rule(action) for layer in layers for action in layer.actions]
    if words.NO_ADVERTISE in sent:
        agreed.append(ExportRule(effect=Effect.NO_EXPORT))
    rules = list(agreed)
    for text in sent:
        if words.owner(text) in (None, upstream.asn):
            rules += catalogue.get(text, ())
    return Upstream(
        asn=upstream.asn,
        kind=last("kind").kind,
        prefixes=_prefixes(last("announce").announce or site.announce, groups),
        prepend=last("prepend").prepend,
        med=last("med").med,
        communities=sent,
        rules=tuple(dict.fromkeys(rules)),
        agreed=tuple(dict.fromkeys(agreed)),
        is_no_export=last("no_export").no_export or words.NO_EXPORT in sent,
        is_backup=last("backup").backup or words.GRACEFUL_SHUTDOWN in sent,
        is_blackhole=last("blackhole").blackhole or words.BLACKHOLE in sent,
        sessions=tuple(
            reading_operation.session(
                one,
                name=next(labels),
                upstream=upstream.asn,
                kind=last("kind").kind,
                path=f"{path}.session.{number}",
            )
            for number, one in enumerate(upstream.session)
        ),
        path=path,
    )


def _prefixes(announce: list[str], groups: tuple[PrefixGroup, ...]) -> tuple[Prefix, ...]:
    wanted: set[Prefix] = set()
    named = {group.name: group.prefixes for group in groups}
    for item in announce or list(named):
        wanted.update(named[item] if item in named else (quantities.prefix(item),))
    return tuple(prefix for group in groups for prefix in group.prefixes if prefix in wanted)


def _rule(action: ActionShape) -> ExportRule:
    return ExportRule(
        effect=Effect.PREPEND if action.prepend else Effect.NO_EXPORT,
        times=action.prepend,
        to_asns=frozenset(target.asn for target in action.to if target.asn is not None),
        to_regions=frozenset(target.region for target in action.to if target.region),
        to_classes=frozenset(target.route_class for target in action.to if target.route_class is not None),
    )
