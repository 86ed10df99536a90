"""figures: numbers as people read them: 31.3 M users, 56.6 %, 155 ms, and bars that need no colour.

The terminal and the page both write their numbers with these, so that they say the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from anyplane.design.countries import named
from anyplane.planning.report import Audience, Share

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
    """ "56.6 %"; never rounded to nothing or to all: "<0.1 %", ">99.9 %"; and "–" for None."""
    if share is None:
        return "–"
    if share in (0, 1):
        return f"{share * 100:.0f} %"
    if 0 < share < 0.0005:
        return "<0.1 %"
    if 0.9995 <= share < 1:
        return ">99.9 %"
    return f"{share * 100:.1f} %"


def interval(low: float, high: float) -> str:
    """Two shares: "24.0 – 37.4 %"."""
    return f"{low * 100:.1f} – {high * 100:.1f} %"


def whole(share: float | None) -> str:
    """A utilisation or a coarse share without decimals: "82 %"; "<1 %", and "100.4 %" for a bit too full."""
    if share is None:
        return "–"
    if 0 < share < 0.005:
        return "<1 %"
    if 1 < share < 1.005:
        return f"{max(share * 100, 100.1):.1f} %"
    return f"{share * 100:.0f} %"


def ms(value: float | None) -> str:
    """Milliseconds: one digit below 100, whole from there; "–" for None."""
    if value is None:
        return "–"
    return f"{value:.1f}" if abs(value) < 99.95 else f"{value:,.0f}"


def promised(name: str, value: float | None) -> str:
    """The value of an objective in the unit of its key in the design; times to a tenth."""
    if value is None:
        return "–"
    if name.endswith("_rtt"):
        return f"{value:,.1f} ms"
    return whole(value) if name.endswith("_load") else percent(value)


def areas(countries: Iterable[str]) -> str:
    """ "EU, CH": countries in few words."""
    return listed(named(countries), most=6)


def whereabouts(audience: Audience | None) -> str:
    """What follows the word users: " in EU", " (everybody but EU)", or nothing when all are meant."""
    if audience is None:
        return ""
    where = areas(audience.countries)
    return f" (everybody but {where})" if audience.is_exclusion else f" in {where}"


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
