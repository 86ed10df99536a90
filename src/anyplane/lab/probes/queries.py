"""Queries of the probers, as values: the plan that a prober carries out, and what became of each query.

A *flow* is one client asking one target; their order is that of `ProbePlan.flows`. Times are CLOCK_MONOTONIC
seconds, which every process of a machine shares. How they stand in a file: probes.query_log.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from ipaddress import ip_address

from anyplane.model.errors import DataError

NO_SITE = ""


class Kind(StrEnum):
    """How a target is asked."""

    UDP = "udp"
    """DNS over UDP, CHAOS TXT id.server."""
    TCP = "tcp"
    """The same over TCP, a new connection for each query."""
    HTTP = "http"
    """GET /trace, a new connection for each request; the site stands in `colo=`."""
    STREAM = "stream"
    """One long connection that the server writes to all the time."""


class Failure(StrEnum):
    """Why a query has no answer. A query without answer or failure at the end timed out."""

    REFUSED = "refused"
    RESET = "reset"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    CLOSED = "closed"
    """The connection ended before the answer."""
    WRONG = "wrong"
    """Something came that names no site: an error of the server, or nonsense."""


class Turn(StrEnum):
    """What happened to a long connection."""

    ESTABLISHED = "established"
    SITE = "site"
    """The first line that names the site."""
    SILENT = "silent"
    """It was silent for longer than it may, and went on."""
    RESET = "reset"
    CLOSED = "closed"
    LOST = "lost"
    """Silent for so long that the client gave up and connected anew."""
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Who asks. `namespace`: a path that setns takes, "" for the prober's own; `users` is its weight."""

    name: str
    namespace: str = ""
    source4: str = ""
    source6: str = ""
    users: float = 1.0

    def source(self, family: int) -> str:
        """The address to send from, "" where the client has none of that family."""
        return self.source4 if family == 4 else self.source6


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeTarget:
    """Who is asked, how, and how often per second by each client; `clients` empty means all of them."""

    address: str
    port: int
    kind: Kind
    rate: float = 10.0
    clients: tuple[str, ...] = ()

    @property
    def family(self) -> int:
        """4 or 6."""
        return ip_address(self.address).version


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One client asking one target."""

    client: Client
    target: ProbeTarget

    @property
    def family(self) -> int:
        """4 or 6."""
        return self.target.family


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbePlan:
    """What one prober does.

    timeout_s   a query without answer for that long is lost
    linger_s    how long an answer may come late and is still noted as one
    ports       source ports of a client that a UDP flow takes in turns, so that its packets hash differently
    silence_s   a long connection may be silent for that long
    stall_s     the prober's loop may be late by that much before it says so
    start_at    CLOCK_MONOTONIC; 0 means at once
    """

    log: str
    clients: tuple[Client, ...]
    targets: tuple[ProbeTarget, ...]
    timeout_s: float = 1.0
    linger_s: float = 3.0
    ports: int = 8
    silence_s: float = 0.3
    stall_s: float = 0.005
    start_at: float = 0.0

    @property
    def flows(self) -> tuple[Flow, ...]:
        """Each client with each target of a family that it has an address of."""
        return tuple(
            Flow(client=client, target=target)
            for target in self.targets
            for client in self.clients
            if client.source(target.family) and (not target.clients or client.name in target.clients)
        )

    def to_text(self) -> str:
        """The plan as one line of JSON."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str) -> ProbePlan:
        """The other way; DataError when it is none."""
        try:
            plain = json.loads(text)
            plain["clients"] = tuple(Client(**one) for one in plain["clients"])
            plain["targets"] = tuple(
                ProbeTarget(**(one | {"kind": Kind(one["kind"]), "clients": tuple(one.get("clients", ()))}))
                for one in plain["targets"]
            )
            return cls(**plain)
        except (ValueError, TypeError, KeyError) as error:
            raise DataError("probe plan", f"is none: {type(error).__name__}: {error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One query and what became of it; times are CLOCK_MONOTONIC seconds."""

    flow: int
    sequence: int
    """Counts what the schedule asked for; a missing one was never sent (the prober stood still)."""
    sent_at: float
    answered_at: float | None = None
    site: str = NO_SITE
    error: Failure | None = None
    failed_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """The prober itself stood still, or its machine did: it can say nothing of this time."""

    at: float
    for_s: float

    @property
    def until(self) -> float:
        """When it went on."""
        return self.at + self.for_s


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamTurn:
    """What happened to a long connection, and for how long (silences)."""

    flow: int
    at: float
    what: Turn
    site: str = NO_SITE
    for_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A command that the prober obeyed, and when."""

    at: float
    word: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeLog:
    """All that a prober wrote. `ends_at`: what came later is not known; `garbled`: lines not understood."""

    plan: ProbePlan
    queries: tuple[Query, ...] = ()
    """In order of sending."""
    stalls: tuple[Stall, ...] = ()
    turns: tuple[StreamTurn, ...] = ()
    marks: tuple[Mark, ...] = ()
    ends_at: float = 0.0
    garbled: int = 0
    flows: tuple[Flow, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "flows", self.plan.flows)

    def of(self, flow: int) -> tuple[Query, ...]:
        """The queries of one flow."""
        return tuple(query for query in self.queries if query.flow == flow)
