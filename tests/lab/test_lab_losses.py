"""Losses against brute force on random logs, and the figures of how sure they are."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyplane.lab.probes.losses import (
    Fate,
    fates,
    losses,
    outage_interval,
    share_interval,
    stream_losses,
)
from anyplane.lab.probes.queries import (
    Client,
    Failure,
    Kind,
    ProbeLog,
    ProbePlan,
    ProbeTarget,
    Query,
    Stall,
    StreamTurn,
    Turn,
)

RATE, TIMEOUT = 100.0, 0.25


def random_log(seed: int) -> ProbeLog:
    """Two clients, each with a query every 10 ms; some late, lost, failed, unsent; some stalls."""
    draws = random.Random(seed)
    count = draws.randint(0, 40)
    queries = []
    for flow in (0, 1):
        for sequence in range(count):
            rtt = draws.choice([0.01, 0.01, 0.02, 0.2, 0.3, None, None])
            error = draws.choice([None, None, *Failure]) if rtt is None else None
            if draws.random() < 0.1:
                continue
            sent = sequence / RATE + flow * 0.005
            queries.append(
                Query(
                    flow=flow,
                    sequence=sequence,
                    sent_at=sent,
                    answered_at=None if rtt is None else sent + rtt,
                    site="" if rtt is None else draws.choice(["fra", "ams"]),
                    error=error,
                )
            )
    starts = sorted(draws.sample(range(41), draws.randint(0, 4)))
    stalls = tuple(Stall(at=start / 100 + 0.002, for_s=0.006) for start in starts)
    queries.sort(key=lambda query: query.sent_at)
    ends = draws.choice([0.0, count / RATE, count / RATE + 1])
    return ProbeLog(plan=plan(users=(1.0, 3.0)), queries=tuple(queries), stalls=stalls, ends_at=ends)


logs = st.builds(random_log, st.integers(0, 1 << 32))


@given(logs)
def test_losses_equal_their_definition(log: ProbeLog) -> None:
    for found in losses(log):
        queries = log.of(found.number)
        fates = slow_fates(log, queries)

        assert found.sent == len(queries)
        assert found.sent == found.answered + found.lost + found.excused + found.undecided
        assert found.answered == fates.count(Fate.ANSWERED)
        assert (found.late, found.excused) == (fates.count(Fate.LATE), fates.count(Fate.EXCUSED))
        assert found.lost == fates.count(Fate.LOST) + fates.count(Fate.LATE)
        assert sum(found.failures.values()) == fates.count(Fate.LOST)
        assert found.lost == sum(gap.lost for gap in found.gaps)
        lost_at = [
            query.sent_at
            for query, what in zip(queries, fates, strict=True)
            if what in (Fate.LOST, Fate.LATE)
        ]
        # Of every answered query: it is in no gap; of every lost one: in one.
        for query, what in zip(queries, fates, strict=True):
            inside = sum(gap.begin <= query.sent_at < gap.end for gap in found.gaps)
            if what == Fate.ANSWERED:
                assert inside == 0
            elif query.sent_at in lost_at:
                assert inside == 1
        for gap in found.gaps:
            still = sum(  # in steps of a tenth of a millisecond
                any(stall.at <= gap.begin + n / 1e4 < stall.until for stall in log.stalls)
                for n in range(round((gap.end - gap.begin) * 1e4))
            )
            assert gap.stalled_s == pytest.approx(still / 1e4, abs=5e-4)
            assert -1e-9 <= gap.at_least_s <= gap.at_most_s
            assert gap.for_s <= gap.at_most_s + 1e-9
        assert found.longest_s <= found.outage_s + 1e-9


def test_an_outage_at_the_end_is_open() -> None:
    (gap,) = losses(outage(begin=0.8, end=9, flows=(0,)))[0].gaps

    assert gap.is_open
    assert gap.for_s == pytest.approx(0.2)
    assert gap.at_most_s == math.inf


def test_the_last_queries_of_a_killed_prober_are_undecided() -> None:
    log = outage(begin=0.9, end=9, flows=(0,))
    cut = ProbeLog(plan=log.plan, queries=log.queries, ends_at=1.0)

    assert losses(cut)[0].undecided == 10
    assert losses(cut)[0].lost == 0


def test_a_stall_excuses_what_nothing_else_explains() -> None:
    stalls = [Stall(at=0.5, for_s=0.2)]
    answered = [
        Query(flow=0, sequence=n, sent_at=at, answered_at=at + 0.01) for n, at in ((0, 0.1), (9, 0.9))
    ]
    silent = [Query(flow=0, sequence=n, sent_at=0.5 + n / 100) for n in (1, 2)]
    refused = Query(flow=0, sequence=3, sent_at=0.55, error=Failure.REFUSED)
    outside = Query(flow=0, sequence=4, sent_at=0.8)

    def judged(*lost: Query) -> tuple[Fate, ...]:
        queries = [answered[0], *lost, answered[1]]
        return fates(queries, timeout_s=TIMEOUT, stalls=stalls, ends_at=9)[1:-1]

    assert judged(*silent) == (Fate.EXCUSED, Fate.EXCUSED)
    assert judged(refused) == (Fate.LOST,)
    assert judged(*silent, refused) == (Fate.LOST,) * 3
    assert judged(*silent, outside) == (Fate.LOST,) * 3


def test_a_long_connection_is_broken_from_its_end_to_the_next() -> None:
    turns = [
        StreamTurn(flow=0, at=1.0, what=Turn.ESTABLISHED),
        StreamTurn(flow=0, at=2.0, what=Turn.SILENT, for_s=0.4),
        StreamTurn(flow=0, at=3.0, what=Turn.RESET, site="fra"),
        StreamTurn(flow=0, at=3.1, what=Turn.REFUSED),
        StreamTurn(flow=0, at=3.5, what=Turn.ESTABLISHED),
        StreamTurn(flow=0, at=5.0, what=Turn.CLOSED),
    ]
    log = ProbeLog(plan=plan(users=(1.0,), kind=Kind.STREAM), turns=tuple(turns), ends_at=5.25)

    (found,) = stream_losses(log)

    assert (found.established, found.resets, found.closed) == (2, 1, 1)
    assert found.broken_s == pytest.approx(0.75)
    assert found.silent_s == pytest.approx(0.4)


@pytest.mark.parametrize(("length", "rate"), [(0.3, 100.0), (0.0123, 1000.0), (0.05, 50.0)])
def test_the_interval_of_an_outage_holds_its_length_as_often_as_it_says(length: float, rate: float) -> None:
    """An outage of a random length around the given one, at a random moment."""
    draws = random.Random(7)
    held = 0
    for _ in range(4000):
        real = length + draws.random() / rate
        begin = draws.random() / rate
        lost = math.ceil((begin + real) * rate) - math.ceil(begin * rate)
        low, high = outage_interval(lost, rate)
        held += low <= real <= high

    assert held / 4000 == pytest.approx(0.95, abs=0.015)


def test_how_sure_it_is() -> None:
    low, high = share_interval(0, 1000)
    assert (low, high) == (0, pytest.approx(0.00383, abs=1e-4))
    low, high = share_interval(100, 1000)
    assert low < 0.1 < high
    assert share_interval(0, 0) == (0, 1)


def slow_fates(log: ProbeLog, queries: tuple[Query, ...]) -> list[Fate]:
    """The definition, word for word: of each lost query, look left and right until one was answered."""
    alone = [slow_fate(query, log, queries) for query in queries]
    found = list(alone)
    for index, what in enumerate(alone):
        if what != Fate.EXCUSED:
            continue
        left, right = index, index
        while left >= 0 and alone[left] != Fate.ANSWERED:
            left -= 1
        while right < len(alone) and alone[right] != Fate.ANSWERED:
            right += 1
        if {Fate.LOST, Fate.LATE} & set(alone[left + 1 : right]):
            found[index] = Fate.LOST if queries[index].answered_at is None else Fate.LATE
    return found


def slow_fate(query: Query, log: ProbeLog, queries: tuple[Query, ...]) -> Fate:
    """Without regard to those beside it."""
    rtts = sorted(one.answered_at - one.sent_at for one in queries if one.answered_at is not None)
    usual = rtts[len(rtts) // 2] if rtts else 0.0

    def stood_still(until: float) -> bool:
        return any(stall.at <= until and stall.until >= query.sent_at for stall in log.stalls)

    if query.answered_at is not None:
        if query.answered_at - query.sent_at <= TIMEOUT:
            return Fate.ANSWERED
        return Fate.EXCUSED if stood_still(query.answered_at) else Fate.LATE
    if query.error not in (None, Failure.TIMEOUT):
        return Fate.LOST
    if query.error is None and log.ends_at < query.sent_at + TIMEOUT:
        return Fate.UNDECIDED
    return Fate.EXCUSED if stood_still(query.sent_at + usual) else Fate.LOST


def plan(*, users: tuple[float, ...], kind: Kind = Kind.UDP) -> ProbePlan:
    """Clients that ask one target."""
    return ProbePlan(
        log="",
        clients=tuple(Client(name=f"c{n}", source4="192.0.2.1", users=one) for n, one in enumerate(users)),
        targets=(ProbeTarget(address="198.51.100.1", port=53, kind=kind, rate=RATE),),
        timeout_s=TIMEOUT,
    )


def outage(*, begin: float, end: float, flows: tuple[int, ...]) -> ProbeLog:
    """One second of queries, of which these flows' are lost in [begin, end)."""
    queries = []
    for sequence in range(100):
        for flow in (0, 1):
            sent = sequence / RATE
            is_lost = flow in flows and begin - 1e-9 <= sent < end - 1e-9
            queries.append(
                Query(
                    flow=flow,
                    sequence=sequence,
                    sent_at=sent,
                    answered_at=None if is_lost else sent + 0.01,
                    site="" if is_lost else "fra",
                )
            )
    return ProbeLog(plan=plan(users=(1.0, 3.0)), queries=tuple(queries), ends_at=3.0)
