"""The generated include: which anchors are announced on which session, and with which attributes.

Theory of operation. The router's own configuration never changes. A direct protocol reads the anchors on lo
into the tables anyplane4 and anyplane6, and each session has a table of its own. The include holds one
*pipe* for each session, whose filter is the whole set of what is wanted there. Without the include there is
no pipe, hence nothing is announced. A changed filter makes BIRD run that pipe again, over the few routes of
lo: other prefixes are not touched, no session is, and tables with 800,000 routes are not looked at. (The
filter could stand at the direct protocol itself; but BIRD 2.0.12 restarts a direct protocol when its filter
changes, which withdraws every prefix for a moment.)

The generation is a constant in the file, which BIRD can be asked for: so it is known whether what it runs
is what the file says, even by an agent that was started since.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import zlib
from collections.abc import Iterable
from pathlib import Path

from anyplane.bgp.bird import names
from anyplane.bgp.router import RouterPlan
from anyplane.design.operation import Session
from anyplane.model.errors import SpeakerRejected
from anyplane.model.nouns import Announcement, Prefix

_HEAD = """\
# Written by the Anyplane agent of {site}; changes are lost. What may be announced now, session by session.
"""
_PREPEND_MAX = 64


def include(plan: RouterPlan, wanted: Iterable[Announcement]) -> str:
    """The text of the include; equal sets give equal bytes. SpeakerRejected on a malformed attribute."""
    listed = tuple(wanted)
    body = "".join(_pipe(one, listed) for one in plan.sessions)
    return f"{_HEAD.format(site=_comment(plan.site))}define {names.GENERATION} = {_number(body)};\n{body}"


def generation_of(text: str) -> str:
    """The generation that an include says it has; empty where it has none."""
    match = re.search(rf"^define {names.GENERATION} = (\d+);$", text, re.MULTILINE)
    return match[1] if match else ""


def write(path: Path, text: str) -> str | None:
    """Put the text there by rename, so that BIRD reads the old or the new; what stood there before."""
    old = None
    with contextlib.suppress(FileNotFoundError, UnicodeDecodeError):
        old = path.read_text()
    if old == text:
        return old
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        Path(temporary).chmod(0o644)  # BIRD reads it as its own user; no secret is inside
        Path(temporary).rename(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise
    return old


def erase(path: Path) -> None:
    """Make the include say nothing, on a full disk too: truncation needs no space."""
    with contextlib.suppress(FileNotFoundError):
        try:
            os.truncate(path, 0)
        except OSError:
            path.unlink()


def _pipe(session: Session, wanted: tuple[Announcement, ...]) -> str:
    groups: dict[tuple[str, ...], set[Prefix]] = {}
    for one in wanted:
        if one.upstream == session.upstream and one.prefix.version == session.family:
            groups.setdefault(_attributes(one), set()).add(one.prefix)
    rules = [
        f"    if net ~ [{', '.join(map(str, sorted(prefixes, key=_order)))}] then "
        f"{{ {' '.join((*statements, 'accept;'))} }}\n"
        for statements, prefixes in sorted(groups.items())
    ]
    wish = f"filter {{\n{''.join(rules)}    reject;\n  }}" if rules else "none"
    return (
        f"protocol pipe {names.pipe(session)} {{\n"
        f"  table {names.anchors(session.family)}; peer table {names.table(session)};\n"
        f"  import none;\n  export {wish};\n}}\n"
    )


def _attributes(one: Announcement) -> tuple[str, ...]:
    if not 0 <= one.as_path_prepend <= _PREPEND_MAX:
        raise _malformed(one, f"prepend {one.as_path_prepend}", f"0 to {_PREPEND_MAX}")
    if not 0 <= one.med <= 0xFFFFFFFF:
        raise _malformed(one, f"med {one.med}", "0 to 4294967295")
    statements = [f"bgp_path.prepend({one.origin});"] * one.as_path_prepend
    if one.med:
        statements.append(f"{names.MED} = {one.med};")
    for text in sorted(set(one.communities), key=lambda text: (text.count(":"), text)):
        parts = text.split(":")
        limit = {2: 0xFFFF, 3: 0xFFFFFFFF}.get(len(parts), -1)
        if not all(part.isascii() and part.isdigit() and int(part) <= limit for part in parts):
            raise _malformed(one, f"community {text}", "64500:1 (16 bits each) or 64500:1:2 (32 bits each)")
        kind = "bgp_community" if len(parts) == 2 else "bgp_large_community"
        statements.append(f"{kind}.add(({', '.join(str(int(part)) for part in parts)}));")
    return tuple(statements)


def _malformed(one: Announcement, what: str, form: str) -> SpeakerRejected:
    return SpeakerRejected(
        "bird",
        f"{what} cannot be sent, so nothing was changed",
        command=f"announce {one.prefix} to AS{one.upstream}",
        hint=f"write {form}",
    )


def _number(body: str) -> int:
    return zlib.crc32(body.encode())


def _order(prefix: Prefix) -> tuple[int, int]:
    return int(prefix.network_address), prefix.prefixlen


def _comment(text: str) -> str:
    return re.sub(r"[^ -~]", "?", text)
