"""What ExaBGP runs as its API process: it hands ExaBGP's two pipes to the agent, then stands guard.

    python -S -E helper.py /run/anyplane-exabgp-x/agent.sock

ExaBGP talks only to a process that it started itself, through that process's stdin and stdout. This one sends
both descriptors to the agent over a Unix socket (SCM_RIGHTS), so that the agent speaks to ExaBGP with nothing
between them. From then on it only waits for the first of two deaths:

- the agent's: the socket hangs up; ExaBGP is killed, which ends its sessions, and with them every route;
- ExaBGP's: the pipe hangs up; nothing is left to guard.

When this process is killed itself, the agent sees the socket hang up and ends ExaBGP. Standard library only,
and nothing of ours: it must start in milliseconds and outlive any mistake in the agent.
"""

import contextlib
import os
import select
import signal
import socket
import sys


def main() -> None:
    """Introduce, guard, end."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    parent = os.getppid()
    exabgp = os.pidfd_open(parent)
    if os.getppid() != parent:
        return  # ExaBGP died before it could be held; what bears its number now is somebody else
    agent = socket.socket(socket.AF_UNIX)
    try:
        agent.connect(sys.argv[1])
        socket.send_fds(agent, [b"%d" % parent], [0, 1])
        _wait(agent.fileno())
    finally:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(exabgp, signal.SIGKILL)


def _wait(agent: int) -> None:
    """Return when the agent or ExaBGP is gone: an empty event mask still reports hang-ups."""
    poller = select.poll()
    poller.register(agent, 0)
    poller.register(0, 0)
    poller.poll()


if __name__ == "__main__":
    main()
