"""What makes a process the inside of a lab: namespaces, and a file system of its own over the machine's.

Steps are made in this order: `new_user` (not for root), `new_pids`, fork, `new_world`. The one who fails says
at which step: `StepFailed`. Nothing here outlives the processes inside: mounts belong to their namespace.
"""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from anyplane.lab.container.libc import (
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_PRIVATE,
    MS_REC,
    mount,
    unshare,
)

COVERED = ("/run", "/var/tmp")  # noqa: S108  # these are covered by a tmpfs of ours, not written to
# "nobody" is whom ExaBGP insists on becoming when it is started by number 0.
FRR_GROUPS, FRR_USERS = ("frr", "frrvty"), ("frr", "nobody")


class StepFailed(Exception):  # noqa: N818  # it reads as what it says
    """The kernel refused one step of entering; `number` is its errno."""

    def __init__(self, step: str, number: int) -> None:
        self.step = step
        self.number = number
        super().__init__(f"{step}: {os.strerror(number)}")


def new_user() -> None:
    """We are root of a user namespace that knows one user: us."""
    user, group = os.geteuid(), os.getegid()
    with _step("user namespace"):
        unshare(CLONE_NEWUSER)
    with _step("user map"):
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")


def new_pids() -> None:
    """Our next child is number 1 of a pid namespace; when it dies, the kernel ends all in it."""
    with _step("pid namespace"):
        unshare(CLONE_NEWPID)


def new_world(*, kept: tuple[Path, ...] = (), has_own_users: bool) -> None:
    """We have a network of our own, and /proc, /sys, /run, /var/tmp too; called by number 1.

    kept: directories that stay what they are, even below /run or /var/tmp.
    has_own_users: FRR finds the user and the groups that it insists on, all of them number 0.
    """
    with _step("network namespace"):
        unshare(CLONE_NEWNET)
    with _step("mount namespace"):
        unshare(CLONE_NEWNS)
        mount("none", "/", "", MS_REC | MS_PRIVATE)
    with _step("mount of /proc"):
        mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    with contextlib.suppress(OSError):
        # Where the machine's /sys is masked the kernel gives no other; the lab does without.
        mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    held = [(path, os.open(path, os.O_PATH | os.O_DIRECTORY)) for path in kept if _is_covered(path)]
    for place in COVERED:
        if Path(place).is_dir():
            with _step(f"mount of {place}"):
                mount("tmpfs", place, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755")
    for path, fd in held:
        with _step(f"mount of {path}"):
            path.mkdir(parents=True, exist_ok=True)
            mount(f"/proc/self/fd/{fd}", str(path), "", MS_BIND | MS_REC)
        os.close(fd)
    if has_own_users:
        _bind_users()


def _bind_users() -> None:
    """Number 0 is the only one there is; a daemon that looks for a user or a group of its own finds it."""
    for path, names, entry in (
        (Path("/etc/group"), FRR_GROUPS, "{}:x:0:"),
        (Path("/etc/passwd"), FRR_USERS, "{}:x:0:0::/run:/bin/false"),
    ):
        lines = [line for line in path.read_text().splitlines() if line.partition(":")[0] not in names]
        lines += [entry.format(name) for name in names]
        with _step(f"mount of {path}"):
            handle, name = tempfile.mkstemp(dir="/run")
            with os.fdopen(handle, "w") as file:
                file.write("\n".join(lines) + "\n")
            Path(name).chmod(0o644)
            mount(name, str(path), "", MS_BIND)
            # The mount holds the file; its name need not be in the way of a daemon.
            Path(name).unlink()


def _is_covered(path: Path) -> bool:
    return any(path.is_relative_to(place) or path.is_relative_to(Path(place).resolve()) for place in COVERED)


@contextlib.contextmanager
def _step(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StepFailed(name, error.errno or errno.EIO) from error
