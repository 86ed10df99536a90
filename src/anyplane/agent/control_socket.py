"""The Unix socket where operators reach the agent: newline-delimited JSON, one reply for each request.

A request is {"v": 1, "do": NAME, ...}; a reply {"v": 1, "ok": true, ...}, or {"v": 1, "ok": false, ...} with
an "error" and a "hint". Sizes, times and the number of clients are bounded, and answering never waits: a slow
client, a silent one or one that speaks nonsense delays nobody.
"""

from __future__ import annotations

import contextlib
import grp
import json
import os
import socket
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from anyio.abc import SocketAttribute, SocketStream

from anyplane.model.errors import AnyplaneError, UsageError

if TYPE_CHECKING:
    from anyplane.agent.logs import Log  # what the command line asks with needs no logging

VERSION = 1
REQUEST_BYTES = 65_536
IDLE_S = 60.0
SENDING_S = 5.0
REFUSING_S = 1.0
CLIENTS = 32
PATH_BYTES = 107
MODE = 0o660
_GONE = (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError)

Reply = dict[str, object]
Answer = Callable[[Mapping[str, object], str], Reply]
"""(request, who asks) -> the reply without "v" and "ok"; AnyplaneError becomes an error reply."""


def prepare(path: Path, *, group: str) -> int | None:
    """The id of the group that shall own the socket; UsageError where path or group cannot be."""
    if len(os.fsencode(path)) > PATH_BYTES:
        raise UsageError(
            f"{path} is too long for a Unix socket ({PATH_BYTES} bytes at most)",
            hint="choose a shorter --run-dir",
        )
    if not group:
        return None
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise UsageError(f"there is no group {group} on this machine", hint=f"groupadd {group}") from None


async def serve(path: Path, gid: int | None, answer: Answer, log: Log) -> None:
    """Serve until cancelled; the caller holds the site's lock, so that a socket left behind is nobody's."""
    path.unlink(missing_ok=True)  # noqa: ASYNC240  # once, and on a tmpfs
    listener = await anyio.create_unix_listener(path, mode=MODE)
    try:
        if gid is not None:
            try:
                os.chown(path, -1, gid)
            except OSError as error:
                log.warning("the control socket keeps our own group", reason=(error.strerror or "").lower())
        slots, waiting = anyio.CapacityLimiter(CLIENTS), anyio.CapacityLimiter(CLIENTS)

        async def attend(stream: SocketStream) -> None:
            if slots.available_tokens < 1 and waiting.available_tokens < 1:
                # Each connection costs a descriptor, and the checks need theirs.
                await anyio.aclose_forcefully(stream)
                return
            async with stream, waiting if slots.available_tokens < 1 else contextlib.nullcontext():
                if slots.available_tokens < 1:
                    # What was asked is taken in first: else the answer would be lost with the connection.
                    with anyio.move_on_after(REFUSING_S), contextlib.suppress(*_GONE):
                        await stream.receive(REQUEST_BYTES)
                    await _send(stream, {"ok": False, "error": f"{CLIENTS} clients are connected already"})
                    return
                async with slots:
                    await _attend(stream, answer)

        async with listener:
            await listener.serve(attend)
    finally:
        path.unlink(missing_ok=True)  # noqa: ASYNC240  # as above


async def _attend(stream: SocketStream, answer: Answer) -> None:
    who = _who(stream.extra(SocketAttribute.raw_socket))  # noqa: S610  # anyio's
    waiting = b""
    try:
        while True:
            with anyio.fail_after(IDLE_S):
                waiting += await stream.receive(REQUEST_BYTES)
            *lines, waiting = waiting.split(b"\n")
            for line in lines:
                if not await _send(stream, _reply(line, answer, who)):
                    return
            if len(waiting) > REQUEST_BYTES:
                await _send(stream, {"ok": False, "error": f"a request has {REQUEST_BYTES} bytes at most"})
                return
    except (*_GONE, TimeoutError):
        return


def _reply(line: bytes, answer: Answer, who: str) -> Reply:
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        return {"ok": False, "error": "a request is one line of JSON"}
    if not isinstance(request, dict) or not isinstance(request.get("do"), str):
        return {"ok": False, "error": 'a request is an object with "do"'}
    if request.get("v") != VERSION:
        return {
            "ok": False,
            "error": f"this agent speaks version {VERSION}, not {request.get('v')!r}",
            "hint": "use the anyplane command of the same version as the agent",
        }
    try:
        return {"ok": True, **answer(request, who)}
    except UsageError as error:
        return {"ok": False, "error": error.message, "hint": error.hint}
    except AnyplaneError as error:
        return {"ok": False, "error": str(error)}


async def _send(stream: SocketStream, reply: Reply) -> bool:
    with anyio.move_on_after(SENDING_S), contextlib.suppress(*_GONE):
        await stream.send(json.dumps({"v": VERSION, **reply}).encode() + b"\n")
        return True
    return False


def _who(peer: socket.socket) -> str:
    """The user at the other end, as the kernel knows it."""
    try:
        found = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    except OSError:
        return "somebody"
    pid, uid, _ = struct.unpack("3i", found)
    return f"uid {uid} (pid {pid})"
