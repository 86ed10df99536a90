"""Netlink: one rtnetlink socket that asks the kernel, hears its yes or no, and never waits without end.

The socket belongs to the network namespace in which it was made, whichever thread uses it later. It is
synchronous on purpose: the kernel answers a request inside `send`, so that an answer is already there when it
is read; the deadline guards against the rest. One task may use it at a time.
"""

from __future__ import annotations

import errno
import socket
import struct
import time
from collections.abc import Sequence
from typing import Self

from anyplane.kernel.messages import (
    NLM_F_ACK,
    NLM_F_DUMP,
    NLM_F_DUMP_INTR,
    NLMSG_DONE,
    NLMSG_ERROR,
    NLMSG_NOOP,
    Message,
    Refused,
    Request,
    parse_messages,
    refusal,
    render_message,
)
from anyplane.model.errors import KernelError

_SOL_NETLINK = 270
_NETLINK_CAP_ACK, _NETLINK_EXT_ACK, _NETLINK_GET_STRICT_CHK = 10, 11, 12
_BUFFER = 1 << 17
_BATCH = 64
_DUMP_ATTEMPTS = 5


class Netlink:
    """A socket of requests; with `groups` (a mask of RTMGRP_*) one that hears notifications instead."""

    def __init__(self, *, groups: int = 0, timeout_s: float = 1.0) -> None:
        self.timeout_s = timeout_s
        self._sequence = int(time.monotonic() * 1000) & 0x3FFFFFFF
        try:
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        except (OSError, AttributeError) as error:
            raise KernelError(f"no netlink socket: {error}", hint="the agent's lease needs Linux") from error
        try:
            self._socket.setsockopt(_SOL_NETLINK, _NETLINK_EXT_ACK, 1)
            self._socket.setsockopt(_SOL_NETLINK, _NETLINK_CAP_ACK, 1)
            self._socket.setsockopt(_SOL_NETLINK, _NETLINK_GET_STRICT_CHK, 1)
            seconds, rest = divmod(timeout_s, 1)
            wait = struct.pack("@ll", int(seconds), int(rest * 1e6))
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, wait)
            self._socket.bind((0, groups))
        except OSError as error:
            self._socket.close()
            raise KernelError(f"netlink: {error}", hint="Linux 4.20 or later is needed") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the socket back; twice is fine."""
        self._socket.close()

    def fileno(self) -> int:
        """For waiting until a notification is there."""
        return self._socket.fileno()

    def send(self, requests: Sequence[Request]) -> tuple[Refused | None, ...]:
        """The kernel's word on each request, in order: None where it was done.

        They go out in batches, carried out in order; a refused one does not stop those after it. Only the
        last of a batch asks for an acknowledgement: refusals always come, and before it.
        """
        answers: list[Refused | None] = []
        for first in range(0, len(requests), _BATCH):
            answers += self._send_batch(requests[first : first + _BATCH])
        return tuple(answers)

    def request(self, request: Request) -> None:
        """Have one request done; Refused (a KernelError) when the kernel says no."""
        (answer,) = self.send((request,))
        if answer is not None:
            raise answer

    def ask(self, request: Request) -> Message:
        """The one message that answers a question (RTM_GETLINK, RTM_GETROUTE)."""
        sequence = self._transmit((request,), flags=0)
        deadline = time.monotonic() + self.timeout_s
        while True:
            for reply in self._receive(request.what, deadline):
                if reply.sequence != sequence:
                    continue
                if reply.kind == NLMSG_ERROR:
                    raise refusal(reply, request) or KernelError(f"{request.what}: an empty answer")
                return reply

    def dump(self, request: Request) -> list[Message]:
        """All messages of a listing, seen at one moment: one that changed meanwhile is read again."""
        for _ in range(_DUMP_ATTEMPTS):
            found, is_consistent = self._dump_once(request)
            if is_consistent:
                break
        return found

    def notifications(self) -> list[Message]:
        """What the groups were told since, without waiting; Refused with ENOBUFS when some of it is lost."""
        found: list[Message] = []
        while True:
            try:
                data, _flags, _address = self._recv(socket.MSG_DONTWAIT)
            except BlockingIOError:
                return found
            except OSError as error:
                raise Refused(f"netlink: {error}", number=error.errno or 0) from error
            found += parse_messages(data)

    def _send_batch(self, requests: Sequence[Request]) -> list[Refused | None]:
        if not requests:
            return []
        last = self._transmit(requests, flags=NLM_F_ACK)
        first = last - len(requests) + 1
        answers: list[Refused | None] = [None] * len(requests)
        deadline = time.monotonic() + self.timeout_s
        while True:
            for reply in self._receive(requests[-1].what, deadline):
                if reply.kind != NLMSG_ERROR or not first <= reply.sequence <= last:
                    continue  # a late answer to something that was given up
                index = reply.sequence - first
                answers[index] = refusal(reply, requests[index])
                if reply.sequence == last:
                    return answers

    def _dump_once(self, request: Request) -> tuple[list[Message], bool]:
        sequence = self._transmit((request,), flags=NLM_F_DUMP)
        deadline = time.monotonic() + self.timeout_s
        found: list[Message] = []
        is_consistent = True
        while True:
            for reply in self._receive(request.what, deadline):
                if reply.sequence != sequence:
                    continue
                is_consistent = is_consistent and not reply.flags & NLM_F_DUMP_INTR
                if reply.kind == NLMSG_ERROR:
                    raise refusal(reply, request) or KernelError(f"{request.what}: an empty answer")
                if reply.kind == NLMSG_DONE:
                    ended = refusal(reply, request) if len(reply.body) >= 4 else None
                    if ended is not None:
                        raise ended
                    return found, is_consistent
                if reply.kind != NLMSG_NOOP:
                    found.append(reply)

    def _transmit(self, requests: Sequence[Request], *, flags: int) -> int:
        """Send in one datagram, `flags` on the last; the sequence number of the last."""
        parts: list[bytes] = []
        if self._sequence > 0x7FFFFFFF - len(requests):
            self._sequence = 0
        for request in requests:
            self._sequence += 1
            is_last = len(parts) == len(requests) - 1
            parts.append(render_message(request, sequence=self._sequence, flags=flags if is_last else 0))
        try:
            self._socket.sendto(b"".join(parts), (0, 0))
        except OSError as error:
            raise KernelError(f"{requests[-1].what}: netlink: {error}") from error
        return self._sequence

    def _receive(self, what: str, deadline: float) -> list[Message]:
        try:
            data, flags, address = self._recv(0)
        except BlockingIOError:
            raise self._silence(what) from None
        except OSError as error:
            raise KernelError(f"{what}: netlink: {error}") from error
        if flags & socket.MSG_TRUNC:
            raise KernelError(f"{what}: the kernel's answer is longer than {_BUFFER} bytes")
        if time.monotonic() > deadline:
            raise self._silence(what)
        # Anybody may write to the socket of another process; the kernel is number 0.
        return parse_messages(data) if address[0] == 0 else []

    def _recv(self, flags: int) -> tuple[bytes, int, tuple[int, int]]:
        data, _ancillary, seen, address = self._socket.recvmsg(_BUFFER, 0, flags)
        return data, seen, address

    def _silence(self, what: str) -> Refused:
        return Refused(
            f"{what}: no answer of the kernel within {self.timeout_s:g} s",
            number=errno.ETIMEDOUT,
            hint="does another process hold the kernel's routing lock (a full table being installed)?",
        )
