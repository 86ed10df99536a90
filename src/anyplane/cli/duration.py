"""duration: "90 s", "1h" or "2 d" in an option -> seconds."""

from __future__ import annotations

import math
import re

from anyplane.model.errors import UsageError

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
_PATTERN = re.compile(r"\s*([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*([a-z]*)\s*")


def seconds(text: str, *, option: str) -> float:
    """The seconds that `text` says; UsageError, naming the option, where it says none."""
    match = _PATTERN.fullmatch(text.lower())
    unit = match[2] if match else ""
    if match is None or (unit not in UNITS and (unit or float(match[1]) != 0.0)):
        raise UsageError(f"{option} {text}: that is not a time", hint="write 90 s, 10 min, 1 h or 2 d")
    return float(match[1]) * UNITS.get(unit, 1.0)


def shown(value_s: float | None) -> str:
    """Seconds as a person reads them: "0.4 s", "12 s", "5 min", "3.2 h"."""
    if value_s is None or not math.isfinite(value_s):
        return "-"
    for limit, unit, factor in (
        (1.0, "ms", 0.001),
        (120.0, "s", 1.0),
        (7200.0, "min", 60.0),
        (172_800.0, "h", 3600.0),
    ):
        if value_s < limit:
            number = value_s / factor
            return f"{number:.1f} {unit}" if number < 10 and unit != "min" else f"{number:.0f} {unit}"
    return f"{value_s / 86_400.0:.1f} d"
