"""The control socket: versions, garbage, sizes, slow clients; and what each order does."""

from __future__ import annotations

import json
import socket
import stat
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.to_thread
import pytest
from site_parts import Stage

from anyplane.agent import client, control_socket
from anyplane.agent.answers import Answers
from anyplane.agent.files import FileWriter
from anyplane.agent.settings import Settings
from anyplane.agent.status import Status
from anyplane.model.errors import AgentUnreachable, UsageError

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Served:
    """An agent's socket on fakes."""

    def __init__(self, directory: Path) -> None:
        self.stage = Stage()
        self.stage.all_up()
        self.settings = Settings(
            design=directory / "d.yaml", site="fra", run_dir=directory, state_dir=directory, metrics=""
        )
        self.files = FileWriter()
        parts = {"loop": self.stage.loop, "recorder": self.stage.recorder}
        clocks = {"now": self.stage.clock, "wall": lambda: 1.7e9}
        self.status = Status(
            self.settings,
            announcer=self.stage.announcer,
            anchors=self.stage.anchors,
            witness=None,
            **parts,
            **clocks,
        )
        self.answers = Answers(self.settings, status=self.status, files=self.files, **parts, **clocks)

    async def ask(self, **request: object) -> dict[str, object]:
        return await anyio.to_thread.run_sync(lambda: client.ask(self.settings.socket, dict(request)))

    async def raw(self, content: bytes) -> list[dict[str, object]]:
        def converse() -> bytes:
            with socket.socket(socket.AF_UNIX) as stream:
                stream.settimeout(3)
                stream.connect(str(self.settings.socket))
                stream.sendall(content)
                stream.shutdown(socket.SHUT_WR)
                received = b""
                while part := stream.recv(65_536):
                    received += part
                return received

        received = await anyio.to_thread.run_sync(converse)
        return [json.loads(line) for line in received.splitlines()]


@asynccontextmanager
async def served(directory: Path) -> AsyncIterator[Served]:
    one = Served(directory)
    async with anyio.create_task_group() as group:
        group.start_soon(
            control_socket.serve, one.settings.socket, None, one.answers.answer, one.stage.recorder.log
        )
        with anyio.fail_after(30):
            while not one.settings.socket.exists():  # noqa: ASYNC110  # another task makes it
                await anyio.sleep(0.01)
        try:
            yield one
        finally:
            # The clients have hung up; the server takes notice before it ends.
            await anyio.sleep(0.05)
            group.cancel_scope.cancel()
            one.files.close()
            one.stage.log()


async def test_status_is_whole_and_the_socket_is_for_owner_and_group_only(tmp_path: Path) -> None:
    async with served(tmp_path) as one:
        await one.stage.announcer.turn()
        found = await one.ask(do="status")

        assert stat.S_IMODE(one.settings.socket.stat().st_mode) == 0o660
    assert {row["state"] for row in found["services"]} == {"up"}  # type: ignore[attr-defined]
    assert {bool(row["wanted"]) == bool(row["seen"]) for row in found["routes"]} == {True}  # type: ignore[attr-defined]
    assert not one.settings.socket.exists()


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b"nonsense", "one line of JSON"),
        (b"\xff\xfe\x00", "one line of JSON"),
        (b"[1]", 'object with "do"'),
        (b"{}", 'object with "do"'),
        (b'{"v": 2, "do": "status"}', "version 1"),
        (b'{"v": 1, "do": "explode"}', "no request explode"),
        (b'{"v": 1, "do": "drain", "service": "mail"}', "no service mail"),
        (b'{"v": 1, "do": "drain", "service": 7}', "short text"),
        (b'{"v": 1, "do": "blackhole", "host": "198.51.100.7"}', "needs an end"),
        (b'{"v": 1, "do": "blackhole", "host": "198.51.100.7", "for_s": 1e9}', "24 hours"),
        (b'{"v": 1, "do": "blackhole", "host": "8.8.8.8", "for_s": 60}', "our own space"),
        (b"[" * 60000, "one line of JSON"),
    ],
)
async def test_what_makes_no_sense_is_answered_with_an_error(
    tmp_path: Path, line: bytes, complaint: str
) -> None:
    async with served(tmp_path) as one:
        (reply,) = await one.raw(line + b"\n")

    assert reply["ok"] is False
    assert complaint in str(reply["error"]) + str(reply.get("hint"))
    assert one.stage.loop.standing.orders.drained == frozenset()


