"""Serving: one server of the lab as values: its command, its files when all is well and when it is wrong."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from anyplane.design.operation import Address

HTTP_PORT = 80
STREAM_PORT = 7100
"""Where a long connection is written a line each 100 ms."""
RTR_PORT = 3323


class ServerKind(StrEnum):
    """What a server speaks."""

    DNS = "dns"
    WEB = "web"
    NTP = "ntp"
    RTR = "rtr"


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """One server. `files` by path; `wrong`: what some of them become when it answers wrongly.

    reload_signal   makes it read `wrong` or `files` again; 0: it has to be started anew
    answers_at      where `is_ready` asks; None: it is ready when it lives
    """

    kind: ServerKind
    label: str
    argv: tuple[str, ...]
    directory: Path
    files: Mapping[Path, str] = field(default_factory=dict)
    wrong: Mapping[Path, str] = field(default_factory=dict)
    reload_signal: int = 0
    answers_at: tuple[str, int] | None = None

    def write(self, *, is_wrong: bool = False) -> None:
        """Put the files where the server reads them."""
        self.directory.mkdir(mode=0o755, parents=True, exist_ok=True)
        for path, text in (dict(self.files) | dict(self.wrong if is_wrong else {})).items():
            path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


def program(name: str) -> str:
    """Where the program is; "" where it is not installed. A user's PATH may lack sbin."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin") or ""


def sorted_addresses(addresses: Iterable[Address]) -> tuple[Address, ...]:
    """IPv4 first, each in its order, so that a configuration is the same each time."""
    return tuple(sorted(addresses, key=lambda one: (one.version, int(one))))


def asked_at(addresses: Iterable[Address], port: int) -> tuple[str, int] | None:
    """Where a server is asked whether it is ready: at this host itself, if it may be."""
    listed = sorted(addresses, key=lambda one: (not one.is_loopback, one.version, int(one)))
    return (str(listed[0]), port) if listed else None


def quoted(text: str) -> str:
    """A text that may stand between double quotes in every configuration file here."""
    return re.sub(r"[^A-Za-z0-9 ._:/+-]", "_", text)
