"""Lab: a lab as its user sees it from outside: bring it up, ask it, take it down. Synchronous.

    with Lab.up(blueprint) as lab:                     it dies with us, however we die
        lab.call("run", node="as100-lis", argv=["ip", "route"])
    Lab.up(blueprint, is_detached=True)                it lives until Lab.attach(name).down()

Labs live in $ANYPLANE_LAB_DIR, else /tmp/anyplane-lab-UID, each in a directory of its name. The lock of
that directory is held for as long as the lab lives: so a name is taken or free, whatever died and how.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import socket
import stat
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from anyplane.lab.blueprint import Blueprint
from anyplane.lab.blueprint_file import read_blueprint, write_blueprint
from anyplane.lab.container.control import reachable
from anyplane.lab.container.enter import Inside, start_inside, tail
from anyplane.model.errors import LabError

UP_S = 120.0
ANSWER_S = 60.0
DOWN_S = 15.0
_LOCK, _FAILED = "lock", "failed"
_TURN_S = 0.01

OnEvent = Callable[[Mapping[str, Any]], None]


class Lab:
    """A lab that runs. `directory` has its blueprint and the nodes' logs."""

    def __init__(self, directory: Path, *, inside: Inside | None = None) -> None:
        self.directory = directory
        self._inside = inside
        self._is_kept = False
        self._blueprint: Blueprint | None = None
        try:
            self._socket, self.pid = _connected(directory)
        except OSError as error:
            raise LabError(
                f"nothing answers in {directory}: {error.strerror}", hint="anyplane lab up makes a lab"
            ) from error
        self._heard = b""

    @classmethod
    def up(
        cls,
        blueprint: Blueprint,
        *,
        directory: Path | None = None,
        is_detached: bool = False,
        on_progress: OnEvent | None = None,
        timeout: float = UP_S,
        files: Mapping[str, str] | None = None,
        until: str = "converging",
    ) -> Self:
        """A lab of that blueprint, converged; LabError when it cannot be.

        Then nothing of it is left but the logs, until a lab of that name is brought up again.
        directory: where instead of the usual place; it is then left there afterwards. is_detached: it lives
        on when we end. files: what else to put beside the blueprint (name -> text). until: the last phase of
        coming up (`engine.PHASES`) that is gone through.
        """
        place = directory if directory is not None else place_of(blueprint.name)
        is_removed = directory is None
        with claimed(place) as lock:
            inside: Inside | None = None
            lab: Self | None = None
            is_done = is_kept = False
            try:
                with _written(place):
                    write_blueprint(place, blueprint)
                    for name, text in (files or {}).items():
                        (place / name).write_text(text)
                inside = start_inside(place, lock=lock, is_removed=is_removed)
                lab = cls(place, inside=inside)
                lab.call("up", on_event=on_progress, timeout=timeout + 5.0, timeout_s=timeout, until=until)
                if is_detached:
                    inside.detach()
                    lab._inside = None
                is_done = True
                return lab
            except LabError as error:
                # What it says names logs, so they stay; with Ctrl-C nobody wants them.
                is_kept = inside is not None and is_removed and _marked_failed(place, error)
                raise
            finally:
                if not is_done:
                    if lab is not None:
                        lab._socket.close()
                    if inside is not None:
                        inside.kill(is_kept=is_kept)
                    if is_removed and not is_kept:
                        shutil.rmtree(place, ignore_errors=True)

    @classmethod
    def attach(cls, name: str) -> Self:
        """The lab of that name (or in that directory), which runs already; LabError when it does not."""
        place = Path(name) if "/" in name else place_of(name)
        if not place.is_dir():
            known = ", ".join(running()) or "none"
            raise LabError(f"no lab called {name} runs", hint=f"labs that run: {known}")
        return cls(place)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def name(self) -> str:
        """As in its blueprint."""
        return self.blueprint.name

    @property
    def blueprint(self) -> Blueprint:
        """What it was made from."""
        if self._blueprint is None:
            self._blueprint = read_blueprint(self.directory)
        return self._blueprint

    def call(
        self, do: str, on_event: OnEvent | None = None, *, timeout: float = ANSWER_S, **arguments: Any
    ) -> Any:
        """The result of an operation; LabError as the lab gives it, or when it is gone or silent.

        timeout: seconds until the next word (event or result) at most.
        """
        request = json.dumps({"do": do, **arguments}).encode() + b"\n"
        try:
            self._socket.settimeout(timeout)
            self._socket.sendall(request)
            while True:
                reply = json.loads(self._line())
                if "event" in reply:
                    if on_event is not None:
                        on_event(reply["event"])
                    continue
                if "error" in reply:
                    raise LabError(reply["error"]["message"], hint=reply["error"].get("hint", ""))
                return reply["result"]
        except TimeoutError:
            self._socket.close()  # its answer may come later, and would be taken for that to something else
            raise LabError(
                f"the lab did not answer {do} within {timeout:g} s", hint=f"see {self.directory}/inside.log"
            ) from None
        except OSError as error:
            raise LabError(
                f"the lab is gone: {error.strerror or error}",
                hint=tail(self.directory / "inside.log")
                or "it left no word: was it killed, is memory short, or `ulimit -Hn` below 3 for each node?",
            ) from error

    def run(self, node: str, *argv: str, timeout: float = 30.0) -> str:
        """What a command printed in a node; LabError with its complaint when it failed."""
        done = self.call("run", node=node, argv=list(argv), timeout_s=timeout, timeout=timeout + 10.0)
        if done["exit_code"] != 0:
            how = "took too long" if done["exit_code"] is None else f"exit code {done['exit_code']}"
            raise LabError(f"{node}: {' '.join(argv)}: {how}: {(done['errors'] or done['output']).strip()}")
        return str(done["output"])

    def shell(self, node: str, *argv: str) -> tuple[str, ...]:
        """The command line that runs `argv` (a shell) in the node: by nsenter, from this machine."""
        descriptors = self.call("doors")["descriptors"]
        if node not in descriptors:
            raise LabError(f"the lab has no node {node!r}", hint="see `anyplane lab status`")
        own = Path("/proc/self/ns/user").readlink()
        has_user = Path(f"/proc/{self.pid}/ns/user").readlink() != own
        user = ("--user", "--preserve-credentials") if has_user else ()
        return (
            *("nsenter", f"--target={self.pid}", *user, "--mount", "--pid"),
            *(f"--net=/proc/{self.pid}/fd/{descriptors[node]}", "--"),
            *(argv or (os.environ.get("SHELL", "/bin/sh"),)),
        )

    def down(self) -> None:
        """The lab is gone, with every process and namespace; LabError when it does not go."""
        with contextlib.suppress(LabError):
            self.call("down", timeout=DOWN_S)
        self._socket.close()
        if self._inside is not None:
            self._inside.wait(DOWN_S)
            return
        deadline = time.monotonic() + DOWN_S
        while is_alive(self.directory):
            if time.monotonic() > deadline:
                raise LabError(
                    f"the lab in {self.directory} does not end", hint=f"kill -9 {self.pid} ends all of it"
                )
            time.sleep(_TURN_S)
        # Its directory goes last, file by file.
        while (
            self.directory.exists() and not (self.directory / _LOCK).exists() and time.monotonic() < deadline
        ):
            time.sleep(_TURN_S)

    def close(self) -> None:
        """Down, if it is ours to end; a lab that is detached goes on. Twice is fine."""
        if self._inside is not None:
            self.down()
            self._inside = None
        self._socket.close()

    def _line(self) -> bytes:
        while b"\n" not in self._heard:
            piece = self._socket.recv(1 << 16)
            if not piece:
                raise ConnectionError("it ended")
            self._heard += piece
        line, _, self._heard = self._heard.partition(b"\n")
        return line


