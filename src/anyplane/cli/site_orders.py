"""site_orders: what became of an order, by the agent's own words and the daemon's table."""

from __future__ import annotations

import time
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from anyplane.agent import client
from anyplane.cli.duration import shown
from anyplane.cli.site_verdict import clock
from anyplane.model.errors import AgentUnreachable

POLL_S = 0.1
SEEING_S = 3.0
UPGRADING_S = 30.0
Answered = dict[str, Any]  # what came over the socket


def blackholed(path: Path, host: str, *, is_wanted: bool) -> tuple[str, bool]:
    """What the daemon's table says of a blackhole that was ordered or ended; whether that is as ordered."""
    prefix = str(ip_network(host))
    until = time.monotonic() + SEEING_S
    while True:
        found: Answered = client.ask(path, {"do": "status"})
        rows = [one for one in found["routes"] if one["prefix"] == prefix]
        seen = [one for one in rows if one["seen"]]
        if not is_wanted and not seen:
            return f"{prefix}: blackholed no more, the daemon's table has it not", True
        if is_wanted and rows and len(seen) == len(rows):
            break
        if time.monotonic() >= until:
            break
        time.sleep(POLL_S)
    if not is_wanted:
        return (
            f"{prefix}: the order is ended, but the daemon still announces it; see anyplane site status",
            False,
        )
    left = next((one["left_s"] for one in found["orders"]["blackholes"] if one["host"] == prefix), 0.0)
    until_clock = f"until {clock(found['at'] + left)} ({shown(left)})"
    if seen and len(seen) == len(rows):
        told = f"announced over {len(seen)} session{'' if len(seen) == 1 else 's'}"
        return f"{prefix}: blackholed {until_clock}, {told}", True
    why = (
        f"only {len(seen)} of {len(rows)} sessions announce it"
        if rows
        else "its covering prefix is not announced, so it is not either"
    )
    return f"{prefix}: the order stands {until_clock}, but {why}; see anyplane site status", False


def upgraded(path: Path, *, on_reply: Callable[[Answered], None]) -> Answered:
    """The status of the agent that came back; AgentUnreachable where none did in time."""
    before: Answered = client.ask(path, {"do": "status"})
    on_reply(client.ask(path, {"do": "upgrade"}))
    until = time.monotonic() + UPGRADING_S
    while time.monotonic() < until:
        time.sleep(POLL_S)
        try:
            after: Answered = client.ask(path, {"do": "status"})
        except AgentUnreachable:
            continue
        if after["running_s"] < before["running_s"] or "upgrade" in after["alarms"]:
            return after
    raise AgentUnreachable(
        f"the agent did not come back within {UPGRADING_S:g} s", hint="journalctl -u 'anyplane-agent@*'"
    )
