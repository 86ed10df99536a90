"""Frames straight from and to interfaces: an AF_PACKET ring for all of a namespace, and a sender.

The kernel writes each frame into a ring that is shared with this process (TPACKET_V2) with the time at which
it was handed over by its sender, so reading one costs no system call and its delay is counted from the right
moment. In front of each frame stands the virtio header (PACKET_VNET_HDR): a frame whose checksum is not
computed yet, or which is a train of TCP segments of up to 64 KB, is passed on as such; without it checksums
would arrive wrong. A slot holds a frame of the usual size; a train comes whole through the socket's queue.

There is one socket to send from, not one for each interface: closing an AF_PACKET socket waits for the
kernel's RCU, some ms each, and a big lab has thousands of interfaces. It is called through ctypes with
ready-made addresses, because Python's sendto would ask the kernel for the interface's number each time.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import socket
import struct
import time
from collections.abc import Callable

SLOT, BLOCK, BLOCKS = 2048, 1 << 16, 256
SLOTS = BLOCK // SLOT * BLOCKS
VNET_HEADER = 10
BIGGEST = 1 << 17

_ETH_P_ALL = 3
_SOL_PACKET = 263
_RX_RING, _STATISTICS, _COPY_THRESH, _VERSION, _VNET_HDR, _IGNORE_OUTGOING = 5, 6, 7, 10, 15, 23
_TPACKET_V2 = 1
_IS_USER, _IS_COPIED = 1, 2
# tpacket2_hdr (status, len, snaplen, mac, net, sec, nsec, vlan, padding), then sockaddr_ll up to the ifindex.
_HEADER = struct.Struct("=IIIHHII8x4xi")
_FREE = bytes(4)
_SO_SNDBUFFORCE, _SO_RCVBUFFORCE = 32, 33
_BUFFER = 8 << 20


class PacketRing:
    """Every frame that comes in by any interface of this namespace (those sent by us are not among them)."""

    def __init__(self) -> None:
        self.cut_short = 0
        """Frames that fitted neither a slot nor the socket's queue."""
        self._missed = 0
        self._slot = 0
        # Bound from birth, as Python cannot bind to "any"; what comes before the ring stands is thrown away.
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
        try:
            self._socket.settimeout(0)
            for option, value in (
                (_VERSION, _TPACKET_V2),
                (_VNET_HDR, 1),
                (_IGNORE_OUTGOING, 1),
                (_COPY_THRESH, 1),
            ):
                self._socket.setsockopt(_SOL_PACKET, option, value)
            _enlarge(self._socket, socket.SO_RCVBUF, _SO_RCVBUFFORCE)
            self._socket.setsockopt(_SOL_PACKET, _RX_RING, struct.pack("=IIII", BLOCK, BLOCKS, SLOT, SLOTS))
            self._ring = mmap.mmap(self._socket.fileno(), BLOCK * BLOCKS)
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """Readable when a frame is there."""
        return self._socket.fileno()

    def receive(self, most: int, take: Callable[[int, int, bytes], None]) -> int:
        """Hand up to `most` frames to `take(interface, monotonic ns, virtio header and frame)`; how many."""
        ring, slot, unpack = self._ring, self._slot, _HEADER.unpack_from
        # The kernel stamps by the wall clock. Both clocks are read each time, so a step of it does no harm.
        now_ns = time.monotonic_ns()
        to_monotonic = now_ns - time.time_ns()
        for count in range(most):
            base = slot * SLOT
            status, length, held, mac, _, seconds, nanoseconds, interface = unpack(ring, base)
            if not status & _IS_USER:
                self._slot = slot
                return count
            if held == length:
                begin = base + mac - VNET_HEADER
                frame = ring[begin : begin + held + VNET_HEADER]
            else:
                frame = self._socket.recv(BIGGEST) if status & _IS_COPIED else b""
            ring[base : base + 4] = _FREE
            slot = slot + 1 if slot + 1 < SLOTS else 0
            if not frame:
                self.cut_short += 1
                continue
            stamp = seconds * 1_000_000_000 + nanoseconds + to_monotonic
            take(interface, min(now_ns, stamp), frame)
        self._slot = slot
        return most

    def missed(self) -> int:
        """Frames that the kernel could not put into the ring, since the beginning."""
        found = self._socket.getsockopt(_SOL_PACKET, _STATISTICS, 8)  # reading sets it to zero
        self._missed += int(struct.unpack("=II", found)[1])
        return self._missed

    def close(self) -> None:
        """Give the ring and the socket back."""
        self._ring.close()
        self._socket.close()


class Sender:
    """Sends frames that begin with a virtio header, out of an interface given by its `address`."""

    def __init__(self) -> None:
        self.refused = 0
        """Frames that the kernel did not take: the interface is down or gone, or its memory is full."""
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.setsockopt(_SOL_PACKET, _VNET_HDR, 1)
        _enlarge(self._socket, socket.SO_SNDBUF, _SO_SNDBUFFORCE)
        wait = struct.pack(
            "@ll", 0, 5_000
        )  # a full socket empties within microseconds, or something is amiss
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, wait)
        self._descriptor = self._socket.fileno()
        self._sendto = ctypes.PyDLL(None).sendto
        self._sendto.argtypes = (
            ctypes.c_int,
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.c_int,
            ctypes.c_char_p,
            ctypes.c_uint,
        )
        self._sendto.restype = ctypes.c_ssize_t

    @staticmethod
    def address(interface: int) -> bytes:
        """What `send` wants: a sockaddr_ll of that interface number."""
        return struct.pack("=HHiHBB8x", socket.AF_PACKET, 0, interface, 0, 0, 0)

    def send(self, address: bytes, frame: bytes) -> None:
        """Out with it; counted as refused when the kernel says no."""
        if self._sendto(self._descriptor, frame, len(frame), 0, address, 20) < 0:
            self.refused += 1

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()


def _enlarge(endpoint: socket.socket, option: int, forced: int) -> None:
    """As large a buffer as we may have: the administrator's limit binds those who are not root."""
    endpoint.setsockopt(socket.SOL_SOCKET, option, _BUFFER)
    with contextlib.suppress(PermissionError):
        endpoint.setsockopt(socket.SOL_SOCKET, forced, _BUFFER)
