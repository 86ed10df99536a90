"""The atoms of a design: a value as written -> number, prefix, ASN; or Unfit, in an operator's words."""

from __future__ import annotations

import math
import re
from ipaddress import ip_interface, ip_network

from anyplane.design.design import LoadUnit
from anyplane.model.nouns import ASN_MAX, Asn, Prefix

PREPEND_MAX = 64
MED_MAX = 4_294_967_295

NUMBER = r"(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,2})?"
RATE_UNITS = {
    "qps": 1.0,
    "kqps": 1e3,
    "Mqps": 1e6,
    "bps": 1.0,
    "kbps": 1e3,
    "Mbps": 1e6,
    "Gbps": 1e9,
    "Tbps": 1e12,
}
RATE_PATTERN = rf"^\s*{NUMBER}\s*(?:{'|'.join(RATE_UNITS)})\s*$"
LOAD_PATTERN = rf"^\s*{NUMBER}\s*(?:{'|'.join(RATE_UNITS)})\s+per\s+user\s*$"
DURATION_PATTERN = rf"^\s*{NUMBER}\s*(?:ms|s)\s*$"
SHARE_PATTERN = rf"^\s*{NUMBER}\s*%\s*$"
ASN_PATTERN = r"^\s*(?:[Aa][Ss])?[0-9]{1,10}\s*$"
NAME_PATTERN = r"^[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?$"


class Unfit(ValueError):  # noqa: N818  # it reads as what it says: raise Unfit
    """A value that does not fit; `message` completes "PATH: ...", `hint` says what to do."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        self.message = message
        self.hint = hint
        super().__init__(message)


def shown(value: object) -> str:
    """A value as an error message names it, on one line and not too long."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", "?", str(value))
    text = text if len(text) <= 40 else text[:37] + "..."
    return text if text.strip() else f'"{text}"'


def asn(value: object) -> Asn:
    """64500, "64500" or "AS64500"."""
    hint = ""
    if isinstance(value, str) and re.match(ASN_PATTERN, value):
        value = int(value.strip().upper().removeprefix("AS"))
    elif isinstance(value, float) or (
        isinstance(value, str) and re.match(r"^[0-9]{1,5}\.[0-9]{1,5}$", value)
    ):
        high, _, low = str(value).partition(".")
        if high.isdigit() and low.isdigit():
            hint = f"write asdot {value} as one number: {int(high) * 65536 + int(low)}"
    if isinstance(value, int) and not isinstance(value, bool):
        if 0 <= value <= ASN_MAX:
            return Asn(value)
        if value > ASN_MAX:
            hint = f"4-byte numbers end at {ASN_MAX}; did an extra digit slip in?"
    raise Unfit(f"{shown(value)} is not an AS number (0 to {ASN_MAX})", hint=hint or "write 64500 or AS64500")


def prefix(value: object) -> Prefix:
    """An IPv4 or IPv6 prefix without host bits."""
    example = "write for example 198.51.100.0/24 or 2001:db8::/48"
    if not isinstance(value, str) or "%" in value:
        raise Unfit(f"{shown(value)} is not a prefix", hint=example)
    text = value.strip()
    if "/" not in text:
        try:
            version = ip_network(text).version
        except ValueError:
            raise Unfit(f"{shown(value)} is not a prefix", hint=example) from None
        length = 24 if version == 4 else 48
        raise Unfit(
            f"{shown(value)} is an address; a prefix needs its length",
            hint=f"did you mean {ip_interface(f'{text}/{length}').network}?",
        )
    try:
        return ip_network(text)
    except ValueError:
        pass
    try:
        network = ip_interface(text).network
    except ValueError:
        raise Unfit(f"{shown(value)} is not a prefix", hint=example) from None
    raise Unfit(f"{shown(value)} has bits set past its length", hint=f"did you mean {network}?")


def rate(value: object) -> tuple[float, LoadUnit]:
    """ "200 kqps" -> (200000.0, QPS)."""
    return _rate(value, pattern=RATE_PATTERN, what="a rate", example="200 kqps or 10 Gbps", tail="")


def load(value: object) -> tuple[float, LoadUnit]:
    """ "0.02 qps per user" -> (0.02, QPS)."""
    example = "0.02 qps per user or 1.5 kbps per user"
    return _rate(value, pattern=LOAD_PATTERN, what="a load per user", example=example, tail=" per user")


