"""openbgpd: OpenBGPD, steered with bgpctl; markers on the routes choose among rules of its configuration."""

from __future__ import annotations

from anyplane.bgp.openbgpd.render import render
from anyplane.bgp.openbgpd.speaker import OpenbgpdSpeaker
from anyplane.bgp.router import RouterPlan

__all__ = ["OpenbgpdSpeaker", "open_speaker", "render"]


def open_speaker(plan: RouterPlan) -> OpenbgpdSpeaker:
    """A speaker for the bgpd of this machine; nothing is run before the first call."""
    return OpenbgpdSpeaker(plan)
