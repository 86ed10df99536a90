"""Wish, Try and Step: what is asked of the search for new sites, and what it hands back."""

from __future__ import annotations

from dataclasses import dataclass

from anyplane.planning.search.new_sites_places import Candidate
from anyplane.planning.search.new_sites_report import Aim


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked for. size: transits of a new site. group: of prefixes, "" where the design has one alone.

    capacity: of each new site in the design's unit, None: none said; capacity_text: as it is to be written.
    is_exhaustive: look at every metro and every set of upstreams, whatever it could win.
    """

    count: int = 1
    aim: Aim = Aim.MEAN
    only_used: bool = False
    size: int = 2
    group: str = ""
    capacity: float | None = None
    capacity_text: str = ""
    is_exhaustive: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One site that was reckoned: where, with which of the candidate's offers, and what came of it.

    value: the aim with it; gain: what the aim falls by. safety: users newly without a site or newly astray.
    """

    candidate: Candidate
    offers: tuple[int, ...]
    value: float
    gain: float
    safety: float

    @property
    def rank(self) -> tuple[float, float, int, str, tuple[int, ...]]:
        """Less is better."""
        return (self.safety, self.value, len(self.offers), self.candidate.code, self.offers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the search: the best site, and the best of every metro that was looked at, best first."""

    best: Try | None
    by_metro: tuple[Try, ...]
    metros: int
    sets: int
