"""Sites in virtual time: plans made in one line, checks that answer as told, a fleet that hears reports."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_network

from anyplane.control.fleet import FleetView, SiteReport, Withdrawal
from anyplane.control.health import CheckResult
from anyplane.control.orders import Orders
from anyplane.control.site import Decision, Inputs, SiteState, Turn, report, start, step
from anyplane.control.site_plan import ServicePlan, SitePlan
from anyplane.control.states import Level, State
from anyplane.design.operation import Check, Degradation, ProcessProbe, Safety, Scope
from anyplane.model.nouns import Announcement, Asn, SiteName, UpstreamKind

V4 = ip_network("198.51.100.0/24")
V6 = ip_network("2001:db8:53::/48")
ORIGIN = Asn(64500)
ALONE = Safety()
DECLARED = Safety(fleet_file="fleet.json")


def check(
    name: str,
    *,
    scope: Scope = Scope.LOCAL,
    rise: int = 1,
    fall: int = 2,
    interval: float = 1.0,
    family: int = 0,
) -> Check:
    """A check whose probe nobody runs here."""
    return Check(
        name=name,
        probe=ProcessProbe(name=name),
        scope=scope,
        rise=rise,
        fall=fall,
        interval_s=interval,
        timeout_s=0.5,
        jitter=0.0,
        family=family,
    )


def announcement(site: str, prefix: object = V4, upstream: int = 64510) -> Announcement:
    """A plain one."""
    return Announcement(
        prefix=prefix,  # type: ignore[arg-type]
        site=SiteName(site),
        upstream=Asn(upstream),
        kind=UpstreamKind.TRANSIT,
        origin=ORIGIN,
    )


def plan(
    site: str = "fra",
    *checks: Check,
    sites: Iterable[str] = ("fra",),
    safety: Safety = ALONE,
    need: int | None = None,
    backends: Mapping[str, tuple[Check, ...]] | None = None,
    need_backends: int = 1,
    capacity: float | None = None,
) -> SitePlan:
    """A site with one service "dns", v4 and v6 together, judged by `checks`."""
    listed = checks or (check("answers"),)
    behind = backends or {}
    service = ServicePlan(
        key="dns",
        group="dns",
        prefixes=(V4, V6),
        announcements=(announcement(site, V4), announcement(site, V6)),
        checks=tuple(f"dns/{one.name}" for one in listed),
        degraded=Degradation(),
        need=need,
        backends={name: tuple(f"dns/{name}/{one.name}" for one in ones) for name, ones in behind.items()},
        need_backends=need_backends,
    )
    known = {f"dns/{one.name}": one for one in listed}
    known |= {f"dns/{name}/{one.name}": one for name, ones in behind.items() for one in ones}
    return SitePlan(
        site=SiteName(site),
        services=(service,),
        checks=known,
        safety=safety,
        capacity=capacity,
        sites=frozenset(SiteName(one) for one in sites),
    )


@dataclass
class Sim:
    """One site in virtual time; `answers` maps a check id to what it says at a moment (True when absent)."""

    plan: SitePlan
    answers: dict[str, Callable[[float], bool]] = field(default_factory=dict)
    orders: Orders = field(default_factory=Orders)
    fleet: FleetView = field(default_factory=FleetView)
    phase: float = 0.0
    adopted: Mapping[str, Level] | None = None
    began: float = 0.0

    def __post_init__(self) -> None:
        self.state: SiteState = start(self.plan, now=self.began, adopted=self.adopted)
        self.decisions: list[Decision] = []
        self.updates: list[tuple[float, frozenset[Announcement]]] = []
        self.announced: frozenset[Announcement] = frozenset()
        self.turn: Turn | None = None
        self._due = dict.fromkeys(self.plan.checks, self.began + self.phase)

    def at(self, now: float, *, results: tuple[CheckResult, ...] | None = None) -> Turn:
        """One step; the checks that are due answer."""
        if results is None:
            due = [key for key, when in self._due.items() if when <= now + 1e-9]
            for key in due:
                self._due[key] += self.plan.checks[key].interval_s
            results = tuple(
                CheckResult(check=key, is_ok=self.answers.get(key, lambda _: True)(now), at=now)
                for key in due
            )
        inputs = Inputs(results=results, fleet=self.fleet, orders=self.orders)
        turn = step(self.plan, self.state, inputs, now=now)
        self.state, self.turn = turn.state, turn
        self.decisions += turn.decisions
        if turn.wanted != self.announced:
            self.announced = turn.wanted
            self.updates.append((now, turn.wanted))
        return turn

    def run(self, until: float, *, since: float | None = None, tick: float = 0.25) -> Turn:
        """Steps every `tick` seconds."""
        begin = self.began if since is None else since
        count = round((until - begin) / tick)
        turn = self.at(begin)
        for number in range(1, count + 1):
            turn = self.at(begin + number * tick)
        return turn

    @property
    def dns(self) -> State:
        """The state of the one service."""
        return self.state.services["dns"].state

    @property
    def level(self) -> Level:
        """Its level."""
        return self.state.services["dns"].level


def elsewhere(site: str, state: State = State.UP, *, age: float = 0.0, **facts: object) -> SiteReport:
    """Another site's word about "dns"."""
    return SiteReport(site=SiteName(site), age_s=age, services={"dns": state}, **facts)  # type: ignore[arg-type]


@dataclass
class Fleet:
    """Several sites whose reports reach each other `delay` seconds old, once a `period`."""

    sims: dict[str, Sim]
    delay: float = 0.2
    period: float = 1.0

    def __post_init__(self) -> None:
        self._sent: dict[str, list[tuple[float, SiteReport]]] = {name: [] for name in self.sims}
        self._withdrawn: list[tuple[float, str]] = []

    def run(self, until: float, *, since: float = 0.0, tick: float = 0.25) -> None:
        """All sites, tick by tick."""
        for number in range(round((until - since) / tick) + 1):
            now = since + number * tick
            for name, sim in self.sims.items():
                sim.fleet = self._view(name, now)
                before = sim.level
                sim.at(now)
                if sim.level is Level.NONE and before is not Level.NONE:
                    self._withdrawn.append((now, name))
                sent = self._sent[name]
                if not sent or now - sent[-1][0] >= self.period - 1e-9:
                    sent.append((now, report(sim.plan, sim.state, now=now)))

    def _view(self, name: str, now: float) -> FleetView:
        heard = []
        for other, sent in self._sent.items():
            arrived = [(when, word) for when, word in sent if when + self.delay <= now]
            if other != name and arrived:
                when, word = arrived[-1]
                heard.append(replace(word, age_s=now - when))
        gone = tuple(
            Withdrawal(site=SiteName(other), service="dns", age_s=now - when)
            for when, other in self._withdrawn
            if when + self.delay <= now and other != name
        )
        return FleetView(reports=tuple(heard), withdrawals=gone)

    @property
    def announced(self) -> set[str]:
        """The sites on the air."""
        return {name for name, sim in self.sims.items() if sim.level is not Level.NONE}
