"""The control socket's client against servers that are absent, hung, rude or restarted."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import anyio.abc
import pytest

from anyplane.bgp.bird.connection import Connection, explained
from anyplane.bgp.bird.protocol import Reply
from anyplane.model.errors import SpeakerRejected, SpeakerUnreachable

GREETING = b"0001 BIRD 2.0.12 ready.\n"


@contextlib.contextmanager
def _server(path: Path, *sayings: Callable[[socket.socket], None]) -> Iterator[None]:
    """A listener; each connection in turn is given to one of `sayings`, then closed."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            for say in sayings:
                connection, _ = listener.accept()
                with connection, contextlib.suppress(OSError):
                    connection.settimeout(5)
                    say(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as last:
                last.settimeout(1)
                for _ in sayings:
                    last.connect(str(path))
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def _polite(connection: socket.socket) -> None:
    connection.sendall(GREETING)
    connection.recv(100)
    connection.sendall(b"0003 Reconfigured\n")


def _says(*parts: bytes) -> Callable[[socket.socket], None]:
    def say(connection: socket.socket) -> None:
        for part in parts:
            connection.sendall(part)
            time.sleep(0.02)

    return say


def _silent(connection: socket.socket) -> None:
    connection.recv(100)
    time.sleep(0.6)


def _ask(path: Path, *commands: str, deadline_s: float = 0.3) -> list[Reply]:
    async def whole() -> list[Reply]:
        connection = Connection(str(path), deadline_s=deadline_s)
        try:
            return [await connection.ask(command) for command in commands]
        finally:
            await connection.aclose()

    return anyio.run(whole)


def test_an_absent_socket_is_unreachable_and_says_where_it_usually_is(tmp_path: Path) -> None:
    with pytest.raises(SpeakerUnreachable, match="nobody listens on") as caught:
        _ask(tmp_path / "bird.ctl", "configure")

    assert "is BIRD running" in caught.value.hint
    assert caught.value.command == "configure"


def test_a_socket_that_nobody_serves_any_more_is_unreachable(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "bird.ctl"))

    with pytest.raises(SpeakerUnreachable, match="nobody listens on"):
        _ask(tmp_path / "bird.ctl", "configure")


def test_a_socket_that_may_not_be_opened_names_the_group() -> None:
    error = explained(PermissionError(13, "Permission denied"), Connection("/run/bird/bird.ctl"), "configure")

    assert isinstance(error, SpeakerUnreachable)
    assert "usermod -aG bird" in error.hint


def test_a_hung_daemon_is_given_up_at_the_deadline(tmp_path: Path) -> None:
    path = tmp_path / "bird.ctl"
    with _server(path, _silent):
        begin = time.monotonic()
        with pytest.raises(SpeakerUnreachable, match="does not answer"):
            _ask(path, "configure")
        assert time.monotonic() - begin < 0.5


@pytest.mark.parametrize(
    "nonsense", [b"SSH-2.0-OpenSSH_9.2\n", b"\n", b"\xff\xfe\n", b" leading\n", b"12 x\n"]
)
def test_somebody_elses_socket_is_rejected(tmp_path: Path, nonsense: bytes) -> None:
    path = tmp_path / "bird.ctl"
    with (
        _server(path, _says(nonsense)),
        pytest.raises(SpeakerRejected, match="does not speak as BIRD") as caught,
    ):
        _ask(path, "configure")

    assert caught.value.command == "configure"


def test_a_daemon_that_hangs_up_in_the_middle_is_unreachable(tmp_path: Path) -> None:
    path = tmp_path / "bird.ctl"
    with _server(path, _says(GREETING, b"0002-Read")), pytest.raises(SpeakerUnreachable, match="hung up"):
        _ask(path, "configure")


def test_a_restarted_daemon_is_asked_again_on_a_new_connection(tmp_path: Path) -> None:
    path = tmp_path / "bird.ctl"
    with _server(path, _polite, _polite):
        replies = _ask(path, "configure", "configure")

    assert [reply.code for reply in replies] == [3, 3]


def test_a_late_answer_is_never_taken_for_the_next_one(tmp_path: Path) -> None:
    path = tmp_path / "bird.ctl"

    def late(connection: socket.socket) -> None:
        connection.sendall(GREETING)
        connection.recv(100)
        time.sleep(0.4)
        connection.sendall(b"0000 late\n")

    async def whole() -> Reply:
        connection = Connection(str(path), deadline_s=0.2)
        try:
            with contextlib.suppress(SpeakerUnreachable):
                await connection.ask("show protocols all")
            return await connection.ask("configure")
        finally:
            await connection.aclose()

    with _server(path, late, _polite):
        time.sleep(0)
        try:
            reply = anyio.run(whole)
        except SpeakerUnreachable:
            return  # the server was still busy with the first
    assert reply.code == 3


def test_nobody_hangs_up_in_the_middle_of_a_reply(tmp_path: Path) -> None:
    """BIRD 3.1 may crash of it."""
    path = tmp_path / "bird.ctl"
    hung_up = []

    async def slow_then_quick(stream: anyio.abc.SocketStream, is_slow: list[bool]) -> None:
        async with stream:
            await stream.send(GREETING)
            await stream.receive()
            if not is_slow:
                is_slow.append(True)
                await stream.send(b"1007-route 1\n")
                with anyio.move_on_after(0.6):
                    await stream.receive()
                    hung_up.append("in the middle")
                await stream.send(b" route 2\n0000 \n")
                with contextlib.suppress(anyio.EndOfStream, anyio.BrokenResourceError):
                    await stream.receive()
                hung_up.append("after the end")
                return
            while True:
                await stream.send(b"0003 Reconfigured\n")
                await stream.receive()

    async def whole() -> None:
        connection = Connection(str(path), deadline_s=0.2)
        is_slow: list[bool] = []
        async with await anyio.create_unix_listener(path) as listener, anyio.create_task_group() as group:
            group.start_soon(listener.serve, lambda stream: slow_then_quick(stream, is_slow))
            with pytest.raises(SpeakerUnreachable):
                await connection.ask("show route all")
            with anyio.fail_after(10):
                while not hung_up:
                    await connection.ask("configure")
                    await anyio.sleep(0.05)
            await connection.aclose()
            group.cancel_scope.cancel()

    anyio.run(whole)
    assert hung_up == ["after the end"]


@pytest.mark.parametrize(
    ("greeting", "version"),
    [("BIRD 2.0.12 ready.", 2), ("BIRD 3.1.7 ready.", 3), ("BIRD", 0), ("", 0), ("BIRD x.y", 0)],
)
def test_the_version_is_read_from_the_greeting(greeting: str, version: int) -> None:
    connection = Connection(os.devnull)
    connection.greeting = greeting

    assert connection.version == version
