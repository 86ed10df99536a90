"""System calls that Python 3.11 lacks, for building the lab: unshare, setns, mount, prctl."""

from __future__ import annotations

import ctypes
import os

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x20000, 0x10000000, 0x20000000, 0x40000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 8, 0x1000, 0x4000, 0x40000
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.mount.argtypes = (
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_ulong,
    ctypes.c_char_p,
)


def unshare(flags: int) -> None:
    """The calling thread is in new namespaces (of CLONE_NEWPID: its next child)."""
    _check(_LIBC.unshare(ctypes.c_int(flags)))


def setns(fd: int, kind: int) -> None:
    """The calling thread is in the namespace that `fd` holds."""
    _check(_LIBC.setns(ctypes.c_int(fd), ctypes.c_int(kind)))


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """mount(2)."""
    _check(
        _LIBC.mount(
            source.encode(),
            os.fsencode(target),
            kind.encode() or None,
            flags,
            options.encode() or None,
        )
    )


def die_with_parent(signal: int) -> None:
    """The kernel sends us `signal` when the *thread* that started us ends; a child does not inherit it."""
    _check(_LIBC.prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal), 0, 0, 0))


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
