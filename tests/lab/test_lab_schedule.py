"""What a wire does to frames, against a readable definition of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyplane.lab.wires.schedule import DROPPED, Lateness, Pipe, Schedule, Shape

frames = st.lists(st.tuples(st.integers(0, 200_000), st.integers(1, 2000)), max_size=60)
"""(nanoseconds since the frame before, octets)"""


def by_definition(arrivals: list[tuple[int, int]], *, delay: int, octet_ns: int, buffer_ns: int) -> list[int]:
    """When each frame leaves: a queue of those that wait or are being sent, each known by when it is sent."""
    queue: list[int] = []
    leaves = []
    now = 0
    for gap, size in arrivals:
        now += gap
        queue = [sent for sent in queue if sent > now]
        waiting = queue[-1] - now if queue else 0
        if waiting and waiting + size * octet_ns > buffer_ns:
            leaves.append(DROPPED)
            continue
        queue.append(now + waiting + size * octet_ns)
        leaves.append(queue[-1] + delay)
    return leaves


@given(
    arrivals=frames, delay=st.integers(0, 10**7), octet_ns=st.integers(1, 500), buffer_ms=st.integers(0, 3)
)
def test_a_limited_pipe_equals_the_definition(
    arrivals: list[tuple[int, int]], delay: int, octet_ns: int, buffer_ms: int
) -> None:
    pipe = Pipe(delay, seed="x")
    pipe.reshape(Shape(rate_bps=8e9 / octet_ns, buffer_ms=buffer_ms))
    now, found = 0, []
    for gap, size in arrivals:
        now += gap
        found.append(pipe.admit(now, size))

    wanted = by_definition(arrivals, delay=delay, octet_ns=octet_ns, buffer_ns=buffer_ms * 10**6)
    assert [each == DROPPED for each in found] == [each == DROPPED for each in wanted]
    # 8e9 / rate is a binary fraction: each frame may be rounded by a nanosecond.
    assert all(abs(one - other) <= len(arrivals) for one, other in zip(found, wanted, strict=True))
    assert pipe.full == wanted.count(DROPPED)


@given(
    steps=st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 1500), st.integers(0, 20)), max_size=60),
    delay=st.integers(0, 10**7),
)
def test_frames_keep_their_order_and_are_never_early_whatever_the_delay_becomes(
    steps: list[tuple[int, int, int]], delay: int
) -> None:
    pipe, now, last = Pipe(delay, seed="x"), 0, 0
    for gap, size, extra_ms in steps:
        now += gap
        pipe.reshape(Shape(extra_delay_ms=extra_ms))

        due = pipe.admit(now, size)

        assert due == max(last, now + delay + extra_ms * 10**6)
        last = due


@given(dues=st.lists(st.integers(0, 50), max_size=80), looks=st.lists(st.integers(0, 60), max_size=20))
def test_a_schedule_gives_what_is_due_in_order_and_nothing_early(dues: list[int], looks: list[int]) -> None:
    schedule: Schedule[int] = Schedule()
    for number, due in enumerate(dues):
        schedule.put(due, number, b"")
    taken: list[tuple[int, int]] = []
    for now in sorted([*looks, 50]):
        assert schedule.next_due() == (min(left) if (left := sorted(dues)[len(taken) :]) else None)
        while (found := schedule.take(now)) is not None:
            assert found[0] <= now
            taken.append(found[:2])

    assert taken == sorted((due, number) for number, due in enumerate(dues))
    assert not len(schedule)


def test_loss_is_as_frequent_as_asked_and_the_same_for_the_same_seed() -> None:
    def lost(seed: str) -> list[bool]:
        pipe = Pipe(0, seed=seed)
        pipe.reshape(Shape(loss=0.3))
        return [pipe.admit(now, 100) == DROPPED for now in range(10_000)]

    assert 2_700 < sum(lost("one")) < 3_300
    assert lost("one") == lost("one")
    assert lost("one") != lost("other")


def test_a_cut_pipe_passes_nothing_and_counts_it() -> None:
    pipe = Pipe(5, seed="x")
    pipe.reshape(Shape(is_cut=True))

    assert pipe.admit(0, 100) == DROPPED
    pipe.reshape(Shape())
    assert pipe.admit(1, 100) == 6
    assert (pipe.frames, pipe.octets, pipe.cut, pipe.lost, pipe.full) == (2, 200, 1, 0, 0)


def test_an_empty_queue_takes_a_frame_that_is_longer_than_the_buffer() -> None:
    pipe = Pipe(0, seed="x")
    pipe.reshape(Shape(rate_bps=8_000, buffer_ms=10))

    assert pipe.admit(0, 1000) == 10**9
    assert pipe.admit(1, 1000) == DROPPED


@pytest.mark.parametrize(
    "wrong",
    [
        {"loss": 1.5},
        {"loss": float("nan")},
        {"rate_bps": 0},
        {"rate_bps": float("inf")},
        {"buffer_ms": -1},
        {"extra_delay_ms": -0.1},
    ],
)
def test_a_shape_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Shape(**wrong)  # type: ignore[arg-type]


def test_lateness_knows_its_quantiles() -> None:
    lateness = Lateness()
    for microseconds in range(1, 1001):
        lateness.note(microseconds * 1000)
    lateness.note(1_000_000_000)

    assert lateness.summary() == {"frames": 1001, "p50_us": 505.0, "p99_us": 995.0, "max_us": 1_000_000.0}
    assert Lateness().summary() == {"frames": 0, "p50_us": 0.0, "p99_us": 0.0, "max_us": 0.0}
