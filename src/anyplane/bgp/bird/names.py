"""What the pieces are called that render and include both speak of."""

from __future__ import annotations

import re
import zlib

from anyplane.bgp.router import RouterPlan
from anyplane.design.operation import Session

DEFAULT_INCLUDE = "/run/anyplane/bird.conf"
DIRECT = "anyplane"
"""The direct protocol that reads the anchors on lo; the pipes' names start with the same word."""
MED = "anyplane_med"
"""The MED that an announcement wants, until the session's export filter makes a BGP attribute of it."""
GENERATION = "ANYPLANE_GENERATION"


def anchors(family: int) -> str:
    """The table of what hangs on lo."""
    return f"anyplane{family}"


def session(one: Session) -> str:
    """The protocol of the session; longer where the name could be a word of BIRD's (quotes do not help)."""
    is_safe = re.match(r"(?:witness_)?as\d", one.name)
    return _symbol(one.name if is_safe else f"session_{one.name}")


def table(one: Session) -> str:
    """The session's own table: what was received on it, and what is announced on it with its attributes."""
    return _symbol(f"t_{one.name}")


def pipe(one: Session) -> str:
    """The pipe that lets wanted prefixes through to the session's table."""
    return _symbol(f"anyplane_{one.name}")


def inward(one: Session) -> str:
    """The pipe from the session's table to the main one, for what is received."""
    return _symbol(f"in_{one.name}")


def include_of(plan: RouterPlan) -> str:
    """The file that the agent owns."""
    return plan.daemon.include or DEFAULT_INCLUDE


def include_pattern(plan: RouterPlan) -> str:
    """The same path, spelt as a pattern that matches nothing else: /run/[a]nyplane/bird.conf.

    BIRD refuses to start over an absent file or directory, but not over a pattern that matches nothing.
    """
    root, slash, rest = include_of(plan).lstrip("/").partition("/")
    if not slash:
        return f"/[{root[0]}]{root[1:]}"
    return f"/{root}/[{rest[0]}]{rest[1:]}"


def _symbol(text: str) -> str:
    """A symbol of BIRD's language: quoted for the sake of other characters, numbered where one had to go."""
    if re.fullmatch(r"\w+", text, re.ASCII):
        return text
    kept = re.sub(r"[^A-Za-z0-9_.:-]", "_", text)
    return f"'{kept}'" if kept == text else f"'{kept}_{zlib.crc32(text.encode()):08x}'"
