"""known: facts about well-known networks, Internet exchanges and countries, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from anyplane.model.nouns import Asn


class NetworkKind(StrEnum):
    """What a network mostly does."""

    TIER1 = "tier1"
    TRANSIT = "transit"
    REGIONAL = "regional"
    CONTENT = "content"
    EYEBALL = "eyeball"
    RESEARCH = "research"


class Peering(StrEnum):
    """Whom a network peers with."""

    OPEN = "open"
    SELECTIVE = "selective"
    RESTRICTIVE = "restrictive"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownNetwork:
    """One network that operators know by name.

    `home` and `metros` are metro codes, `home` is one of `metros`; `metros` is where it is present, in rough
    outline. `users` counts people behind it (0: not an access network, or not known).
    """

    asn: Asn
    name: str
    kind: NetworkKind
    peering: Peering
    country: str
    home: str
    metros: tuple[str, ...]
    users: float


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownIxp:
    """One Internet exchange; `asn` is its route server's, 0 where not sure; `members` a rough count."""

    name: str
    metro: str
    asn: Asn
    members: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Country:
    """One country: people, the share of them online, and its largest metro (of the smallest: one abroad)."""

    code: str
    name: str
    continent: str
    population: float
    online: float
    networks: int
    """about how many networks it has"""
    groups: frozenset[str]
    """EU, EEA"""
    metro: str

    @property
    def users(self) -> float:
        """People online."""
        return self.population * self.online
