"""Keeping: a keeper is there, and knows its orders, wherever the daemon's routes do not hang on the lease."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import anyio

from anyplane.agent.anchors import Anchors
from anyplane.agent.keeper import Keeper, is_waiting, kill
from anyplane.agent.record import Recorder
from anyplane.bgp.speaker import Inheritable, Speaker
from anyplane.model.errors import KernelError

LOOK_EVERY_S = 1.0
_DAEMON = "daemon"


class Keeping:
    """`begin`, then `run` beside the loop, and `goodbye` or `handover` at the end."""

    def __init__(
        self,
        speaker: Speaker,
        anchors: Anchors,
        recorder: Recorder,
        *,
        claim: Path,
        now: Callable[[], float],
    ) -> None:
        self._speaker = speaker
        self._anchors = anchors
        self._recorder = recorder
        self._now = now
        self._claim = str(claim)
        self._keeper: Keeper | None = None
        self._watching: anyio.CancelScope | None = None
        self._started_at = float("-inf")

    @property
    def is_standing(self) -> bool:
        """Does a keeper that has heard of us watch, or is none needed?"""
        heard_at = self._anchors.confirmed_at
        return self._keeper is None or (
            self._keeper.is_alive and heard_at is not None and heard_at >= self._started_at
        )

    async def begin(self, facts: Mapping[str, object] | None, *, is_on: bool) -> bool:
        """Start one or take over a predecessor's; says whether there was one that still waited.

        A daemon that is our child is taken over first: what it announces is worth no more than that.
        """
        is_same = True
        if facts and (passed := facts.get(_DAEMON)) and isinstance(passed, dict):
            is_same = isinstance(self._speaker, Inheritable) and self._speaker.adopt(passed)
            if not isinstance(self._speaker, Inheritable):
                self.forsake(facts)
        orders = (
            self._speaker.dead_mans_orders() if is_on and not self._speaker.capabilities.has_lease else ()
        )
        inherited = Keeper.adopt(facts) if facts else None
        if not orders:
            if inherited is not None:
                await inherited.goodbye()
            return False
        is_kept = inherited is not None and inherited.is_alive
        if inherited is not None and is_kept:
            self._keeper = inherited
            self._keeper.order(orders)
        else:
            # A daemon that survives us keeps its routes for as long as BIRD would with the lease: a
            # supervisor that starts the agent again in time moves no traffic.
            survives = self._speaker.capabilities.survives_agent
            # What is left of the predecessor's lease, and no more: else an agent that crashes again and again
            # would keep a dead service announced.
            confirmed_at = self._anchors.confirmed_at
            left_s = 0.0
            if confirmed_at is not None:
                left_s = confirmed_at + self._anchors.lease_s - self._now()
            is_kept = survives and left_s > 0 and is_waiting(self._claim)
            self._keeper = Keeper(orders=orders, hold=survives, claim=self._claim)
            await self._keeper.start()
            self._started_at = self._now()
            if is_kept:
                self._keeper.renew(min(left_s, self._anchors.lease_s))
        self._anchors.keeper = self._keeper
        return is_kept and is_same

    async def run(self) -> None:
        """Until cancelled: a keeper that died is started again."""
        while self._keeper is not None:
            with anyio.move_on_after(LOOK_EVERY_S) as self._watching:
                await self._keeper.died()
            if self._keeper is not None and not self._keeper.is_alive:
                self._recorder.alarm("keeper", "it died; another is started", is_error=True)
                try:
                    await self._keeper.start()
                    self._started_at = self._now()
                except KernelError as error:
                    self._recorder.log.error("no keeper", reason=str(error))
                    await anyio.sleep(LOOK_EVERY_S)

    async def handover(self) -> dict[str, object] | None:
        """What a successor in the same process needs to take over keeper and daemon; None: it cannot."""
        passed: dict[str, object] = {}
        if not self._speaker.capabilities.survives_agent:
            if self._keeper is None or not isinstance(self._speaker, Inheritable):
                return None
            passed = await self._speaker.handover()
            if not passed:
                return None
        facts = {} if self._keeper is None else self._keeper.handover()
        return {**facts, _DAEMON: passed} if passed else facts

    def forsake(self, facts: Mapping[str, object]) -> None:
        """End a daemon that was to be handed over, or was, and that nobody takes."""
        passed = facts.get(_DAEMON)
        if isinstance(passed, dict):
            kill(int(str(passed["pid"])), int(str(passed["started"])))

    async def goodbye(self) -> None:
        """End it: everything is withdrawn, and was seen to be."""
        ending, self._keeper = self._keeper, None
        if ending is not None:
            self._anchors.keeper = None
            if self._watching is not None:
                # Only one task may wait for its end, and `run` must not start another.
                self._watching.cancel()
                await anyio.sleep(0.01)
            await ending.goodbye()
