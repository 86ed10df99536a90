"""Zygote: one process that has imported the agent, and becomes an agent in some node as often as it is asked.

Theory of operation. An agent takes a third of a second of CPU to import what it needs; a dozen sites would
pay that a dozen times. The zygote pays once. For each agent it forks: the child enters the node's network
namespace, takes its own session, log, environment and arguments, and then runs the module `anyplane`, which
is what `python -m anyplane agent ...` does. The zygote has one thread and no lock, so that a fork of it is
whole. It reaps its children, and ends when the one who started it goes away; the children live on.

    requests    {"argv": [...], "env": {...}, "cwd": "/"}  with two descriptors: namespace and log
    replies     {"pid": 123}, or {"error": "..."}
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from anyplane.lab.container import libc
from anyplane.model.errors import LabError

READY_S = 60.0
ANSWER_S = 20.0
_MESSAGE_BYTES = 1 << 17
# Named and not imported: the child becomes the command line, which is a layer above this one.
_WARM = (
    "anyplane.cli.main",
    "anyplane.cli.app",
    "anyplane.cli.agent",
    "anyplane.agent.run",
    "anyplane.agent.panic",
    "anyplane.design.faults",
    "anyplane.design.references",
    "anyplane.design.references_operation",
    "anyplane.design.rules",
    "anyplane.design.shape",
    "anyplane.bgp.bird",
    "anyplane.bgp.exabgp",
    "anyplane.bgp.frr",
    "anyplane.measure.dns",
    "anyplane.measure.http",
    "anyplane.measure.tcp",
    "anyplane.measure.process",
    "anyplane.measure.ntp",
    "anyplane.measure.icmp",
    "anyio._backends._asyncio",
    "anyio.streams.stapled",
    "anyio.streams.tls",
)
_ROOM = 500
"""Bytes of a padding argument: the room in which a child's own arguments are shown by ps."""


class Zygote:
    """The engine's side. `close` ends the zygote, not its children."""

    def __init__(self) -> None:
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its:
            self._process = subprocess.Popen(  # noqa: S603  # our own program
                [sys.executable, "-m", "anyplane.lab.container.zygote", str(its.fileno()), "-" * _ROOM],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(its.fileno(),),
                start_new_session=True,
            )
        self._socket = ours
        self._is_ready = False
        self._turn = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The zygote's own process."""
        return self._process.pid

    def fork(
        self, namespace: int, argv: Sequence[str], *, log: Path, env: Mapping[str, str], cwd: str = "/"
    ) -> int:
        """The pid of a new `python -m anyplane ARGV...` in the network namespace of that descriptor.

        LabError where the zygote is dead or refuses.
        """
        request = json.dumps({"argv": list(argv), "env": dict(env), "cwd": cwd}).encode()
        written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            with self._turn:
                self._wait_ready()
                self._socket.settimeout(ANSWER_S)
                socket.send_fds(self._socket, [request], [namespace, written])
                reply = self._heard()
        except OSError as error:
            raise LabError(f"the agent's zygote does not answer: {error}") from None
        finally:
            os.close(written)
        if "pid" not in reply:
            raise LabError(f"an agent could not be started: {reply.get('error', 'the zygote is gone')}")
        return int(str(reply["pid"]))

    def close(self) -> None:
        """End it."""
        self._socket.close()
        try:
            self._process.wait(ANSWER_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _wait_ready(self) -> None:
        """It says so once, when everything is imported."""
        if self._is_ready:
            return
        self._socket.settimeout(READY_S)
        try:
            self._is_ready = self._heard().get("ready") is True
        except OSError:
            self._is_ready = False
        if not self._is_ready:
            raise LabError(
                "the agent's zygote did not come up",
                hint=f"does {sys.executable} -m anyplane agent --help run?",
            )

    def _heard(self) -> dict[str, object]:
        said = self._socket.recv(_MESSAGE_BYTES)
        return dict(json.loads(said)) if said else {}


# From here on: the zygote's own process.


def main() -> None:
    """Be the zygote; in a child of it, be the agent."""
    asked = _serve(socket.socket(fileno=int(sys.argv[1])))
    if asked is not None:
        _become(asked)
        runpy.run_module("anyplane", run_name="__main__", alter_sys=True)


def _serve(engine: socket.socket) -> dict[str, object] | None:
    """None when the engine has gone; in a child, what it is to be."""
    for name in _WARM:
        with contextlib.suppress(ImportError):  # then the agent that needs it says so
            importlib.import_module(name)
    gc.collect()
    gc.freeze()  # the children share these pages, for no collection touches them any more
    woken, waking = socket.socketpair()
    waking.setblocking(False)  # noqa: FBT003  # the socket module's own spelling
    signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    engine.send(b'{"ready": true}')
    while True:
        readable, _, _ = select.select([engine, woken], [], [])
        if woken in readable:
            woken.recv(4096)
            _reap()
        if engine not in readable:
            continue
        message, descriptors, _, _ = socket.recv_fds(engine, _MESSAGE_BYTES, 2)
        if not message:
            return None
        asked = dict(json.loads(message))
        settled, settling = os.pipe()
        reply: dict[str, object] = {}
        try:
            pid = os.fork()
            if pid == 0:
                for one in (engine, woken, waking):
                    one.detach()  # the descriptors are closed with all others
                return {**asked, "descriptors": descriptors}
            reply["pid"] = pid
        except OSError as error:
            reply["error"] = error.strerror
        for descriptor in (settling, *descriptors):
            os.close(descriptor)
        os.read(settled, 1)  # the child has a session of its own now, or is dead
        os.close(settled)
        engine.send(json.dumps(reply).encode())


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _become(asked: dict[str, object]) -> None:
    """Be as if a shell had started us there: session, namespace, files, signals, environment, arguments."""
    argv, env, descriptors = asked["argv"], asked["env"], asked["descriptors"]
    assert isinstance(argv, list) and isinstance(env, dict) and isinstance(descriptors, list)  # noqa: S101, PT018  # ours
    namespace, log = descriptors
    os.setsid()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    libc.setns(namespace, libc.CLONE_NEWNET)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.closerange(3, 256)
    os.chdir(str(asked["cwd"]))
    os.environ.clear()
    os.environ.update(env)
    command = [sys.executable, "-m", "anyplane", *argv]
    sys.argv[:] = ["anyplane", *argv]
    sys.orig_argv[:] = command  # an agent that is upgraded executes these again
    with contextlib.suppress(OSError, ValueError, IndexError):
        _show(command)


def _show(command: Sequence[str]) -> None:
    """What ps and /proc/PID/cmdline say: written over the zygote's own arguments, which were made long."""
    fields = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    begin, end = int(fields[45]), int(fields[46])  # arg_start and arg_end, proc(5)
    room = end - begin
    if begin and room > 1:
        text = b"\0".join(word.encode() for word in command)[: room - 1]
        ctypes.memmove(begin, text.ljust(room, b"\0"), room)


if __name__ == "__main__":
    main()
