"""Traces of "check failed -> decided -> gone from the daemon's table (-> from the witness)"; extra otel.

Nothing is imported unless it is asked for. The exporter is chosen the usual way: with OTEL_* variables, by
whoever starts the agent under `opentelemetry-instrument`.
"""

from __future__ import annotations

import contextlib
import importlib
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """One withdrawal, in unix seconds. `gone_at`: from the daemon's table; `proved_at`: from the witness."""

    site: str
    service: str
    reason: str
    failed_at: float
    decided_at: float
    gone_at: float
    proved_at: float | None = None


class Tracer:
    """Writes a span with its parts for each withdrawal, if OpenTelemetry is there."""

    def __init__(
        self, *, is_wanted: bool, provider: Any = None
    ) -> None:  # the module is optional: no type here
        self._trace: Any = None
        self._provider = provider
        if is_wanted:
            with contextlib.suppress(ImportError):
                self._trace = importlib.import_module("opentelemetry.trace")

    @property
    def is_on(self) -> bool:
        """Is anything traced?"""
        return self._trace is not None

    def withdrawn(self, one: Withdrawn) -> None:
        """Record one withdrawal."""
        if self._trace is None:
            return
        tracer = self._trace.get_tracer("anyplane.agent", tracer_provider=self._provider)
        end = one.gone_at if one.proved_at is None else one.proved_at
        facts = {"anyplane.site": one.site, "anyplane.service": one.service, "anyplane.reason": one.reason}
        whole = tracer.start_span("withdrawal", start_time=_ns(one.failed_at), attributes=facts)
        context = self._trace.set_span_in_context(whole)
        parts = [("check failing", one.failed_at, one.decided_at), ("daemon", one.decided_at, one.gone_at)]
        if one.proved_at is not None:
            parts.append(("witness", one.gone_at, one.proved_at))
        for name, begin, until in parts:
            tracer.start_span(name, context=context, start_time=_ns(begin)).end(end_time=_ns(until))
        whole.end(end_time=_ns(end))


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)
