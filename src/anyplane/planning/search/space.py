"""Space: what may be turned at each uplink, and which choices of it all are allowed."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import prod

import numpy as np
from numpy.typing import NDArray

from anyplane.design import communities as words
from anyplane.design.design import Design, Upstream
from anyplane.design.setting import (
    OFF,
    Setting,
    Uplink,
    actions_known,
    setting_of,
    uplink_name,
    uplinks,
    upstream_at,
)
from anyplane.model.errors import UsageError
from anyplane.planning.variants import Choices, Variants

MOST_FOR_PAIRS = 4
"""Action communities of one upstream up to which each pair of them is tried too."""
MED = 100
"""Any number above 0 does the same: MED is only compared."""


class Turn(StrEnum):
    """A kind of change."""

    PREPEND = "prepend"
    WITHDRAW = "withdraw"
    NO_EXPORT = "no-export"
    COMMUNITIES = "communities"
    MED = "med"
    BACKUP = "backup"


DEFAULT_TURNS = (Turn.PREPEND, Turn.WITHDRAW, Turn.NO_EXPORT, Turn.COMMUNITIES)
DEFAULT_PREPENDS = (0, 1, 2, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the search must leave as it is.

    keep: names of sites ("fra") and uplinks ("fra/AS174", "fra/AS174#2") that are not to be touched.
    min_sites: so many sites announce each prefix, or as many as today where those are fewer. most_changes:
    uplinks set otherwise than today; 0: any number.
    """

    turns: tuple[Turn, ...] = DEFAULT_TURNS
    prepends: tuple[int, ...] = DEFAULT_PREPENDS
    keep: tuple[str, ...] = ()
    min_sites: int = 2
    most_changes: int = 0


def settings_to_try(design: Design, limits: Limits) -> dict[Uplink, tuple[Setting, ...]]:
    """For each uplink that may be turned, the settings to choose from besides the one as designed.

    One kind of change at a time: an uplink is prepended, or withdrawn, or sends other communities. Blackholes
    are no part of steering and stay.
    """
    kept = _kept(design, limits.keep)
    found: dict[Uplink, tuple[Setting, ...]] = {}
    for uplink in uplinks(design):
        upstream = upstream_at(design, uplink)
        if uplink not in kept and not upstream.is_blackhole and upstream.prefixes:
            now = setting_of(design, upstream)
            tried = dict.fromkeys(_settings(design, upstream, now, limits))
            tried.pop(now, None)
            if tried:
                found[uplink] = tuple(tried)
    return found


def _settings(design: Design, upstream: Upstream, now: Setting, limits: Limits) -> list[Setting]:
    turns, found = limits.turns, []
    if Turn.PREPEND in turns:
        found += [replace(now, prepend=times) for times in limits.prepends]
    if Turn.NO_EXPORT in turns:
        found.append(replace(now, is_no_export=not now.is_no_export))
    if Turn.COMMUNITIES in turns:
        known = [text for text in actions_known(design, upstream) if text != words.BLACKHOLE]
        found += [replace(now, actions=(text,)) for text in known]
        if len(known) <= MOST_FOR_PAIRS:
            found += [replace(now, actions=pair) for pair in itertools.combinations(known, 2)]
        found.append(replace(now, actions=()))
    if Turn.MED in turns and _sessions_with(design, upstream) > 1:
        found += [replace(now, med=med) for med in (0, MED)]
    if Turn.BACKUP in turns:
        found.append(replace(now, is_backup=not now.is_backup))
    if Turn.WITHDRAW in turns:
        found.append(OFF)
    return found


def _sessions_with(design: Design, upstream: Upstream) -> int:
    return sum(int(upstream_at(design, uplink).asn) == int(upstream.asn) for uplink in uplinks(design))


