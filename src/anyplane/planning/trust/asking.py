"""Asking: what is asked of `trust`."""

from __future__ import annotations

from dataclasses import dataclass

from anyplane.model.nouns import Prefix


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What is asked. now: Unix time. more_specifics, scrubbers: what an emergency would need.

    sample, seed: how many networks are drawn as attackers; attackers: these instead. alone: compare with each
    single site too.
    """

    now: int
    expires_within_s: float = 7 * 86_400.0
    group: str = ""
    scrubbers: tuple[int, ...] = ()
    more_specifics: tuple[Prefix, ...] = ()
    attackers: tuple[int, ...] = ()
    sample: int = 1000
    seed: int = 1
    alone: bool = True
