"""Rules AP04x: objectives and residency rules that no routing can keep."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from anyplane.design.design import Design, Residency, Severity
from anyplane.design.finding import Hit, Rule, enabled, rule, sessions


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
            shared = sorted(law.countries & other.countries)
            if shared and not law.sites & other.sites:
                listed = ", ".join(shared[:5]) + (", ..." if len(shared) > 5 else "")
                message = f"{law.name} and {other.name} share {listed} but no site"
                yield Hit(path=f"residency.{number}.sites", message=message)


@rule(
    "AP044",
    Severity.NOTE,
    title="Residency is held by what is announced",
    reason="BGP does not know countries: only a prefix that no other site announces is sure to stay at the "
    "allowed sites.",
)
def residency_by_luck(design: Design) -> Iterator[Hit]:
    """Look for rules without a group announced at the allowed sites alone."""
    for number, law in enumerate(design.residency):
        outside = [group.name for group in design.groups if _leaks(design, law, group.prefixes)]
        if len(outside) == len(design.groups):
            message = f"every group is announced outside the sites of {law.name} too"
            hint = "give those users a group of prefixes of their own; plan shows who breaks the rule"
            yield Hit(path=f"residency.{number}", message=message, hint=hint)


def _leaks(design: Design, law: Residency, prefixes: tuple[object, ...]) -> bool:
    return any(
        site.name not in law.sites and set(prefixes) & set(upstream.prefixes)
        for site, upstream in sessions(design)
    )


RULES: tuple[Rule, ...] = (
    residency_without_failover,
    residency_at_disabled_site,
    contradicting_objectives,
    contradicting_residency,
    residency_by_luck,
)
