"""Metrics: what Prometheus reads of one agent, in its own registry; docs/reference/metrics.md lists them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Enum, Gauge, Histogram, generate_latest

from anyplane import __version__
from anyplane.bgp.speaker import Observation, Route, SessionState
from anyplane.control.health import CheckResult
from anyplane.control.site import Decision, SiteState
from anyplane.control.states import Level, State
from anyplane.model.nouns import Asn

CHECK_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
SPEAKER_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0)
LATE_BUCKETS = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 10.0, 30.0, 60.0)
LABELS = ("prefix", "upstream", "neighbor")


class Metrics:
    """Written by the loop and the announcer, in memory only; `text()` is what is served."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self._level = self._gauge("service_level", "1 for the level of the service", "service", "level")
        self._wanted = self._gauge("route_wanted", "1 where a route should be announced", *LABELS)
        self._seen = self._gauge("route_seen", "1 where the daemon's table announces it", *LABELS)
        self._witnessed = self._gauge("route_witnessed", "1 where the witness was sent it", *LABELS)
        self._disagreements = self._gauge(
            "witness_disagreements", "routes of which the witness was sent something else"
        )
        self._session = self._gauge("session_up", "1 while the BGP session is up", "neighbor", "upstream")
        self._check = self._gauge("check_up", "1 while the check passes, 0 not, -1 not yet known", "check")
        self._fleet = self._gauge("fleet_report_age_seconds", "age of another site's word", "site")
        self.lease_age = self._gauge("lease_age_seconds", "since the anchors on lo were renewed")
        self.alarms = self._gauge("alarm", "1 while an alarm stands", "alarm")
        self.reload_ok = self._gauge("reload_ok", "1 if the last reading of the design was accepted")
        self.turn_seconds = self._histogram("turn_seconds", "one turn of the loop", SPEAKER_BUCKETS)
        self.apply_seconds = self._histogram(
            "apply_seconds", "one apply, as the daemon took it", SPEAKER_BUCKETS
        )
        self.withdrawal_seconds = self._histogram(
            "withdrawal_seconds",
            "from the first failed check to a daemon's table without the service",
            LATE_BUCKETS,
        )
        self._latency = Histogram(
            "anyplane_check_seconds",
            "how long a check took",
            ("check",),
            buckets=CHECK_BUCKETS,
            registry=self.registry,
        )
        self.results = self._counter("check_results", "check results", "check", "result")
        self.decisions = self._counter("decisions", "entries into a state", "service", "state", "situation")
        self.flaps = self._counter("flaps", "withdrawals of a service by its checks", "service")
        self.session_flaps = self._counter("session_flaps", "sessions that went down", "neighbor")
        self.refusals = self._counter("apply_refusals", "applies that the daemon refused or left unanswered")
        self.panics = self._counter("panic_withdrawals", "withdrawals by the fallback path")
        self.renewals = self._counter("lease_renewals", "renewals of the anchors on lo")
        self.reloads = self._counter("reloads", "readings of the design", "outcome")
        self._known: set[tuple[str, str, str]] = set()
        self._state = Enum(
            "anyplane_service_state",
            "the state of a service",
            ("service",),
            states=[str(one) for one in State],
            registry=self.registry,
        )
        self._gauge("build_info", "always 1", "version", "python").labels(
            __version__, ".".join(str(part) for part in sys.version_info[:3])
        ).set(1)

    def text(self) -> bytes:
        """In Prometheus' text format."""
        found: bytes = generate_latest(self.registry)
        return found

    def heard(self, results: Iterable[CheckResult]) -> None:
        """Count check results."""
        for one in results:
            self.results.labels(one.check, "ok" if one.is_ok else "failed").inc()
            self._latency.labels(one.check).observe(one.latency_s)

    def decided(self, decision: Decision, situation: str) -> None:
        """Count one decision."""
        self.decisions.labels(decision.service, str(decision.after), situation).inc()
        if (
            decision.level is Level.NONE
            and decision.level_before is not Level.NONE
            and decision.after is State.DOWN
        ):
            self.flaps.labels(decision.service).inc()

    def services(self, state: SiteState, *, is_whole: bool) -> None:
        """States and levels; `is_whole`: the services may be others than before."""
        if is_whole:
            self._state.clear()
            self._level.clear()
        for key, one in state.services.items():
            self._state.labels(key).state(str(one.state))
            for level in Level:
                self._level.labels(key, str(level)).set(level is one.level)

    def checks(self, verdicts: Mapping[str, int]) -> None:
        """1 passes, 0 fails, -1 unknown, by check."""
        self._check.clear()
        for check, value in verdicts.items():
            self._check.labels(check).set(value)

    def routes(
        self, expected: Iterable[Route], seen: Observation | None, upstreams: Mapping[str, Asn]
    ) -> None:
        """The first two rings. A prefix that left both is shown as 0 for as long as the process lives."""
        for gauge, found in ((self._wanted, expected), (self._seen, seen.routes if seen else ())):
            now = {
                (str(one.prefix), str(upstreams.get(str(one.neighbor), 0)), str(one.neighbor))
                for one in found
            }
            for labels in self._known - now:
                gauge.labels(*labels).set(0)
            for labels in now:
                gauge.labels(*labels).set(1)
            self._known |= now

    def sessions(self, seen: Observation) -> None:
        """Which sessions are up."""
        for one in seen.sessions:
            self._session.labels(str(one.neighbor), str(one.upstream)).set(one.state is SessionState.UP)

    def witnessed(self, found: Observation, upstreams: Mapping[str, Asn], *, disagreements: int) -> None:
        """The third ring. A route that the witness is not sent any more is shown as 0."""
        now = {
            (str(one.prefix), str(upstreams.get(str(one.neighbor), 0)), str(one.neighbor))
            for one in found.routes
        }
        for labels in self._known - now:
            self._witnessed.labels(*labels).set(0)
        for labels in now:
            self._witnessed.labels(*labels).set(1)
        self._known |= now
        self._disagreements.set(disagreements)

    def fleet(self, ages: Mapping[str, float]) -> None:
        """Ages of the other sites' words."""
        self._fleet.clear()
        for site, age in ages.items():
            self._fleet.labels(site).set(age)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"anyplane_{name}", text, labels, registry=self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"anyplane_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"anyplane_{name}", text, buckets=buckets, registry=self.registry)
