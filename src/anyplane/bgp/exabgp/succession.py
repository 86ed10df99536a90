"""A running ExaBGP passes to the program that this process becomes (execv), with its sessions and its routes.

The process keeps its number through execv, so that ExaBGP keeps its parent: no parent-death signal is sent,
and it stays right. What must pass are three descriptors (ExaBGP's two pipes and the guard's socket) and the
place of its directory. A successor that does not take it over ends it: nobody else would.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Mapping

from anyplane.bgp.exabgp.child import Child, Directory
from anyplane.bgp.exabgp.conversation import Conversation
from anyplane.bgp.exabgp.end import started


def hand_over(child: Child) -> dict[str, object]:
    """What `inherit` needs; from here on the descriptors live through execv."""
    reading, writing, partial = child.conversation.give()
    guard = child.guard.fileno()
    for descriptor in (reading, writing, guard):
        os.set_inheritable(descriptor, True)  # noqa: FBT003  # the os module's own spelling
    return {
        "pid": child.pid,
        "started": started(child.pid),
        "reading": reading,
        "writing": writing,
        "guard": guard,
        "partial": partial.decode("latin-1"),
        "directory": str(child.directory.path),
    }


def inherit(facts: Mapping[str, object], *, configuration: str) -> Child | None:
    """The child that was handed over, if it lives and runs with exactly this configuration; else it is ended.

    In `configuration` DIRECTORY stands for its directory.
    """
    try:
        pid, since = int(str(facts["pid"])), int(str(facts["started"]))
        descriptors = [int(str(facts[name])) for name in ("reading", "writing", "guard")]
        partial = str(facts["partial"]).encode("latin-1")
        directory = Directory.of(str(facts["directory"]))
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)  # noqa: FBT003  # the os module's own spelling
        handle = os.pidfd_open(pid)
    except (KeyError, ValueError, OSError):
        return None
    try:
        is_it = os.getpgid(pid) == pid and started(pid) == since
        wanted = configuration.replace("DIRECTORY", str(directory.path))
        if is_it and directory.configuration.read_text(encoding="ascii") == wanted:
            reading, writing, guard = descriptors
            living = Child(
                pid=pid,
                handle=handle,
                guard=socket.socket(fileno=guard),
                conversation=Conversation(reading=reading, writing=writing, partial=partial),
                directory=directory,
            )
            living.guard.settimeout(0)
            return living
        if is_it:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
    except (OSError, ValueError):
        with contextlib.suppress(OSError):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
    for descriptor in (*descriptors, handle):
        os.close(descriptor)
    directory.remove()
    return None
