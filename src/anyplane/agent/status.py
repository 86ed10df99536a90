"""status: one agent as plain values, for `anyplane site status` and for whoever reads its JSON."""

from __future__ import annotations

import os
from collections.abc import Callable

from anyplane import __version__
from anyplane.agent.anchors import Anchors
from anyplane.agent.announcer import Announcer
from anyplane.agent.loop import Loop
from anyplane.agent.record import Recorder
from anyplane.agent.settings import Settings
from anyplane.agent.third_ring import ThirdRing
from anyplane.bgp.speaker import Route, SessionSeen, SessionState
from anyplane.control.guard import may_withdraw
from anyplane.control.site import ServiceState
from anyplane.control.site_plan import ServicePlan
from anyplane.control.states import Level
from anyplane.design.operation import Scope
from anyplane.model.nouns import Prefix

Plain = dict[str, object]


class Status:
    """`whole()` is everything, made when somebody asks. `design` says what became of the design file."""

    def __init__(
        self,
        settings: Settings,
        *,
        loop: Loop,
        announcer: Announcer,
        anchors: Anchors,
        recorder: Recorder,
        witness: ThirdRing | None,
        now: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self.design: Plain = {"path": str(settings.design), "refused": ""}
        self._settings = settings
        self._loop = loop
        self._announcer = announcer
        self._anchors = anchors
        self._recorder = recorder
        self._witness = witness
        self._now = now
        self._wall = wall
        self._began = now()

    def whole(self) -> Plain:
        """Everything."""
        now = self._now()
        return {
            "site": self._settings.site,
            "version": __version__,
            "pid": os.getpid(),
            "at": self._wall(),
            "running_s": now - self._began,
            "is_dry_run": self._settings.is_dry_run,
            "design": self.design,
            "services": self._services(now),
            "routes": self._routes(),
            "daemon": self._daemon(now),
            "sessions": self._sessions(),
            "witness": None if self._witness is None else [_session(one) for one in self._witnessing()],
            "checks": self._checks(now),
            "lease": self._lease(now),
            "orders": self._orders(now),
            "fleet": [
                {
                    "site": one.site,
                    "age_s": one.age_s,
                    "services": {key: str(state) for key, state in one.services.items()},
                }
                for one in self._loop.fleet.reports
            ],
            "alarms": dict(self._recorder.alarms),
        }

    def _services(self, now: float) -> list[Plain]:
        plan = self._loop.accepted.plan
        orders = self._loop.standing.orders
        return [
            {
                "service": service.key,
                "group": service.group,
                "prefixes": [str(prefix) for prefix in service.prefixes],
                "state": str(state.state),
                "level": str(state.level),
                "since_s": now - state.since,
                "situation": str(state.situation),
                "reason": state.reason,
                "refused": state.refused,
                "guard": self._guard(service, state, now),
                "is_drained_by_order": service.key in orders.drained,
                "penalty_s": max(0.0, state.penalty_until - now),
                "withdrawn_in_s": None
                if state.draining_since is None or state.level is Level.NONE
                else max(0.0, state.draining_since + plan.safety.drain_wait_s - now),
                "need": service.need,
                "backends": list(self._live(service.key)),
                "dead_backends": [one for one in service.backends if one not in self._live(service.key)],
                "need_backends": service.need_backends if service.backends else 0,
                "checks": [*service.checks, *(one for checks in service.backends.values() for one in checks)],
            }
            for service in plan.services
            for state in (self._loop.state.services[service.key],)
        ]

    def _guard(self, service: ServicePlan, state: ServiceState, now: float) -> Plain | None:
        """What the guard would say to a withdrawal of a service that is announced; None: it is not."""
        if state.level is Level.NONE:
            return None
        plan, checks = self._loop.accepted.plan, self._loop.state.checks
        failing = {
            one: since
            for one in service.checks
            if one in checks
            and plan.checks[one].scope is Scope.LOCAL
            and (since := checks[one].failing_since) is not None
        }
        failed_at = state.failed_at if state.failed_at is not None else now - plan.safety.patience_s
        answer = may_withdraw(plan, service, self._loop.fleet, failing=failing, failed_at=failed_at, now=now)
        return {"ruling": str(answer.ruling), "reason": answer.reason}

    def _live(self, service: str) -> tuple[str, ...]:
        taken = self._loop.turn_taken
        return () if taken is None else taken.backends.get(service, ())

    def _routes(self) -> list[Plain]:
        """Every route of the three rings, one line for each prefix and neighbour."""
        sessions = {one.neighbor: one.upstream for one in self._loop.accepted.router.sessions}
        seen = self._announcer.seen
        witnessed = None if self._witness is None else self._witness.observation()
        dark = {str(one.neighbor) for one in self._witnessing() if one.state is SessionState.DOWN}
        rings: dict[tuple[Prefix, str], dict[str, Route]] = {}
        for ring, routes in (
            ("wanted", self._announcer.expected),
            ("seen", frozenset[Route]() if seen is None else seen.routes),
            ("witness", frozenset[Route]() if witnessed is None else witnessed.routes),
        ):
            for one in routes:
                rings.setdefault((one.prefix, str(one.neighbor)), {})[ring] = one
        for session in self._loop.accepted.router.sessions:
            for announcement in self._loop.accepted.plan.announcements:
                if (announcement.upstream, announcement.prefix.version) == (session.upstream, session.family):
                    rings.setdefault((announcement.prefix, str(session.neighbor)), {})
        upstreams = {str(neighbor): upstream for neighbor, upstream in sessions.items()}
        return [
            {
                "prefix": str(prefix),
                "neighbor": neighbor,
                "upstream": upstreams.get(neighbor),
                "wanted": _attributes(found.get("wanted")),
                "seen": None if seen is None else _attributes(found.get("seen")) or False,
                # A witness without the session knows nothing of it.
                "witness": None
                if witnessed is None or neighbor in dark
                else _attributes(found.get("witness")) or False,
                "is_altered": seen is not None
                and seen.is_exact
                and None not in (found.get("wanted"), found.get("seen"))
                and found.get("wanted") != found.get("seen"),
            }
            for (prefix, neighbor), found in sorted(rings.items(), key=lambda item: _order(*item[0]))
        ]

    def _daemon(self, now: float) -> Plain:
        announcer = self._announcer
        return {
            "kind": str(self._loop.accepted.router.daemon.kind),
            "trouble": announcer.trouble,
            "seen_age_s": None if announcer.seen_at is None else now - announcer.seen_at,
            "refusals": announcer.refusals,
            "is_as_wanted": announcer.seen is not None and announcer.difference.is_healed,
            "warnings": [] if announcer.seen is None else list(announcer.seen.warnings),
        }

    def _sessions(self) -> list[Plain]:
        seen = self._announcer.seen
        return [_session(one) for one in (() if seen is None else seen.sessions)]

    def _witnessing(self) -> tuple[SessionSeen, ...]:
        return () if self._witness is None else self._witness.observation().sessions

    def _checks(self, now: float) -> list[Plain]:
        found: list[Plain] = []
        for key, check in self._loop.accepted.plan.checks.items():
            state = self._loop.state.checks.get(key)
            found.append(
                {
                    "check": key,
                    "scope": str(check.scope),
                    "interval_s": check.interval_s,
                    "rise": check.rise,
                    "fall": check.fall,
                    "verdict": "unknown" if state is None else str(state.verdict),
                    "streak": 0 if state is None else state.streak,
                    "latency_s": None if state is None else state.latency_s,
                    "age_s": None if state is None or state.heard_at is None else now - state.heard_at,
                    "detail": "" if state is None else state.detail,
                }
            )
        return found

    def _lease(self, now: float) -> Plain:
        renewed = self._anchors.renewed_at
        return {
            "is_on": self._anchors.is_on,
            "length_s": self._anchors.lease_s,
            "age_s": None if renewed is None else now - renewed,
            "held": sorted(str(prefix) for prefix in self._anchors.held),
        }

    def _orders(self, now: float) -> Plain:
        orders = self._loop.standing.orders
        return {
            "drained": sorted(orders.drained),
            "forced": sorted(orders.forced),
            "is_frozen": orders.is_frozen,
            "blackholes": [
                {"host": str(one.host), "left_s": one.expires_at - now} for one in orders.blackholes
            ],
        }


def _session(one: SessionSeen) -> Plain:
    return {
        "neighbor": str(one.neighbor),
        "upstream": one.upstream,
        "state": str(one.state),
        "reason": one.reason,
        "uptime_s": one.uptime_s,
    }


def _attributes(route: Route | None) -> Plain | None:
    if route is None:
        return None
    return {"prepend": route.prepend, "med": route.med, "communities": sorted(route.communities)}


def _order(prefix: Prefix, neighbor: str) -> tuple[int, int, int, str]:
    return prefix.version, int(prefix.network_address), prefix.prefixlen, neighbor
