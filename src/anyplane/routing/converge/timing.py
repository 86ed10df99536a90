"""Timing: how long routers take and wait; and how one seed makes every router and every message of a run.

Chance without an order. Every draw is a hash of (seed, what for, which session, which message of it), not the
next number of a stream, so the definition and the kernel draw alike although they work in another order.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

SECOND = 1_000_000
"""Time is whole microseconds, so that two machines never disagree about who was first."""
PROCESSING, INTERVAL, PHASE = 1, 2, 3
"""What a draw is for."""
QUANTILES = 4096
FIBRE_KM_PER_S = 204_190.0
"""Light in fibre; see planning.latency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Damping:
    """Route-flap damping (RFC 2439): penalties by event, where a route is suppressed and when it is used
    again."""

    name: str
    suppress: float
    reuse: float = 750.0
    half_life_s: float = 900.0
    longest_s: float = 3600.0
    on_withdrawal: float = 1000.0
    on_change: float = 500.0

    @property
    def ceiling(self) -> float:
        """The highest penalty: one that decays to `reuse` in `longest_s` (RFC 2439)."""
        return float(self.reuse * 2.0 ** (self.longest_s / self.half_life_s))


RFC_2439 = Damping(name="rfc2439", suppress=2000.0)
"""What routers do when damping is switched on and nothing else is said (the defaults of IOS, as RFC 7196
lists them)."""
RIPE_580 = Damping(name="ripe580", suppress=6000.0)
"""RIPE-580 and RFC 7196, which RFC 7454 (BCP 194) 7 follows: suppress at 6,000 or more, else not at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Every duration and share of the simulation; docs/explanation/convergence.md says where each comes from.

    mrai: (seconds, share of networks) of the minimum route advertisement interval; RFC 4271 10 suggests 30 s
    for eBGP. jitter: the same section, a factor drawn evenly from 0.75 to 1. busy: share of the networks with
    an interval in which it belongs to the neighbour, not to the prefix, and other prefixes keep it running,
    so that even the first change waits for a part of it. withdrawals_wait: share of the networks with an
    interval that hold withdrawals back too, as RFC 4271 9.2.1.1 asks; most do not. processing_s: median from
    the arrival of a message to routes, forwarding and new messages made from it; log-normal with
    `processing_sigma`. inflation: fibre over great circle. damping and the share of networks that do it.
    horizon_s: when the simulation gives up.
    """

    mrai: tuple[tuple[float, float], ...] = ((30.0, 0.3), (5.0, 0.2), (0.0, 0.5))
    jitter: tuple[float, float] = (0.75, 1.0)
    busy: float = 0.3
    withdrawals_wait: float = 0.07
    processing_s: float = 0.08
    processing_sigma: float = 0.8
    inflation: float = 1.5
    damping: Damping | None = None
    damping_share: float = 0.0
    horizon_s: float = 7200.0

    def faults(self) -> tuple[str, ...]:
        """What is wrong with these values, in words; () when nothing is."""
        found = []
        if not self.mrai or abs(sum(share for _, share in self.mrai) - 1.0) > 1e-6:
            found.append("the shares of the MRAI mix must add up to 1")
        if any(not 0 <= seconds <= 600 or not 0 <= share <= 1 for seconds, share in self.mrai):
            found.append("an MRAI is 0 to 600 s, its share 0 to 1")
        if not 0 <= self.jitter[0] <= self.jitter[1] <= 1:
            found.append("the jitter is two factors from 0 to 1, the lower one first")
        for name in ("busy", "withdrawals_wait", "damping_share"):
            if not 0 <= getattr(self, name) <= 1:
                found.append(f"{name} is a share from 0 to 1")
        if not 0 <= self.processing_s <= 60 or not 0 <= self.processing_sigma <= 3:
            found.append("processing takes 0 to 60 s in the median, sigma 0 to 3")
        if not 1 <= self.horizon_s <= 86_400:
            found.append("the horizon is 1 to 86,400 s")
        return tuple(found)


