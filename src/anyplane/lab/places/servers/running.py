"""RunningServer: one server of a node, and what a game day does to it.

Every fault returns the moment (CLOCK_MONOTONIC) just before it was done.
"""

from __future__ import annotations

import signal
import socket
import threading
import time
from pathlib import Path

from anyplane.lab.container.namespaces import Namespace
from anyplane.lab.container.processes import Process, Processes
from anyplane.lab.places.servers.serving import ServerKind, Serving
from anyplane.lab.probes.questions import question
from anyplane.model.errors import LabError

READY_S = 20.0
ASKING_S = 0.2
TURN_S = 0.02
"""How long a slow server runs between two pauses."""


class RunningServer:
    """A server in a node; `pidfile` names its process for whoever watches it, as a service's unit would."""

    def __init__(
        self, serving: Serving, *, processes: Processes, namespace: Namespace, pidfile: Path | None = None
    ) -> None:
        self.serving = serving
        self.is_wrong = False
        self._processes = processes
        self._namespace = namespace
        self._pidfile = pidfile
        self._process: Process | None = None
        self._slowness: _Slowness | None = None

    @property
    def kind(self) -> ServerKind:
        """What it speaks."""
        return self.serving.kind

    @property
    def pid(self) -> int:
        """Its process; 0 when there is none."""
        return self._process.pid if self._process is not None and self._process.is_alive else 0

    @property
    def is_alive(self) -> bool:
        """Does it run? A stopped one does."""
        return self.pid > 0

    def start(self) -> None:
        """It runs, and will answer soon (see `is_ready`)."""
        if self.is_alive:
            return
        self.serving.write(is_wrong=self.is_wrong)
        self._process = self._processes.start(
            self._namespace.name, self.serving.argv, label=self.serving.label, cwd=self.serving.directory
        )
        if self._pidfile is not None:
            self._pidfile.parent.mkdir(parents=True, exist_ok=True)
            fresh = self._pidfile.with_suffix(".new")
            fresh.write_text(f"{self._process.pid}\n")
            fresh.replace(self._pidfile)

    def is_ready(self) -> bool:
        """Does it answer? LabError with its last words where it has ended."""
        process = self._process
        if process is None or not process.is_alive:
            said = "" if process is None else f": {process.last_words[-400:]}"
            raise LabError(f"{self._namespace.name}: {self.serving.label} does not run{said}")
        where = self.serving.answers_at
        return where is None or self._namespace.call(lambda: _answers(self.kind, *where))

    def wait_ready(self, timeout: float = READY_S) -> None:
        """It answers; LabError where it does not in time."""
        deadline = time.monotonic() + timeout
        while not self.is_ready():
            if time.monotonic() > deadline:
                raise LabError(f"{self._namespace.name}: {self.serving.label} gives no answer")
            time.sleep(0.005)

    def kill(self) -> float:
        """SIGKILL, to it and its children."""
        self._quicken()
        at = time.monotonic()
        if self._process is not None:
            self._process.kill()
        return at

    def hang(self) -> float:
        """It stands still and keeps its sockets (SIGSTOP)."""
        self._quicken()
        at = time.monotonic()
        self._living().send_all(signal.SIGSTOP)
        return at

    def slow(self, pause_s: float = 0.2) -> float:
        """It stands still for so long before each moment in which it works: most answers are late."""
        self._quicken()
        process = self._living()
        at = time.monotonic()
        self._slowness = _Slowness(process, pause_s)
        return at

    def wrong(self) -> float:
        """It answers wrongly: other records and no identity; status 500; a clock that is not synchronised."""
        self._quicken()
        self._living()
        self.is_wrong = True
        return self._take_in()

    def restore(self) -> float:
        """As if nothing had happened: it runs, at full speed, and answers rightly."""
        self._quicken()
        at = time.monotonic()
        was_wrong, self.is_wrong = self.is_wrong, False
        if self._process is None or not self._process.is_alive:
            self.start()
            return at
        self._process.send_all(signal.SIGCONT)
        return self._take_in() if was_wrong else at

    def restart(self) -> float:
        """It ends as it wishes to, and another begins: what an upgrade of the server does."""
        self._quicken()
        at = time.monotonic()
        self.stop()
        self.is_wrong = False
        self.start()
        return at

    def stop(self) -> None:
        """It has ended."""
        self._quicken()
        if self._process is not None:
            self._process.stop()

    def _take_in(self) -> float:
        """The files that count now are read; a server that cannot do so is started anew at once."""
        if self.serving.reload_signal:
            self.serving.write(is_wrong=self.is_wrong)
            at = time.monotonic()
            self._living().send(self.serving.reload_signal)
            return at
        at = time.monotonic()
        self._living().kill()
        self.start()
        return at

    def _quicken(self) -> None:
        if self._slowness is not None:
            self._slowness.end()
            self._slowness = None

    def _living(self) -> Process:
        if self._process is None or not self._process.is_alive:
            raise LabError(
                f"{self._namespace.name}: {self.serving.label} does not run", hint="restore it first"
            )
        return self._process


class _Slowness:
    """Stops a process and lets it go on, again and again, until `end`."""

    def __init__(self, process: Process, pause_s: float) -> None:
        self._process = process
        self._pause_s = pause_s
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._alternate, name="slowness", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """It runs again without pauses."""
        self._is_over.set()
        self._thread.join()

    def _alternate(self) -> None:
        while not self._is_over.is_set() and self._process.is_alive:
            self._process.send_all(signal.SIGSTOP)
            self._is_over.wait(self._pause_s)
            self._process.send_all(signal.SIGCONT)
            self._is_over.wait(TURN_S)


def _answers(kind: ServerKind, address: str, port: int) -> bool:
    """From inside the node: is a question answered at that address?"""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        if kind is ServerKind.DNS:
            with socket.socket(family, socket.SOCK_DGRAM) as asking:
                asking.settimeout(ASKING_S)
                asking.connect((address, port))
                asking.send(question(1))
                return len(asking.recv(512)) > 0
        with socket.socket(family, socket.SOCK_STREAM) as asking:
            asking.settimeout(ASKING_S)
            return asking.connect_ex((address, port)) == 0
    except OSError:
        return False
