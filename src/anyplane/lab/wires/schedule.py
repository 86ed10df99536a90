"""What a wire does to frames: lose, queue, delay; pure, with time as an argument in nanoseconds.

A *pipe* is one direction of one cable. A frame that is handed to it at time t either is dropped or gets the
time at which it leaves the far end:

    1. a cut pipe drops it, silently: the carrier stays;
    2. with probability `loss` it is lost;
    3. with a rate, it waits until the frames before it are sent, and then takes size * 8 / rate itself; if
       what waits and itself are more than the buffer, it is dropped (an empty queue takes any frame);
    4. it travels for the delay of the cable and the extra delay;
    5. it never overtakes: it leaves no earlier than the frame before it, even when the delay has just shrunk.

Frames on their way when a pipe is cut or changed arrive as they would have.
"""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass
from typing import Generic, TypeVar

DROPPED = -1
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What is done to a direction on purpose; the default is an unharmed wire.

    loss: probability, 0 to 1. rate_bps: None is unlimited. buffer_ms: how long the queue before the rate
    limit may become. extra_delay_ms: on top of the cable's own.
    """

    loss: float = 0.0
    rate_bps: float | None = None
    buffer_ms: float = 50.0
    extra_delay_ms: float = 0.0
    is_cut: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.loss <= 1:
            raise ValueError(f"loss is a probability from 0 to 1, not {self.loss}")
        if self.rate_bps is not None and not 1 <= self.rate_bps <= 1e12:
            raise ValueError(f"rate_bps is from 1 to 1e12 bits per second, not {self.rate_bps}")
        if not 0 <= self.buffer_ms <= 60_000:
            raise ValueError(f"buffer_ms is from 0 to 60000, not {self.buffer_ms}")
        if not 0 <= self.extra_delay_ms <= 60_000:
            raise ValueError(f"extra_delay_ms is from 0 to 60000, not {self.extra_delay_ms}")


class Pipe:
    """One direction of one cable, and what it has done so far.

    frames, octets     handed to it
    lost, cut, full    of those, dropped by chance, by a cut, by a full queue
    """

    __slots__ = (
        "_buffer_ns",
        "_delay_ns",
        "_free_ns",
        "_is_plain",
        "_last_ns",
        "_octet_ns",
        "_random",
        "_seed",
        "_travel_ns",
        "cut",
        "frames",
        "full",
        "lost",
        "octets",
        "shape",
    )

    def __init__(self, delay_ns: int, *, seed: str) -> None:
        self._delay_ns = delay_ns
        self._seed = seed
        self._random: random.Random | None = None  # 3 KB, for the few pipes that ever lose
        self._free_ns = 0  # when the last frame that was admitted will have been sent
        self._last_ns = 0
        self.frames = self.octets = self.lost = self.cut = self.full = 0
        self.reshape(Shape())

    def reshape(self, shape: Shape) -> None:
        """From now on frames are treated so."""
        self.shape = shape
        self._travel_ns = self._delay_ns + round(shape.extra_delay_ms * 1e6)
        self._octet_ns = 8e9 / shape.rate_bps if shape.rate_bps is not None else 0.0
        self._buffer_ns = shape.buffer_ms * 1e6
        if shape.loss and self._random is None:
            self._random = random.Random(self._seed)  # noqa: S311  # chance, not secrets
        self._is_plain = not (shape.is_cut or shape.loss or self._octet_ns)

    def admit(self, now_ns: int, size: int) -> int:
        """When a frame of `size` octets that enters now leaves, or DROPPED."""
        self.frames += 1
        self.octets += size
        if self._is_plain:
            due = now_ns + self._travel_ns
        else:
            due = self._pass(now_ns, size)
            if due == DROPPED:
                return DROPPED
        if due < self._last_ns:
            return self._last_ns
        self._last_ns = due
        return due

    def _pass(self, now_ns: int, size: int) -> int:
        shape = self.shape
        if shape.is_cut:
            self.cut += 1
            return DROPPED
        if self._random is not None and self._random.random() < shape.loss:
            self.lost += 1
            return DROPPED
        if not self._octet_ns:
            return now_ns + self._travel_ns
        sending = size * self._octet_ns
        waiting = self._free_ns - now_ns
        if waiting <= 0:
            self._free_ns = now_ns + round(sending)
        elif waiting + sending > self._buffer_ns:
            self.full += 1
            return DROPPED
        else:
            self._free_ns += round(sending)
        return self._free_ns + self._travel_ns


class Schedule(Generic[T]):
    """Frames on their way, by the time when they are due; those due at once leave in the order they came."""

    __slots__ = ("_heap", "_number")

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, T, bytes]] = []
        self._number = 0

    def __len__(self) -> int:
        return len(self._heap)

    def put(self, due_ns: int, target: T, frame: bytes) -> None:
        """`frame` is to reach `target` then."""
        self._number += 1
        heapq.heappush(self._heap, (due_ns, self._number, target, frame))

    def next_due(self) -> int | None:
        """When the next is due; None when nothing is on its way."""
        return self._heap[0][0] if self._heap else None

    def take(self, now_ns: int) -> tuple[int, T, bytes] | None:
        """The next frame that is due by now with the time when it was, or None; never one too early."""
        heap = self._heap
        if not heap or heap[0][0] > now_ns:
            return None
        due, _, target, frame = heapq.heappop(heap)
        return due, target, frame


class Lateness:
    """How much later than due frames left: counts in steps of 5 us up to 20 ms, and the greatest."""

    STEP_NS, STEPS = 5_000, 4_000

    def __init__(self) -> None:
        self._counts = [0] * (self.STEPS + 1)
        self._greatest_ns = 0

    def note(self, late_ns: int) -> None:
        """One frame more."""
        step = late_ns // self.STEP_NS
        self._counts[min(step, self.STEPS)] += 1
        if late_ns > self._greatest_ns:
            self._greatest_ns = late_ns

    def summary(self) -> dict[str, float]:
        """frames, p50_us, p99_us, max_us: a quantile is the upper edge of its step, at most the greatest."""
        frames = sum(self._counts)
        return {
            "frames": frames,
            "p50_us": self._quantile_us(0.50, frames),
            "p99_us": self._quantile_us(0.99, frames),
            "max_us": self._greatest_ns / 1e3,
        }

    def _quantile_us(self, share: float, frames: int) -> float:
        needed, seen = share * frames, 0
        for step, count in enumerate(self._counts):
            seen += count
            if frames and seen >= needed:
                edge = (step + 1) * self.STEP_NS if step < self.STEPS else self._greatest_ns
                return min(edge, self._greatest_ns) / 1e3
        return 0.0