def _kept(design: Design, names: Sequence[str]) -> set[Uplink]:
    """The uplinks that these names mean; UsageError for a name that means none."""
    kept: set[Uplink] = set()
    places = uplinks(design)
    for name in names:
        meant = {
            uplink
            for uplink in places
            if name.casefold()
            in (
                str(design.sites[uplink.site].name).casefold(),
                uplink_name(design, uplink).casefold(),
                f"{design.sites[uplink.site].name}/AS{int(upstream_at(design, uplink).asn)}".casefold(),
                f"{design.sites[uplink.site].name}/{int(upstream_at(design, uplink).asn)}".casefold(),
            )
        }
        if not meant:
            raise UsageError(
                f"--keep {name}: no enabled site or uplink is called so",
                hint=f"name a site ({design.sites[0].name}) or one of its upstreams "
                f"({uplink_name(design, places[0])})"
                if places
                else "",
            )
        kept |= meant
    return kept


class Space:
    """All allowed choices over the uplinks of some Variants (all of the same uplinks and options)."""

    def __init__(self, made: Sequence[Variants], limits: Limits) -> None:
        self.uplinks = made[0].uplinks
        self.sizes = tuple(len(options) for options in made[0].options)
        self.limits = limits
        self.open = tuple(u for u, size in enumerate(self.sizes) if size > 1)
        sites = [uplink.site for uplink in self.uplinks]
        names, of_uplink = np.unique(np.array(sites, np.int64), return_inverse=True)
        self._at_site = np.zeros((len(sites), len(names)), np.int64)
        self._at_site[np.arange(len(sites)), of_uplink.ravel()] = 1
        most = max(self.sizes, default=1)
        self._heard = []
        for one in made:
            heard = np.zeros((len(sites), most), np.int64)
            for u, options in enumerate(one.heard):
                heard[u, : len(options)] = [len(option.seeds) > 0 for option in options]
            self._heard.append(heard)
        today = self.today()
        self._least = [min(limits.min_sites, int(self._announcing(today, h)[0])) for h in self._heard]

    @property
    def size(self) -> int:
        """How many choices there are, allowed or not."""
        return prod(self.sizes)

    def today(self) -> Choices:
        """(1, U) the choice that changes nothing."""
        return np.zeros((1, len(self.uplinks)), np.int16)

    def allowed(self, choices: Choices) -> NDArray[np.bool_]:
        """(R,) whether enough sites announce, and not too much is changed."""
        fine = np.ones(len(choices), bool)
        for heard, least in zip(self._heard, self._least, strict=True):
            fine &= self._announcing(choices, heard) >= least
        if self.limits.most_changes:
            fine &= (choices != 0).sum(axis=1) <= self.limits.most_changes
        return fine

    def all(self) -> Choices:
        """Every allowed choice, in the order of counting; only where `size` is small."""
        grids = np.meshgrid(*(np.arange(size, dtype=np.int16) for size in self.sizes), indexing="ij")
        choices = np.stack([grid.ravel() for grid in grids], axis=1)
        return choices[self.allowed(choices)]

    def moves(self) -> NDArray[np.int64]:
        """(M, 2) every (uplink, option) that there is, those as designed too."""
        return np.array([(u, o) for u in self.open for o in range(self.sizes[u])], np.int64).reshape(-1, 2)

    def moved(self, choice: Choices, moves: NDArray[np.int64]) -> Choices:
        """(M, U) one choice (U,) with each of these moves (M, 2); itself and what is not allowed left out."""
        made = np.repeat(choice[np.newaxis, :], len(moves), axis=0)
        made[np.arange(len(moves)), moves[:, 0]] = moves[:, 1]
        made = made[choice[moves[:, 0]] != moves[:, 1]]
        fine: Choices = made[self.allowed(made)]
        return fine

    def _announcing(self, choices: Choices, heard: NDArray[np.int64]) -> NDArray[np.int64]:
        """(R,) sites that announce something."""
        is_heard = heard[np.arange(len(self.uplinks)), choices]
        count: NDArray[np.int64] = ((is_heard @ self._at_site) > 0).sum(axis=1)
        return count
