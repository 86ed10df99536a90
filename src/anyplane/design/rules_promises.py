"""Rules AP04x: objectives, residency rules and audiences that no routing can keep or serve."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from anyplane.design import countries
from anyplane.design.design import Design, PrefixGroup, Residency, Severity
from anyplane.design.finding import Hit, Rule, enabled, rule, sessions
from anyplane.model.nouns import SiteName


@rule(
    "AP040",
    Severity.WARNING,
    title="A residency rule leaves somewhere to go",
    reason="With one allowed site its failure either breaks the rule or leaves those users without service.",
)
def residency_without_failover(design: Design) -> Iterator[Hit]:
    """Count the enabled sites of each rule."""
    alive = {site.name for site in enabled(design)}
    for number, law in enumerate(design.residency):
        left = law.sites & alive
        if len(left) < 2:
            said = f"only {min(left)} may serve" if left else "no enabled site may serve"
            message = f"{said} the users of {law.name}"
            yield Hit(path=f"residency.{number}.sites", message=message, hint="allow a second site")


@rule(
    "AP041",
    Severity.WARNING,
    title="Residency rules name enabled sites",
    reason="A disabled site serves nobody, so the rule has fewer sites than it seems.",
)
def residency_at_disabled_site(design: Design) -> Iterator[Hit]:
    """Look for disabled sites in rules."""
    asleep = {site.name for site in design.sites if not site.is_enabled}
    for number, law in enumerate(design.residency):
        for name in sorted(law.sites & asleep):
            message = f"{law.name} counts on {name}, which is disabled"
            yield Hit(path=f"residency.{number}.sites", message=message)


@rule(
    "AP042",
    Severity.ERROR,
    title="Objectives do not contradict each other",
    reason="A promise that cannot be kept by arithmetic alone will be broken on the first day.",
)
def contradicting_objectives(design: Design) -> Iterator[Hit]:
    """Compare the objectives with each other and with the number of sites."""
    goals = design.objectives
    count = len(enabled(design))
    ladder = [
        ("p50", goals.p50_rtt_ms),
        ("p90", goals.p90_rtt_ms),
        ("p95", goals.p95_rtt_ms),
        ("p99", goals.p99_rtt_ms),
    ]
    given = [(name, value) for name, value in ladder if value is not None]
    for (low, below), (high, above) in pairwise(given):
        if below > above:
            message = f"{low} may be {below:g} ms but {high} only {above:g} ms"
            yield Hit(
                path=f"objectives.{high}_rtt", message=message, hint="a higher percentile is never less"
            )
    after = goals.worst_failure_p95_rtt_ms
    if after is not None and goals.p95_rtt_ms is not None and after < goals.p95_rtt_ms:
        message = (
            f"p95 after a failure may be {after:g} ms, less than the {goals.p95_rtt_ms:g} ms without one"
        )
        yield Hit(path="objectives.worst_failure_p95_rtt", message=message)
    largest, smallest = goals.largest_share, goals.smallest_share
    if largest is not None and count and largest * count < 1 - 1e-9:
        message = f"{count} sites with {largest:.1%} each do not make a whole"
        yield Hit(
            path="objectives.largest_share", message=message, hint=f"the least possible is {1 / count:.1%}"
        )
    elif largest is not None:
        yield from _groups_too_narrow(design, largest)
    if smallest is not None and smallest * count > 1 + 1e-9:
        message = f"{count} sites with {smallest:.1%} each make more than a whole"
        yield Hit(
            path="objectives.smallest_share", message=message, hint=f"the most possible is {1 / count:.1%}"
        )
    if largest is not None and smallest is not None and largest < smallest:
        message = f"the largest share ({largest:.1%}) is below the smallest ({smallest:.1%})"
        yield Hit(path="objectives.smallest_share", message=message)


@rule(
    "AP043",
    Severity.ERROR,
    title="Residency rules agree",
    reason="Users of a country that is under two rules may be served only from sites in both; if none is, "
    "nobody may serve them.",
)
def contradicting_residency(design: Design) -> Iterator[Hit]:
    """Compare the rules in pairs."""
    for number, law in enumerate(design.residency):
        for other in design.residency[:number]:
            shared = law.countries & other.countries
            if shared and not law.sites & other.sites and _share_a_group(design, law, other):
                message = f"{law.name} and {other.name} share {listed(shared)} but no site"
                yield Hit(path=f"residency.{number}.sites", message=message)


@rule(
    "AP044",
    Severity.NOTE,
    title="Residency is held by what is announced",
    reason="BGP does not know countries: only a prefix that no other site announces is sure to stay at the "
    "allowed sites.",
)
def residency_by_luck(design: Design) -> Iterator[Hit]:
    """Look for groups that a rule covers, announced outside of its sites to users that it protects."""
    for number, law in enumerate(design.residency):
        outside = [group for group in _protected(design, law) if _leaks(design, law, group)]
        if outside:
            names = ", ".join(group.name for group in outside)
            verb = "is" if len(outside) == 1 else "are"
            message = f"{names} {verb} announced outside the sites of {law.name} too"
            hint = (
                "give those users a group of prefixes of their own (`users:`), announce it at these sites "
                "alone, and name it in the rule's `groups:`; plan shows who breaks the rule"
            )
            yield Hit(path=f"residency.{number}", message=message, hint=hint)


@rule(
    "AP045",
    Severity.WARNING,
    title="A residency rule protects somebody",
    reason="A rule about users whom none of its groups is for is never judged: it promises nothing.",
)
def residency_of_nobody(design: Design) -> Iterator[Hit]:
    """Compare the countries of each rule with the audiences of the groups that it covers."""
    for number, law in enumerate(design.residency):
        if not _protected(design, law):
            covered = ", ".join(group.name for group in design.groups if law.covers(group.name))
            message = f"no user in {listed(law.countries)} is among those of {covered}"
            hint = "name the group that those users are given in the rule's `groups:`"
            yield Hit(path=f"residency.{number}", message=message, hint=hint)


@rule(
    "AP046",
    Severity.NOTE,
    title="Every country has a group of prefixes",
    reason="Where each group says whom it is for, users whom all of them leave out are given no address.",
)
def users_without_group(design: Design) -> Iterator[Hit]:
    """Look for countries outside of all audiences."""
    audiences = [group.audience for group in design.groups]
    left = countries.COUNTRIES
    for audience in audiences:
        left = frozenset() if audience is None else left - audience.of(left)
    if left:
        message = f"no group is for users in {listed(left)}"
        hint = "give one group `users: {except: [...]}`, so that it has all who are left"
        yield Hit(path="service.prefixes", message=message, hint=hint)


def listed(codes: frozenset[str]) -> str:
    """At most six names of countries and unions of them."""
    names = countries.named(codes)
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def _groups_too_narrow(design: Design, largest: float) -> Iterator[Hit]:
    """A group announced at few sites has larger shares than the whole design must have."""
    for group in design.groups:
        own = {site.name for site, session in sessions(design) if set(group.prefixes) & set(session.prefixes)}
        if own and largest * len(own) < 1 - 1e-9:
            message = (
                f"{group.name} is announced at {_count(own)}, and {largest:.1%} each do not make a whole"
            )
            hint = f"the least possible is {1 / len(own):.1%}"
            yield Hit(path="objectives.largest_share", message=message, hint=hint)


def _count(sites: set[SiteName]) -> str:
    return "1 site" if len(sites) == 1 else f"{len(sites)} sites"


def _protected(design: Design, law: Residency) -> list[PrefixGroup]:
    """The groups that a rule covers and that some of its users are given."""
    return [
        group
        for group in design.groups
        if law.covers(group.name) and (group.audience is None or group.audience.of(law.countries))
    ]


def _share_a_group(design: Design, law: Residency, other: Residency) -> bool:
    return any(law.covers(group.name) and other.covers(group.name) for group in design.groups)


def _leaks(design: Design, law: Residency, group: PrefixGroup) -> bool:
    return any(
        site.name not in law.sites and set(group.prefixes) & set(upstream.prefixes)
        for site, upstream in sessions(design)
    )


RULES: tuple[Rule, ...] = (
    residency_without_failover,
    residency_at_disabled_site,
    contradicting_objectives,
    contradicting_residency,
    residency_by_luck,
    residency_of_nobody,
    users_without_group,
)