def lab_root() -> Path:
    """Where labs live: a directory that is ours alone."""
    chosen = os.environ.get("ANYPLANE_LAB_DIR")
    root = Path(chosen) if chosen else Path(f"/tmp/anyplane-lab-{os.getuid()}")  # noqa: S108  # checked below
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = root.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise LabError(
            f"{root} is not a directory of this user alone", hint="remove it, or set ANYPLANE_LAB_DIR"
        )
    return root.resolve()


def place_of(name: str) -> Path:
    """The directory of the lab of that name."""
    if not name or len(name) > 24 or not all(one.isascii() and (one.isalnum() or one == "-") for one in name):
        raise LabError(f"{name!r} is no name for a lab", hint="use up to 24 of a-z, 0-9 and -")
    return lab_root() / name


def running() -> tuple[str, ...]:
    """The names of the labs that run.

    Directories of those that died are removed; the logs of one that did not come up stay.
    """
    alive = []
    for path in sorted(lab_root().iterdir()):
        if is_alive(path):
            alive.append(path.name)
        elif path.is_dir() and not (path / _FAILED).exists():
            with contextlib.suppress(LabError), claimed(path):
                shutil.rmtree(path, ignore_errors=True)
    return tuple(alive)


def is_alive(directory: Path) -> bool:
    """Is its lock held?"""
    try:
        fd = os.open(directory / _LOCK, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not _locked(fd)
    finally:
        os.close(fd)


@contextlib.contextmanager
def claimed(place: Path) -> Iterator[int]:
    """The directory is there, ours, and without the remains of a dead lab; yields its lock's descriptor.

    LabError where a lab runs. Whoever holds a copy of the descriptor holds the lock.
    """
    for _ in range(100):
        try:
            with _written(place):
                place.mkdir(mode=0o700, parents=True, exist_ok=True)
                fd = os.open(place / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except LabError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                continue  # somebody tidied up between the two lines
            raise
        try:
            if not _locked(fd):
                raise LabError(
                    f"a lab called {place.name} runs already",
                    hint=f"anyplane lab down {place.name}, or choose another --name",
                )
            with contextlib.suppress(FileNotFoundError):
                if os.fstat(fd).st_ino == (place / _LOCK).stat().st_ino:
                    for remains in ("nodes", "control", "inside.log", _FAILED):
                        _remove(place / remains)
                    yield fd
                    return
        finally:
            os.close(fd)
    raise LabError(f"{place} cannot be claimed", hint="do many labs start there at once?")


@contextlib.contextmanager
def _written(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LabError(
            f"{place} cannot be written: {error.strerror}",
            hint="make room there, or set ANYPLANE_LAB_DIR to a directory that has it",
        ) from error


def _marked_failed(place: Path, error: LabError) -> bool:
    try:
        (place / _FAILED).write_text(f"{error}\n")
    except OSError:
        return False
    return True


def _locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _connected(directory: Path) -> tuple[socket.socket, int]:
    """A connection to the control socket, and the engine's pid as we see it."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with reachable(directory) as path:
            connection.settimeout(ANSWER_S)
            connection.connect(path)
        found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    except BaseException:
        connection.close()
        raise
    return connection, struct.unpack("3i", found)[0]
