"""What a game day does to the network around the sites: links, sessions, routes, regions, hijackers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from anyplane.lab.gameday import parts
from anyplane.lab.gameday.parts import NetworkField, PrefixField, TimeField, TimesField
from anyplane.lab.gameday.step import SiteStep, Step, UplinkStep


class LinkDown(UplinkStep):
    """The cable to an upstream is pulled: both ends see the carrier go."""

    words, breaks = "take the link of {site}[ to AS{upstream}] down", True


class SilentCut(UplinkStep):
    """The link to an upstream drops everything, and neither end is told."""

    words, breaks = "cut the link of {site}[ to AS{upstream}] silently", True


class LinkRestore(UplinkStep):
    """The link carries again."""

    words = "restore the link of {site}[ to AS{upstream}]"


class SessionReset(UplinkStep):
    """The upstream resets the BGP session and takes it up again."""

    words, breaks = "reset the BGP session of {site}[ with AS{upstream}]", True


@dataclass(frozen=True, slots=True, kw_only=True)
class FlapRoute(SiteStep):
    """The route of a site goes and returns while its service answers; half of `every` it is gone."""

    times: TimesField
    every: TimeField
    words, breaks = "flap the route of {site} {times} times, every {every}", True


class WithdrawRoute(SiteStep):
    """The upstreams hear no route from the site any more; its links and its service stay."""

    words, breaks = "take the route of {site} away", True


class RestoreRoute(SiteStep):
    """The upstreams hear the site again."""

    words = "give the route of {site} back"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamLost(Step):
    """A whole network dies in silence, in every metro."""

    upstream: NetworkField
    words, breaks = "lose all routers of AS{upstream}", True


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamBack(Step):
    """The network works again."""

    upstream: NetworkField
    words = "bring the routers of AS{upstream} back"


class UplinksLost(SiteStep):
    """A site loses all its upstreams at once, in silence; its service works, and nobody reaches it."""

    words, breaks = "cut all uplinks of {site}", True


class UplinksBack(SiteStep):
    """The uplinks of a site carry again."""

    words = "restore all uplinks of {site}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionLost(Step):
    """All sites of a continent or a country die in silence."""

    continent: Annotated[str | None, parts.CONTINENT] = None
    country: Annotated[str | None, parts.COUNTRY] = None
    words, breaks = "lose every site in[ {continent}][ {country}]", True


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionBack(Step):
    """The sites of a continent or a country come back."""

    continent: Annotated[str | None, parts.CONTINENT] = None
    country: Annotated[str | None, parts.COUNTRY] = None
    words = "bring every site in[ {continent}][ {country}] back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hijack(Step):
    """Another network originates a prefix of ours, or a more specific one.

    rov: every network validates origins, rtr: by an RPKI cache of its own instead of built-in ROAs.
    """

    network: NetworkField
    prefix: PrefixField
    rov: Annotated[bool, parts.FLAG] = False
    rtr: Annotated[bool, parts.FLAG] = False
    words, breaks = "AS{network} hijacks {prefix}[, all networks validate ({rov})][ by {rtr}]", True


class HijackEnd(Step):
    """Nobody originates our prefixes but us."""

    words = "end the hijack"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakNoExport(Step):
    """An upstream ignores NO_EXPORT (RFC 1997) and passes on what it should keep."""

    upstream: NetworkField
    words, breaks = "AS{upstream} leaks what is marked NO_EXPORT", True


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakEnd(Step):
    """The upstream respects NO_EXPORT again."""

    upstream: NetworkField
    words = "AS{upstream} respects NO_EXPORT again"
