"""Sockets of a prober: made in a client's namespace, bound to the client's address, hearing ICMP errors."""

from __future__ import annotations

import errno
import os
import resource
import socket
import struct
import time
from collections.abc import Iterable

from anyplane.lab.container.libc import CLONE_NEWNET, setns
from anyplane.lab.probes.queries import Client, Failure, ProbeTarget
from anyplane.model.errors import LabError

SocketAddress = tuple[str, int] | tuple[str, int, int, int]

_IP_RECVERR, _IPV6_RECVERR, _IP_BIND_ADDRESS_NO_PORT = 11, 25, 24
_EXTENDED = struct.Struct("=IBBBBII")  # struct sock_extended_err, include/uapi/linux/errqueue.h
_SPARE_FILES = 256


def now_us() -> int:
    """CLOCK_MONOTONIC in whole microseconds."""
    return time.monotonic_ns() // 1000


class Doors:
    """The clients' namespaces, held open. Only for a process of one thread: setns moves a thread."""

    def __init__(self, clients: Iterable[Client]) -> None:
        self._files: dict[str, int] = {}
        for path in ("", *(client.namespace for client in clients)):
            if path in self._files:
                continue
            try:
                self._files[path] = os.open(path or "/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            except OSError as error:
                self.close()
                raise LabError(
                    f"the namespace {path} cannot be opened: {error.strerror}",
                    hint="does its node still exist?",
                ) from error

    def close(self) -> None:
        """Give the files back."""
        for file in self._files.values():
            os.close(file)
        self._files.clear()

    def datagrams(self, client: Client, family: int) -> socket.socket:
        """A UDP socket that is not connected: a connected one carries a hash of its own (ECMP)."""
        return self._made(client, family, socket.SOCK_DGRAM)

    def stream(self, client: Client, family: int) -> socket.socket:
        """A TCP socket whose port is chosen when it connects."""
        return self._made(client, family, socket.SOCK_STREAM)

    def _made(self, client: Client, family: int, kind: socket.SocketKind) -> socket.socket:
        # In and out again: a process is killed and frozen with the node whose namespace it is in.
        try:
            setns(self._files[client.namespace], CLONE_NEWNET)
            try:
                made = socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6, kind)
            finally:
                setns(self._files[""], CLONE_NEWNET)
        except OSError as error:
            raise LabError(f"{client.name}: no socket in its namespace: {error.strerror}") from error
        try:
            made.settimeout(0)
            if kind == socket.SOCK_STREAM:
                made.setsockopt(socket.SOL_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
                made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            else:
                hear_errors(made, family)
            made.bind((client.source(family), 0))
        except OSError as error:
            made.close()
            raise LabError(
                f"{client.name} cannot send from {client.source(family)}: {error.strerror}",
                hint="is the client's address on lo of its node?",
            ) from error
        return made


def hear_errors(made: socket.socket, family: int) -> None:
    """ICMP errors come to the socket's error queue, each with the datagram that it is about."""
    if family == 4:
        made.setsockopt(socket.SOL_IP, _IP_RECVERR, 1)
    else:
        made.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)


def destination(target: ProbeTarget) -> SocketAddress:
    """As the kernel writes it, so that it compares with where answers come from."""
    family = socket.AF_INET if target.family == 4 else socket.AF_INET6
    address = socket.inet_ntop(family, socket.inet_pton(family, target.address))
    return (address, target.port) if target.family == 4 else (address, target.port, 0, 0)


def queued_error(made: socket.socket) -> tuple[bytes, Failure, bytes] | None:
    """One ICMP error: the datagram that it is about, what it says, and who said it (raw); None: no more."""
    try:
        data, ancillary, _, _ = made.recvmsg(2048, 512, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT)
    except OSError:
        made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # or the next sendto would fail in its place
        return None
    for _, _, value in ancillary:
        if len(value) >= _EXTENDED.size:
            return data, failure_of(_EXTENDED.unpack_from(value)[0]), value[_EXTENDED.size :]
    return data, Failure.UNREACHABLE, b""


def failure_of(number: int) -> Failure:
    """What an errno means to a query."""
    if number == errno.ECONNREFUSED:
        return Failure.REFUSED
    if number in (errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED):
        return Failure.RESET
    return Failure.TIMEOUT if number == errno.ETIMEDOUT else Failure.UNREACHABLE


def room_for_files(wanted: int) -> int:
    """Raise the limit of open files as far as it goes; how many there may be beside the prober's own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = hard if hard != resource.RLIM_INFINITY else 1 << 20
    if soft != resource.RLIM_INFINITY and soft < wanted + _SPARE_FILES:
        soft = min(most, max(soft, wanted + _SPARE_FILES))
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return soft - _SPARE_FILES
