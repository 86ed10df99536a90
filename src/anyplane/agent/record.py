"""Recorder: one fact at a time into log, journal and metrics; the only place that knows all three."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from anyplane.agent.journal import Fact, Journal
from anyplane.agent.logs import Log
from anyplane.agent.metrics import Metrics
from anyplane.bgp.speaker import Difference, Route, SessionSeen, SessionState
from anyplane.control.health import CheckState
from anyplane.control.site import Decision, ServiceState
from anyplane.control.states import Level, State
from anyplane.model.nouns import Announcement

LISTED = 8
_LOUD = frozenset((State.HELD, State.FROZEN, State.ISOLATED, State.QUARANTINE))


class Recorder:
    """`alarms` maps the name of each alarm that stands to what it says; `wall` is the clock people read."""

    def __init__(
        self, *, log: Log, journal: Journal | None, metrics: Metrics, wall: Callable[[], float]
    ) -> None:
        self.log = log
        self.metrics = metrics
        self.alarms: dict[str, str] = {}
        self._journal = journal
        self._wall = wall

    def fact(self, kind: str, event: str, /, **detail: object) -> None:
        """A line in the journal only."""
        self._keep(Fact(at=self._wall(), kind=kind, reason=event, detail=detail))

    def note(self, kind: str, event: str, /, **detail: object) -> None:
        """Something that is as it should be: log and journal."""
        self.log.info(event, **detail)
        self.fact(kind, event, **detail)

    def decided(self, decision: Decision, service: ServiceState, failing: dict[str, CheckState]) -> None:
        """A service entered another state."""
        self.metrics.decided(decision, service.situation.name.lower())
        facts: dict[str, object] = {
            "service": decision.service,
            "state": str(decision.after),
            "before": str(decision.before),
            "level": str(decision.level),
            "reason": decision.reason,
        }
        for check, state in list(failing.items())[:LISTED]:
            facts[f"check_{check}"] = f"{-state.streak} failures: {state.detail}"
        if decision.after in _LOUD:
            self.log.warning("service in trouble", **facts)
        elif decision.level is Level.NONE and decision.level_before is not Level.NONE:
            self.log.warning("service withdrawn", **facts)
        else:
            self.log.info("service changed", **facts)
        self._keep(
            Fact(
                at=self._wall(),
                kind="decision",
                service=decision.service,
                before=f"{decision.before} {decision.level_before}",
                after=f"{decision.after} {decision.level}",
                reason=decision.reason,
                detail={check: state.detail for check, state in list(failing.items())[:LISTED]},
            )
        )

    def wanted(self, before: frozenset[Announcement], after: frozenset[Announcement]) -> None:
        """What should be announced has changed."""
        added, removed = listed_announcements(after - before), listed_announcements(before - after)
        self.log.info("wanted", count=len(after), **_changed(added, removed))
        self.fact("wanted", f"{len(after)} announcements", added=added, removed=removed)

    def seen(self, before: frozenset[Route], after: frozenset[Route]) -> None:
        """The daemon's table has changed."""
        added, removed = listed_routes(after - before), listed_routes(before - after)
        self.log.info("seen at the daemon", count=len(after), **_changed(added, removed))
        self.fact("seen", f"{len(after)} routes", added=added, removed=removed)

    def session(self, one: SessionSeen, *, was: SessionState | None) -> None:
        """A session went up or down."""
        facts = {"neighbor": str(one.neighbor), "upstream": f"AS{one.upstream}"}
        if one.reason:
            facts["reason"] = one.reason
        if one.state is SessionState.UP:
            self.log.info("session up", **facts)
        else:
            self.log.warning("session down", **facts)
            if was is SessionState.UP:
                self.metrics.session_flaps.labels(str(one.neighbor)).inc()
        self.fact("session", f"session {one.state}", **facts)

    def alarm(self, name: str, text: str, *, is_error: bool = False) -> None:
        """An alarm stands from now on, or says something else than before."""
        if self.alarms.get(name) == text:
            return
        is_new = name not in self.alarms
        self.alarms[name] = text
        self.metrics.alarms.labels(name).set(1)
        if is_new:
            (self.log.error if is_error else self.log.warning)("alarm", alarm=name, reason=text)
            self.fact("alarm", f"{name}: {text}")

    def calm(self, name: str) -> None:
        """An alarm is over."""
        if self.alarms.pop(name, None) is not None:
            self.metrics.alarms.labels(name).set(0)
            self.log.info("alarm over", alarm=name)
            self.fact("alarm", f"{name} is over")

    def differs(self, difference: Difference) -> None:
        """The daemon's table is not as wanted, and not just for a moment."""
        self.alarm(
            "not as wanted",
            "; ".join(
                f"{name}: {listed_routes(routes)}"
                for name, routes in (
                    ("missing", difference.missing),
                    ("still announced", difference.extra),
                    ("other attributes", difference.altered),
                )
                if routes
            ),
        )

    def _keep(self, fact: Fact) -> None:
        if self._journal is not None:
            self._journal.record(fact)


def listed_announcements(found: Iterable[Announcement]) -> str:
    """The first few in words."""
    return _listed({f"{one.prefix} to AS{one.upstream}{_attributes(one)}" for one in found})


def listed_routes(found: Iterable[Route]) -> str:
    """The first few in words."""
    return _listed({f"{one.prefix} to {one.neighbor}" for one in found})


def _changed(added: str, removed: str) -> dict[str, str]:
    return {key: text for key, text in (("added", added), ("removed", removed)) if text}


def _attributes(one: Announcement) -> str:
    parts = []
    if one.as_path_prepend:
        parts.append(f"prepend {one.as_path_prepend}")
    if one.med:
        parts.append(f"MED {one.med}")
    parts += one.communities
    return f" ({', '.join(parts)})" if parts else ""


def _listed(texts: set[str]) -> str:
    ordered = sorted(texts)
    more = f", and {len(ordered) - LISTED} more" if len(ordered) > LISTED else ""
    return ", ".join(ordered[:LISTED]) + more
