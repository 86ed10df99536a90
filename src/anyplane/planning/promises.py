"""promises: the design's objectives and residency rules held against what was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from anyplane.design.design import Objectives, Residency
from anyplane.planning.catchment import Catchment, mask_of
from anyplane.planning.compile import Scenario
from anyplane.planning.figures import interval, percent, whole
from anyplane.planning.figures import promised as figure
from anyplane.planning.report import (
    Failure,
    Objective,
    Offender,
    ResidencyResult,
    SiteResult,
    State,
)
from anyplane.planning.rounding import people
from anyplane.planning.tally import Tally
from anyplane.planning.weighted import Float64, Int64
from anyplane.topology import Topology

OFFENDERS = 10


def objectives(
    promised: Objectives,
    *,
    base: Tally,
    sites: Sequence[SiteResult],
    failures: Sequence[Failure],
    after: Sequence[Tally],
) -> tuple[Objective, ...]:
    """One Objective for each promise, in the order of the design's fields; `sites`: those that announce.

    A promise of RTT is made to all users: somebody who is not served is slower than any bound.
    after: for each failure its Tally. Promises about failures are left out when no failure was reckoned.
    """
    rtt, lost = base.rtt_of_all, base.unserved
    results = [
        _rtt("p50_rtt", promised.p50_rtt_ms, rtt.p50, lost, "half of the users are"),
        _rtt("p90_rtt", promised.p90_rtt_ms, rtt.p90, lost, "90 % of users are"),
        _rtt("p95_rtt", promised.p95_rtt_ms, rtt.p95, lost, "95 % of users are"),
        _rtt("p99_rtt", promised.p99_rtt_ms, rtt.p99, lost, "99 % of users are"),
        _largest_share(promised.largest_share, sites),
        _smallest_share(promised.smallest_share, sites),
        _failure_load(promised.worst_failure_load, failures),
        _failure_rtt(promised.worst_failure_p95_rtt_ms, failures, after),
    ]
    return tuple(result for result in results if result is not None)


def is_under(rule: Residency, scenario: Scenario) -> bool:
    """Does the rule speak of a group of this scenario, and of some of its users?"""
    meant = scenario.audience
    is_covered = any(rule.covers(group) for group in scenario.groups)
    return is_covered and (meant is None or bool(meant.of(rule.countries)))


def residency(
    rule: Residency,
    found: Catchment,
    topology: Topology,
    *,
    names: Sequence[str],
    real_sites: int,
    probability: NDArray[np.float32],
    scenario: Scenario,
) -> ResidencyResult:
    """How one residency rule stands among the scenario's users; virtual sites serve nobody, break nothing."""
    clients = found.clients
    inside = np.isin(np.array(clients.countries), sorted(rule.countries))[clients.country]
    allowed = [s for s in range(real_sites) if names[s] in rule.sites]
    forbidden = [s for s in range(real_sites) if s not in set(allowed)]
    bad = (found.possible & mask_of(forbidden, found.possible.shape[1])).any(axis=1) & inside
    good = (found.possible & ~mask_of(forbidden, found.possible.shape[1])).any(axis=1)
    certain = np.where(bad & ~good, clients.users, 0.0)
    possible = np.where(bad, clients.users, 0.0)
    expected = float((clients.users[bad] @ probability[bad][:, forbidden]).sum()) if forbidden else 0.0
    certain_sum, possible_sum = float(certain.sum()), float(possible.sum())
    state = State.BROKEN if certain_sum > 0 else State.MAY_BREAK if possible_sum > 0 else State.KEPT
    offenders = (found, topology, names, forbidden, certain, possible)
    return ResidencyResult(
        name=rule.name,
        groups=tuple(group for group in scenario.groups if rule.covers(group)),
        countries=tuple(
            sorted(scenario.audience.of(rule.countries) if scenario.audience else rule.countries)
        ),
        sites=tuple(sorted(str(site) for site in rule.sites)),
        users=people(float(clients.users[inside].sum())),
        certain=people(certain_sum),
        expected=people(min(max(expected, certain_sum), possible_sum)),
        possible=people(possible_sum),
        state=state,
        by_country=_offenders(*offenders, by_network=False),
        by_network=_offenders(*offenders, by_network=True),
    )


def _rtt(
    name: str, target: float | None, actual: float | None, unserved: float, whose: str, when: str = ""
) -> Objective | None:
    if target is None:
        return None
    is_kept = actual is not None and actual <= target
    if actual is not None:
        said = f"{when}{whose} within {figure(name, actual)}"
    else:
        said = when + (
            "nobody is served" if unserved == 1 else f"{percent(unserved)} of users are not served"
        )
    return Objective(
        name=name,
        target=target,
        actual=actual,
        low=None,
        high=None,
        at_most=True,
        state=State.KEPT if is_kept else State.BROKEN,
        subject="",
        detail=f"{said}; promised {figure(name, target)}",
    )


