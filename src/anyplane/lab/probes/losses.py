"""What was lost: from the log of a prober to lost queries, outages, and how sure they are. Pure.

The definitions, for one flow (one client asking one target), of which the tests hold a brute-force twin:

    late       the answer came after `timeout_s`; to the user it is lost
    lost       no answer within `timeout_s` of sending, from anywhere: late, failed, or silence
    excused    not failed, and the prober itself stood still between the sending and the moment at which the
               answer was due (the flow's median round trip later; for a late one, its arrival); and the same
               holds for all queries lost in a row with it: one that nothing excuses shows that the network
               lost. Not counted as lost, but shown: nobody knows
    undecided  no answer yet, and the log ends before `timeout_s` was over; counted as nothing
    gap        lost queries in a row, from the sending of the first to the sending of the next answered one;
               excused and undecided ones neither make, nor break, nor end it
    outage     the gaps' lengths together, less the prober's own stalls in them

With a query each 1/r seconds, a gap of n queries says that the outage took between (n - 1)/r and (n + 1)/r.
No gap at all says that none was longer than 1/r.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from anyplane.lab.probes.queries import Failure, Flow, Kind, ProbeLog, Query, Stall, StreamTurn, Turn

SURE = 0.95


class Fate(StrEnum):
    """What became of a query, as a user sees it."""

    ANSWERED = "answered"
    LATE = "late"
    LOST = "lost"
    EXCUSED = "excused"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Lost queries in a row. `is_open`: no answered query came after them, so it may have gone on."""

    begin: float
    end: float
    lost: int
    stalled_s: float
    """Of this time the prober itself stood still; it is not in `for_s`."""
    at_least_s: float
    at_most_s: float
    """Between the answered queries around it; infinite where one is missing."""
    is_open: bool = False

    @property
    def for_s(self) -> float:
        """The outage as measured."""
        return self.end - self.begin - self.stalled_s


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowLoss:
    """What one client lost of what it asked one target. sent = answered + lost + excused + undecided."""

    number: int
    flow: Flow
    sent: int
    answered: int
    lost: int
    """Late ones and failed ones among them."""
    late: int
    excused: int
    undecided: int
    unsent: int
    """Due, but the prober stood still."""
    failures: Mapping[Failure, int]
    gaps: tuple[Gap, ...]
    median_rtt_s: float | None

    @property
    def client(self) -> str:
        """Who asked."""
        return self.flow.client.name

    @property
    def users(self) -> float:
        """Its weight."""
        return self.flow.client.users

    @property
    def resets(self) -> int:
        """Connections that the other side reset before the answer."""
        return self.failures.get(Failure.RESET, 0)

    @property
    def outage_s(self) -> float:
        """All gaps together."""
        return sum(gap.for_s for gap in self.gaps)

    @property
    def longest_s(self) -> float:
        """The longest gap."""
        return max((gap.for_s for gap in self.gaps), default=0.0)

    @property
    def share(self) -> tuple[float, float, float]:
        """The share of queries that were lost, and between what it lies (95 %, were each lost by itself)."""
        decided = self.answered + self.lost
        low, high = share_interval(self.lost, decided)
        return (self.lost / decided if decided else 0.0), low, high


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLoss:
    """What became of one client's long connections. broken_s: from the end of one to the next."""

    number: int
    flow: Flow
    established: int
    resets: int
    closed: int
    given_up: int
    silent_s: float
    broken_s: float


def losses(
    log: ProbeLog, *, since: float = -math.inf, until: float = math.inf, timeout_s: float | None = None
) -> tuple[FlowLoss, ...]:
    """What each flow of queries lost of those sent in [since, until); flows that sent none are there too."""
    patience = log.plan.timeout_s if timeout_s is None else timeout_s
    by_flow: list[list[Query]] = [[] for _ in log.flows]
    for query in log.queries:
        if since <= query.sent_at < until:
            by_flow[query.flow].append(query)
    return tuple(
        _of_flow(number, flow, queries, log, patience)
        for number, (flow, queries) in enumerate(zip(log.flows, by_flow, strict=True))
        if flow.target.kind != Kind.STREAM
    )


def stream_losses(
    log: ProbeLog, *, since: float = -math.inf, until: float = math.inf
) -> tuple[StreamLoss, ...]:
    """The same for the flows that are long connections."""
    by_flow: list[list[StreamTurn]] = [[] for _ in log.flows]
    for turn in log.turns:
        by_flow[turn.flow].append(turn)
    return tuple(
        _of_stream(number, flow, turns, since, min(until, log.ends_at))
        for number, (flow, turns) in enumerate(zip(log.flows, by_flow, strict=True))
        if flow.target.kind == Kind.STREAM
    )


def fates(
    queries: Sequence[Query], *, timeout_s: float, stalls: Sequence[Stall], ends_at: float
) -> tuple[Fate, ...]:
    """What became of each query of one flow, in order of sending. `stalls`: in order, not overlapping."""
    usual = median_rtt_s(queries) or 0.0
    found = [_alone(query, timeout_s, usual, stalls, ends_at) for query in queries]
    run: list[int] = []
    for index, what in enumerate([*found, Fate.ANSWERED]):
        if what in (Fate.LOST, Fate.LATE, Fate.EXCUSED):
            run.append(index)
        elif what == Fate.ANSWERED:
            if any(found[one] != Fate.EXCUSED for one in run):
                for one in run:
                    if found[one] == Fate.EXCUSED:
                        found[one] = Fate.LOST if queries[one].answered_at is None else Fate.LATE
            run.clear()
    return tuple(found)


