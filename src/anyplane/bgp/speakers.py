"""open_speaker and render: the one place that knows which folder drives which daemon."""

from __future__ import annotations

import importlib

from anyplane.bgp.router import RouterPlan
from anyplane.bgp.speaker import Speaker


def open_speaker(plan: RouterPlan) -> Speaker:
    """The Speaker of the site's daemon; nothing is connected or started before the first call.

    Every folder bgp/<kind>/ offers `open_speaker(plan)` and, but for memory, `render(plan)`.
    """
    module = importlib.import_module(f"anyplane.bgp.{plan.daemon.kind}")
    speaker: Speaker = module.open_speaker(plan)
    return speaker


def render(plan: RouterPlan) -> str:
    """The whole configuration of the site's router in the daemon's own language, commented."""
    module = importlib.import_module(f"anyplane.bgp.{plan.daemon.kind}")
    text: str = module.render(plan)
    return text
