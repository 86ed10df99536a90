"""Faults of the peer: it ends the session, has another key, takes fewer prefixes; the site must say so."""

from __future__ import annotations

import time
from functools import cache

from namespaces import wait_until
from scene import Scene
from table import EVERY, Group, fault

ALARM = "not on the wire"


def _seconds_to_alarm(stage: Scene, since: float) -> float:
    wait_until(lambda: ALARM in stage.fra.alarms, timeout=20, every=0.005)
    return time.monotonic() - since


@cache
def _notified(daemon: str, n: int) -> tuple[list[float], list[float]]:
    """Seconds from the NOTIFICATION to the alarm; and from the peer's return to the routes."""
    told, back = [], []
    with Scene(daemon).start() as stage:
        for _ in range(n):
            stage.again()
            since = time.monotonic()
            stage.receiver.ask("disable n0")
            stage.receiver.ask("disable n1")
            told.append(_seconds_to_alarm(stage, since))
            time.sleep(3)
            since = time.monotonic()
            stage.receiver.ask("enable n0")
            stage.receiver.ask("enable n1")
            back.append(stage.seconds_to_both(since, timeout=150))
    return told, back


@fault(
    "NOTIFICATION from the peer -> reported",
    group=Group.PEER,
    median=2.0,
    worst=2.5,
    others="never",
    daemons=EVERY,
    in_ci=("bird2",),
)
def notification(daemon: str, n: int) -> list[float]:
    """The peer shuts both sessions; the site says that it is not on the wire."""
    return _notified(daemon, n)[0]


@fault(
    "... the peer is back -> announced",
    group=Group.PEER,
    median=10,
    worst=15,
    daemons=EVERY,
)
def peer_returns(daemon: str, n: int) -> list[float]:
    """How long the daemon leaves a session down that was ended."""
    return _notified(daemon, n)[1]


@fault(
    "wrong MD5 key at the peer -> reported",
    group=Group.PEER,
    median=2.0,
    worst=2.5,
    others="never",
    daemons=EVERY,
)
def wrong_md5(daemon: str, n: int) -> list[float]:
    """The sessions are reset and do not come back, for the peer has another key."""
    figures = []
    with Scene(daemon).start() as stage:
        plain = stage.receiver.conf.read_text()
        for _ in range(n):
            stage.again()
            stage.receiver.conf.write_text(plain.replace(" neighbor ", ' password "wrong"; neighbor '))
            since = time.monotonic()
            stage.receiver.ask("configure")
            figures.append(_seconds_to_alarm(stage, since))
            stage.receiver.conf.write_text(plain)
            stage.receiver.ask("configure")
    return figures


@fault(
    "the peer's prefix limit -> reported",
    group=Group.PEER,
    median=2.0,
    worst=2.5,
    others="never",
    daemons=EVERY,
)
def prefix_limit(daemon: str, n: int) -> list[float]:
    """Another prefix is announced to a peer that takes as many as it has, and ends the session."""
    figures = []
    with Scene(daemon).start() as stage:
        plain = stage.receiver.conf.read_text()
        for _ in range(n):
            stage.again()
            limited = plain.replace("import all;", "import limit 0 action disable; import all;")
            stage.receiver.conf.write_text(limited)
            since = time.monotonic()
            stage.receiver.ask("configure")
            stage.receiver.ask("restart n0")
            stage.receiver.ask("restart n1")
            figures.append(_seconds_to_alarm(stage, since))
            stage.receiver.conf.write_text(plain)
            stage.receiver.ask("configure")
            stage.receiver.ask("enable n0")
            stage.receiver.ask("enable n1")
    return figures
