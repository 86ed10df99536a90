"""figures: times, shares and counts as all reports of a game day write them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby

from anyplane.lab.gameday.outcome import STALL, Event, Outcome

NONE = "–"
NOBODY = "nobody"


def duration(seconds: float | None) -> str:
    """320 ms, 4.25 s, 75 s; – where it did not happen."""
    if seconds is None:
        return NONE
    if seconds == 0:
        return "0 ms"
    if abs(seconds) < 0.01:
        return f"{seconds * 1000:.1f} ms"
    if abs(seconds) < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.2f} s" if abs(seconds) < 10 else f"{seconds:.1f} s"


def moment(seconds: float) -> str:
    """A time on the timeline: 3.214 s."""
    return f"{seconds:.3f} s"


def share(value: float | None) -> str:
    """12.5 %; what is not zero is not written so."""
    if value is None:
        return NONE
    if 0 < value < 0.0001:
        return "<0.01 %"
    return f"{value * 100:.2f} %" if value < 0.1 else f"{value * 100:.1f} %"


def people(value: float) -> str:
    """31.3 M, 812."""
    for factor, unit in ((1e9, "bn"), (1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{value / factor:.3g} {unit}"
    return f"{value:.0f}"


def worst_outage(outcome: Outcome) -> str:
    """15 ms (14 ms to 16 ms); where there was none, how long one may have been and not be seen."""
    low, high = outcome.worst_outage_between_s
    if not high:
        return duration(outcome.worst_outage_s)
    if not outcome.worst_outage_s:
        return f"no outage of {duration(high)} or more"
    return f"{duration(outcome.worst_outage_s)} ({duration(low)} to {duration(high)})"


def folded(events: Iterable[Event]) -> tuple[Event, ...]:
    """The events, with stalls that nothing came between as one."""
    found: list[Event] = []
    for is_stall, group in groupby(events, key=lambda one: one.kind == STALL):
        listed = [*group]
        found += [_fold(listed)] if is_stall and len(listed) > 1 else listed
    return tuple(found)


def _fold(stalls: Sequence[Event]) -> Event:
    total, longest = sum(one.for_s for one in stalls), max(one.for_s for one in stalls)
    text = (
        f"{len(stalls)} stalls until {moment(stalls[-1].at_s)}, {duration(total)} in all, "
        f"the longest {duration(longest)}"
    )
    return replace(stalls[0], text=text, for_s=total)


def letters(sites: Iterable[str]) -> dict[str, str]:
    """A short mark for each site that no other has: mad -> M, mia -> MI."""
    names = list(dict.fromkeys(sites))
    marks: dict[str, str] = {}
    for name in names:
        for length in range(1, len(name) + 1):
            mark = name[:length].upper()
            if all(other == name or not other.upper().startswith(mark) for other in names):
                break
        marks[name] = mark
    return marks


def sites_of(outcome: Outcome) -> tuple[str, ...]:
    """All sites, those of the design first, in its order, then whoever else answered (a hijacker)."""
    others = sorted({span.site for client in outcome.clients for span in client.spans if span.site})
    return tuple(dict.fromkeys([*(load.site for load in outcome.loads), *others]))


def conclusion(outcome: Outcome) -> str:
    """The whole day in one sentence."""
    total, kept = len(outcome.verdicts), sum(one.is_kept for one in outcome.verdicts)
    if outcome.errors:
        return f"could not be carried out: {outcome.errors[0]}"
    noun = "expectation" if total == 1 else "expectations"
    if kept == total:
        return f"all {total} {noun} kept" if total > 1 else "the one expectation kept"
    disturbed = "; this machine stood still meanwhile" if outcome.is_disturbed else ""
    return f"{total - kept} of {total} {noun} broken{disturbed}"
