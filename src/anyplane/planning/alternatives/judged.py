"""judged: the design's objectives and residency rules held against one way, and its worst failures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from anyplane.design.design import Objectives
from anyplane.planning.alternatives.reach import Rule
from anyplane.planning.alternatives.report import Promise, WorstFailures
from anyplane.planning.alternatives.serving import Served
from anyplane.planning.figures import count, percent
from anyplane.planning.figures import promised as figure
from anyplane.planning.report import State
from anyplane.planning.rounding import fraction, part, people
from anyplane.planning.weighted import Float64

LEAST_BREACH = 0.05
"""Users; less is no person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterFailure:
    """One site's failure when all is over: what is asked of a Served, since hundreds are kept at a time.

    p95_ms: of all users, None when it falls among those without a site. users: (S,) of each site.
    """

    site: str
    unserved: float
    unserved_users: float
    p95_ms: float | None
    users: Float64

    @staticmethod
    def of(site: str, served: Served) -> AfterFailure:
        """Of all users under one way without this site."""
        return AfterFailure(
            site=site,
            unserved=served.unserved,
            unserved_users=served.unserved_users,
            p95_ms=served.rtt_of_all.p95,
            users=served.users,
        )


def promises(
    promised: Objectives,
    rules: Sequence[Rule],
    served: Served,
    *,
    handed_out: Sequence[int],
    names: Sequence[str],
    worst: WorstFailures | None,
    is_load_known: bool,
) -> tuple[Promise, ...]:
    """One Promise for each objective that can be judged, in the order of the design, then one for each rule.

    handed_out: the sites that take part in this way; only their shares are judged.
    """
    rtt = served.rtt_of_all
    found = [
        _rtt("p50_rtt", promised.p50_rtt_ms, rtt.p50),
        _rtt("p90_rtt", promised.p90_rtt_ms, rtt.p90),
        _rtt("p95_rtt", promised.p95_rtt_ms, rtt.p95),
        _rtt("p99_rtt", promised.p99_rtt_ms, rtt.p99),
    ]
    shares = {site: part(float(served.users[site]), served.total) for site in handed_out}
    if shares:
        largest = max(shares, key=lambda site: shares[site])
        smallest = min(shares, key=lambda site: shares[site])
        found += [
            _share("largest_share", promised.largest_share, shares[largest], names[largest], at_most=True),
            _share(
                "smallest_share", promised.smallest_share, shares[smallest], names[smallest], at_most=False
            ),
        ]
    if worst is not None:
        if is_load_known and worst.load is not None:
            found.append(_load(promised.worst_failure_load, worst))
        found.append(
            _rtt(
                "worst_failure_p95_rtt",
                promised.worst_failure_p95_rtt_ms,
                worst.p95_ms,
                when=f"without {worst.p95_site}, ",
            )
        )
    return (*(item for item in found if item is not None), *_residency(rules, served))


def worst_failures(
    after: Sequence[AfterFailure],
    *,
    names: Sequence[str],
    load_per_user: float | None,
    capacities: Sequence[float | None],
) -> WorstFailures | None:
    """The worst of each figure over these failures; None without any."""
    if not after:
        return None
    dark = max(after, key=lambda item: item.unserved_users)
    slowest = max(after, key=lambda item: float("inf") if item.p95_ms is None else item.p95_ms)
    fullest: tuple[float, str, str] | None = None
    if load_per_user is not None:
        for item in after:
            for site, capacity in enumerate(capacities):
                if capacity:
                    load = float(item.users[site]) * load_per_user / capacity
                    if fullest is None or load > fullest[0]:
                        fullest = (load, item.site, names[site])
    return WorstFailures(
        unserved=dark.unserved,
        unserved_site=dark.site,
        p95_ms=slowest.p95_ms,
        p95_site=slowest.site,
        load=None if fullest is None else fraction(fullest[0]),
        load_site="" if fullest is None else fullest[1],
        load_at="" if fullest is None else fullest[2],
    )


def _residency(rules: Sequence[Rule], served: Served) -> list[Promise]:
    found = []
    for rule, (certain, chance, possible) in zip(rules, served.breach.tolist(), strict=True):
        expected = min(max(chance, certain), possible)
        if max(certain, expected) >= LEAST_BREACH:
            state = State.BROKEN if certain >= LEAST_BREACH else State.MAY_BREAK
        else:
            state = State.MAY_BREAK if possible >= LEAST_BREACH else State.KEPT
        found.append(
            Promise(
                name=rule.name,
                is_residency=True,
                state=state,
                target=None,
                actual=None,
                certain=people(certain),
                expected=people(expected),
                possible=people(possible),
                of=people(rule.users),
                detail=(
                    f"{count(expected)} of {count(rule.users)} users "
                    f"({percent(part(expected, rule.users))}) at a site that it forbids"
                ),
            )
        )
    return found


def _objective(name: str, target: float, actual: float | None, state: State, detail: str) -> Promise:
    return Promise(
        name=name,
        is_residency=False,
        state=state,
        target=target,
        actual=actual,
        certain=0.0,
        expected=0.0,
        possible=0.0,
        of=0.0,
        detail=detail,
    )


def _rtt(name: str, target: float | None, actual: float | None, *, when: str = "") -> Promise | None:
    if target is None:
        return None
    is_kept = actual is not None and actual <= target
    said = figure(name, actual) if actual is not None else "never, since too few users are served"
    state = State.KEPT if is_kept else State.BROKEN
    return _objective(name, target, actual, state, f"{name}: {when}{said}; promised {figure(name, target)}")


def _share(name: str, target: float | None, actual: float, site: str, *, at_most: bool) -> Promise | None:
    if target is None:
        return None
    is_kept = actual <= target if at_most else actual >= target
    word = "most" if at_most else "least"
    return _objective(
        name,
        target,
        actual,
        State.KEPT if is_kept else State.BROKEN,
        f"{site} gets {percent(actual)} of users; promised at {word} {percent(target)}",
    )


def _load(target: float | None, worst: WorstFailures) -> Promise | None:
    if target is None or worst.load is None:
        return None
    return _objective(
        "worst_failure_load",
        target,
        worst.load,
        State.KEPT if worst.load <= target else State.BROKEN,
        f"without {worst.load_site}, {worst.load_at} carries {figure('worst_failure_load', worst.load)}; "
        f"promised at most {figure('worst_failure_load', target)}",
    )


def far_share(served: Served) -> float:
    """Users far from their best site, as a share of all."""
    return part(served.far_users, served.total)


def lost_mean(served: Served) -> float:
    """Milliseconds over one's best site, mean of the users who are served."""
    met = served.total - served.unserved_users
    return round(served.lost / met, 2) if met > 0 else 0.0
