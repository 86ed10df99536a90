"""The control socket's replies, sans-io: bytes in, Reply values out.

Theory of operation. A reply is a run of lines; the last one is `NNNN text`, those before it are `NNNN-
text`, and a line that starts with a blank has the code of the line before. A line that starts with `+` is
something that BIRD says unasked, and belongs to no reply. Codes below 1000 say that it was done, 1000 to
7999 carry tables, 8000 to 8999 say that it could not be done, 9000 and up that the command was not
understood.

Whatever is fed, the only exception is SpeakerRejected: who answers like that is not BIRD.
"""

from __future__ import annotations

from dataclasses import dataclass

from anyplane.model.errors import SpeakerRejected

LARGEST = 64 * 2**20
"""Bytes that one reply may have; `show route` of a full table has more, and nobody here asks for one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One whole reply: the code of its last line, and every line with its own code."""

    code: int
    lines: tuple[tuple[int, str], ...]

    @property
    def is_refusal(self) -> bool:
        """Could it not be done, or was the command not understood?"""
        return any(code >= 8000 for code, _ in self.lines)

    @property
    def text(self) -> str:
        """All lines without their codes; the empty end of a table is left out."""
        return "\n".join(text for code, text in self.lines if text or code != 0)

    def of(self, *codes: int) -> tuple[str, ...]:
        """The lines with one of these codes."""
        return tuple(text for code, text in self.lines if code in codes)


class ReplyParser:
    """Feed it what arrives; it remembers what is not whole yet."""

    def __init__(self, *, largest: int = LARGEST) -> None:
        self._largest = largest
        self._rest = b""
        self._lines: list[tuple[int, str]] = []
        self._size = 0

    def feed(self, data: bytes) -> tuple[Reply, ...]:
        """The replies that `data` completes, in order."""
        self._size += len(data)
        if self._size > self._largest:
            raise _nonsense(f"a reply of more than {self._largest} bytes")
        *lines, self._rest = (self._rest + data).split(b"\n")
        replies: list[Reply] = []
        for line in lines:
            if (reply := self._line(line.decode("utf-8", "replace"))) is not None:
                replies.append(reply)
                self._size = len(self._rest)
        return tuple(replies)

    def _line(self, line: str) -> Reply | None:
        if line.startswith("+"):
            return None
        if line.startswith(" ") and self._lines:
            self._lines.append((self._lines[-1][0], line[1:]))
            return None
        code, mark, text = line[:4], line[4:5], line[5:]
        if not (code.isascii() and code.isdigit() and len(code) == 4 and mark in {" ", "-"} and mark):
            raise _nonsense(line[:200])
        self._lines.append((int(code), text))
        if mark == "-":
            return None
        reply = Reply(code=int(code), lines=tuple(self._lines))
        self._lines = []
        return reply


def _nonsense(what: str) -> SpeakerRejected:
    return SpeakerRejected(
        "bird",
        "what answers on the control socket does not speak as BIRD does",
        reply=what,
        hint="daemon: control: must be the socket of BIRD itself, which is /run/bird/bird.ctl on Debian",
    )
