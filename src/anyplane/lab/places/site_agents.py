"""SiteAgent: the real agent of one site, forked from the zygote or started by its command, and its faults."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anyplane.agent import client
from anyplane.lab import paths
from anyplane.lab.container.namespaces import Namespace
from anyplane.lab.container.processes import Command, Process, Processes
from anyplane.lab.container.zygote import Zygote
from anyplane.model.errors import AnyplaneError, LabError

ENDING_S = 8.0
LABEL = "agent"


class SiteAgent:
    """The agent of one site. Faults return the moment (CLOCK_MONOTONIC) just before they were done."""

    def __init__(
        self,
        *,
        site: str,
        design: Path,
        processes: Processes,
        namespace: Namespace,
        log: Path,
        zygote: Zygote | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.site = site
        self._processes = processes
        self._namespace = namespace
        self._zygote = zygote
        self._log = log
        self._env = dict(env or {})
        self._process: Process | None = None
        self._run_dir = paths.agent_run(namespace.name)
        self._words = (
            "agent",
            str(design),
            *("--site", site, "--run-dir", str(self._run_dir)),
            *("--state-dir", str(paths.agent_state(namespace.name)), "--metrics", ""),
        )

    @property
    def socket(self) -> Path:
        """Where it listens for orders."""
        return self._run_dir / f"{self.site}.sock"

    @property
    def report(self) -> Path:
        """Its own word, for others."""
        return self._run_dir / f"{self.site}.report.json"

    @property
    def pid(self) -> int:
        """Its process; 0 when there is none."""
        return self._process.pid if self._process is not None and self._process.is_alive else 0

    def start(self) -> float:
        """It runs; it answers on its socket some tenths of a second later."""
        at = time.monotonic()
        if self.pid:
            return at
        if self._zygote is None:
            self._process = self._processes.start(
                self._namespace.name,
                (sys.executable, "-m", "anyplane", *self._words),
                label=LABEL,
                log=self._log,
                env=self._env,
            )
            return at
        command = Command(
            node=self._namespace.name, label=LABEL, argv=self._words, log=self._log, env=self._env, cwd=None
        )
        try:
            self._process = self._processes.adopt(ForkedProcess(command, self._namespace, self._zygote))
        except LabError:
            self._zygote = None  # it is gone; an agent takes its time to import then
            return self.start()
        return at

    def kill(self) -> float:
        """SIGKILL to the agent alone, as when memory runs out; its lease or its keeper does the rest."""
        process = self._living()
        at = time.monotonic()
        process.send(signal.SIGKILL)
        process.wait(ENDING_S)
        return at

    def hang(self) -> float:
        """It stands still (SIGSTOP); its keeper does not."""
        process = self._living()
        at = time.monotonic()
        process.send(signal.SIGSTOP)
        return at

    def restore(self) -> float:
        """It runs: thawed, or started again."""
        at = time.monotonic()
        if self.pid:
            self._living().send(signal.SIGCONT)
            return at
        return self.start()

    def restart(self) -> float:
        """It is told to end, withdraws everything, and another begins."""
        at = time.monotonic()
        self.stop()
        self.start()
        return at

    def stop(self) -> None:
        """It has ended."""
        if self._process is not None:
            self._process.stop(ENDING_S)

    def close(self) -> None:
        """Killed, and nothing of it is held."""
        if self._process is not None:
            self._process.close()
            self._process = None

    def order(self, name: str, **arguments: object) -> dict[str, Any]:
        """Its answer to drain, undrain, status, ... on its control socket; AnyplaneError without one."""
        return client.ask(self.socket, {"do": name, **arguments})

    def status(self) -> dict[str, Any] | None:
        """All that it says of itself; None while it does not answer."""
        try:
            return self.order("status")
        except AnyplaneError:
            return None

    def _living(self) -> Process:
        if self._process is None or not self._process.is_alive:
            said = "" if self._process is None else self._process.last_words[-300:]
            raise LabError(f"no agent runs at {self.site}" + (f": {said}" if said else ""))
        return self._process


class ForkedProcess(Process):
    """A Process that the zygote forked: its child and not ours, so its end is seen, but not its exit code."""

    def __init__(self, command: Command, namespace: Namespace, zygote: Zygote) -> None:
        self._zygote = zygote
        super().__init__(command, namespace)

    @property
    def ended(self) -> str:
        """How is known to the zygote alone."""
        return "" if self.is_alive else "ended"

    def _start(self) -> None:
        command = self.command
        command.log.parent.mkdir(parents=True, exist_ok=True)
        pid = self._zygote.fork(
            self._namespace.fd, command.argv, log=command.log, env={**os.environ, **(command.env or {})}
        )
        self.started = time.monotonic()
        self._fd = os.pidfd_open(pid)
        self._popen = _Orphan(pid, self._fd)  # type: ignore[assignment]  # as much of a Popen as is used


class _Orphan:
    """A process of somebody else's, as far as Process needs one."""

    def __init__(self, pid: int, handle: int) -> None:
        self.pid = pid
        self._handle = os.dup(handle)

    def poll(self) -> int | None:
        """None while it lives; 0 then, whatever its exit code."""
        if self._handle >= 0 and _is_readable(self._handle):
            os.close(self._handle)
            self._handle = -1
        return None if self._handle >= 0 else 0

    def send_signal(self, number: int) -> None:
        """Nothing when it is dead."""
        if self.poll() is None:
            try:
                signal.pidfd_send_signal(self._handle, number)
            except ProcessLookupError:
                return


def _is_readable(handle: int) -> bool:
    """Not by select(2), which knows no descriptor above 1,023: a large lab holds more."""
    waiting = select.poll()
    waiting.register(handle, select.POLLIN)
    return bool(waiting.poll(0))
