"""Orders: what operators asked of a site, as values; they outlive the agent, which keeps them on disk."""

from __future__ import annotations

from dataclasses import dataclass

from anyplane.model.nouns import Prefix


@dataclass(frozen=True, slots=True, kw_only=True)
class Blackhole:
    """One host of ours whose traffic upstreams are asked to drop, until `expires_at` (monotonic seconds)."""

    host: Prefix
    expires_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """`drained` and `forced` hold keys of services; a forced drain does not ask the guard."""

    drained: frozenset[str] = frozenset()
    forced: frozenset[str] = frozenset()
    is_frozen: bool = False
    blackholes: tuple[Blackhole, ...] = ()
