"""bird: BIRD 2 and 3, driven by one include file, `configure` on its control socket, and its own tables."""

from __future__ import annotations

from anyplane.bgp.bird.render import render
from anyplane.bgp.bird.speaker import BirdSpeaker, open_speaker

__all__ = ["BirdSpeaker", "open_speaker", "render"]