def _largest_share(target: float | None, sites: Sequence[SiteResult]) -> Objective | None:
    if target is None or not sites:
        return None
    largest = max(sites, key=lambda site: site.share.expected)
    high = max(sites, key=lambda site: site.share.possible)
    if largest.share.expected > target:
        state, subject = State.BROKEN, largest
    elif high.share.possible > target:
        state, subject = State.MAY_BREAK, high
    else:
        state, subject = State.KEPT, largest
    return _share_objective(
        "largest_share", target, largest.share.expected, state, subject, sites, at_most=True
    )


def _smallest_share(target: float | None, sites: Sequence[SiteResult]) -> Objective | None:
    if target is None or not sites:
        return None
    smallest = min(sites, key=lambda site: site.share.expected)
    low = min(sites, key=lambda site: site.share.certain)
    if smallest.share.expected < target:
        state, subject = State.BROKEN, smallest
    elif low.share.certain < target:
        state, subject = State.MAY_BREAK, low
    else:
        state, subject = State.KEPT, smallest
    return _share_objective(
        "smallest_share", target, smallest.share.expected, state, subject, sites, at_most=False
    )


def _share_objective(
    name: str,
    target: float,
    actual: float,
    state: State,
    subject: SiteResult,
    sites: Sequence[SiteResult],
    *,
    at_most: bool,
) -> Objective:
    pick = max if at_most else min
    share = subject.share
    return Objective(
        name=name,
        target=target,
        actual=actual,
        low=pick(site.share.certain for site in sites),
        high=pick(site.share.possible for site in sites),
        at_most=at_most,
        state=state,
        subject=subject.site,
        detail=(
            f"{subject.site} gets {percent(share.expected)} of users "
            f"({interval(share.certain, share.possible)}); "
            f"promised at {'most' if at_most else 'least'} {percent(target)}"
        ),
    )


def _failure_load(target: float | None, failures: Sequence[Failure]) -> Objective | None:
    known = [item for item in failures if item.worst_utilisation is not None]
    if target is None or not known:
        return None
    worst = max(known, key=lambda item: item.worst_utilisation or 0.0)
    actual = worst.worst_utilisation or 0.0
    return Objective(
        name="worst_failure_load",
        target=target,
        actual=actual,
        low=None,
        high=None,
        at_most=True,
        state=State.KEPT if actual <= target else State.BROKEN,
        subject=worst.site,
        detail=(
            f"without {worst.site}, {worst.worst_site} carries {whole(actual)} of its capacity; "
            f"promised at most {whole(target)}"
        ),
    )


def _failure_rtt(
    target: float | None, failures: Sequence[Failure], after: Sequence[Tally]
) -> Objective | None:
    if target is None or not failures:
        return None

    def badness(row: tuple[Failure, Tally]) -> tuple[float, float]:
        # A failure after which the quantile is not served at all is the worst.
        p95 = row[1].rtt_of_all.p95
        return (float("inf"), row[1].unserved) if p95 is None else (p95, 0.0)

    worst, tally = max(zip(failures, after, strict=True), key=badness)
    objective = _rtt(
        "worst_failure_p95_rtt",
        target,
        tally.rtt_of_all.p95,
        tally.unserved,
        "95 % of users are",
        when=f"without {worst.site}, ",
    )
    return None if objective is None else replace(objective, subject=worst.site)


def _offenders(
    found: Catchment,
    topology: Topology,
    names: Sequence[str],
    forbidden: list[int],
    certain: Float64,
    possible: Float64,
    *,
    by_network: bool,
) -> tuple[Offender, ...]:
    clients = found.clients
    key: Int64 = clients.network if by_network else clients.country
    size = topology.networks if by_network else len(clients.countries)
    sure = np.bincount(key, weights=certain, minlength=size)
    maybe = np.bincount(key, weights=possible, minlength=size)
    order = np.lexsort((np.arange(size), -maybe, -sure))[:OFFENDERS]
    rows = []
    for index in order.tolist():
        if maybe[index] <= 0:
            break
        theirs = (key == index) & (possible > 0)
        words = np.bitwise_or.reduce(found.possible[theirs], axis=0)
        # Where most of these users are, which need not be where their network is registered.
        where = int(np.bincount(clients.country[theirs], weights=possible[theirs]).argmax())
        sites = tuple(names[s] for s in forbidden if int(words[s // 64]) >> (s % 64) & 1)
        rows.append(
            Offender(
                asn=int(topology.asn[index]) if by_network else 0,
                name=topology.name[index] if by_network and topology.name else "",
                country=clients.countries[where],
                certain=people(sure[index]),
                possible=people(maybe[index]),
                sites=sites,
            )
        )
    return tuple(rows)
