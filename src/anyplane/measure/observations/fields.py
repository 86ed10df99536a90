"""Fields of text files: numbers that are what they say, or None."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from anyplane.model.nouns import ASN_MAX


def asn_of(text: str) -> int | None:
    """An AS number, with or without "AS" before it; None where it is none."""
    bare = text.strip()
    if bare[:2].upper() == "AS":
        bare = bare[2:]
    if not (bare.isascii() and bare.isdigit() and len(bare) <= 10):
        return None
    number = int(bare)
    return number if number <= ASN_MAX else None


def number_of(text: str) -> float | None:
    """A finite decimal number; None where it is none."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def moment_of(text: str) -> float | None:
    """Seconds since 1970 UTC, of a number (in s, ms, us or ns, told by its size) or of an ISO 8601 date.

    A number of seconds stays below 10^11 until the year 5138; each factor of 1,000 above that is a finer
    unit. A date without a zone is UTC.
    """
    number = number_of(text)
    if number is not None:
        for unit in (1.0, 1e3, 1e6, 1e9):
            if abs(number) / unit < 1e11:
                return number / unit
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
