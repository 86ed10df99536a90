"""figures: numbers as people read them: 31.3 M users, 56.6 %, 154.9 ms, and bars that need no colour."""

from __future__ import annotations

from collections.abc import Sequence

from anyplane.planning.report import Share

UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
PEOPLE_UNITS = ((1e9, "bn"), (1e6, "M"), (1e3, "k"))


def count(value: float) -> str:
    """Users: "5.41 bn", "31.3 M", "1,240", three digits that count."""
    return _scaled(value, PEOPLE_UNITS)


def rate(value: float, unit: str) -> str:
    """A load: "12.4 kqps", "3.1 Gbps"."""
    text = _scaled(value, UNITS)
    return f"{text}{unit}" if " " in text else f"{text} {unit}"


def percent(share: float | None) -> str:
    """ "56.6 %"; "<0.1 %" for what would read as nothing, and "–" for None."""
    if share is None:
        return "–"
    if 0 < share < 0.0005:
        return "<0.1 %"
    return f"{share * 100:.1f} %"


def interval(low: float, high: float) -> str:
    """Two shares: "24.0 – 37.4 %"."""
    return f"{low * 100:.1f} – {high * 100:.1f} %"


def whole(share: float) -> str:
    """A share or a utilisation without decimals: "82 %"; "<1 %" for what would read as nothing."""
    return "<1 %" if 0 < share < 0.005 else f"{share * 100:.0f} %"


def ms(value: float | None) -> str:
    """Milliseconds: one digit below 100, whole from there; "–" for None."""
    if value is None:
        return "–"
    return f"{value:.1f}" if abs(value) < 99.95 else f"{value:,.0f}"


def bar(share: Share, *, full: float, width: int, is_plain: bool = False) -> str:
    """certain, then expected, then possible, as three shades; `full` is the share that fills the width."""
    dark, medium, light = ("#", "+", ".") if is_plain else ("█", "▓", "░")
    ends = [
        round(width * min(1.0, part / full)) if full > 0 else 0
        for part in (share.certain, share.expected, share.possible)
    ]
    return dark * ends[0] + medium * (ends[1] - ends[0]) + light * (ends[2] - ends[1])


def listed(names: Sequence[str], *, most: int) -> str:
    """ "a, b, c and 4 more"."""
    shown = ", ".join(names[:most])
    rest = len(names) - most
    return f"{shown} and {rest} more" if rest > 0 else shown


def _scaled(value: float, units: Sequence[tuple[float, str]]) -> str:
    for scale, name in units:
        if abs(value) >= scale * 0.9995:
            scaled = value / scale
            digits = 2 if abs(scaled) < 9.995 else 1 if abs(scaled) < 99.95 else 0
            return f"{scaled:.{digits}f} {name}"
    return f"{value:,.0f}" if abs(value) >= 10 or value == int(value) else f"{value:.1f}"
