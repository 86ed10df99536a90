"""exabgp: the embedded default; a child of the agent that announces what it is told, and dies with it."""

from anyplane.bgp.exabgp.render import render
from anyplane.bgp.exabgp.speaker import ExabgpSpeaker, open_speaker

__all__ = ["ExabgpSpeaker", "open_speaker", "render"]
