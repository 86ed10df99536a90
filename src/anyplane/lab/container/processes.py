"""Processes: what runs in the nodes, started, frozen, thawed, killed and started again.

A process is started by a thread that entered the node, in a session of its own, with its output appended to
nodes/NODE/LABEL.log. A node that freezes or dies takes along every process in its namespace, also those that
ours started and that hid from us in a session of their own: they are found by their namespace in /proc.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio

from anyplane.lab.container.namespaces import Namespace
from anyplane.model.errors import LabError

KILL_S = 5.0
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What was started, so that it can be started again."""

    node: str
    label: str
    argv: tuple[str, ...]
    log: Path
    env: Mapping[str, str] | None
    cwd: Path | None


class Process:
    """One process that we started in a node; after `restart` another one with the same command."""

    def __init__(self, command: Command, namespace: Namespace) -> None:
        self.command = command
        self.started = 0.0
        """time.monotonic() when it was started last."""
        self._namespace = namespace
        self._fd = -1
        self._start()

    @property
    def node(self) -> str:
        """Where it runs."""
        return self.command.node

    @property
    def label(self) -> str:
        """What it is to the node, such as "bird" or "agent"."""
        return self.command.label

    @property
    def argv(self) -> tuple[str, ...]:
        """Its command line."""
        return self.command.argv

    @property
    def pid(self) -> int:
        """Its number inside the lab."""
        return self._popen.pid

    @property
    def is_alive(self) -> bool:
        """Has it not ended? A stopped process is alive."""
        return self._popen.poll() is None

    @property
    def ended(self) -> str:
        """How it ended ("exit code 1", "SIGKILL"); "" while it is alive."""
        code = self._popen.poll()
        if code is None:
            return ""
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    @property
    def last_words(self) -> str:
        """The last lines of its log."""
        try:
            text = self.command.log.read_text(errors="replace")
        except OSError:
            return ""
        return "\n".join(text.strip().splitlines()[-8:])

    def send(self, number: int) -> None:
        """A signal to it alone; nothing when it is dead."""
        self._popen.send_signal(number)

    def send_all(self, number: int) -> None:
        """A signal to it and to those of its session that did not leave its group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def wait(self, timeout: float) -> bool:
        """Has it ended within that time? Blocks."""
        if self._popen.poll() is None:
            poll = select.poll()
            poll.register(self._fd, select.POLLIN)
            poll.poll(timeout * 1000)
        return self._popen.poll() is not None

    async def gone(self) -> str:
        """Wait, for as long as it lives, and return how it ended; milliseconds after it did."""
        if self._popen.poll() is None:
            watched = os.dup(self._fd)  # `restart` may close ours meanwhile
            try:
                await anyio.wait_readable(watched)
            finally:
                os.close(watched)
        return self.ended

    def stop(self, timeout: float = KILL_S) -> None:
        """It has ended: asked by SIGTERM, and killed with all of its group when it has not in time."""
        if self.is_alive:
            self.send(signal.SIGTERM)
            self.send(signal.SIGCONT)
            self.wait(timeout)
        self.kill()

    def kill(self) -> None:
        """It and its group are dead at once."""
        if self._fd < 0:
            return  # closed: its number may be somebody else's by now
        self.send_all(signal.SIGKILL)
        if not self.wait(KILL_S):
            raise LabError(f"{self.node}: {self.label} (process {self.pid}) does not die")

    def restart(self, timeout: float = KILL_S) -> None:
        """A new process runs the same command; the old one has ended."""
        self.stop(timeout)
        self._close()
        self._start()

    def close(self) -> None:
        """Dead, and nothing of it is held."""
        self.kill()
        self._close()

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _start(self) -> None:
        command = self.command
        command.log.parent.mkdir(parents=True, exist_ok=True)
        try:
            with command.log.open("ab") as output:
                self._popen = self._namespace.call(
                    lambda: subprocess.Popen(  # noqa: S603  # our own commands
                        command.argv,
                        stdin=subprocess.DEVNULL,
                        stdout=output,
                        stderr=output,
                        env=None if command.env is None else {**os.environ, **command.env},
                        cwd=command.cwd,
                        start_new_session=True,
                        # Our descriptors close themselves; walking through those of 500 nodes takes time.
                        close_fds=False,
                    )
                )
        except FileNotFoundError as error:
            raise LabError(
                f"{command.node}: {command.argv[0]} is missing",
                hint="scripts/install-system.sh installs what the lab needs",
            ) from error
        except OSError as error:
            raise refused(f"{command.node}: {command.argv[0]}", error) from error
        self.started = time.monotonic()
        self._fd = os.pidfd_open(self._popen.pid)


class Processes:
    """All that we started, by node, in the order in which it was started."""

    def __init__(self, namespaces: Mapping[str, Namespace], directory: Path) -> None:
        self._namespaces = namespaces
        self._directory = directory
        self._of: dict[str, list[Process]] = {}
        self.frozen: set[str] = set()
        """The nodes that stand still."""

    def __iter__(self) -> Iterator[Process]:
        for processes in list(self._of.values()):
            yield from processes

    def start(
        self,
        node: str,
        argv: Sequence[str | Path],
        *,
        label: str,
        log: Path | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Process:
        """The command runs in the node (1 to 2 ms); one that ended under the same label makes room for it."""
        command = Command(
            node=node,
            label=label,
            argv=tuple(str(word) for word in argv),
            log=log or self._directory / "nodes" / node / f"{label}.log",
            env=env,
            cwd=cwd,
        )
        return self.adopt(Process(command, self._namespaces[node]))

    def adopt(self, process: Process) -> Process:
        """It is one of ours, whoever started it; one that ended under the same label makes room for it."""
        mine = self._of.setdefault(process.node, [])
        for old in [one for one in mine if one.label == process.label and not one.is_alive]:
            old.close()
            mine.remove(old)
        mine.append(process)
        return process

    def forget(self, process: Process) -> None:
        """It ended as it should, and is not missed."""
        process.close()
        self._of[process.node].remove(process)

    def of(self, node: str) -> tuple[Process, ...]:
        """Those of one node, dead ones too."""
        return tuple(self._of.get(node, ()))

    def called(self, node: str, label: str) -> Process:
        """The one with that label; LabError when there is none."""
        for process in reversed(self._of.get(node, [])):
            if process.label == label:
                return process
        known = ", ".join(process.label for process in self.of(node)) or "nothing"
        raise LabError(f"{node} runs no {label}", hint=f"it runs: {known}")

    def freeze(self, node: str) -> None:
        """No process of the node does anything (SIGSTOP)."""
        self._signal(node, signal.SIGSTOP)
        self.frozen.add(node)

    def thaw(self, node: str) -> None:
        """They go on (SIGCONT)."""
        self._signal(node, signal.SIGCONT)
        self.frozen.discard(node)

    def kill(self, node: str) -> None:
        """None of them lives; ours can be started again by `restart`."""
        self._signal(node, signal.SIGKILL)
        self.frozen.discard(node)
        for process in self.of(node):
            process.kill()

    def close(self) -> None:
        """All are dead: first all are told, then each is waited for."""
        for process in self:
            process.send_all(signal.SIGKILL)
        for process in self:
            process.close()
        self._of.clear()

    def pids(self, node: str) -> tuple[int, ...]:
        """Every process in the node's namespace, ours or not; not the engine, which is in none of them."""
        wanted = f"net:[{self._namespaces[node].inode}]"
        found = []
        for entry in os.listdir(_PROC):  # noqa: PTH208  # the names alone, and often
            if entry.isdigit():
                with contextlib.suppress(OSError):
                    if os.readlink(f"{_PROC}/{entry}/ns/net") == wanted:  # noqa: PTH115  # as above
                        found.append(int(entry))
        return tuple(found)

    def _signal(self, node: str, number: int) -> None:
        """To ours at once, then to all others in the namespace, until none is new."""
        for process in self.of(node):
            process.send_all(number)
        seen = {process.pid for process in self.of(node)}
        while fresh := set(self.pids(node)) - seen:
            for pid in fresh:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            seen |= fresh


def refused(what: str, error: OSError) -> LabError:
    """What the machine said no to."""
    hints = {
        errno.ENOSPC: "make room there, or set ANYPLANE_LAB_DIR to a directory that has it",
        errno.EMFILE: "each node needs two descriptors and each process one: raise the limit (`ulimit -Hn`)",
        errno.ENFILE: "the machine has no file descriptors left: sudo sysctl fs.file-max",
        errno.EAGAIN: "no more processes are allowed: see `ulimit -u`, and pids.max of the cgroup",
        errno.ENOMEM: "memory is short: fewer --routers need less",
    }
    where = f"{error.filename}: " if error.filename else ""
    return LabError(
        f"{what}: {where}{error.strerror or error}",
        hint=hints.get(error.errno or 0, "nodes/ and inside.log in the lab's directory have more"),
    )
