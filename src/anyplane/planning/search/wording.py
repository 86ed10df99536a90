"""wording: the sentences and short cells that terminal and page share about a SearchReport."""

from __future__ import annotations

from anyplane.planning.figures import count, listed, ms, percent, promised, whole
from anyplane.planning.report import State
from anyplane.planning.search.marks import UNSERVED_MS
from anyplane.planning.search.report import (
    Choice,
    EditWorth,
    PromiseFigures,
    ScenarioFigures,
    SearchReport,
)

LEAST_MS = 0.005
"""Less is written as nothing."""
LEAST_UNSERVED = 0.0005
"""Fewer users without a site are not written about."""
MOST_ON_SCREEN = 6
"""Decimal places of a space that is written out; a larger one is written as a power of ten."""


def goal_name(report: SearchReport) -> str:
    """ "mean", "p95"."""
    return report.goal


def effort(report: SearchReport) -> str:
    """What was looked at, in one sentence."""
    if report.space_log10 <= MOST_ON_SCREEN:
        size = round(10**report.space_log10)
        space = f"{size:,} choice{'s' if size > 1 else ''}"
    else:
        space = f"10^{report.space_log10:.0f} choices"
    kinds = listed(list(report.turns), most=6)
    said = (
        f"{report.open_uplinks} of {report.uplinks} uplinks may be turned ({kinds}): {space}; "
        f"{report.evaluated:,} announcement set{'s were' if report.evaluated > 1 else ' was'} evaluated"
    )
    if report.stopped:
        why = "interrupted" if report.stopped == "interrupt" else "the time was over"
        return f"{said} ({why}; what follows is the best until then)."
    return f"{said}, {'every choice' if report.is_exhaustive else f'seed {report.seed}'}."


def counting(report: SearchReport) -> str:
    """How users without a site count in the RTT of the table, where there are any; else ""."""
    if not any(unserved(choice) >= LEAST_UNSERVED for choice in report.choices):
        return ""
    return (
        f"In the {report.goal} a user without a site counts {UNSERVED_MS:,.0f} ms; `plan` prints that of "
        "those who reach one."
    )


def verdict(report: SearchReport) -> str:
    """The answer in one or two sentences."""
    today, picked = report.today, report.picked
    if picked.changes == 0:
        scope = "There is nothing better" if report.is_exhaustive else "Nothing better than today was found"
        return f"{scope}: {report.goal} RTT stays {ms(today.rtt_ms)} ms."
    changes = f"{picked.changes} change{'s' if picked.changes > 1 else ''}"
    way = "bring" if picked.rtt_ms <= today.rtt_ms else "take"
    way += "s" if picked.changes == 1 else ""
    said = f"{changes} {way} the {report.goal} RTT from {ms(today.rtt_ms)} to {ms(picked.rtt_ms)} ms"
    mended = _mended(today, picked)
    if mended:
        said += f"; that also {' and '.join(mended)}"
    worse = _worsened(today, picked)
    if worse:
        said += f"; but {' and '.join(worse)}"
    few = next((row for row in report.choices if 0 < row.changes < picked.changes), None)
    gain = today.rtt_ms - picked.rtt_ms
    if few is not None and gain > 0 and not mended and not worse:
        part = (today.rtt_ms - few.rtt_ms) / gain
        said += f"; {few.changes} of them {'brings' if few.changes == 1 else 'bring'} {percent(part)} of that"
    return said + "."


def _mended(today: Choice, picked: Choice) -> list[str]:
    found = []
    was = [item for item in today.promises if item.state is State.BROKEN]
    now = {(item.name, item.scenario): item for item in picked.promises}
    kept = [item for item in was if now[item.name, item.scenario].state is not State.BROKEN]
    if kept:
        found.append(f"keeps {', '.join(dict.fromkeys(item.name for item in kept))}")
    more = unserved(today) - unserved(picked)
    if more >= LEAST_UNSERVED:
        found.append(f"serves {percent(more)} of users who reach no site today")
    if picked.overload < today.overload:
        found.append("takes overload off the sites" if not picked.overload else "lessens overload")
    elif picked.strain < today.strain and not any("failure" in item.name for item in kept):
        found.append("makes the worst failure milder")
    elif not kept and picked.broken < today.broken:
        found.append("comes nearer to the objectives")
    return found


