"""Times and counts of running a site: "1 s", "10 min" -> seconds, each within what makes sense."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from anyplane.design.quantities import NUMBER, Unfit, shown

UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}
TIME_PATTERN = rf"^\s*{NUMBER}\s*(?:{'|'.join(UNITS)})\s*$"
_LIKELY = (("s", 1.0), ("ms", 0.001), ("min", 60.0))
_LOOSE = re.compile(rf"^\s*({NUMBER})\s*([A-Za-z]+)\s*$")
_SLIPS = {
    "msec": "ms",
    "millisecond": "ms",
    "milliseconds": "ms",
    "sec": "s",
    "secs": "s",
    "second": "s",
    "seconds": "s",
    "m": "min",
    "mins": "min",
    "minute": "min",
    "minutes": "min",
    "hour": "h",
    "hours": "h",
    "hr": "h",
}


def seconds(value: object) -> float:
    """ "500 ms" -> 0.5; "10 min" -> 600.0."""
    if isinstance(value, str) and re.match(TIME_PATTERN, value):
        number, unit = re.match(rf"\s*({NUMBER})\s*([a-z]+)", value).groups()  # type: ignore[union-attr]  # pattern matched
        result = round(float(number) * UNITS[unit], 9)
        if 0 < result < math.inf:
            return result
        raise Unfit(f"{shown(value)} is not a time above zero")
    hint = "write for example 500 ms, 3 s or 10 min"
    if isinstance(value, int | float) and not isinstance(value, bool):
        hint = f"add the unit: {value} s"
    elif isinstance(value, str) and (loose := _LOOSE.match(value)):
        number, unit = loose.groups()
        known = _SLIPS.get(unit.lower(), unit.lower())
        hint = f"write {number} {known}" if known in UNITS else f"the units are {', '.join(UNITS)}"
    raise Unfit(f"{shown(value)} is not a time", hint=hint)


def between(low: float, high: float, *, what: str, hint: str = "") -> Callable[[object], float]:
    """A reader of times from `low` to `high` seconds; `what` as in "a lease"."""

    def read(value: object) -> float:
        if isinstance(value, int | float) and not isinstance(value, bool):
            units = [unit for unit, factor in _LIKELY if low <= value * factor <= high]
            raise Unfit(
                f"{shown(value)} is not a time", hint=f"add the unit: {value} {units[0] if units else 's'}"
            )
        result = seconds(value)
        if not low <= result <= high:
            said = "shorter" if result < low else "longer"
            bound = time_text(low if result < low else high)
            raise Unfit(f"{shown(value)} is {said} than {what} may be ({bound})", hint=hint)
        return result

    return read


def hold_time(value: object) -> int:
    """A BGP hold time in whole seconds (RFC 4271 section 4.2: 0, or at least 3)."""
    result = seconds(value) if value not in (0, "0 s") else 0.0
    if result == 0:
        hint = "0 turns keepalives off: a dead neighbour would keep its routes forever; write for example 9 s"
        raise Unfit(f"{shown(value)} is not a hold time", hint=hint)
    if result < 3:
        hint = "RFC 4271 asks for 3 s at least; to notice faster, add bfd: true"
        raise Unfit(f"{shown(value)} is shorter than a hold time may be (3 s)", hint=hint)
    if result > 3600:
        hint = "so long would a silent neighbour keep its routes; write for example 9 s or 90 s"
        raise Unfit(f"{shown(value)} is longer than a hold time should be (1 h)", hint=hint)
    if result != int(result):
        raise Unfit(f"{shown(value)} is not in whole seconds", hint=f"write {round(result)} s")
    return int(result)


def time_text(value: float) -> str:
    """ "500 ms" of 0.5, "10 min" of 600.0."""
    unit = "ms" if value < 1 else "s"
    for name in ("min", "h"):
        if value >= UNITS[name] and (value / UNITS[name]).is_integer():
            unit = name
    return f"{value / UNITS[unit]:g} {unit}"
