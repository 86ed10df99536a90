"""Rules AP06x: guards that cannot work as they seem to.

They look only at designs that say something about running their sites.
"""

from __future__ import annotations

from collections.abc import Iterator

from anyplane.design.design import Design, Severity
from anyplane.design.finding import Hit, Rule, enabled, rule
from anyplane.design.rules_health import is_run
from anyplane.design.timing import time_text

SHORT_LEASE_S = 2.0


@rule(
    "AP060",
    Severity.NOTE,
    title="Sites hear of each other",
    reason="A site that knows nothing of the others cannot tell its own failure from everybody's: all may "
    "withdraw at once.",
)
def no_fleet(design: Design) -> Iterator[Hit]:
    """Look for several sites without a fleet."""
    count = len(enabled(design))
    if is_run(design) and count > 1 and not design.safety.has_fleet:
        path = "safety" if "safety" in design.locations else "sites"
        hint = "add safety: fleet: {file: /run/anyplane/fleet.json}"
        yield Hit(path=path, message=f"each of the {count} sites decides alone", hint=hint)


@rule(
    "AP061",
    Severity.WARNING,
    title="The floor can be met",
    reason="A floor of as many sites as there are lets no site withdraw, however dead it is.",
)
def floor_too_high(design: Design) -> Iterator[Hit]:
    """Compare the floor with the number of other sites."""
    others = len(enabled(design)) - 1
    is_meant = design.safety.has_fleet or "safety.floor" in design.locations
    if is_run(design) and is_meant and design.safety.floor > others:
        message = f"the floor is {design.safety.floor}, but a site has {others or 'no'} others"
        hint = f"write floor: {max(0, others - 1)}"
        yield Hit(path="safety.floor", message=message, hint=hint)


@rule(
    "AP062",
    Severity.NOTE,
    title="The fleet is heard, not assumed",
    reason="Sites of a static list count as healthy whatever happens to them, so the last one may "
    "withdraw too.",
)
def static_fleet(design: Design) -> Iterator[Hit]:
    """Look for a static list."""
    if design.safety.fleet_sites:
        hint = "let something write fleet: {file: ...}"
        yield Hit(path="safety.fleet", message="the other sites are taken to be healthy", hint=hint)


@rule(
    "AP063",
    Severity.WARNING,
    title=f"The lease is {SHORT_LEASE_S:g} s or longer",
    reason="The kernel counts addresses' lifetimes in whole seconds: a lease of one is lost in any pause of "
    "a busy machine, and a healthy site withdraws.",
)
def short_lease(design: Design) -> Iterator[Hit]:
    """Look at the lease."""
    if design.safety.lease_s < SHORT_LEASE_S:
        message = f"a lease of {time_text(design.safety.lease_s)} is lost in a short pause"
        yield Hit(path="safety.lease", message=message, hint="write lease: 3 s")


@rule(
    "AP064",
    Severity.NOTE,
    title="A dead agent's announcements go",
    reason="Where they are held nobody checks the service meanwhile: if it dies too, its users get no "
    "answer.",
)
def held_announcements(design: Design) -> Iterator[Hit]:
    """Look for on_agent_death: hold."""
    if design.safety.death_hold_s:
        message = (
            f"for {time_text(design.safety.death_hold_s)} after the agent's death nobody checks the service"
        )
        yield Hit(path="safety.on_agent_death", message=message)


@rule(
    "AP065",
    Severity.NOTE,
    title="What is retired is gone",
    reason="`retire` lets a new design leave something out; what the design still has needs no such word, "
    "and a word left standing lets a later slip through.",
)
def retired_in_use(design: Design) -> Iterator[Hit]:
    """Look for retired prefixes and upstreams that the design has."""
    used = {str(prefix) for group in design.groups for prefix in group.prefixes}
    used |= {f"AS{upstream.asn}" for site in design.sites for upstream in site.upstreams}
    for name in sorted(design.safety.retired & used):
        yield Hit(
            path="safety.retire", message=f"{name} is retired, but the design has it", hint="remove it there"
        )


RULES: tuple[Rule, ...] = (
    no_fleet,
    floor_too_high,
    static_fleet,
    short_lease,
    held_announcements,
    retired_in_use,
)