ROUTER = np.dtype([("mrai", "i8"), ("busy", "?"), ("waits", "?"), ("damps", "?")])


class Routers(NamedTuple):
    """What one seed made of every network, and the table that processing delays are drawn from.

    router (N,): records ROUTER: mrai in µs; busy, waits, damps: does it, in Timing's words. processing:
    (QUANTILES,) µs. jitter: least factor and what may be added to it. damping: suppress, reuse, half-life µs,
    ceiling, penalty of a withdrawal, penalty of a change.
    """

    seed: np.uint64
    router: NDArray[np.void]
    processing: NDArray[np.int64]
    jitter: NDArray[np.float64]
    damping: NDArray[np.float64]


def routers(timing: Timing, networks: int, seed: int) -> Routers:
    """The routers of this seed; a ValueError names what is wrong with the timing."""
    if faults := timing.faults():
        raise ValueError("; ".join(faults))
    rng = np.random.default_rng(seed)
    edges = np.cumsum([share for _, share in timing.mrai])[:-1]
    kind = np.searchsorted(edges, rng.random(networks), side="right")
    router = np.zeros(networks, ROUTER)
    router["mrai"] = np.array([round(seconds * SECOND) for seconds, _ in timing.mrai], np.int64)[kind]
    has_interval = router["mrai"] > 0
    router["busy"] = has_interval & (rng.random(networks) < timing.busy)
    router["waits"] = has_interval & (rng.random(networks) < timing.withdrawals_wait)
    damping = timing.damping
    if damping is not None:
        router["damps"] = rng.random(networks) < timing.damping_share
    return Routers(
        seed=np.uint64(seed),
        router=router,
        processing=_processing(timing),
        jitter=np.array([timing.jitter[0], timing.jitter[1] - timing.jitter[0]]),
        damping=np.array(
            [
                damping.suppress,
                damping.reuse,
                damping.half_life_s * SECOND,
                damping.ceiling,
                damping.on_withdrawal,
                damping.on_change,
            ]
            if damping is not None
            else [0.0] * 6
        ),
    )


def _processing(timing: Timing) -> NDArray[np.int64]:
    normal = NormalDist()
    spread = [
        np.exp(timing.processing_sigma * normal.inv_cdf((i + 0.5) / QUANTILES)) for i in range(QUANTILES)
    ]
    return np.array([round(timing.processing_s * SECOND * float(factor)) for factor in spread], np.int64)


@njit(cache=True, nogil=True, inline="always")
def draw(seed, what, session, number):  # type: ignore[no-untyped-def]
    """64 even bits out of four numbers (SplitMix64, Steele, Lea and Flood 2014)."""
    z = (
        np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15)
        + np.uint64(what) * np.uint64(0xD1B54A32D192ED03)
        + np.uint64(session) * np.uint64(0x8CB92BA72F3D8DD7)
        + np.uint64(number) * np.uint64(0xABC98388FB8FAC03)
    )
    for _ in range(2):
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return z


@njit(cache=True, nogil=True, inline="always")
def processing_time(seed, session, number, processing):  # type: ignore[no-untyped-def]
    """µs that the receiver takes over message `number` of a session."""
    return processing[draw(seed, PROCESSING, session, number) >> np.uint64(52)]


@njit(cache=True, nogil=True, inline="always")
def interval(seed, session, number, mrai, jitter):  # type: ignore[no-untyped-def]
    """µs until the session may announce again after message `number`."""
    part = np.float64(draw(seed, INTERVAL, session, number) >> np.uint64(40)) / 16777216.0
    return np.int64(np.float64(mrai) * (jitter[0] + jitter[1] * part))


@njit(cache=True, nogil=True, inline="always")
def phase(seed, session, number, mrai):  # type: ignore[no-untyped-def]
    """µs that a timer which other prefixes keep running has still to go before message `number`."""
    part = np.float64(draw(seed, PHASE, session, number) >> np.uint64(40)) / 16777216.0
    return np.int64(np.float64(mrai) * part)