def _alone(
    query: Query, timeout_s: float, usual_rtt_s: float, stalls: Sequence[Stall], ends_at: float
) -> Fate:
    """What became of a query, judged without those beside it."""
    if query.answered_at is not None:
        if query.answered_at - query.sent_at <= timeout_s:
            return Fate.ANSWERED
        return Fate.EXCUSED if _is_stalled(stalls, query.sent_at, query.answered_at) else Fate.LATE
    if query.error is None or query.error == Failure.TIMEOUT:
        if query.error is None and query.sent_at + timeout_s > ends_at:
            return Fate.UNDECIDED
        if _is_stalled(stalls, query.sent_at, query.sent_at + usual_rtt_s):
            return Fate.EXCUSED
    return Fate.LOST


def gaps(
    queries: Sequence[Query], each: Sequence[Fate], *, stalls: Sequence[Stall], rate: float
) -> tuple[Gap, ...]:
    """The gaps of one flow; queries in order of sending, each with its fate."""
    found: list[Gap] = []
    run: list[Query] = []
    before = -math.inf
    for query, what in zip(queries, each, strict=True):
        if what in (Fate.LOST, Fate.LATE):
            run.append(query)
        elif what == Fate.ANSWERED:
            if run:
                found.append(_gap(run, before, query.sent_at, stalls, rate))
                run = []
            before = query.sent_at
    if run:
        found.append(_gap(run, before, math.inf, stalls, rate))
    return tuple(found)


def outage_interval(lost: int, rate: float, *, sure: float = SURE) -> tuple[float, float]:
    """Between what the length of an outage lies that cost `lost` queries in a row, at `rate` per second.

    The outage begins and ends at a random moment between two queries, so that the error is the difference of
    two uniform ones: a triangle from -1/rate to 1/rate.
    """
    reach = 1 - math.sqrt(1 - sure)
    if lost == 0:
        return 0.0, sure / rate
    return max(0.0, (lost - reach) / rate), (lost + reach) / rate


def share_interval(lost: int, sent: int, *, z: float = 1.96) -> tuple[float, float]:
    """Between what the chance of a query to be lost lies (Wilson, 1927), were each lost by itself."""
    if sent == 0:
        return 0.0, 1.0
    share = lost / sent
    middle = (share + z * z / (2 * sent)) / (1 + z * z / sent)
    reach = z / (1 + z * z / sent) * math.sqrt(share * (1 - share) / sent + z * z / (4 * sent * sent))
    return (0.0 if lost == 0 else middle - reach), (1.0 if lost == sent else middle + reach)


def stalled_s(stalls: Sequence[Stall], begin: float, end: float) -> float:
    """How much of [begin, end] the prober stood still."""
    return sum(max(0.0, min(stall.until, end) - max(stall.at, begin)) for stall in stalls)


def median_rtt_s(queries: Iterable[Query]) -> float | None:
    """Of the answered ones; None where there are none."""
    found = sorted(query.answered_at - query.sent_at for query in queries if query.answered_at is not None)
    return found[len(found) // 2] if found else None


def _of_flow(number: int, flow: Flow, queries: Sequence[Query], log: ProbeLog, timeout_s: float) -> FlowLoss:
    each = fates(queries, timeout_s=timeout_s, stalls=log.stalls, ends_at=log.ends_at)
    count = Counter(each)
    failures = Counter(
        query.error or Failure.TIMEOUT for query, what in zip(queries, each, strict=True) if what == Fate.LOST
    )
    expected = queries[-1].sequence - queries[0].sequence + 1 if queries else 0
    return FlowLoss(
        number=number,
        flow=flow,
        sent=len(queries),
        answered=count[Fate.ANSWERED],
        lost=count[Fate.LOST] + count[Fate.LATE],
        late=count[Fate.LATE],
        excused=count[Fate.EXCUSED],
        undecided=count[Fate.UNDECIDED],
        unsent=expected - len(queries),
        failures=dict(failures),
        gaps=gaps(queries, each, stalls=log.stalls, rate=flow.target.rate),
        median_rtt_s=median_rtt_s(queries),
    )


def _gap(run: Sequence[Query], before: float, after: float, stalls: Sequence[Stall], rate: float) -> Gap:
    begin, last = run[0].sent_at, run[-1].sent_at
    is_open = after == math.inf
    end = last + 1 / rate if is_open else after
    inside = stalled_s(stalls, begin, end)
    return Gap(
        begin=begin,
        end=end,
        lost=len(run),
        stalled_s=inside,
        at_least_s=last - begin - stalled_s(stalls, begin, last),
        at_most_s=after - before,
        is_open=is_open,
    )


def _is_stalled(stalls: Sequence[Stall], begin: float, end: float) -> bool:
    """Does a stall touch [begin, end]?"""
    index = bisect_right(stalls, end, key=lambda stall: stall.at)
    return index > 0 and stalls[index - 1].until >= begin


def _of_stream(
    number: int, flow: Flow, turns: Sequence[StreamTurn], since: float, until: float
) -> StreamLoss:
    count: Counter[Turn] = Counter()
    silent = broken = 0.0
    ended: float | None = None
    for turn in turns:
        if turn.what == Turn.ESTABLISHED:
            if ended is not None:
                broken += max(0.0, min(turn.at, until) - max(ended, since))
            ended = None
        elif turn.what not in (Turn.SILENT, Turn.SITE) and ended is None:
            ended = turn.at
        if since <= turn.at < until:
            count[turn.what] += 1
            silent += turn.for_s
    if ended is not None:
        broken += max(0.0, until - max(ended, since))
    return StreamLoss(
        number=number,
        flow=flow,
        established=count[Turn.ESTABLISHED],
        resets=count[Turn.RESET],
        closed=count[Turn.CLOSED],
        given_up=count[Turn.LOST],
        silent_s=silent,
        broken_s=broken,
    )
