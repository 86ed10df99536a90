"""check: all rules of good practice run over one design."""

from __future__ import annotations

from anyplane.design import (
    rules_addressing,
    rules_attributes,
    rules_health,
    rules_promises,
    rules_resilience,
    rules_safety,
    rules_sessions,
)
from anyplane.design.design import Design
from anyplane.design.finding import Finding, Rule, locate, worst_first

RULES: tuple[Rule, ...] = (
    *rules_addressing.RULES,
    *rules_resilience.RULES,
    *rules_attributes.RULES,
    *rules_promises.RULES,
    *rules_health.RULES,
    *rules_safety.RULES,
    *rules_sessions.RULES,
)


def check(design: Design) -> tuple[Finding, ...]:
    """Every finding, worst first, then in the order of the file; silenced ones carry the reason given."""
    return worst_first(
        Finding(
            rule=rule,
            path=hit.path,
            message=hit.message,
            hint=hit.hint,
            location=locate(design, hit.path),
            silenced=design.silenced.get(rule.id, ""),
        )
        for rule in RULES
        for hit in rule.look(design)
    )
