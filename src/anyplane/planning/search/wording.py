"""wording: the sentences and short cells that terminal and page share about a SearchReport."""

from __future__ import annotations

from anyplane.planning.figures import count, listed, ms, percent, promised, whole
from anyplane.planning.report import State
from anyplane.planning.search.report import Choice, EditWorth, PromiseFigures, SearchReport

LEAST_MS = 0.005
"""Less is written as nothing."""
MOST_ON_SCREEN = 6
"""Decimal places of a space that is written out; a larger one is written as a power of ten."""


def goal_name(report: SearchReport) -> str:
    """ "mean", "p95"."""
    return report.goal


def effort(report: SearchReport) -> str:
    """What was looked at, in one sentence."""
    if report.space_log10 <= MOST_ON_SCREEN:
        space = f"{round(10**report.space_log10):,} choices"
    else:
        space = f"10^{report.space_log10:.0f} choices"
    kinds = listed(list(report.turns), most=6)
    said = (
        f"{report.open_uplinks} of {report.uplinks} uplinks may be turned ({kinds}): {space}; "
        f"{report.evaluated:,} announcement sets were evaluated"
    )
    if report.stopped:
        why = "interrupted" if report.stopped == "interrupt" else "the time was over"
        return f"{said} ({why}; what follows is the best until then)."
    return f"{said}, {'every choice' if report.is_exhaustive else f'seed {report.seed}'}."


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
    few = next((row for row in report.choices if 0 < row.changes < picked.changes), None)
    gain = today.rtt_ms - picked.rtt_ms
    if few is not None and gain > 0 and not mended:
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
    if picked.overload < today.overload:
        found.append("takes overload off the sites" if not picked.overload else "lessens overload")
    elif picked.strain < today.strain and not any("failure" in item.name for item in kept):
        found.append("makes the worst failure milder")
    elif not kept and picked.broken < today.broken:
        found.append("comes nearer to the objectives")
    return found


def worst_word(choice: Choice) -> str:
    """ "ams 104 %": the fullest site in the worst failure; else the slowest p95 after one."""
    worst = choice.worst
    if worst is None:
        return "–"
    if worst.utilisation is not None:
        return f"{worst.fullest} {whole(worst.utilisation)}"
    return f"p95 {ms(worst.p95_ms)} ms"


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
