"""Steps: everything that a game day can do to a network, each an explicit value with its words.

A scenario writes a step as one key, the class's name in lower case: `KillService` is `kill_service: mad`.
`breaks` marks a fault: times are counted from it. `is_order` marks what an operator may ask of a production
site too; anything else is refused there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from anyplane.lab.gameday import parts
from anyplane.lab.gameday.clients import EVERYONE, Clients
from anyplane.lab.gameday.parts import (
    NetworkField,
    PrefixField,
    SiteField,
    TimeField,
    TimesField,
    UpstreamField,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that is done."""

    words: ClassVar[str] = ""
    breaks: ClassVar[bool] = False
    is_order: ClassVar[bool] = False

    def __str__(self) -> str:
        """In words: kill the service of mad."""
        return parts.text(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteStep(Step):
    """Done to one site."""

    site: SiteField


@dataclass(frozen=True, slots=True, kw_only=True)
class UplinkStep(SiteStep):
    """Done to one upstream of a site, or to all of them."""

    upstream: UpstreamField = None


class KillService(SiteStep):
    """The server process dies (SIGKILL)."""

    words, breaks = "kill the service of {site}", True


class HangService(SiteStep):
    """The server process stops answering (SIGSTOP) and keeps its sockets."""

    words, breaks = "hang the service of {site}", True


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowService(SiteStep):
    """Every answer of the site comes later."""

    by: TimeField
    words, breaks = "slow the service of {site} by {by}", True


class WrongAnswers(SiteStep):
    """The server answers, and lies."""

    words, breaks = "make the service of {site} answer wrongly", True


class RestoreService(SiteStep):
    """The server is as it was: started, awake, quick and right."""

    words = "restore the service of {site}"


class HostDeath(SiteStep):
    """The host dies in silence: all its processes freeze and both directions of its links drop everything."""

    words, breaks = "kill the host of {site}", True


class HostReturn(SiteStep):
    """The host comes back as it was."""

    words = "bring the host of {site} back"


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


class KillDaemon(SiteStep):
    """The BGP daemon of the site dies."""

    words, breaks = "kill the BGP daemon of {site}", True


class HangDaemon(SiteStep):
    """The BGP daemon of the site hangs: its sockets stay, nothing is answered."""

    words, breaks = "hang the BGP daemon of {site}", True


class MisconfigureDaemon(SiteStep):
    """Somebody loads a configuration into the BGP daemon that does not announce what it should."""

    words, breaks = "misconfigure the BGP daemon of {site}", True


class RestoreDaemon(SiteStep):
    """The BGP daemon runs again, with its own configuration."""

    words = "restore the BGP daemon of {site}"


class KillAgent(SiteStep):
    """The agent dies (SIGKILL)."""

    words, breaks = "kill the agent of {site}", True


class HangAgent(SiteStep):
    """The agent hangs (SIGSTOP)."""

    words, breaks = "hang the agent of {site}", True


class RestartAgent(SiteStep):
    """The agent runs again."""

    words = "restart the agent of {site}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FlapService(SiteStep):
    """The service dies and returns, again and again; half of `every` it is dead."""

    times: TimesField
    every: TimeField
    words, breaks = "flap the service of {site} {times} times, every {every}", True


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
class Drain(SiteStep):
    """The agent moves users away before it withdraws (RFC 8326); asks the guard, unless forced."""

    group: Annotated[str | None, parts.GROUP] = None
    force: Annotated[bool, parts.FLAG] = False
    words, is_order = "drain {site}[ ({group})][, {force}]", True


@dataclass(frozen=True, slots=True, kw_only=True)
class Undrain(SiteStep):
    """The drain ends; the checks decide again."""

    group: Annotated[str | None, parts.GROUP] = None
    words, is_order = "undrain {site}[ ({group})]", True


@dataclass(frozen=True, slots=True, kw_only=True)
class BlackholeAddress(SiteStep):
    """The agent asks the upstreams to drop the traffic of one address (RFC 7999)."""

    address: Annotated[str, parts.ADDRESS]
    words, breaks = "blackhole {address} at {site}", True


@dataclass(frozen=True, slots=True, kw_only=True)
class BlackholeEnd(SiteStep):
    """The blackhole is taken back."""

    address: Annotated[str, parts.ADDRESS]
    words = "end the blackhole of {address} at {site}"


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


class DependencyLost(Step):
    """What every site's service depends on fails everywhere at once."""

    words, breaks = "lose the dependency of all sites at once", True


class DependencyBack(Step):
    """The dependency answers again."""

    words = "bring the dependency back"


class Partition(SiteStep):
    """The agent of a site hears nothing of the other sites any more."""

    words, breaks = "part {site} from the fleet", True


class PartitionEnd(SiteStep):
    """The agent hears the other sites again."""

    words = "join {site} to the fleet again"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveBackend(SiteStep):
    """One server behind the site dies."""

    backend: Annotated[str, parts.BACKEND]
    words, breaks = "remove backend {backend} of {site}", True


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreBackend(SiteStep):
    """The server behind the site works again."""

    backend: Annotated[str, parts.BACKEND]
    words = "put backend {backend} of {site} back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait(Step):
    """Nothing is done for a while."""

    time: TimeField
    words, is_order = "wait {time}", True


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitUntil(Step):
    """Waits until a site serves, serves no more, or is the one that a client reaches."""

    serves: Annotated[str | None, parts.SITE] = None
    serves_not: Annotated[str | None, parts.SITE] = None
    reaches: Annotated[str | None, parts.SITE] = None
    clients: Annotated[Clients, parts.CLIENTS] = EVERYONE
    within: Annotated[float, parts.TIME] = 30.0
    words = (
        "wait until[ {serves} serves][ {serves_not} serves no more]"
        "[ clients ({clients}) reach {reaches}], at most {within}"
    )
    is_order = True


STEPS: dict[str, type[Step]] = {
    parts.key_of(kind): kind
    for kind in (
        KillService, HangService, SlowService, WrongAnswers, RestoreService,
        HostDeath, HostReturn,
        LinkDown, SilentCut, LinkRestore, SessionReset,
        KillDaemon, HangDaemon, MisconfigureDaemon, RestoreDaemon,
        KillAgent, HangAgent, RestartAgent,
        FlapService, FlapRoute, WithdrawRoute, RestoreRoute,
        UpstreamLost, UpstreamBack, UplinksLost, UplinksBack, RegionLost, RegionBack,
        Drain, Undrain, BlackholeAddress, BlackholeEnd,
        Hijack, HijackEnd, LeakNoExport, LeakEnd,
        DependencyLost, DependencyBack, Partition, PartitionEnd, RemoveBackend, RestoreBackend,
        Wait, WaitUntil,
    )
}  # fmt: skip
"""Every step by its key, in the order of the reference page."""
