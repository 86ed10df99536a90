"""Network namespaces for tests: a few hosts joined by veth, and daemons in them that end with the test.

    with Network() as network:
        site, upstream = network.host("site"), network.host("upstream")
        network.link(site, "192.0.2.1/31", upstream, "192.0.2.0/31")
        site.start("bird", "-f", "-c", conf, "-s", socket)

Needs root and iproute2. `needs_namespaces()` skips a test with the reason where they cannot be made; under CI
that is a failure.

The name of a namespace, and of a network's directory, holds the pid of its maker. So two sessions may run at
the same time, and `sweep` finds what one that was killed could not take away.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self, TypeVar

import pytest

T = TypeVar("T")
_NUMBERS = itertools.count()
_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000
_NAMED = Path("/run/netns")
_DIRECTORY = "anyplane-test-"
_LEFT = (
    (_NAMED, "any-"),
    (Path(tempfile.gettempdir()), _DIRECTORY),
    (Path("/run"), _DIRECTORY),
    (
        Path("/run"),
        "anyplane-exabgp-",
    ),  # of agents that were killed; the next one on the machine would sweep it
)


class Host:
    """One network namespace with lo up: `start` daemons, `run` commands, `call` Python code in it."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name = name
        self.directory = directory
        self.closing = contextlib.ExitStack()
        """What else ends with the network, such as connections to daemons inside."""
        self._daemons: list[subprocess.Popen[bytes]] = []
        _ip("netns", "add", name)
        self.run("ip", "link", "set", "lo", "up")
        # An address is usable at once, without the second of duplicate address detection.
        self.run("sysctl", "-qw", "net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0")

    def run(self, *command: str, check: bool = True, timeout: float = 20) -> str:
        """The output of a command inside; AssertionError with its complaint when it fails."""
        done = subprocess.run(
            ["ip", "netns", "exec", self.name, *command], capture_output=True, text=True, timeout=timeout
        )
        assert not check or done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
        return done.stdout

    def start(
        self, *command: str, log: str = "", env: dict[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """A process inside that is ended with the network; its output goes to `log` in the directory."""
        name = log or f"{Path(command[0]).name}-{len(self._daemons)}.log"
        with (self.directory / name).open("ab") as output:
            process = subprocess.Popen(
                ["ip", "netns", "exec", self.name, *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )
        self._daemons.append(process)
        return process

    def call(self, function: Callable[[], T]) -> T:
        """What `function` returns when a thread inside calls it; sockets that it makes stay inside."""
        result: list[T] = []
        failure: list[BaseException] = []

        def enter() -> None:
            try:
                with (_NAMED / self.name).open() as handle:
                    if _LIBC.setns(handle.fileno(), _CLONE_NEWNET):
                        raise OSError(ctypes.get_errno(), "setns")
                result.append(function())
            except BaseException as error:  # noqa: BLE001  # it is raised again in the caller's thread
                failure.append(error)

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        if failure:
            raise failure[0]
        return result[0]

    def stop(self, process: subprocess.Popen[bytes], *, with_signal: int = signal.SIGKILL) -> None:
        """End one process of `start` (and what it started in its session)."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGCONT)
            os.killpg(process.pid, with_signal)
        process.wait(10)

    def close(self) -> None:
        """End every process inside and remove the namespace."""
        self.closing.close()
        for process in self._daemons:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
        _remove(self.name)


class Network:
    """Hosts and the links between them; everything is gone when the `with` ends."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix=f"{_DIRECTORY}{os.getpid()}-"))
        self.directory.chmod(0o755)  # daemons that drop root must reach their sockets
        self._hosts: list[Host] = []
        self._links = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for host in self._hosts:
            host.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def host(self, name: str) -> Host:
        """A new namespace; `name` need be unique in this network only."""
        directory = self.directory / name
        directory.mkdir(mode=0o755)
        host = Host(f"any-{os.getpid()}-{next(_NUMBERS)}-{name}", directory)
        self._hosts.append(host)
        return host

    def link(
        self, one: Host, one_address: str | list[str], other: Host, other_address: str | list[str]
    ) -> str:
        """Join two hosts by a veth pair, with an address or several on each end; the interface's name."""
        device = f"eth{self._links}"
        self._links += 1
        _ip(
            "link",
            "add",
            device,
            "netns",
            one.name,
            "type",
            "veth",
            "peer",
            "name",
            device,
            "netns",
            other.name,
        )
        for host, addresses in ((one, one_address), (other, other_address)):
            for address in [addresses] if isinstance(addresses, str) else addresses:
                host.run("ip", "address", "add", address, "dev", device)
            host.run("ip", "link", "set", device, "up")
        return device


def of_process(pid: int) -> list[str]:
    """The namespaces that a process made and that are still there."""
    return sorted(path.name for path in _NAMED.glob(f"any-{pid}-*"))


def sweep(*, own: bool = False) -> None:
    """Take away what dead sessions left: namespaces, processes inside, directories; `own`: ours as well."""
    for place, prefix in _LEFT:
        for path in place.glob(f"{prefix}*"):
            pid = path.name.removeprefix(prefix).partition("-")[0]
            if not pid.isdecimal() or not (own if int(pid) == os.getpid() else _is_dead(int(pid))):
                continue
            if place == _NAMED:
                _remove(path.name)
            else:
                shutil.rmtree(path, ignore_errors=True)


def needs_namespaces() -> None:
    """Skip where namespaces cannot be made; fail in CI."""
    reason = ""
    if os.geteuid() != 0:
        reason = "network namespaces need root here"
    elif shutil.which("ip") is None:
        reason = "ip is missing; scripts/install-system.sh installs iproute2"
    _lacking(reason)


def needs_program(*names: str) -> None:
    """Skip where a program is missing; fail in CI."""
    missing = [name for name in names if _which(name) is None]
    _lacking(f"missing: {', '.join(missing)}; scripts/install-system.sh installs them" if missing else "")


def wait_until(condition: Callable[[], object], *, timeout: float = 30, every: float = 0.02) -> float:
    """Seconds until `condition()` held; AssertionError after `timeout`. It polls too slowly to measure.

    The timeout is for a machine with ten times more to do than it can: whoever waits less proves less.
    """
    begin = time.monotonic()
    while not condition():
        waited = time.monotonic() - begin
        assert waited < timeout, f"still not so after {waited:.1f} s: {condition}"
        time.sleep(every)
    return time.monotonic() - begin


@contextlib.contextmanager
def frozen(pid: int) -> Iterator[None]:
    """The process is stopped (SIGSTOP) inside the `with`."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def _remove(name: str) -> None:
    """Kill every process inside, and remove the namespace."""
    for pid in _ip("netns", "pids", name, check=False).split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    _ip("netns", "del", name, check=False)


def _is_dead(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _which(name: str) -> str | None:
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/lib/frr")


def _lacking(reason: str) -> None:
    if not reason:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def _ip(*words: str, check: bool = True) -> str:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, timeout=20)
    assert not check or done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"
    return done.stdout
