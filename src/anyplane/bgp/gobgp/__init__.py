"""gobgp: GoBGP 3 or 4 over gRPC; each upstream has its own VRF, so that each can be told something else."""

from anyplane.bgp.gobgp.render import render
from anyplane.bgp.gobgp.speaker import GobgpSpeaker, open_speaker

__all__ = ["GobgpSpeaker", "open_speaker", "render"]
