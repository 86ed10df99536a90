"""frr: FRRouting's bgpd, steered over its vty socket; zebra's connected route of the anchor is the lease."""

from __future__ import annotations

from anyplane.bgp.frr.render import render
from anyplane.bgp.frr.speaker import FrrSpeaker
from anyplane.bgp.router import RouterPlan

__all__ = ["FrrSpeaker", "open_speaker", "render"]


def open_speaker(plan: RouterPlan) -> FrrSpeaker:
    """A speaker for the bgpd of this machine; nothing is opened before the first call."""
    return FrrSpeaker(plan)
