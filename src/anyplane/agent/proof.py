"""Proof: says when a withdrawal is over, by the daemon's own table and, with a witness, on the wire."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import anyio
from anyio.abc import TaskGroup

from anyplane.agent.announcer import Farewell
from anyplane.agent.record import Recorder
from anyplane.agent.tracing import Tracer, Withdrawn
from anyplane.bgp.witness import Changes
from anyplane.bgp.witness_table import Witnessed
from anyplane.model.nouns import Prefix

PROVED_S = 10.0
"""How long the witness is waited for; that it disagrees is an alarm of the third ring by then."""


class Hearing(Protocol):
    """What is asked of a witness."""

    def routes(self) -> frozenset[Witnessed]:
        """All that is announced now."""

    def changes(self) -> Changes:
        """Every change from now on."""


class Proof:
    """`gone` is called when the daemon's table has none of a service's prefixes; `group` runs the waiting."""

    def __init__(
        self,
        recorder: Recorder,
        tracer: Tracer,
        *,
        site: str,
        now: Callable[[], float],
        wall: Callable[[], float],
        witness: Hearing | None,
    ) -> None:
        self.group: TaskGroup | None = None
        self._recorder = recorder
        self._tracer = tracer
        self._site = site
        self._now = now
        self._wall = wall
        self._witness = witness

    def gone(self, farewell: Farewell, gone_at: float) -> None:
        """The daemon announces none of it any more; what an operator drained is nothing to measure."""
        if farewell.failed_at is None:
            return
        self._recorder.metrics.withdrawal_seconds.observe(gone_at - farewell.failed_at)
        self._recorder.log.info(
            "withdrawal seen at the daemon",
            service=farewell.service,
            after_s=round(gone_at - farewell.failed_at, 3),
            after_decision_ms=round((gone_at - farewell.decided_at) * 1e3, 1),
        )
        ahead = self._wall() - self._now()
        withdrawn = Withdrawn(
            site=self._site,
            service=farewell.service,
            reason=farewell.reason,
            failed_at=farewell.failed_at + ahead,
            decided_at=farewell.decided_at + ahead,
            gone_at=gone_at + ahead,
        )
        if self._witness is None or self.group is None:
            self._tracer.withdrawn(withdrawn)
        else:
            self.group.start_soon(self._hear, withdrawn, farewell.prefixes, self._witness)

    async def _hear(self, withdrawn: Withdrawn, prefixes: frozenset[Prefix], witness: Hearing) -> None:
        proved_at: float | None = None
        try:
            with witness.changes() as changes, anyio.move_on_after(PROVED_S):
                while any(one.route.prefix in prefixes for one in witness.routes()):
                    await anext(changes)
                proved_at = self._wall()
                after_s = round(proved_at - withdrawn.failed_at, 3)
                self._recorder.log.info(
                    "withdrawal seen at the witness", service=withdrawn.service, after_s=after_s
                )
            self._tracer.withdrawn(replace(withdrawn, proved_at=proved_at))
        except Exception as error:  # noqa: BLE001  # an exporter's defect is no reason to end a site's agent
            self._recorder.log.warning("no proof", error=f"{type(error).__name__}: {error}")
