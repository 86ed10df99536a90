"""Conversation: ExaBGP's process API over its two pipes: one command a line, every answer read.

ExaBGP ends the answer to each command with a line `done` or `error`. It writes to a blocking pipe, so that a
reader who stops reading stops its whole BGP engine (exabgp#1141): at most WINDOW commands are under way, and
what it says unasked (session changes, notifications) is taken out of the stream and kept in `events`. A call
that is cancelled half-way leaves answers owed; the next one reads them first. `announce`, `withdraw`, `clear`
and `show` are answered in order; what ExaBGP does not understand is answered ahead of what is under way, so
nothing else belongs in one call with others.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import anyio

from anyplane.model.errors import SpeakerUnreachable

DAEMON = "exabgp"
WINDOW = 32
_PIPE_BYTES = 1 << 20
_F_SETPIPE_SZ = getattr(fcntl, "F_SETPIPE_SZ", 1031)
_MOST_EVENTS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one command brought: its lines, and whether it ended with `done`."""

    command: str
    lines: tuple[str, ...]
    is_done: bool


class Conversation:
    """Owns the two descriptors; `close` closes them. After SpeakerUnreachable it is of no more use."""

    def __init__(self, *, reading: int, writing: int, partial: bytes = b"") -> None:
        self.events: deque[dict[str, Any]] = deque(maxlen=_MOST_EVENTS)
        self._reading = reading
        self._writing = writing
        self._partial = partial
        self._lines: deque[str] = deque()
        self._unsent = b""
        self._owed = 0
        for descriptor in (reading, writing):
            os.set_blocking(descriptor, False)
        with contextlib.suppress(
            OSError
        ):  # room for the events of a stalled agent; the limit is the system's
            fcntl.fcntl(reading, _F_SETPIPE_SZ, _PIPE_BYTES)

    async def ask(self, commands: Sequence[str], *, timeout: float) -> list[Answer]:  # noqa: ASYNC109  # the deadline is this call's
        """The answers, in order; SpeakerUnreachable when they are not all there in time."""
        answers: list[Answer] = []
        try:
            with anyio.fail_after(timeout):
                await self._send()
                while self._owed:
                    await self._answer("")
                for begin in range(0, len(commands), WINDOW):
                    window = commands[begin : begin + WINDOW]
                    self._unsent = "".join(f"{command}\n" for command in window).encode("ascii")
                    self._owed = len(window)
                    await self._send()
                    for command in window:
                        answers.append(await self._answer(command))
        except TimeoutError:
            raise SpeakerUnreachable(
                DAEMON,
                f"no answer in {timeout:g} s",
                command=commands[len(answers)],
                hint="it hangs or the machine is overloaded; if it stays so, it is ended and started anew",
            ) from None
        except OSError as error:
            raise SpeakerUnreachable(
                DAEMON, f"its pipe broke ({error.strerror})", command=commands[len(answers)]
            ) from None
        return answers

    def give(self) -> tuple[int, int, bytes]:
        """The descriptors and what was read of a line that is not whole, for a successor.

        SpeakerUnreachable while answers are owed: who comes next would take them for his own.
        """
        if self._owed or self._unsent:
            raise SpeakerUnreachable(DAEMON, "it still owes answers")
        return self._reading, self._writing, self._partial

    def close(self) -> None:
        """Give the descriptors back."""
        for descriptor in (self._reading, self._writing):
            with contextlib.suppress(OSError):
                os.close(descriptor)

    async def _answer(self, command: str) -> Answer:
        lines: list[str] = []
        while True:
            line = await self._line()
            if line in ("done", "error"):
                self._owed -= 1
                return Answer(command=command, lines=tuple(lines), is_done=line == "done")
            event = event_of(line)
            if event is None:
                lines.append(line)
            else:
                self.events.append(event)

    async def _line(self) -> str:
        while not self._lines:
            await anyio.wait_readable(self._reading)
            try:
                read = os.read(self._reading, 65536)
            except BlockingIOError:
                continue
            if not read:
                raise BrokenPipeError(0, "it hung up")
            *whole, self._partial = (self._partial + read).split(b"\n")
            self._lines.extend(line.decode("utf-8", "replace").strip() for line in whole)
        return self._lines.popleft()

    async def _send(self) -> None:
        while self._unsent:
            try:
                self._unsent = self._unsent[os.write(self._writing, self._unsent) :]
            except BlockingIOError:
                await anyio.wait_writable(self._writing)


def event_of(line: str) -> dict[str, Any] | None:
    """What ExaBGP said unasked, or None where the line belongs to an answer."""
    if not line.startswith('{ "exabgp"') and not line.startswith('{"exabgp"'):
        return None
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return event if isinstance(event, dict) else {}
