"""What systemd is told (sd_notify) and how often it wants to hear that the loop turns."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping


class Supervisor:
    """Datagrams to NOTIFY_SOCKET; without one nothing is sent. Never blocks, never raises."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        self._beat_s = _half_of(environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", ""))
        self._beaten_at: float | None = None

    def say(self, **words: str) -> None:
        """Send e.g. READY="1", STATUS="dns UP"."""
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        text = "".join(f"{key}={' '.join(value.split())}\n" for key, value in words.items())
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)  # noqa: FBT003  # the socket module's own spelling
            sender.sendto(text.encode(), address)

    def beat(self, now: float) -> None:
        """Called by the loop's turn only: a loop that hangs is silent, and systemd ends it."""
        if self._beat_s and (self._beaten_at is None or now - self._beaten_at >= self._beat_s):
            self._beaten_at = now
            self.say(WATCHDOG="1")


def _half_of(usec: str, pid: str) -> float:
    if not usec.isdigit() or (pid and pid != str(os.getpid())):
        return 0.0
    return int(usec) / 2_000_000