def _worsened(today: Choice, picked: Choice) -> list[str]:
    """What somebody who reads nothing else must know: the order allows it where something above is better."""
    found = []
    was = {(item.name, item.scenario): item.state for item in today.promises}
    broken = [
        item.name
        for item in picked.promises
        if item.state is State.BROKEN and was[item.name, item.scenario] is not State.BROKEN
    ]
    if broken:
        found.append(f"breaks {', '.join(dict.fromkeys(broken))}")
    off = [
        site.site
        for before, site in zip(today.sites, picked.sites, strict=True)
        if before.is_announced and not site.is_announced
    ]
    if off:
        found.append(f"withdraws {listed(off, most=6)} altogether")
    full, fuller = _fullest(today), _fullest(picked)
    if picked.overload > today.overload:
        found.append("adds overload")
    elif fuller > max(full, 1.0):
        found.append(f"fills the fullest site to {whole(fuller)} (today {whole(full)})")
    if picked.strain > today.strain and "worst_failure" not in "".join(broken):
        found.append(f"makes the worst failure worse ({worst_word(picked)}, today {worst_word(today)})")
    return found


def _fullest(choice: Choice) -> float:
    return max((site.utilisation or 0.0 for site in choice.sites), default=0.0)


def gained(item: ScenarioFigures) -> str:
    """What of a scenario's gain is sure; a loss is called one."""
    if item.gain_ms >= 0:
        said = f"of {ms(item.gain_ms)} ms gained in the mean, {ms(item.gain_certain_ms)} ms come from users"
    elif item.gain_certain_ms <= 0:
        said = f"of {ms(-item.gain_ms)} ms lost in the mean, {ms(-item.gain_certain_ms)} ms are lost by users"
    else:
        said = (
            f"{ms(-item.gain_ms)} ms are lost in the mean, but {ms(item.gain_certain_ms)} ms gained by users"
        )
    return f"{said} whose site is certain before and after"


def worst_word(choice: Choice) -> str:
    """ "ams 104 %": the fullest site in the worst failure; else the slowest p95 after one."""
    worst = choice.worst
    if worst is None:
        return "–"
    if worst.utilisation is not None:
        return f"{worst.fullest} {whole(worst.utilisation)}"
    return "p95 unserved" if worst.p95_ms is None else f"p95 {ms(worst.p95_ms)} ms"


def unserved(choice: Choice) -> float:
    """The part of all users that reaches no site."""
    users = sum(item.users for item in choice.scenarios)
    return sum(item.unserved for item in choice.scenarios) / users if users else 0.0


def edit_gain(item: EditWorth) -> str:
    """ "−3.21 ms", and what it mends."""
    return _change(-item.gain_ms, item.mends, "mends")


def edit_loss(item: EditWorth) -> str:
    """ "+1.4 ms", and what gets worse."""
    return _change(item.without_ms, item.breaks, "worse:")


def _change(value: float, parts: tuple[str, ...], word: str) -> str:
    said = "±0 ms" if abs(value) < LEAST_MS else f"{'+' if value > 0 else '−'}{abs(value):.2f} ms"
    return f"{said}, {word} {', '.join(parts)}" if parts else said


def broken_promises(choice: Choice) -> list[str]:
    """One line for each promise that is broken."""
    return [_promise(item) for item in choice.promises if item.state is State.BROKEN]


def _promise(item: PromiseFigures) -> str:
    where = f" ({item.scenario})" if item.scenario else ""
    if item.name.startswith("residency "):
        return f"{item.name}{where}: {count(item.actual or 0.0)} users certainly at a forbidden site"
    actual = "not served" if item.actual is None else promised(item.name, item.actual)
    return f"{item.name}{where}: {actual}; promised {promised(item.name, item.target)}"
