"""What a game day does inside a site: to servers, host, BGP daemon and agent; and what operators order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from anyplane.lab.gameday import parts
from anyplane.lab.gameday.parts import TimeField, TimesField
from anyplane.lab.gameday.step import SiteStep, Step


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
