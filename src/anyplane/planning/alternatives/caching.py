"""Caching: how long users keep the address of a site that has died.

An answer was fetched at some time before, so what is left of its life is uniform between nothing and its TTL.
Some resolvers, browsers and applications keep it longer (Pang et al., "On the responsiveness of DNS-based
network control", IMC 2004): for a share of users the answer lives TTL + overrun.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anyplane.planning.weighted import Float64

INSTANT_S = 1e-6
"""An answer that lives no longer is not kept at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caching:
    """TTL, overruns as (share of users, seconds), detect_s: from the death to answers without the site."""

    ttl_s: float = 60.0
    overruns: tuple[tuple[float, float], ...] = ((0.1, 300.0), (0.02, 3600.0))
    detect_s: float = 30.0

    def faults(self) -> list[str]:
        """What is wrong with these numbers, in words."""
        found = []
        if not 0 <= self.ttl_s <= 604_800:
            found.append(f"--ttl: {self.ttl_s:g} is not 0 to 604,800 seconds (a week)")
        shares = [share for share, _ in self.overruns]
        if not all(0 <= share <= 1 for share in shares) or not sum(shares) <= 1 + 1e-9:
            found.append("--ttl-overrun: shares are 0 to 1 and at most 1 together")
        if not all(0 <= seconds <= 604_800 for _, seconds in self.overruns):
            found.append("--ttl-overrun: an overrun is 0 to 604,800 seconds")
        if not 0 <= self.detect_s <= 86_400:
            found.append(f"--detect: {self.detect_s:g} is not 0 to 86,400 seconds (a day)")
        return found

    @property
    def lives(self) -> tuple[tuple[float, float], ...]:
        """(share of users, seconds that an answer lives with them)."""
        rest = max(0.0, 1.0 - sum(share for share, _ in self.overruns))
        return ((rest, self.ttl_s), *((share, self.ttl_s + more) for share, more in self.overruns))

    def stale(self, at_s: Float64) -> Float64:
        """The share of those with the dead address that still have it, so many seconds after the death."""
        since = np.asarray(at_s, np.float64) - self.detect_s
        out = np.zeros_like(since)
        for share, life in self.lives:
            left = (
                np.clip(1.0 - since / life, 0.0, 1.0) if life > INSTANT_S else (since < 0).astype(np.float64)
            )
            out += share * left
        # Shares add up to one only almost.
        return np.where(since < 0, 1.0, np.minimum(out, 1.0))

    def lasts(self, within_s: float) -> float:
        """The mean seconds that a user keeps the dead address, counted up to `within_s`."""
        known = min(self.detect_s, within_s)
        room = max(0.0, within_s - self.detect_s)
        mean = 0.0
        for share, life in self.lives:
            if life > INSTANT_S:
                span = min(room, life)
                mean += share * (span - span * span / (2.0 * life))
        return known + mean

    def by(self, part: float) -> float:
        """Seconds after which this part of them has another address."""
        low, high = self.detect_s, self.detect_s + max(life for _, life in self.lives)
        if float(self.stale(np.array([low]))[0]) <= 1 - part:
            return low
        for _ in range(60):
            middle = (low + high) / 2
            is_enough = float(self.stale(np.array([middle]))[0]) <= 1 - part
            low, high = (low, middle) if is_enough else (middle, high)
        return high
