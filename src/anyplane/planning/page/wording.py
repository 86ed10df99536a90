"""Numbers as people read them: few digits, always a unit, a no-break space between."""

from __future__ import annotations

NBSP = "\u00a0"
NONE = "–"
_STEPS = ((1e12, "T"), (1e9, "bn"), (1e6, "M"), (1e3, "k"))
_BIT_STEPS = ((1e12, "Tbit/s"), (1e9, "Gbit/s"), (1e6, "Mbit/s"), (1e3, "kbit/s"))
_QUERY_STEPS = ((1e12, "T q/s"), (1e9, "G q/s"), (1e6, "M q/s"), (1e3, "k q/s"))

OBJECTIVES = {
    "p50_rtt_ms": "RTT of the median user",
    "p90_rtt_ms": "RTT, 90th percentile",
    "p95_rtt_ms": "RTT, 95th percentile",
    "p99_rtt_ms": "RTT, 99th percentile",
    "largest_share": "Largest share on one site",
    "smallest_share": "Smallest share of a site",
    "worst_failure_load": "Fullest site after any single failure",
    "worst_failure_p95_rtt_ms": "RTT after any single failure, 95th percentile",
}


def users(value: float) -> str:
    """4.87 bn, 312 M, 45 k, 812."""
    for step, (size, unit) in enumerate(_STEPS):
        if value >= size * 0.9995:
            text = _three(value / size)
            # 999.6 k would round to 1000 k; the larger unit says it better.
            return f"1{NBSP}{_STEPS[step - 1][1]}" if text == "1000" and step else f"{text}{NBSP}{unit}"
    return _three(value)


def percent(share: float | None) -> str:
    """61 %, 4.3 %, 0.27 %; neither 0 % nor 100 % is ever the result of rounding."""
    if share is None:
        return NONE
    value = share * 100
    if value == 0:
        text = "0"
    elif value < 0.01:
        text = "<0.01"
    elif 99 < value < 100:
        text = f"{min(value, 99.99):.2f}" if value > 99.9 else f"{value:.1f}"
    elif value < 1:
        text = f"{value:.2f}"
    elif value < 9.95 or 100 < value < 101:
        text = f"{max(value, 100.1) if value > 100 else value:.1f}"
    else:
        text = f"{value:.0f}"
    return f"{text}{NBSP}%"


def ms(value: float | None) -> str:
    """38 ms, 8.4 ms."""
    if value is None:
        return NONE
    return f"{value:.1f}{NBSP}ms" if value < 9.95 else f"{value:.0f}{NBSP}ms"


def load(value: float | None, unit: str) -> str:
    """1.2 M q/s for queries, 3.4 Gbit/s for bits."""
    if value is None:
        return NONE
    steps, plain = (_BIT_STEPS, "bit/s") if unit == "bps" else (_QUERY_STEPS, "q/s")
    for size, name in steps:
        if value >= size:
            return f"{_three(value / size)}{NBSP}{name}"
    return f"{_three(value)}{NBSP}{plain}"


def objective(name: str, value: float | None) -> str:
    """The value of an objective in the unit that its key in the design names."""
    return ms(value) if name.endswith("_ms") else percent(value)


def count(value: int) -> str:
    """14 204: thousands apart."""
    return f"{value:,}".replace(",", "\u202f")


def _three(value: float) -> str:
    if value >= 99.95:
        return f"{value:.0f}"
    text = f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"
    return text.rstrip("0").rstrip(".")
