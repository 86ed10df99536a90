"""panic_withdraw: everything of ours off the air by the shortest path, without a loop; for ExecStopPost."""

from __future__ import annotations

import anyio

from anyplane.agent import designs
from anyplane.agent.settings import Settings
from anyplane.bgp.speaker import Speaker
from anyplane.bgp.speakers import open_speaker
from anyplane.design.operation import DaemonKind
from anyplane.kernel.lease import Lease
from anyplane.kernel.netlink import Netlink
from anyplane.model.errors import KernelError, SpeakerUnreachable
from anyplane.model.nouns import Prefix

DEADLINE_S = 5.0


def panic_withdraw(settings: Settings, *, is_sparing: bool = False) -> str:
    """Withdraw all that is ours; what was done, in words. AnyplaneError where that failed.

    `is_sparing`: an agent that died leaves its announcements on a lease that is running out, and one that is
    started again within that time goes on with them; so what the lease, or `on_agent_death: hold`, will end
    is left to it.
    """
    accepted = designs.begin(settings.design, settings.accepted_design, site=settings.site).accepted
    speaker = open_speaker(accepted.router)
    is_leased = speaker.capabilities.has_lease
    if is_sparing and (accepted.plan.safety.death_hold_s > 0 or (is_leased and _all_leased(accepted))):
        return "left to the lease"
    anyio.run(_withdraw, speaker)
    if is_leased and accepted.router.daemon.kind is not DaemonKind.MEMORY:
        with Netlink() as netlink:
            lease = Lease(netlink)
            lease.release(
                one for one, left in lease.held().items() if left is not None and accepted.owns(one)
            )
    return "withdrawn"


async def _withdraw(speaker: Speaker) -> None:
    try:
        with anyio.fail_after(DEADLINE_S):
            await speaker.panic_withdraw()
    except TimeoutError:
        raise SpeakerUnreachable(speaker.name, f"no answer within {DEADLINE_S:g} s") from None
    finally:
        with anyio.move_on_after(1.0, shield=True):
            await speaker.aclose()


def _all_leased(accepted: designs.Accepted) -> bool:
    """Does every prefix of ours that is on lo as an anchor carry an end?"""
    anchored: dict[Prefix, float | None]
    try:
        with Netlink() as netlink:
            anchored = Lease(netlink).held()
    except KernelError:
        return False
    announced = {one.prefix for one in accepted.plan.announcements}
    return all(left is not None for one, left in anchored.items() if one in announced)
