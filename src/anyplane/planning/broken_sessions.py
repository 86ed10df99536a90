"""Broken sessions: how many connections a change of routes breaks, in one event and per day.

A connection breaks when its packets begin to arrive at a site that does not know it. Where connections end at
the edge, TCP and QUIC are alike in that: the four-tuple and the connection ID both mean nothing to another
site (QUIC only notices sooner, by a stateless reset, RFC 9000 10.3). Where the anycast address answers only
the first exchange and hands the client to a unicast address of a backend in its region (DNS, a redirect,
QUIC's preferred address, RFC 9000 9.6), only what is in that first exchange breaks, as long as the backend
lives.

Open connections of one user = connections per second x mean length (Little). What is left of an open one is
longer than t with probability E[(X - t)+] / E[X].
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from anyplane.model.errors import DataError

Float64 = NDArray[np.float64]
POINTS = 10_000
FIRST_EXCHANGE_S = 0.5
"""Until a client holds the unicast address: resolution or redirect, and a handshake."""
COLUMNS = ("service", "quic_share", "per_user_hour", "median_s", "sigma", "lengths")


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One kind of traffic of a user.

    quic_share: of the connections, the others are TCP; None for UDP questions without a connection.
    per_user_hour: new ones. Lengths are log-normal (median_s, sigma), or where `lengths` is given, its
    (share, seconds) points joined by straight lines.
    """

    name: str
    quic_share: float | None
    per_user_hour: float
    median_s: float = 0.0
    sigma: float = 0.0
    lengths: tuple[tuple[float, float], ...] = ()

    def sample(self) -> Float64:
        """(POINTS,) lengths in seconds, each as likely as any other."""
        parts = (np.arange(POINTS) + 0.5) / POINTS
        if self.lengths:
            shares, seconds = zip(*self.lengths, strict=True)
            joined: Float64 = np.interp(parts, (0.0, *shares), (0.0, *seconds))
            return joined
        normal = NormalDist()
        deviates = np.array([normal.inv_cdf(float(part)) for part in parts])
        drawn: Float64 = self.median_s * np.exp(self.sigma * deviates)
        return drawn


DEFAULT = (
    Service(name="DNS over UDP", quic_share=None, per_user_hour=60.0, median_s=0.03, sigma=1.0),
    Service(name="HTTP", quic_share=0.3, per_user_hour=40.0, median_s=8.0, sigma=1.6),
    Service(name="WebSocket", quic_share=0.0, per_user_hour=0.5, median_s=600.0, sigma=1.5),
    Service(name="upload", quic_share=0.2, per_user_hour=0.1, median_s=20.0, sigma=1.8),
)
"""Round figures to begin with, not measurements of anybody; --services replaces them by one's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """What one service loses. Counts of connections (of questions, for UDP), rounded to a tenth.

    mean_s: length. open: at any moment, of all users. dead_tcp, dead_quic: broken by the event when the site
    stops answering at once. planned_*: when it goes on answering until routes have moved. regional: with
    regional unicast backends, either transport. failed: that could not be opened, or lost questions, while
    users reached nothing. day_tcp, day_quic, day_regional: in a day at the stated rate of route changes.
    """

    service: str
    mean_s: float
    open: float
    dead_tcp: float
    dead_quic: float
    planned_tcp: float
    planned_quic: float
    regional: float
    failed: float
    day_tcp: float
    day_quic: float
    day_regional: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What an event does to users: how many move to another site (or to none), when, and how long all of them
    together reach nothing. at_s (T,) ascending; moved_by (T,): users moved by then; users: everybody."""

    users: float
    at_s: Float64
    moved_by: Float64
    lost_user_s: float


