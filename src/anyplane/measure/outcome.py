"""Outcome and Prober: what one run of a check says, and what can be run."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

DETAIL_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One answer: good or not, what a person reads, seconds it took (0: as long as the run)."""

    is_ok: bool
    detail: str = ""
    latency_s: float = 0.0


Alarm = Callable[[Outcome], None]


class Unhealthy(Exception):  # noqa: N818  # it reads as what it says
    """The answer is no, and this is the detail. Raised by probers, caught by whoever runs them."""


class Prober(Protocol):
    """One check's means of asking, kept from run to run so that nothing is made twice.

    `doing` says what it waits for, in the words of "no answer in 500 ms, `doing`". `probe` has no deadline of
    its own: who calls it cancels it. `close` ends what outlives a run.
    """

    doing: str

    async def probe(self) -> Outcome:
        """Ask once. Unhealthy and OSError mean no."""
        ...

    def close(self) -> None:
        """Let go of what is held between runs."""
        ...


def good(detail: str = "", *, latency_s: float = 0.0) -> Outcome:
    """The answer yes."""
    return Outcome(is_ok=True, detail=detail, latency_s=latency_s)


def bad(detail: str, *, latency_s: float = 0.0) -> Outcome:
    """The answer no, in one printable line."""
    return Outcome(is_ok=False, detail=tidy(detail), latency_s=latency_s)


def told(error: BaseException) -> str:
    """What a person reads about an error."""
    if isinstance(error, Unhealthy):
        return str(error)
    if isinstance(error, OSError) and error.errno and error.strerror:
        text = os.strerror(error.errno) if error.errno > 0 else error.strerror
        return text[:1].lower() + text[1:] + (f": {error.filename}" if error.filename else "")
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def tidy(text: str) -> str:
    """One printable line of at most DETAIL_MAX characters: it came from outside and goes to terminals."""
    line = "".join(one if one.isprintable() else " " for one in text[: 4 * DETAIL_MAX]).strip()
    return line if len(line) <= DETAIL_MAX else line[: DETAIL_MAX - 1] + "…"


def milliseconds(seconds: float) -> str:
    """ "3.2 ms", "500 ms", "12 s"."""
    if seconds >= 10:
        return f"{seconds:.0f} s"
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"