async def test_a_request_without_end_is_refused(tmp_path: Path) -> None:
    async with served(tmp_path) as one:
        (reply,) = await one.raw(b"x" * 100_000)

    assert "bytes at most" in str(reply["error"])


async def test_silent_and_slow_clients_hold_up_nobody(tmp_path: Path) -> None:
    async with served(tmp_path) as one:
        idle = [await anyio.connect_unix(one.settings.socket) for _ in range(10)]
        await idle[0].send(b'{"v": 1, "do": "status"}\n' * 2000)
        with anyio.fail_after(30):
            found = await one.ask(do="status")
        for stream in idle:
            await stream.aclose()

    assert found["ok"] is True


async def test_too_many_clients_are_turned_away(tmp_path: Path) -> None:
    async with served(tmp_path) as one:
        idle = [await anyio.connect_unix(one.settings.socket) for _ in range(control_socket.CLIENTS)]
        await anyio.sleep(0.1)
        with pytest.raises(UsageError, match="connected already"):
            await one.ask(do="status")
        for stream in idle:
            await stream.aclose()


async def test_orders_take_effect_and_are_kept_on_disk(tmp_path: Path) -> None:
    async with served(tmp_path) as one:
        reply = await one.ask(do="drain", service="dns", force=True)
        await one.ask(do="freeze")
        await one.ask(do="blackhole", action="add", host="198.51.100.7", for_s=60)
        one.files.flush()
        kept = json.loads(one.settings.orders_file.read_text())
        await one.ask(do="undrain")
        await one.ask(do="thaw")
        await one.ask(do="blackhole", action="del", host="198.51.100.7")
        orders = one.stage.loop.standing.orders

    assert reply["services"] == ["dns/v4"]
    assert (kept["drained"], kept["is_frozen"]) == (["dns/v4"], True)
    assert list(kept["blackholes"]) == ["198.51.100.7/32"]
    assert (orders.drained, orders.is_frozen, orders.blackholes) == (frozenset(), False, ())


def test_without_an_agent_the_client_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(AgentUnreachable, match="no agent runs here"):
        client.find(tmp_path, "")
    with pytest.raises(AgentUnreachable, match="no agent listens"):
        client.ask(tmp_path / "fra.sock", {"do": "status"})
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "fra.sock"))
    with pytest.raises(AgentUnreachable, match="is gone"):
        client.ask(client.find(tmp_path, ""), {"do": "status"})
    with socket.socket(socket.AF_UNIX) as nyc, socket.socket(socket.AF_UNIX) as lon:
        nyc.bind(str(tmp_path / "nyc.sock"))
        nyc.listen()
        only = client.find(tmp_path, "")
        lon.bind(str(tmp_path / "lon.sock"))
        lon.listen()
        with pytest.raises(UsageError, match="several agents run here: lon, nyc"):
            client.find(tmp_path, "")
        with pytest.raises(AgentUnreachable, match="no agent of lom") as unknown:
            client.find(tmp_path, "lom")

    assert only.stem == "nyc"
    assert "did you mean lon?" in str(unknown.value)


def test_an_agent_that_hangs_up_in_the_middle_is_unreachable(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "fra.sock"))
        listener.listen()

        def hang_up() -> None:
            stream, _ = listener.accept()
            with stream:
                stream.recv(10)
                stream.send(b'{"ok"')

        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises(AgentUnreachable):
            client.ask(tmp_path / "fra.sock", {"do": "status"})
        thread.join()


def test_a_path_too_long_and_a_group_unknown_are_said_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="too long"):
        control_socket.prepare(tmp_path / ("x" * 120), group="")
    with pytest.raises(UsageError, match="no group"):
        control_socket.prepare(tmp_path / "s", group="no-such-group-here")
