"""SiteDaemon: the BGP daemon of one site with the configuration that `anyplane render` gives, and its faults.

Every fault returns the moment (CLOCK_MONOTONIC) just before it was done. `site_daemons` has the kinds.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from anyplane.bgp.router import RouterPlan
from anyplane.bgp.speakers import render
from anyplane.lab import paths
from anyplane.lab.container.namespaces import Namespace
from anyplane.lab.container.processes import Process, Processes
from anyplane.model.errors import LabError

START_S = 30.0
TELL_S = 10.0


class SiteDaemon:
    """The daemon of a site whose speaker starts none: BIRD, FRR, GoBGP, OpenBGPD. See `site_daemons`."""

    has_fib = True
    """Does it put the default route that it is told into the kernel?"""
    label = "bgp"

    def __init__(self, plan: RouterPlan, *, processes: Processes, namespace: Namespace) -> None:
        self.plan = plan
        self._processes = processes
        self._namespace = namespace
        self._directory = paths.run_of(namespace.name)
        self._running: list[Process] = []

    @property
    def configuration(self) -> Path:
        """The file that it reads."""
        return self._directory / "bgp.conf"

    @property
    def pid(self) -> int:
        """Its (first) process; 0 when there is none."""
        living = [one.pid for one in self._faulted() if one.is_alive]
        return living[0] if living else 0

    def start(self) -> float:
        """It runs with the rendered configuration."""
        at = time.monotonic()
        if not self.pid:
            self._write(render(self.plan))
            self._start()
        return at

    def kill(self) -> float:
        """SIGKILL; the kernel closes its sessions."""
        at = time.monotonic()
        for one in self._faulted():
            one.kill()
        return at

    def hang(self) -> float:
        """It stands still (SIGSTOP), and its sessions are as silent as it is."""
        at = time.monotonic()
        self._send(signal.SIGSTOP)
        return at

    def misconfigure(self) -> float:
        """Somebody breaks its configuration file and has it read: it must go on with the old one."""
        at = time.monotonic()
        self._write(f"{render(self.plan)}\nthis is no configuration at all {{\n")
        self._reload()
        return at

    def restore(self) -> float:
        """It runs, thawed or started anew, with the right configuration."""
        at = time.monotonic()
        if not self.pid:
            self._write(render(self.plan))
            self._start()
            return at
        self._send(signal.SIGCONT)
        if self.configuration.exists() and self.configuration.read_text() != render(self.plan):
            self._write(render(self.plan))
            self._reload()
        return at

    def restart(self) -> float:
        """It ends as it wishes to (a session ends with a NOTIFICATION), and another begins."""
        at = time.monotonic()
        for one in self._faulted():
            one.stop()
        self._write(render(self.plan))
        self._start()
        return at

    def begin_sessions_anew(self) -> None:
        """Its sessions end, and begin without a past, where the daemon remembers one (BIRD does)."""

    def stop(self) -> None:
        """It has ended."""
        for one in reversed(self._running):
            one.stop()

    # What differs from daemon to daemon:

    def _start(self) -> None:
        """Begin its processes; nothing, where they are the agent's own."""

    def _reload(self) -> None:
        """Have the file read; what the daemon says to it is its own affair."""

    def _faulted(self) -> list[Process]:
        """The processes that a fault of "the daemon" means."""
        return self._running

    def _write(self, text: str) -> None:
        self.configuration.parent.mkdir(parents=True, exist_ok=True)
        self.configuration.write_text(text)

    def _run(self, argv: tuple[str, ...], *, label: str = "") -> Process:
        process = self._processes.start(self._namespace.name, argv, label=label or self.label)
        self._running = [one for one in self._running if one.label != process.label] + [process]
        return process

    def _send(self, number: int) -> None:
        for one in self._faulted():
            one.send_all(number)

    def _tell(self, *command: str) -> None:
        """A control command, from inside the node."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._namespace.call(
                lambda: subprocess.run(command, capture_output=True, timeout=TELL_S, check=False)  # noqa: S603
            )

    def _await(self, is_so: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + START_S
        while not is_so():
            dead = next((one for one in self._running if not one.is_alive), None)
            if dead is not None:
                raise LabError(f"{self._namespace.name}: {dead.label} ended: {dead.last_words[-400:]}")
            if time.monotonic() > deadline:
                raise LabError(f"{self._namespace.name}: {what} did not come up in {START_S:g} s")
            time.sleep(0.005)
