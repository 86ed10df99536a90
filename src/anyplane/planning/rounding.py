"""rounding: how many digits a number keeps in a report, so that its bytes are the same everywhere."""

from __future__ import annotations

import math


def people(value: float) -> float:
    """Users and loads, to a tenth."""
    return round(float(value), 1)


def fraction(value: float) -> float:
    """Shares and utilisations, to a millionth."""
    return round(float(value), 6)


def ms(value: float) -> float | None:
    """Milliseconds, to a hundredth; None where there is no finite value."""
    return round(float(value), 2) if math.isfinite(value) else None


def part(of: float, whole: float) -> float:
    """of / whole as a fraction, 0 of nothing."""
    return fraction(of / whole) if whole else 0.0
