"""Keeping: a keeper is there, and knows its orders, wherever the daemon's routes do not hang on the lease."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import anyio

from anyplane.agent.anchors import Anchors
from anyplane.agent.designs import Accepted
from anyplane.agent.keeper import Keeper
from anyplane.agent.record import Recorder
from anyplane.bgp.speaker import Speaker
from anyplane.model.errors import KernelError

LOOK_EVERY_S = 1.0


class Keeping:
    """`begin`, then `run` beside the loop, and `goodbye` or `handover` at the end."""

    def __init__(
        self, speaker: Speaker, anchors: Anchors, recorder: Recorder, accepted: Accepted, *, claim: Path
    ) -> None:
        self._speaker = speaker
        self._anchors = anchors
        self._recorder = recorder
        self._claim = str(claim)
        self._hold = accepted.plan.safety.death_hold_s > 0
        self._keeper: Keeper | None = None

    async def begin(self, facts: Mapping[str, object] | None, *, is_on: bool) -> bool:
        """Start one or take over a predecessor's; says whether that was one that still waits."""
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
            self._keeper = Keeper(orders=orders, hold=self._hold, claim=self._claim)
            await self._keeper.start()
        self._anchors.keeper = self._keeper
        return is_kept

    async def run(self) -> None:
        """Until cancelled: a keeper that died is started again."""
        while self._keeper is not None:
            await anyio.sleep(LOOK_EVERY_S)
            self._keeper.hold = self._hold
            if not self._keeper.is_alive:
                self._recorder.alarm("keeper", "it died; another is started", is_error=True)
                try:
                    await self._keeper.start()
                except KernelError as error:
                    self._recorder.log.error("no keeper", reason=str(error))

    def follow_design(self, accepted: Accepted) -> None:
        """Go by this design."""
        self._hold = accepted.plan.safety.death_hold_s > 0

    def handover(self) -> dict[str, object]:
        """What a successor in the same process needs to take the keeper over."""
        return {} if self._keeper is None else self._keeper.handover()

    async def goodbye(self) -> None:
        """End it: everything is withdrawn, and was seen to be."""
        if self._keeper is not None:
            self._anchors.keeper = None
            await self._keeper.goodbye()
            self._keeper = None
