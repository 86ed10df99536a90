"""Vty: a client of bgpd's vty socket (or of vtysh, where the socket may not be opened).

The protocol is that of vtysh, FRR's own shell: a command ends with a NUL; the reply is text, then three NULs
and one byte, the return code (0: done, 1: refused with a warning, 2: unknown, 4: incomplete ...).
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol, Self

import anyio
from anyio.abc import ByteStream

from anyplane.model.errors import SpeakerRejected, SpeakerUnreachable

DEADLINE_S = 1.2
LARGEST_REPLY = 64 * 1024 * 1024
_END = b"\0\0\0"


class SocketClosed(SpeakerUnreachable):
    """The socket does not even open; another way to bgpd may."""


class Garbled(Exception):  # noqa: N818  # it reads as what it says
    """What came over the socket is no reply of bgpd."""


class Replies:
    """Bytes in, (text, return code) out; it keeps no more than one reply, up to LARGEST_REPLY bytes."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, part: bytes) -> tuple[str, int] | None:
        """The reply once it is whole; Garbled when it never can be."""
        begin = max(0, len(self._held) - len(_END))
        self._held += part
        end = self._held.find(_END, begin)
        if end < 0:
            if len(self._held) > LARGEST_REPLY:
                raise Garbled(f"a reply of more than {LARGEST_REPLY} bytes")
            return None
        if len(self._held) == end + len(_END):
            return None
        if len(self._held) > end + len(_END) + 1:
            raise Garbled("more than was asked for")
        text = self._held[:end].decode("utf-8", "replace")
        code = self._held[end + len(_END)]
        self._held.clear()
        return text, code


class Shell(Protocol):
    """One conversation with bgpd. Both raise SpeakerRejected, or SpeakerUnreachable."""

    async def show(self, command: str) -> str: ...

    async def configure(self, commands: Sequence[str]) -> None: ...


class Vty:
    """A conversation over the socket; `async with` opens and closes it, each command has a deadline."""

    def __init__(self, socket: Path, *, deadline_s: float = DEADLINE_S) -> None:
        self.socket = socket
        self.deadline_s = deadline_s
        self._open = AsyncExitStack()
        self._stream: ByteStream | None = None

    async def __aenter__(self) -> Self:
        try:
            with anyio.fail_after(self.deadline_s):
                self._stream = await self._open.enter_async_context(await anyio.connect_unix(self.socket))
        except (OSError, TimeoutError) as error:
            raise SocketClosed(
                "frr", f"bgpd's socket {self.socket} does not open: {_reason(error)}", hint=_hint(error)
            ) from error
        try:
            await self.show("enable")
        except BaseException:
            await self._open.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        with anyio.CancelScope(shield=True):
            await self._open.aclose()

    async def show(self, command: str) -> str:
        """The reply to one command."""
        text, code = await self._ask(command)
        if code:
            raise refusal(command, text)
        return text

    async def configure(self, commands: Sequence[str]) -> None:
        """Run `commands` in configuration mode, up to the first that is refused."""
        if commands:
            for command in ("configure terminal", *commands, "end"):
                await self.show(command)

    async def _ask(self, command: str) -> tuple[str, int]:
        assert self._stream is not None, "outside of its `async with`"  # noqa: S101  # a mistake of ours
        replies = Replies()
        try:
            with anyio.fail_after(self.deadline_s):
                await self._stream.send(command.encode() + b"\0")
                while (reply := replies.feed(await self._stream.receive())) is None:
                    pass
        except TimeoutError as error:
            raise SpeakerUnreachable(
                "frr",
                f"bgpd has not answered for {self.deadline_s:g} s",
                command=masked(command),
                hint="is bgpd hung? systemctl status frr; its watchfrr restarts it",
            ) from error
        except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError, OSError) as error:
            raise SpeakerUnreachable(
                "frr", "bgpd hung up", command=masked(command), hint="did it crash? journalctl -u frr"
            ) from error
        except Garbled as error:
            raise SpeakerRejected(
                "frr",
                f"what listens on {self.socket} does not talk like bgpd",
                command=masked(command),
                reply=str(error),
                hint="the site's daemon: settings: vty_directory: names the directory with bgpd.vty",
            ) from error
        return reply


class Vtysh:
    """The same conversation through `vtysh -c`: slower by a process a call, but with vtysh's privileges."""

    def __init__(self, command: str, directory: Path, *, deadline_s: float = DEADLINE_S) -> None:
        self.command = (*shlex.split(command), "--vty_socket", str(directory), "-d", "bgpd")
        self.deadline_s = deadline_s

    async def show(self, command: str) -> str:
        """The reply to one command."""
        return await self._run((command,))

    async def configure(self, commands: Sequence[str]) -> None:
        """Run `commands` in configuration mode, up to the first that is refused."""
        if commands:
            await self._run(("configure terminal", *commands, "end"))

    async def _run(self, commands: tuple[str, ...]) -> str:
        words = [word for command in commands for word in ("-c", command)]
        asked = masked("; ".join(commands))
        try:
            with anyio.fail_after(self.deadline_s):
                done = await anyio.run_process([*self.command, *words], check=False)
        except TimeoutError as error:
            raise SpeakerUnreachable(
                "frr", f"vtysh has not answered for {self.deadline_s:g} s", command=asked
            ) from error
        except OSError as error:
            raise SpeakerUnreachable(
                "frr", f"{self.command[0]} does not start: {_reason(error)}", command=asked
            ) from error
        text = done.stdout.decode("utf-8", "replace")
        if done.returncode:
            complaint = (text + done.stderr.decode("utf-8", "replace")).strip()
            if "ailed to connect" in complaint or "not running" in complaint or not complaint:
                raise SpeakerUnreachable("frr", "vtysh finds no bgpd", command=asked, reply=complaint)
            raise refusal(asked, complaint)
        return text


def refusal(command: str, reply: str) -> SpeakerRejected:
    """bgpd said no; its words, shortened."""
    return SpeakerRejected(
        "frr",
        "bgpd refuses a command",
        command=masked(command),
        reply=" ".join(reply.split())[:400] or "(an error code without a word)",
        hint="`anyplane render DESIGN --site SITE --daemon frr` prints what bgpd's configuration should be",
    )


def masked(command: str) -> str:
    """The command without the key that it may carry."""
    head, word, _ = command.partition(" password ")
    return f"{head}{word}..." if word else command


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or "no answer in time"


def _hint(error: BaseException) -> str:
    if isinstance(error, PermissionError):
        return "let the agent's user into the group frrvty: usermod -aG frrvty USER"
    return "is bgpd running (bgpd=yes in /etc/frr/daemons)? daemon: settings: vty_directory: says where else"
