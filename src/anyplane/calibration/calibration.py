"""Calibration: what measurements taught about a graph, by ASN: to be read, kept and used again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A network hears a site itself. relation: what the site is to it, "customer" or "peer"."""

    asn: int
    relation: str
    paths: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A network has its route to the site from this neighbour. prepends: extra ASNs that the neighbour adds.

    is_leak: by the rules the neighbour would not hand this route over; it does. is_in_graph: False for a
    link that the graph lacks. length: ASNs in the path as the network received it.
    """

    asn: int
    neighbour: int
    paths: int
    prepends: int
    length: int
    is_leak: bool = False
    is_in_graph: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A network does not get this site from this neighbour, or does not want it, against the rules.

    networks: how many observed networks' paths can only be explained so.
    """

    asn: int
    neighbour: int
    networks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Willing:
    """How often a neighbour's better offer was taken by networks that are observed.

    relation: what the neighbour is to them ("customer", "peer", "provider"). neighbour 0: all of them
    together.
    """

    neighbour: int
    relation: str
    taken: int
    refused: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFacts:
    """What collector paths to one site alone say; `paths` different ones."""

    site: str
    paths: int
    heard: tuple[Heard, ...] = ()
    taken: tuple[Taken, ...] = ()
    refused: tuple[Refused, ...] = ()
    willing: tuple[Willing, ...] = ()
    unheard: int = 0
    """Networks with a session to the site that take another way all the same."""
    unexplained: int = 0
    """Observed networks whose path the corrected graph still does not give."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """A network prefers this neighbour, beyond what class and length say.

    region: in this region, "" for everywhere. log_odds: natural logarithm, above 0: preferred. evidence: how
    many networks' answers it rests on (shares of them count).
    """

    asn: int
    neighbour: int
    region: str
    log_odds: float
    evidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """One announcement set that the calibration learned from."""

    policy: str
    sites: tuple[str, ...]
    method: str
    networks: int
    agreement: float
    """The least one with another method that saw enough of the same networks; 1 where none did."""
    is_used: bool
    reason: str = ""
    """Why it was left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """All that was learned; see docs/explanation/calibration.md.

    certainty: the exponent that makes stated probabilities honest: p ** certainty, normalised; 1 leaves them,
    below 1 makes them modest. spread: how far a site's share is from what is stated, in standard deviations
    of what the stated probabilities leave open (planning.intervals).
    """

    origin: str
    """One line for people: from what and when it was learned."""
    graph: str
    """`Topology.origin` of the graph that it was learned on."""
    sites: tuple[SiteFacts, ...] = ()
    preferences: tuple[Preference, ...] = ()
    used: tuple[Used, ...] = ()
    certainty: float = 1.0
    spread: float = 1.0

    def facts(self, site: str) -> SiteFacts | None:
        """What is known of a site, or None."""
        return next((facts for facts in self.sites if facts.site == site), None)


NOTHING = Calibration(origin="no measurement", graph="")
