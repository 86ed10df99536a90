"""A command that ends with status 0, in a session of its own, of which nothing is left afterwards.

At the end, whatever the reason, its process group is killed; at a deadline also what left the group or the
session: every process that carries the run's mark in its environment. Nothing here waits for a process
outside the event loop: the end is told by a pidfd, and one that will not die is reaped when it does.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import secrets
import signal
from pathlib import Path

from anyplane.design.operation import ExecProbe
from anyplane.measure.outcome import Outcome, Unhealthy, good, tidy
from anyplane.measure.shared import Shared

MARK = "ANYPLANE_CHECK_RUN"
TAIL = 4096
CHUNK = 65_536
LAST_S = 0.5
"""How long a killed process is waited for; one that the kernel holds is reaped later."""


class ExecProber:
    """Runs one command."""

    doing = "waiting for the command to end"

    def __init__(self, spec: ExecProbe, *, shared: Shared) -> None:
        if not spec.command:
            raise Unhealthy("the command is empty")
        self._command = spec.command
        self._root = Path(shared.root)

    async def probe(self) -> Outcome:
        """Good when it ends with 0; the last line of its output is the detail."""
        run = Run(self._command, root=self._root)
        try:
            status = await asyncio.shield(run.ended)
        except BaseException:
            run.sweep()
            await asyncio.wait([run.ended], timeout=LAST_S)
            raise
        finally:
            run.close()
        line = run.last_line()
        if status < 0:
            raise Unhealthy(f"ended by {_signal(-status)}" + (f": {line}" if line else ""))
        if status:
            raise Unhealthy(f"status {status}" + (f": {line}" if line else ""))
        return good(line or "status 0")

    def close(self) -> None:
        """Nothing is held."""


class Run:
    """One process from its start to its end; `ended` holds its status, negative for a signal."""

    def __init__(self, command: tuple[str, ...], *, root: Path) -> None:
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[int] = self._loop.create_future()
        self._root, self._tail = root, b""
        self._mark = f"{MARK}={secrets.token_hex(8)}".encode()
        self._output, write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._is_open = True
        try:
            os.set_blocking(write, True)
            self.pid = self._start(command, write)
            self._pidfd = self._watch()
        except BaseException:
            os.close(self._output)
            raise
        finally:
            os.close(write)
        self._loop.add_reader(self._output, self._read)
        self._loop.add_reader(self._pidfd, self._end)

    def last_line(self) -> str:
        """The last line that is not empty, printable."""
        lines = self._tail.decode("utf-8", "replace").splitlines()
        return tidy(next((line for line in reversed(lines) if line.strip()), ""))

    def sweep(self) -> None:
        """Kill the group, then every process that carries the mark, until none is found."""
        self._kill_group()
        for _ in range(5):  # one that forks while we look leaves a child, which the next look finds
            if not (found := self._marked()):
                return
            for pid in found:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        """Kill what is left of the group, and reap the process now or when it ends."""
        if self._is_open:
            self._is_open = False
            self._loop.remove_reader(self._output)
            os.close(self._output)
        if not self.ended.done():
            self._kill_group()

    def _start(self, command: tuple[str, ...], write: int) -> int:
        try:
            return os.posix_spawnp(
                command[0],
                command,
                {**os.environ, MARK: self._mark.partition(b"=")[2].decode()},
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, write, 1),
                    (os.POSIX_SPAWN_DUP2, write, 2),
                ],
                setsid=True,
                setsigmask=(),
                setsigdef=(signal.SIGPIPE, signal.SIGXFSZ),  # Python ignores these; its children should not
            )
        except OSError as error:
            why = "not found" if error.errno == errno.ENOENT else (error.strerror or "").lower()
            raise Unhealthy(f"{command[0]} cannot be run: {why}") from error

    def _watch(self) -> int:
        try:
            return os.pidfd_open(self.pid)
        except OSError:  # no file descriptor is left: a process that nobody watches must not stay
            self._kill_group()
            os.waitpid(self.pid, 0)
            raise

    def _read(self) -> None:
        if not self._is_open:
            return
        try:
            data = os.read(self._output, CHUNK)
        except BlockingIOError:
            return
        self._tail = (self._tail + data)[-TAIL:]
        if not data:
            self._loop.remove_reader(self._output)

    def _end(self) -> None:
        self._loop.remove_reader(self._pidfd)
        # While the dead leader is not reaped, the number of its group cannot become anyone else's.
        self._kill_group()
        self._read()
        _, status = os.waitpid(self.pid, 0)
        os.close(self._pidfd)
        if not self.ended.done():
            self.ended.set_result(os.waitstatus_to_exitcode(status))

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def _marked(self) -> list[int]:
        found = []
        for entry in os.scandir(self._root / "proc"):
            if entry.name.isdigit() and int(entry.name) != self.pid:
                with contextlib.suppress(OSError):
                    if self._mark in Path(entry.path, "environ").read_bytes().split(b"\0"):
                        found.append(int(entry.name))
        return found


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
