"""Who answered when: switches from one site to another after a fault, shares over time, timelines. Pure."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from anyplane.lab.probes.losses import Fate, fates, median_rtt_s
from anyplane.lab.probes.queries import NO_SITE, Kind, ProbeLog, Query


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """One flow around a fault. Times count from the fault; None where it did not happen.

    first_lost_s       sending of the first lost query (sent since one usual round trip before the fault: that
                       long before it, queries were on their way to a server that was to die)
    first_elsewhere_s  arrival of the first answer from a site that had not answered before
    first_answer_s     arrival of the first answer to a query that was sent after the first lost one
    last_lost_s        sending of the last lost query
    """

    number: int
    client: str
    site_before: str
    site_after: str
    """Of the last answer."""
    before: Mapping[str, int]
    after: Mapping[str, int]
    """Answers by site, of queries sent before and after the fault."""
    first_lost_s: float | None
    last_lost_s: float | None
    first_elsewhere_s: float | None
    first_answer_s: float | None

    @property
    def is_moved(self) -> bool:
        """Does another site answer now?"""
        return bool(self.site_before and self.site_after) and self.site_before != self.site_after


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Which part of the users each site answered in [at, at + for_s), and which part nobody; 0 to 1."""

    at: float
    for_s: float
    sites: Mapping[str, float]
    lost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From `begin` to `end` this site answered; "" where queries were lost, None where nobody knows."""

    begin: float
    end: float
    site: str | None
    queries: int


def switches(
    log: ProbeLog,
    fault_at: float,
    *,
    since: float = -math.inf,
    until: float = math.inf,
    timeout_s: float | None = None,
) -> tuple[Switch, ...]:
    """What the fault did to each flow of queries, judged by those sent in [since, until)."""
    found = []
    for number, flow in _judged(log, since, until, timeout_s).items():
        before: Counter[str] = Counter()
        after: Counter[str] = Counter()
        site_before = site_after = NO_SITE
        answered = [query for query, _ in flow if query.answered_at is not None]
        for query in sorted(answered, key=lambda query: query.answered_at or 0.0):
            if query.sent_at < fault_at:
                before[query.site] += 1
            else:
                after[query.site] += 1
            if (query.answered_at or 0.0) <= fault_at:
                site_before = query.site
            site_after = query.site
        reach = fault_at - (median_rtt_s(answered) or 0.0)
        lost = [
            query.sent_at for query, what in flow if what in (Fate.LOST, Fate.LATE) and query.sent_at >= reach
        ]
        known = {query.site for query in answered if (query.answered_at or 0.0) <= fault_at}
        elsewhere = [
            query.answered_at
            for query in answered
            if query.answered_at is not None and query.site not in known
        ]
        again = [
            query.answered_at
            for query in answered
            if lost and query.answered_at is not None and query.sent_at > lost[0]
        ]
        found.append(
            Switch(
                number=number,
                client=log.flows[number].client.name,
                site_before=site_before,
                site_after=site_after,
                before=dict(before),
                after=dict(after),
                first_lost_s=lost[0] - fault_at if lost else None,
                last_lost_s=lost[-1] - fault_at if lost else None,
                first_elsewhere_s=min(elsewhere) - fault_at if elsewhere else None,
                first_answer_s=min(again) - fault_at if again else None,
            )
        )
    return tuple(found)


def shares(
    log: ProbeLog,
    every_s: float,
    *,
    kinds: Collection[Kind] = (Kind.UDP,),
    since: float | None = None,
    until: float | None = None,
) -> tuple[Share, ...]:
    """By time of sending; a client that asked nothing in a bin counts for nothing in it."""
    begin = since if since is not None else (log.queries[0].sent_at if log.queries else 0.0)
    end = until if until is not None else log.ends_at
    bins: dict[int, dict[int, Counter[str]]] = {}
    for number, flow in _judged(log, begin, end, None).items():
        if log.flows[number].target.kind not in kinds:
            continue
        for query, what in flow:
            if what in (Fate.EXCUSED, Fate.UNDECIDED):
                continue
            place = bins.setdefault(int((query.sent_at - begin) / every_s), {}).setdefault(number, Counter())
            place[query.site if what == Fate.ANSWERED else NO_SITE] += 1
    found = []
    for index, flows in sorted(bins.items()):
        users = sum(log.flows[number].client.users for number in flows)
        parts: defaultdict[str, float] = defaultdict(float)
        for number, count in flows.items():
            weight = log.flows[number].client.users / users if users else 0.0
            for site, many in count.items():
                parts[site] += weight * many / count.total()
        lost = float(parts.pop(NO_SITE, 0))
        sites = {site: float(part) for site, part in sorted(parts.items())}
        found.append(Share(at=begin + index * every_s, for_s=every_s, sites=sites, lost=lost))
    return tuple(found)


def timeline(
    log: ProbeLog, number: int, *, since: float = -math.inf, until: float = math.inf
) -> tuple[Span, ...]:
    """One flow as spans that join: from the first query to one period after the last."""
    spans: list[Span] = []
    flow = _judged(log, since, until, None).get(number, ())
    for query, what in flow:
        site = query.site if what == Fate.ANSWERED else NO_SITE
        shown = None if what in (Fate.EXCUSED, Fate.UNDECIDED) else site
        end = query.sent_at + 1 / log.flows[number].target.rate
        if spans and spans[-1].site == shown:
            last = spans[-1]
            spans[-1] = Span(begin=last.begin, end=end, site=shown, queries=last.queries + 1)
            continue
        if spans:
            last = spans[-1]
            spans[-1] = Span(begin=last.begin, end=query.sent_at, site=last.site, queries=last.queries)
        spans.append(Span(begin=query.sent_at, end=end, site=shown, queries=1))
    return tuple(spans)


def _judged(
    log: ProbeLog, since: float, until: float, timeout_s: float | None
) -> dict[int, Sequence[tuple[Query, Fate]]]:
    """Each flow's queries with their fates, in order of sending."""
    patience = log.plan.timeout_s if timeout_s is None else timeout_s
    found: dict[int, Sequence[tuple[Query, Fate]]] = {}
    by_flow: dict[int, list[Query]] = {
        number: [] for number, flow in enumerate(log.flows) if flow.target.kind != Kind.STREAM
    }
    for query in log.queries:
        if since <= query.sent_at < until and query.flow in by_flow:
            by_flow[query.flow].append(query)
    for number, queries in by_flow.items():
        each = fates(queries, timeout_s=patience, stalls=log.stalls, ends_at=log.ends_at)
        found[number] = list(zip(queries, each, strict=True))
    return found