def broken(service: Service, event: Event, *, changes_per_day: float) -> Broken:
    """What the event breaks, and what a day of `changes_per_day` changes of site for each user does."""
    lengths = service.sample()
    mean = float(lengths.mean())
    per_second = service.per_user_hour / 3600.0
    open_per_user = per_second * mean
    moved = float(event.moved_by[-1]) if len(event.moved_by) else 0.0
    steps = np.diff(event.moved_by, prepend=0.0)
    left = sum(
        float(step) * float(np.maximum(lengths - at, 0.0).mean()) / mean
        for at, step in zip(event.at_s, steps, strict=True)
        if step > 0 and mean > 0
    )
    first = min(FIRST_EXCHANGE_S, mean)
    is_connection = service.quic_share is not None
    quic = service.quic_share or 0.0
    tcp = 1.0 - quic if is_connection else 0.0
    daily = event.users * changes_per_day * open_per_user
    return Broken(
        service=service.name,
        mean_s=round(mean, 3),
        open=round(event.users * open_per_user, 1),
        dead_tcp=round(moved * open_per_user * tcp, 1),
        dead_quic=round(moved * open_per_user * quic, 1),
        planned_tcp=round(left * open_per_user * tcp, 1),
        planned_quic=round(left * open_per_user * quic, 1),
        regional=round(moved * per_second * first, 1) if is_connection else 0.0,
        failed=round(event.lost_user_s * per_second, 1),
        day_tcp=round(daily * tcp, 1),
        day_quic=round(daily * quic, 1),
        day_regional=round(event.users * changes_per_day * per_second * first, 1) if is_connection else 0.0,
    )


def read_services(text: str, *, file: str) -> tuple[Service, ...]:
    """Services of a CSV with the columns COLUMNS (the last three as needed); DataError names line and fault.

    quic_share is empty for UDP without connections; lengths: `0.5:3 0.9:60 1:900`, share and seconds.
    """
    rows = csv.DictReader(io.StringIO(text))
    header = tuple(rows.fieldnames or ())
    missing = [name for name in COLUMNS[:3] if name not in header]
    unknown = [name for name in header if name not in COLUMNS]
    if missing or unknown:
        wrong = f"lacks the column {missing[0]}" if missing else f"has an unknown column {unknown[0]!r}"
        raise DataError(file, f"the header {wrong}", line=1, hint="columns: " + ",".join(COLUMNS))
    found = [_service(row, file, rows.line_num) for row in rows]
    if not found:
        raise DataError(file, "there is no service in it", hint="columns: " + ",".join(COLUMNS))
    return tuple(found)


def _service(row: dict[str, str | None], file: str, line: int) -> Service:
    def number(name: str, low: float, high: float) -> float:
        text = (row.get(name) or "").strip()
        try:
            value = float(text)
        except ValueError:
            raise DataError(file, f"{name}: {text!r} is not a number", line=line) from None
        if not low <= value <= high:
            raise DataError(file, f"{name}: {text} is not between {low:g} and {high:g}", line=line)
        return value

    name = (row.get("service") or "").strip()
    if not name:
        raise DataError(file, "a service needs a name", line=line)
    table = (row.get("lengths") or "").strip()
    return Service(
        name=name,
        quic_share=number("quic_share", 0, 1) if (row.get("quic_share") or "").strip() else None,
        per_user_hour=number("per_user_hour", 0, 1e6),
        median_s=0.0 if table else number("median_s", 0, 1e7),
        sigma=0.0 if table else number("sigma", 0, 4),
        lengths=_points(table, file, line) if table else (),
    )


def _points(table: str, file: str, line: int) -> tuple[tuple[float, float], ...]:
    points: list[tuple[float, float]] = []
    for item in table.split():
        share, _, seconds = item.partition(":")
        try:
            points.append((float(share), float(seconds)))
        except ValueError:
            raise DataError(
                file, f"lengths: {item!r} is not share:seconds", line=line, hint="e.g. 0.5:3 0.9:60 1:900"
            ) from None
    rises = all(a[0] < b[0] and a[1] <= b[1] for a, b in zip([(0.0, 0.0), *points], points, strict=False))
    if not points or not rises or points[-1][0] > 1 or not np.isfinite(points[-1][1]) or points[-1][1] <= 0:
        raise DataError(
            file,
            "lengths: shares must rise up to 1, and seconds with them",
            line=line,
            hint="e.g. 0.5:3 1:900",
        )
    return tuple(points)


def sessions(services: Sequence[Service], event: Event, *, changes_per_day: float) -> tuple[Broken, ...]:
    """`broken` for each service."""
    return tuple(broken(service, event, changes_per_day=changes_per_day) for service in services)
