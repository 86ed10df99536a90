"""Become another program that the kernel kills when this one's parent ends.

    python -S -E start.py PARENT_PID PROGRAM ARGUMENT...

Asks for a parent-death signal (prctl(2), PR_SET_PDEATHSIG), which survives exec as long as the program
changes no user id: ExaBGP is told not to. The signal comes when the *thread* that started us ends; the agent
starts us from the thread that its event loop runs in, which ends with the process. Between fork and prctl the
parent may have died already, so its number is compared afterwards. Standard library only.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, command: list[str]) -> None:
    """Never returns, unless the parent is gone."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() == parent:
        os.execv(command[0], command)  # noqa: S606  # there is no shell to begin with


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
