"""Namespace: one network of its own, held open by a descriptor and entered by threads.

Nothing has a name in the file system, so nothing is left when the engine dies. A thread for each call costs
0.1 ms, and no thread ever has to find its way back.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Self, TypeVar

from anyplane.lab.container.libc import CLONE_NEWNET, setns, unshare
from anyplane.model.errors import LabError

T = TypeVar("T")


class Namespace:
    """One network namespace. It lives until `close`, and then for as long as a process or socket is in it."""

    def __init__(self, name: str, fd: int) -> None:
        self.name = name
        self.fd = fd
        self.inode = os.fstat(fd).st_ino
        """What /proc/PID/ns/net shows of a process in it."""

    @classmethod
    def made(cls, name: str) -> Self:
        """A new one, with nothing in it but lo, which is down."""

        def make() -> int:
            unshare(CLONE_NEWNET)
            return own_namespace()

        try:
            return cls(name, in_new_thread(make))
        except OSError as error:
            raise LabError(
                f"no network namespace for {name}: {error.strerror}",
                hint="sudo sysctl user.max_net_namespaces=15000, and `ulimit -n` at least twice the nodes",
            ) from error

    def call(self, function: Callable[[], T]) -> T:
        """What `function` returns when a thread inside calls it; sockets that it makes stay inside."""

        def visit() -> T:
            self.enter()
            return function()

        return in_new_thread(visit)

    def enter(self) -> None:
        """The calling thread is inside from now on; only for threads that have no other home."""
        setns(self.fd, CLONE_NEWNET)

    def close(self) -> None:
        """Let go of it; twice is fine."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def own_namespace() -> int:
    """A descriptor of the namespace that the calling thread is in."""
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def in_new_thread(function: Callable[[], T]) -> T:
    """What `function` returns in a thread of its own, which may enter namespaces as it likes."""
    result: list[T] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            result.append(function())
        except BaseException as error:  # noqa: BLE001  # it is raised again in the caller's thread
            failure.append(error)

    thread = threading.Thread(target=run, name="visitor")
    thread.start()
    thread.join()
    if failure:
        try:
            raise failure[0]
        finally:
            failure.clear()  # else the error holds the frame that holds the error
    return result[0]
