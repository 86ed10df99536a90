"""inject: a running router originates what is not its own, or stops doing so; no session is touched."""

from __future__ import annotations

from pathlib import Path

import anyio

from anyplane.lab.blueprint import NodeKind, RouterKind
from anyplane.lab.routers import bird, frr
from anyplane.lab.routers.policy import Injection
from anyplane.lab.routers.tables import Table
from anyplane.model.errors import LabError


async def inject(table: Table, injection: Injection, *, directory: Path, is_over: bool = False) -> None:
    """The router of `table` announces it from now on, or no more. Idempotent; others that it injects stay.

    directory: where the files of its configuration lie.
    """
    if table.node.kind != NodeKind.ROUTER:
        raise LabError(f"{table.node.name} is no router", hint="only routers originate routes of others")
    if injection.prefix.version not in table.blueprint.families:
        raise LabError(
            f"the lab routes no IPv{injection.prefix.version}", hint="the design has no such prefix"
        )
    wanted = {one.prefix: one for one in table.injected}
    if is_over:
        wanted.pop(injection.prefix, None)
    else:
        wanted[injection.prefix] = injection
    if table.node.daemon == RouterKind.FRR:
        was = [one for one in table.injected if one.prefix == injection.prefix]
        for one in was:
            await table.told(frr.originated(one, is_withdrawn=True))
        if not is_over:
            await table.told(frr.originated(injection))
    else:
        texts = bird.configuration(
            table.blueprint, table.node, table.neighbours, injections=wanted.values(), rtr=table.rtr
        )
        for name, text in texts.items():
            await anyio.Path(directory / name).write_text(text)
        await table.reconfigure()
    table.injected = tuple(wanted.values())
