"""Rules AP01x and AP02x: what is left when a site, an upstream or a network fails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from anyplane.design.design import Design, Severity, Site
from anyplane.design.finding import Hit, Rule, enabled, rule, sessions
from anyplane.design.quantities import rate_text
from anyplane.model.nouns import UpstreamKind


@rule(
    "AP010",
    Severity.WARNING,
    title="Two sites in different metros",
    reason="With one metro, one power cut or fibre cut ends the service; anycast needs somewhere to go.",
)
def one_metro(design: Design) -> Iterator[Hit]:
    """Count the metros of the enabled sites."""
    spots = {_spot(site) for site in enabled(design)}
    if len(spots) < 2:
        said = "no site is enabled" if not spots else "all enabled sites are in one metro"
        yield Hit(path="sites", message=said, hint="add a site in another metro")


@rule(
    "AP011",
    Severity.WARNING,
    title="Two upstreams at each site",
    reason="A site with one neighbour goes dark with it, and cannot move traffic between neighbours.",
)
def one_upstream(design: Design) -> Iterator[Hit]:
    """Count the neighbours of each enabled site."""
    for site in enabled(design):
        asns = {upstream.asn for upstream in site.upstreams}
        if len(asns) < 2:
            message = f"{site.name} has only AS{min(asns)}"
            yield Hit(path=f"sites.{site.name}.upstreams", message=message, hint="add a second network")


@rule(
    "AP012",
    Severity.WARNING,
    title="Two transit networks over the whole design",
    reason="A fault or a mistake in the only transit network takes every site off the Internet at once.",
)
def one_transit(design: Design) -> Iterator[Hit]:
    """Count the transit ASNs."""
    transits = {upstream.asn for _, upstream in sessions(design) if upstream.kind is UpstreamKind.TRANSIT}
    if len(transits) == 1:
        hint = "buy transit from a second network at one site at least"
        yield Hit(path="sites", message=f"AS{min(transits)} is the only transit", hint=hint)
    elif not transits and enabled(design):
        message = "no site has transit: only peers and their customers have a route"
        yield Hit(path="sites", message=message, hint="add an upstream of kind transit")


@rule(
    "AP013",
    Severity.NOTE,
    title="One site in each metro",
    reason="Two sites in one metro share its users and its disasters; nearly all of the gain of anycast in "
    "delay comes from more metros.",
)
def same_metro(design: Design) -> Iterator[Hit]:
    """Look for a metro used before."""
    first: dict[str, str] = {}
    for site in enabled(design):
        spot = _spot(site)
        if spot in first:
            message = f"{site.name} is in the metro of {first[spot]}"
            yield Hit(path=f"sites.{site.name}", message=message)
        first.setdefault(spot, site.name)


@rule(
    "AP014",
    Severity.WARNING,
    title="No transit network is alone at most sites",
    reason="Sites that share their only transit fail together, so they do not stand in for each other.",
)
def common_transit(design: Design) -> Iterator[Hit]:
    """Count the sites whose only transit is the same, where the design has a second one."""
    only: Counter[int] = Counter()
    everywhere: set[int] = set()
    for site in enabled(design):
        transits = {upstream.asn for upstream in site.upstreams if upstream.kind is UpstreamKind.TRANSIT}
        everywhere |= transits
        if len(transits) == 1:
            only[min(transits)] += 1
    total = len(enabled(design))
    for asn, count in only.items():
        if count >= 2 and 2 * count > total and len(everywhere) > 1:
            message = f"AS{asn} is the only transit of {count} of {total} sites"
            yield Hit(path="sites", message=message, hint="add another transit to some of them")


@rule(
    "AP015",
    Severity.WARNING,
    title="Each group is announced at two sites",
    reason="What one site alone announces is unicast: its failure ends that part of the service.",
)
def group_at_one_site(design: Design) -> Iterator[Hit]:
    """Count the sites that announce each group."""
    for group in design.groups:
        sites = {
            site.name for site, upstream in sessions(design) if set(group.prefixes) & set(upstream.prefixes)
        }
        if len(sites) == 1 and len(enabled(design)) > 1:
            message = f"{group.name} is announced at {min(sites)} only"
            yield Hit(path=f"service.prefixes.{group.name}", message=message)


@rule(
    "AP016",
    Severity.NOTE,
    title="A site reaches beyond its neighbours",
    reason="With NO_EXPORT on every session only the neighbours' own users reach the site: right for a local "
    "site, a mistake for a global one.",
)
def local_site(design: Design) -> Iterator[Hit]:
    """Look for sites that say NO_EXPORT everywhere."""
    for site in enabled(design):
        if all(upstream.is_no_export for upstream in site.upstreams):
            message = f"{site.name} is a local site: NO_EXPORT on every session"
            yield Hit(path=f"sites.{site.name}", message=message)


@rule(
    "AP017",
    Severity.ERROR,
    title="Some site is global",
    reason="With NO_EXPORT on every session of every site most of the Internet has no route at all.",
)
def no_global_site(design: Design) -> Iterator[Hit]:
    """Look for a session without NO_EXPORT."""
    if enabled(design) and all(upstream.is_no_export for _, upstream in sessions(design)):
        hint = "leave NO_EXPORT away at two sites at least"
        yield Hit(path="sites", message="every session of every site has NO_EXPORT", hint=hint)


@rule(
    "AP018",
    Severity.NOTE,
    title="Every site is enabled",
    reason="A disabled site announces nothing; one that was drained for work should not be forgotten.",
)
def disabled_site(design: Design) -> Iterator[Hit]:
    """List the disabled sites."""
    for site in design.sites:
        if not site.is_enabled:
            yield Hit(path=f"sites.{site.name}.enabled", message=f"{site.name} is disabled")


@rule(
    "AP020",
    Severity.NOTE,
    title="Every site has a capacity",
    reason="Without it no report can say which site overloads, in normal days or after a failure.",
)
def no_capacity(design: Design) -> Iterator[Hit]:
    """Look for sites without capacity."""
    lacking = [site.name for site in enabled(design) if site.capacity is None]
    if lacking and len(lacking) == len(enabled(design)):
        yield Hit(path="sites", message="no site has a capacity", hint="add for example capacity: 200 kqps")
        return
    for name in lacking:
        yield Hit(path=f"sites.{name}", message=f"{name} has no capacity")


@rule(
    "AP021",
    Severity.WARNING,
    title="The others can carry the largest site",
    reason="When the largest site fails, its users go to the others at once; if all together are smaller, "
    "no routing can save the service.",
)
def largest_site_too_large(design: Design) -> Iterator[Hit]:
    """Compare the largest capacity with the sum of the others (load itself needs a topology: see plan)."""
    known = [(site.capacity, site.name) for site in enabled(design) if site.capacity is not None]
    if len(known) < 2 or len(known) < len(enabled(design)):
        return
    largest, name = max(known)
    rest = sum(capacity for capacity, _ in known) - largest
    if rest < largest:
        unit = design.load_unit
        message = f"{name} can serve {rate_text(largest, unit)}, all others together {rate_text(rest, unit)}"
        yield Hit(path=f"sites.{name}.capacity", message=message, hint="spread the capacity more evenly")


@rule(
    "AP022",
    Severity.WARNING,
    title="The objective on load can be judged",
    reason="worst_failure_load is load against capacity: it needs service.load and a capacity at every site.",
)
def load_objective_without_numbers(design: Design) -> Iterator[Hit]:
    """Look for the numbers that the objective needs."""
    if design.objectives.worst_failure_load is None:
        return
    lacking = [site.name for site in enabled(design) if site.capacity is None]
    path = "objectives.worst_failure_load"
    if all(group.load_per_user is None for group in design.groups):
        hint = "add for example load: 0.02 qps per user"
        yield Hit(path=path, message="service.load is not given", hint=hint)
    if lacking:
        listed = ", ".join(lacking[:5]) + (", ..." if len(lacking) > 5 else "")
        yield Hit(path=path, message=f"no capacity at {listed}", hint="add capacity: to each site")


@rule(
    "AP023",
    Severity.NOTE,
    title="Capacity has a load to be compared with",
    reason="Capacities alone say nothing: how full a site gets follows from the load that a user makes.",
)
def capacity_without_load(design: Design) -> Iterator[Hit]:
    """Look for capacities without load."""
    is_given = any(site.capacity is not None for site in enabled(design))
    if is_given and all(group.load_per_user is None for group in design.groups):
        hint = "add for example load: 0.02 qps per user"
        yield Hit(path="service", message="sites have capacities, but service.load is not given", hint=hint)


def _spot(site: Site) -> str:
    return site.metro or f"{site.place.lat:.1f} {site.place.lon:.1f}"


RULES: tuple[Rule, ...] = (
    one_metro,
    one_upstream,
    one_transit,
    same_metro,
    common_transit,
    group_at_one_site,
    local_site,
    no_global_site,
    disabled_site,
    no_capacity,
    largest_site_too_large,
    load_objective_without_numbers,
    capacity_without_load,
)
