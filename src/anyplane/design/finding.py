"""Rule and Finding: what `anyplane check` and `anyplane lint-router` look for and what they found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from anyplane.design.design import Design, Location, Severity, Site, Upstream


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One place where a rule is broken; `path` is as in Design.locations."""

    path: str
    message: str
    hint: str = ""


Look = Callable[[Design], Iterator[Hit]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What a rule of good practice asks; `reason` says in one sentence why it matters."""

    id: str
    name: str
    severity: Severity
    title: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Advice):
    """Advice on designs: `look` yields the places where it is not followed."""

    look: Look


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A hit with its rule and its place in the file; `silenced` is the reason given, or "" when it counts."""

    rule: Advice
    path: str
    message: str
    hint: str
    location: Location
    silenced: str = ""


_ORDER = (Severity.ERROR, Severity.WARNING, Severity.NOTE)


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """By severity, then in the order of the file."""
    return tuple(
        sorted(
            findings,
            key=lambda one: (
                _ORDER.index(one.rule.severity),
                one.location.line,
                one.location.column,
                one.rule.id,
            ),
        )
    )


def rule(id: str, severity: Severity, *, title: str, reason: str) -> Callable[[Look], Rule]:  # noqa: A002  # its name
    """Make a Rule of the function below; its name, with dashes, is the rule's."""

    def make(look: Look) -> Rule:
        name = look.__name__.replace("_", "-")
        return Rule(id=id, name=name, severity=severity, title=title, reason=reason, look=look)

    return make


def enabled(design: Design) -> tuple[Site, ...]:
    """The sites that announce something."""
    return tuple(site for site in design.sites if site.is_enabled)


def sessions(design: Design) -> tuple[tuple[Site, Upstream], ...]:
    """Every BGP session of the enabled sites."""
    return tuple((site, upstream) for site in enabled(design) for upstream in site.upstreams)


def locate(design: Design, path: str) -> Location:
    """Where `path` stands, or its nearest parent that is written."""
    here = path
    while here:
        if here in design.locations:
            return design.locations[here]
        here = here.rpartition(".")[0]
    return Location(line=1, column=1)
