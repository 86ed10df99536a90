"""Entering the lab from outside: can this machine do it, and the process that holds the lab while we live."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from anyplane.lab.container.inside import DETACH, KEEP
from anyplane.model.errors import LabError

INSIDE = "anyplane.lab.container.inside"
PROBE_S = 30.0
START_S = 60.0
END_S = 10.0
_PROGRAM = (Path(sys.base_prefix), Path(sys.prefix), Path(__file__).parents[3])
"""Where the interpreter, the packages and we are: seen inside wherever they stand."""
Word = dict[str, object]
"""What the inside says first: {"is_ready": true}, {"step", "number"} or {"message", "hint"}."""
_SETTINGS = (
    "kernel/apparmor_restrict_unprivileged_userns",
    "kernel/unprivileged_userns_clone",
    "user/max_user_namespaces",
    "user/max_net_namespaces",
    "user/max_pid_namespaces",
    "user/max_mnt_namespaces",
)


class Capability(StrEnum):
    """How this user can hold a lab here."""

    ROOTLESS = "rootless"
    ROOT = "root"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What decides whether namespaces may be made. settings: those of /proc/sys that exist."""

    is_root: bool
    is_container: bool
    settings: dict[str, int]


class Inside:
    """A lab that runs, or comes up: its stub, and the lifeline that ends it when we do.

    `detach` lets it outlive us; `kill` ends it at once; one of both must be called, or `wait` after its end.
    """

    def __init__(self, process: subprocess.Popen[bytes], lifeline: int) -> None:
        self.process = process
        self._lifeline = lifeline

    @property
    def is_alive(self) -> bool:
        """Does the stub run?"""
        return self.process.poll() is None

    def detach(self) -> None:
        """The lab lives on without us."""
        with contextlib.suppress(OSError):
            os.write(self._lifeline, DETACH)
        self._hang_up()
        # When we are gone it is init's child; for as long as we live somebody has to take in its end.
        self.process.returncode = 0
        threading.Thread(target=_take_in, args=(self.process.pid,), daemon=True).start()

    def kill(self, *, is_kept: bool = False) -> None:
        """Everything inside is dead, as it would be had we been killed; is_kept: its directory stays."""
        if is_kept and self._lifeline >= 0:
            with contextlib.suppress(OSError):
                os.write(self._lifeline, KEEP)
        self._hang_up()
        self.wait(END_S)

    def wait(self, timeout: float) -> int:
        """The stub's exit code; after `timeout` seconds it is killed, and the lab with it."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait(timeout)
        self._hang_up()
        return code

    def _hang_up(self) -> None:
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1


def capability() -> Capability:
    """How a lab can be held here, tried in a child; LabError with the fix where it cannot."""
    return _first_way(_probe)


def start_inside(
    directory: Path, *, lock: int = -1, is_removed: bool = False, kept: tuple[Path, ...] = ()
) -> Inside:
    """The engine serves at directory/control; LabError with the fix, and nothing left, when it cannot.

    lock: a descriptor that stays open for as long as the lab lives. is_removed: the directory is removed when
    the lab goes down or we die. It is of the kernel whatever happens to us: see `container.inside`.
    """
    started: list[Inside] = []

    def start(has_user: bool) -> Word:
        log = directory / "inside.log"
        inside, answer = _start(
            directory, log=log, lock=lock, has_user=has_user, is_removed=is_removed, kept=(directory, *kept)
        )
        if answer.get("is_ready"):
            started.append(inside)
        else:
            inside.process.kill()
            inside.wait(END_S)
        return answer

    _first_way(start, log=directory / "inside.log")
    return started[0]


def fix(machine: Machine, step: str, number: int) -> str:
    """What to do where the kernel refused `step` of entering with errno `number`."""
    settings = machine.settings
    if number == errno.ENOSPC or (step == "user namespace" and settings.get("user/max_user_namespaces") == 0):
        kind = {"user": "user", "network": "net", "pid": "pid", "mount": "mnt"}.get(
            step.partition(" ")[0], "user"
        )
        return f"sudo sysctl user.max_{kind}_namespaces=15000"
    if not machine.is_root and settings.get("kernel/unprivileged_userns_clone") == 0:
        return "sudo sysctl kernel.unprivileged_userns_clone=1, or run it as root"
    if not machine.is_root and settings.get("kernel/apparmor_restrict_unprivileged_userns"):
        return (
            "AppArmor keeps ordinary users from namespaces (Ubuntu 23.10 and later): "
            "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0, or run it as root"
        )
    if machine.is_container:
        return (
            "the container forbids it: docker run --security-opt seccomp=unconfined --security-opt "
            "apparmor=unconfined --security-opt systempaths=unconfined (as root add --cap-add SYS_ADMIN "
            "--cap-add NET_ADMIN), or --privileged"
        )
    if number in (errno.EINVAL, errno.ENOSYS):
        return "the kernel was built without these namespaces (CONFIG_USER_NS, CONFIG_NET_NS, CONFIG_PID_NS)"
    if machine.is_root:
        return "something takes CAP_SYS_ADMIN away from root here (a container, a service unit's sandbox)"
    return (
        "run it as root, or ask why this user may not make namespaces: unshare --user --net --pid --fork true"
    )


def this_machine(proc: Path = Path("/proc")) -> Machine:
    """As /proc and the file system say."""
    settings = {}
    for name in _SETTINGS:
        with contextlib.suppress(OSError, ValueError):
            settings[name] = int((proc / "sys" / name).read_text())
    marks = (Path("/.dockerenv"), Path("/run/.containerenv"))
    is_container = any(mark.exists() for mark in marks) or bool(os.environ.get("container"))  # noqa: SIM112  # systemd-nspawn writes it so
    return Machine(is_root=os.geteuid() == 0, is_container=is_container, settings=settings)


def _first_way(enter: Callable[[bool], Word], log: Path | None = None) -> Capability:
    """The first way of entering that works. Root needs no user namespace, and may try one all the same."""
    if sys.platform != "linux":
        raise LabError("the lab needs Linux", hint="run it in a virtual machine with Linux")
    machine = this_machine()
    ways = (Capability.ROOT, Capability.ROOTLESS) if machine.is_root else (Capability.ROOTLESS,)
    first: Word = {}
    for way in ways:
        answer = enter(way == Capability.ROOTLESS)
        if answer.get("is_ready"):
            return way
        first = first or answer
        if "step" not in answer:
            break
    if "step" in first:
        step, number = str(first["step"]), int(str(first["number"]))
        raise LabError(
            f"this machine does not let us build a lab: {step}: {os.strerror(number)}",
            hint=fix(machine, step, number),
        )
    said = str(first.get("message") or tail(log) or "it ended without a word")
    raise LabError(f"the inside of the lab did not start: {said}", hint=str(first.get("hint", "")))


def _take_in(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


def tail(log: Path | None, *, lines: int = 8) -> str:
    """The last lines of a log, or nothing."""
    try:
        text = log.read_text(errors="replace") if log else ""
    except OSError:
        return ""
    return "\n".join(text.strip().splitlines()[-lines:])


def _probe(has_user: bool) -> Word:
    inside, answer = _start(Path("/"), log=None, lock=-1, has_user=has_user, is_probe=True)
    inside.wait(END_S)
    return answer


def _start(
    directory: Path,
    *,
    log: Path | None,
    lock: int,
    has_user: bool,
    is_probe: bool = False,
    is_removed: bool = False,
    kept: tuple[Path, ...] = (),
) -> tuple[Inside, Word]:
    """The stub, and what it or the engine said first ({} when they ended or were silent)."""
    theirs, lifeline = os.pipe()
    status, their_status = os.pipe()
    try:
        orders = {
            "lifeline": theirs,
            "status": their_status,
            "lock": lock,
            "has_user": has_user,
            "is_probe": is_probe,
            "is_removed": is_removed,
            "kept": [str(path) for path in (*kept, *_PROGRAM)],
        }
        with contextlib.ExitStack() as stack:
            output = stack.enter_context(log.open("ab")) if log else subprocess.DEVNULL
            # -P: a directory "anyplane" where the user happens to stand is not us.
            process = subprocess.Popen(  # noqa: S603  # ourselves
                [
                    sys.executable,
                    "-P",
                    "-m",
                    INSIDE,
                    str(directory),
                    json.dumps(orders),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(theirs, their_status, *((lock,) if lock >= 0 else ())),
                start_new_session=True,  # the terminal's Ctrl-C is ours to answer
            )
    except OSError as error:
        os.close(lifeline)
        os.close(status)
        raise LabError(
            f"{sys.executable} cannot be started: {error.strerror}", hint="may this user execute it?"
        ) from error
    finally:
        os.close(theirs)
        os.close(their_status)
    inside = Inside(process, lifeline)
    try:
        return inside, _first_word(status, PROBE_S if is_probe else START_S)
    except BaseException:
        inside.kill()
        raise
    finally:
        os.close(status)


def _first_word(status: int, timeout: float) -> Word:
    deadline = time.monotonic() + timeout
    heard = b""
    while not heard.endswith(b"\n"):
        if not select.select([status], [], [], max(0.0, deadline - time.monotonic()))[0]:
            return {"message": f"no sign of life within {timeout:g} s"}
        piece = os.read(status, 65536)
        if not piece:
            break
        heard += piece
    try:
        return dict(json.loads(heard))
    except ValueError:
        return {}
