"""read_announcements: raw announcements of other simulators, `seed_asn,prefix,rov_invalid[,prepend]`."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

from anyplane.datasets.asn_table import cells_of, number_of
from anyplane.datasets.compressed import excerpt, read_text
from anyplane.model.errors import DataError
from anyplane.model.nouns import Asn, Prefix

_COLUMNS = ("seed_asn", "prefix", "rov_invalid")
_HINT = "expected a CSV with the columns seed_asn,prefix,rov_invalid and, if wanted, prepend"
_TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False, "": False}
PREPENDS_MAX = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class RawAnnouncement:
    """One prefix originated by one network; `prefix` is kept as written, because the output repeats it."""

    seed_asn: Asn
    prefix: str
    network: Prefix
    """The prefix itself: one prefix may be written in several ways (2001:DB8::/32, 2001:db8:0::/32)."""
    rov_invalid: bool
    prepend: int
    line: int


def read_announcements(path: Path) -> tuple[RawAnnouncement, ...]:
    """Every row of the file, in its order; columns may stand in any order."""
    file = str(path)
    lines = [
        (number, text) for number, text in enumerate(read_text(path).splitlines(), start=1) if text.strip()
    ]
    if not lines:
        raise DataError(file, "holds no announcement", hint=_HINT)
    header = [title.strip().lower() for title in cells_of(lines[0][1], file, lines[0][0])]
    missing = [name for name in _COLUMNS if name not in header]
    if missing:
        raise DataError(file, f"the header lacks {', '.join(missing)}", line=lines[0][0], hint=_HINT)
    twice = sorted({title for title in header if title and header.count(title) > 1})
    if twice:
        raise DataError(file, f"the header names {twice[0]} twice", line=lines[0][0], hint=_HINT)
    found = tuple(_row(file, number, text, header) for number, text in lines[1:])
    if not found:
        raise DataError(file, "holds a header and no announcement", hint=_HINT)
    return found


def _row(file: str, line: int, text: str, header: list[str]) -> RawAnnouncement:
    cells = [cell.strip() for cell in cells_of(text, file, line)]
    if len(cells) < len(header) or any(cells[len(header) :]):
        message = f"{excerpt(text)} has {len(cells)} columns, the header {len(header)}"
        raise DataError(file, message, line=line, hint=_HINT)
    value = dict(zip(header, cells, strict=False))
    network = _network(value["prefix"], file, line)
    truth = _TRUTH.get(value["rov_invalid"].lower())
    if truth is None:
        message = f"rov_invalid is {excerpt(value['rov_invalid'])}, neither True nor False"
        raise DataError(file, message, line=line)
    prepend = value.get("prepend", "") or "0"
    # The length comes first: Python refuses to convert thousands of digits.
    if not (prepend.isascii() and prepend.isdigit() and len(prepend) <= 9 and int(prepend) <= PREPENDS_MAX):
        message = f"prepend is {excerpt(prepend)}, not a number from 0 to {PREPENDS_MAX}"
        raise DataError(file, message, line=line)
    return RawAnnouncement(
        seed_asn=Asn(number_of(value["seed_asn"], file, line)),
        prefix=value["prefix"],
        network=network,
        rov_invalid=truth,
        prepend=int(prepend),
        line=line,
    )


def _network(text: str, file: str, line: int) -> Prefix:
    hint = ""
    try:
        if "%" not in text:  # a scope (RFC 4007) has no place in BGP, and may hold any character
            return ip_network(text)
    except ValueError as error:
        if str(error).endswith("has host bits set"):
            hint = f"did you mean {ip_network(text, strict=False)}?"
    raise DataError(file, f"{excerpt(text)} is not a prefix", line=line, hint=hint)