def duration_ms(value: object) -> float:
    """ "80 ms" -> 80.0; "1.5 s" -> 1500.0."""
    if isinstance(value, str) and re.match(DURATION_PATTERN, value):
        text = value.strip()
        factor = 1.0 if text.endswith("ms") else 1000.0
        result = float(text.rstrip("ms ")) * factor
        if 0 < result < math.inf:
            return result
    hint = f"add the unit: {value} ms" if _is_number(value) else "write for example 80 ms"
    raise Unfit(f"{shown(value)} is not a time above zero", hint=hint)


def share(value: object) -> float:
    """ "40 %" -> 0.4, at most 100 %."""
    result = ratio(value)
    if result > 1:
        raise Unfit(f"{shown(value)} is more than the whole", hint="a share ends at 100 %")
    return result


def ratio(value: object) -> float:
    """ "120 %" -> 1.2."""
    if isinstance(value, str) and re.match(SHARE_PATTERN, value):
        result = float(value.strip().removesuffix("%"))
        if result < 1e6:
            return result / 100
    hint = "write for example 40 %"
    if _is_number(value):
        percent = float(str(value)) * (100 if float(str(value)) < 1 else 1)
        hint = f"add the unit: {percent:g} %"
    raise Unfit(f"{shown(value)} is not a percentage", hint=hint)


def whole(value: object, *, what: str, low: int, high: int, hint: str = "") -> int:
    """A whole number between two bounds."""
    if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
        return value
    raise Unfit(f"{shown(value)} is not {what} ({low} to {high})", hint=hint)


def flag(value: object) -> bool:
    """true or false; `yes` and `on` are text in YAML 1.2."""
    if isinstance(value, bool):
        return value
    lowered = str(value).lower()
    hint = "write true or false"
    if lowered in ("yes", "on", "no", "off", "y", "n", "1", "0"):
        meant = "true" if lowered in ("yes", "on", "y", "1") else "false"
        hint = f"write {meant}; in YAML 1.2 `{lowered}` is text"
    raise Unfit(f"{shown(value)} is not true or false", hint=hint)


def name(value: object) -> str:
    """A name that can stand in a path: letters, digits, - and _."""
    text = str(value) if _is_number(value) else value
    if isinstance(text, str) and len(text) <= 63 and re.match(NAME_PATTERN, text):
        return text
    hint = "use letters, digits, - and _ (at most 63), beginning and ending with a letter or digit"
    raise Unfit(f"{shown(value)} cannot be a name", hint=hint)


def text(value: object) -> str:
    """Any text that says something."""
    if isinstance(value, str) and value.strip():
        return value.strip()
    raise Unfit(f"{shown(value)} is not a text")


def rate_text(value: float, unit: LoadUnit) -> str:
    """ "200 kqps" of (200000.0, QPS)."""
    best = ""
    for name_, factor in RATE_UNITS.items():
        if name_.endswith(unit.value) and (not best or value >= factor):
            best = name_
    return f"{value / RATE_UNITS[best]:g} {best}"


def _rate(value: object, *, pattern: str, what: str, example: str, tail: str) -> tuple[float, LoadUnit]:
    if isinstance(value, str):
        if re.match(pattern, value):
            number, unit = re.match(rf"\s*({NUMBER})\s*([A-Za-z]+)", value).groups()  # type: ignore[union-attr]  # pattern matched
            result = float(number) * RATE_UNITS[unit]
            if 0 < result < math.inf:
                return result, LoadUnit(unit[-3:])
            raise Unfit(f"{shown(value)} is not {what} above zero")
        loose = re.match(rf"^\s*({NUMBER})\s*([A-Za-z/]+)(\s+per\s+user)?\s*$", value)
        if loose:
            near = {unit.lower(): unit for unit in RATE_UNITS}.get(loose.group(2).lower().replace("/s", "ps"))
            if near:
                hint = f"did you mean {loose.group(1)} {near}{tail}?"
                raise Unfit(f"{shown(value)} is not {what}", hint=hint)
            units = ", ".join(RATE_UNITS)
            raise Unfit(f"{shown(loose.group(2))} is not a unit of load", hint=f"the units are {units}")
    hint = f"add the unit: {value} qps{tail}" if _is_number(value) else f"write for example {example}"
    raise Unfit(f"{shown(value)} is not {what}", hint=hint)


def _is_number(value: object) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and abs(value) < 1e15
    )
