"""Connection: commands to BIRD's control socket, one at a time, each with a deadline.

Nobody hangs up in the middle of a reply: BIRD 3.1 may crash of it (a NULL pointer in its command line, seen
with a full table, where a reply takes its time). What nobody waits for any more is read to its end aside.
"""

from __future__ import annotations

import contextlib
import socket
import time
from dataclasses import dataclass

import anyio
from anyio.abc import SocketAttribute, SocketStream

from anyplane.bgp.bird.protocol import Reply, ReplyParser
from anyplane.model.errors import SpeakerRejected, SpeakerUnreachable

DEFAULT_SOCKET = "/run/bird/bird.ctl"
DEADLINE_S = 2.0
PATIENCE_S = 60.0
"""Of the longest reply that nobody waits for; BIRD hangs if it takes longer."""
PIECE = 65_536
MOST_PIECES = 64


@dataclass(frozen=True, slots=True)
class Abandoned:
    """A connection whose reply nobody waits for."""

    stream: SocketStream
    parser: ReplyParser
    since: float


class Connection:
    """Connects at the first command, and again when BIRD was restarted in between."""

    def __init__(self, path: str, *, deadline_s: float = DEADLINE_S) -> None:
        self.path = path
        self.greeting = ""
        self._deadline_s = deadline_s
        self._stream: SocketStream | None = None
        self._parser = ReplyParser()
        self._lock = anyio.Lock()
        self._abandoned: list[Abandoned] = []

    @property
    def version(self) -> int:
        """2 or 3, from the greeting; 0 before the first command."""
        words = self.greeting.split()
        digits = words[1].split(".")[0] if len(words) > 1 else ""
        return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 4 else 0

    async def ask(self, command: str) -> Reply:
        """BIRD's whole reply, a refusal too; SpeakerUnreachable when none comes before the deadline.

        A connection that broke since the last command is made anew and the command sent again, once: every
        command that we have is idempotent.
        """
        async with self._lock:
            await self._hear_out()
            try:
                with anyio.fail_after(self._deadline_s):
                    if self._stream is not None:
                        with contextlib.suppress(anyio.BrokenResourceError, anyio.EndOfStream):
                            return await self._exchange(self._stream, command)
                        await self._close()
                    return await self._exchange(await self._open(), command)
            except BaseException as error:
                # Half a reply may be on its way, and is none to the next command.
                is_broken = isinstance(error, OSError | anyio.EndOfStream | anyio.BrokenResourceError)
                if is_broken and not isinstance(error, TimeoutError):
                    await self._close()
                elif self._stream is not None:
                    self._abandoned.append(Abandoned(self._stream, self._parser, time.monotonic()))
                    self._stream = None
                raise explained(error, self, command) from error

    async def aclose(self) -> None:
        """Hang up."""
        await self._close()
        with anyio.CancelScope(shield=True):
            for one in self._abandoned:
                await anyio.aclose_forcefully(one.stream)
        self._abandoned.clear()

    async def _open(self) -> SocketStream:
        self._stream = await anyio.connect_unix(self.path)
        self._parser = ReplyParser()
        self.greeting = (await self._reply(self._stream)).text
        return self._stream

    async def _exchange(self, stream: SocketStream, command: str) -> Reply:
        await stream.send(command.encode() + b"\n")
        return await self._reply(stream)

    async def _reply(self, stream: SocketStream) -> Reply:
        while True:
            replies = self._parser.feed(await stream.receive())
            if replies:
                return replies[-1]

    async def _hear_out(self) -> None:
        """Read what there is of the replies that nobody waits for; hang up where one has ended."""
        for one in tuple(self._abandoned):
            if _has_ended(one) or time.monotonic() - one.since > PATIENCE_S:
                self._abandoned.remove(one)
                with anyio.CancelScope(shield=True):
                    await anyio.aclose_forcefully(one.stream)

    async def _close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            with anyio.CancelScope(shield=True):
                await anyio.aclose_forcefully(stream)


def _has_ended(one: Abandoned) -> bool:
    raw = one.stream.extra(SocketAttribute.raw_socket)  # noqa: S610  # a socket, not a database
    try:
        for _ in range(MOST_PIECES):
            piece = raw.recv(PIECE, socket.MSG_DONTWAIT)
            if not piece or one.parser.feed(piece):
                return True
    except BlockingIOError:
        return False
    except (OSError, SpeakerRejected):
        return True
    return False


def explained(error: BaseException, connection: Connection, command: str) -> BaseException:
    path = connection.path
    match error:
        case SpeakerRejected():
            return SpeakerRejected("bird", error.message, command=command, reply=error.reply, hint=error.hint)
        case TimeoutError():
            message = f"BIRD does not answer on {path}"
            hint = "the process is there but hangs: see its log, and restart it (systemctl restart bird)"
        case FileNotFoundError() | ConnectionRefusedError() | NotADirectoryError():
            message = f"nobody listens on {path}"
            hint = (
                "is BIRD running (systemctl status bird)? Where its socket is elsewhere, "
                f"say daemon: control: (usual is {DEFAULT_SOCKET})"
            )
        case PermissionError():
            message = f"{path} may not be opened"
            hint = "the agent's user must be in the group that owns the socket: usermod -aG bird anyplane"
        case anyio.EndOfStream() | anyio.BrokenResourceError() | OSError():
            message = f"BIRD hung up on {path}: {error or type(error).__name__}"
            hint = "it was stopped or it crashed: journalctl -u bird"
        case _:
            return error
    return SpeakerUnreachable("bird", message, command=command, hint=hint)
