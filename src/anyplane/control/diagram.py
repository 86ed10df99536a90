"""The state table as a picture and as text, made from the table itself: neither can be out of date."""

from __future__ import annotations

from html import escape

from anyplane.control.states import LEVEL_OF, TABLE, Level, Situation, State, follow

LEVELS = (Level.FULL, Level.LOW, Level.DRAIN, Level.NONE)
HEADINGS = {
    Level.FULL: "announced",
    Level.LOW: "announced low",
    Level.DRAIN: "draining",
    Level.NONE: "not announced",
}
MEANINGS = {
    State.INIT: "nothing is known yet",
    State.RISING: "checks pass, but not often enough yet",
    State.UP: "announced as designed",
    State.FALLING: "a check fails, not often enough yet, or the guard waits for a word",
    State.DOWN: "withdrawn: a local check failed and the guard agreed",
    State.DEGRADED: "announced so that others are preferred: a dependency failed",
    State.DRAINING: "GRACEFUL_SHUTDOWN and prepends, before the withdrawal",
    State.DRAINED: "withdrawn by an operator",
    State.HELD: "it failed, but too few others could take its place",
    State.QUARANTINE: "healthy, but it flapped and waits",
    State.ISOLATED: "it failed, but no other site is heard",
    State.FROZEN: "an operator or a common cause stopped all changes",
}
_WIDTH, _ROW, _LABEL, _CELL, _TOP = 900, 30, 372, 128, 64
_COLOURS = {Level.FULL: "full", Level.LOW: "low", Level.DRAIN: "drain", Level.NONE: "none"}
_STYLE = """\
svg { font: 14px system-ui, sans-serif; background: #fff; }
text { fill: #1a1a1a; } .faint { fill: #555; }
.full { fill: #b6e3d4; } .low { fill: #f7dca8; } .drain { fill: #c5e3f6; } .none { fill: #e4e4e4; }
.kept { fill: none; stroke-dasharray: 4 3; stroke-width: 1.5; }
.kept.full { stroke: #009e73; } .kept.low { stroke: #b87a00; } .kept.drain { stroke: #2f8fc7; }
.kept.none { stroke: #888; }
@media (prefers-color-scheme: dark) {
  svg { background: #16181c; } text { fill: #eee; } .faint { fill: #aaa; }
  .full { fill: #0d5c46; } .low { fill: #6b4a08; } .drain { fill: #1f506e; } .none { fill: #3a3d42; }
  .kept { fill: none; }
}"""


def as_svg() -> str:
    """The table as a self-contained SVG: a row for each situation, a column for the level that it meets."""
    height = _TOP + _ROW * len(Situation) + 44
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
            f'aria-label="The states of a service: for each situation and level, the state that follows">'
        ),
        f"<style>{_STYLE}</style>",
        _text(12, 26, "What is known", bold=True),
        _text(_LABEL, 26, "... and the state of a service that was", bold=True),
    ]
    for column, level in enumerate(LEVELS):
        parts.append(_text(_LABEL + column * _CELL + 6, 52, HEADINGS[level], faint=True))
    for row, situation in enumerate(Situation):
        y = _TOP + row * _ROW
        parts.append(_text(12, y + 20, situation.value))
        for column, level in enumerate(LEVELS):
            state, after = follow(level, situation)
            x = _LABEL + column * _CELL
            kept = " kept" if LEVEL_OF[state] is None else ""
            parts.append(
                f'<rect class="{_COLOURS[after]}{kept}" x="{x + 2}" y="{y + 2}" width="{_CELL - 6}" '
                f'height="{_ROW - 5}" rx="4"/>'
            )
            parts.append(_text(x + 10, y + 20, state.name))
    y = _TOP + _ROW * len(Situation) + 26
    legend = (
        "Colour: how it is announced from then on. Dashed: as before. The first situation that holds counts."
    )
    parts.append(_text(12, y, legend, faint=True))
    return "\n".join([*parts, "</svg>", ""])


def as_markdown() -> str:
    """The table's twin for screen readers and terminals, and what each state means."""
    head = " | ".join(HEADINGS[level] for level in LEVELS)
    lines = [f"| what is known | {head} |", "|---" * (len(LEVELS) + 1) + "|"]
    for situation in Situation:
        states = " | ".join(TABLE[level, situation].name for level in LEVELS)
        lines.append(f"| {situation.value} | {states} |")
    lines += ["", "| state | means | announced |", "|---|---|---|"]
    for state in State:
        level = LEVEL_OF[state]
        how = "as before" if level is None else HEADINGS[level].removeprefix("announced ")
        how = {"announced": "as designed", "not announced": "no"}.get(how, how)
        lines.append(f"| {state.name} | {MEANINGS[state]} | {how} |")
    return "\n".join([*lines, ""])


def _text(x: float, y: float, words: str, *, bold: bool = False, faint: bool = False) -> str:
    weight = ' font-weight="600"' if bold else ""
    kind = ' class="faint"' if faint else ""
    return f'<text x="{x}" y="{y}"{weight}{kind}>{escape(words)}</text>'
