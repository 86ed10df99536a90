"""An NTP client request (RFC 5905): stratum and offset of the server.

The transmit timestamp that we send is random: the server returns it as origin timestamp, so an answer that
does not carry it is none to us (RFC 5905 section 8, TEST2), and our own clock is told to nobody. Offsets
are differences modulo 2^64, so the era that begins in 2036 needs no case of its own.
"""

from __future__ import annotations

import secrets
import struct
import time

from anyplane.design.operation import NtpProbe
from anyplane.measure.datagrams import exchange
from anyplane.measure.names import Target
from anyplane.measure.outcome import Outcome, Unhealthy, good
from anyplane.measure.shared import Shared

SIZE = 48
_VERSION_4_CLIENT = bytes([0 << 6 | 4 << 3 | 3]) + bytes(39)
_SERVER = 4
_UNSYNCHRONISED = 3
_UNIX_EPOCH = 2_208_988_800
"""Seconds from 1900 to 1970."""


class NtpProber:
    """Asks once; the answer's stratum and offset are judged."""

    doing = "waiting for the answer"

    def __init__(self, spec: NtpProbe, *, family: int, shared: Shared) -> None:
        self._spec = spec
        self._target = Target(spec.server.host, spec.server.port, family=family, names=shared.names)

    async def probe(self) -> Outcome:
        """Good when the server is synchronised at the stratum wanted, and near enough."""
        address = await self._target.address()
        nonce = secrets.token_bytes(8)
        sent, began = time.time(), time.monotonic()
        answer = await exchange(
            address, _VERSION_4_CLIENT + nonce, lambda data: len(data) >= SIZE and data[24:32] == nonce
        )
        # By the monotonic clock: a step of the wall clock in between must not go into the offset.
        took = time.monotonic() - began
        return judge(self._spec, answer, sent=sent, received=sent + took, latency_s=took)

    def close(self) -> None:
        """Nothing is held."""


def judge(spec: NtpProbe, answer: bytes, *, sent: float, received: float, latency_s: float = 0.0) -> Outcome:
    """What an answer of at least SIZE bytes says; times are Unix seconds. Unhealthy when it is not good."""
    leap, mode, stratum = answer[0] >> 6, answer[0] & 7, answer[1]
    if mode != _SERVER:
        raise Unhealthy(f"answered in mode {mode}, not {_SERVER} (server)")
    if stratum == 0:
        raise Unhealthy(f"kiss-o'-death: {answer[12:16].decode('ascii', 'replace')}")
    if leap == _UNSYNCHRONISED or stratum > 15:
        raise Unhealthy("the server is not synchronised")
    arrived, left = struct.unpack_from("!QQ", answer, 32)
    if not left:
        raise Unhealthy("the answer has no transmit timestamp")
    offset = (_difference(arrived, _stamp(sent)) + _difference(left, _stamp(received))) / 2
    text = f"stratum {stratum}, offset {offset * 1e3:+.3f} ms"
    if stratum > spec.stratum:
        raise Unhealthy(f"{text}: stratum is more than {spec.stratum}")
    if spec.offset_s is not None and abs(offset) > spec.offset_s:
        raise Unhealthy(f"{text}: more than {spec.offset_s * 1e3:g} ms away")
    return good(text, latency_s=latency_s)


def _stamp(unix: float) -> int:
    return int((unix + _UNIX_EPOCH) * 2**32) % 2**64


def _difference(one: int, other: int) -> float:
    apart = (one - other) % 2**64
    return (apart - 2**64 if apart >= 2**63 else apart) / 2**32
