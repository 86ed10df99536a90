"""What a router's tables say, as values; the same for BIRD and FRR."""

from __future__ import annotations

from dataclasses import dataclass

from anyplane.lab.routers.neighbours import SessionKind
from anyplane.model.nouns import Prefix


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRoute:
    """One route as a router holds it.

    as_path: as heard, the router's own ASN not in it, prepends in it. from_: the node it was heard from, ""
    when the router originates it. device: where packets leave, "" for a discarded one. communities: text
    form, the lab's own marks (4294967295:...) among them. igp_metric: decametres to the pop where it leaves
    the network, 0 for one's own; None where it cannot be reached.
    """

    prefix: Prefix
    as_path: tuple[int, ...]
    is_best: bool
    next_hop: str
    from_: str
    kind: SessionKind | None
    local_pref: int
    med: int
    communities: frozenset[str]
    igp_metric: int | None
    device: str
    is_discarded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionState:
    """One configured session. reason: the daemon's words when it is not up."""

    name: str
    node: str
    kind: SessionKind
    is_up: bool
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Updates:
    """Counts over all sessions. FRR counts messages and keeps no count of withdrawals: those stay 0."""

    updates_sent: int = 0
    updates_received: int = 0
    withdrawals_sent: int = 0
    withdrawals_received: int = 0
