"""What a lab can be asked about its routers: their routes, sessions and counts; a hijack; a rehearsal."""

# ruff: noqa: ARG001  # every operation has the same arguments

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from ipaddress import ip_network

import anyio
import anyio.to_thread

from anyplane.design import parse
from anyplane.lab.container.control import Arguments, Operation, Say
from anyplane.lab.container.engine import Engine
from anyplane.lab.proof.rehearsal import Rehearsal, edition_beside
from anyplane.lab.routers.inject import inject
from anyplane.lab.routers.policy import Injection
from anyplane.lab.routers.readiness import readiness, wait_until_ready
from anyplane.lab.routers.tables import Table, TableRoute
from anyplane.model.errors import LabError
from anyplane.model.nouns import Asn, Prefix

REHEARSAL_S = 60.0


async def routes(engine: Engine, arguments: Arguments, say: Say) -> object:
    """What `node` (or every router) has for `prefix` (or all of the design's): node -> prefix -> routes."""
    asked = arguments.text("prefix", "")
    prefixes = (_prefix(asked),) if asked else engine.blueprint.prefixes
    return await _routes(engine, arguments, prefixes)


async def sessions(engine: Engine, arguments: Arguments, say: Say) -> object:
    """How many sessions are up, of how many, and those that are not."""
    now = await readiness(_chosen(engine, arguments).values())
    missing = [{"router": node, **asdict(state)} for node, state in now.missing]
    return {"up": now.up, "expected": now.expected, "missing": missing}


async def updates(engine: Engine, arguments: Arguments, say: Say) -> object:
    """What each router has sent and heard so far."""
    return {name: asdict(await table.updates()) for name, table in _chosen(engine, arguments).items()}


async def fib(engine: Engine, arguments: Arguments, say: Say) -> object:
    """The kernel's routes for `prefix` in `node`, or in every router."""
    prefix = _prefix(arguments.text("prefix"))
    found = {}
    for name, table in _chosen(engine, arguments).items():
        found[name] = await anyio.to_thread.run_sync(table.fib, prefix)
    return found


async def hijack(engine: Engine, arguments: Arguments, say: Say) -> object:
    """`node` originates `prefix`, with `as_path` ("64500 64501") behind its own number; or stops (`stop`)."""
    name, prefix = engine.node(arguments.text("node")).name, _prefix(arguments.text("prefix"))
    table = engine.routers.get(name)
    if table is None:
        raise LabError(f"{name} is no router", hint="only routers originate a route of others")
    try:
        path = tuple(Asn(int(asn)) for asn in arguments.text("as_path", "").split())
    except ValueError:
        raise LabError("as_path is AS numbers with blanks between them") from None
    wanted = Injection(prefix=prefix, node=name, as_path=path)
    is_over = arguments.truth("stop", default=False)
    await inject(table, wanted, directory=engine.directory_of(name), is_over=is_over)
    return {}


async def rehearse(engine: Engine, arguments: Arguments, say: Say) -> object:
    """BIRD at every site, without agents, announces the design beside the blueprint; all routes.

    blackholes: "SITE ADDRESS/32" that a site has dropped as well. hijacks: "NODE PREFIX" originated there.
    """
    text = await anyio.Path(edition_beside(engine.directory)).read_text()
    rehearsal = Rehearsal(engine, parse(text, file="edition.yaml"))
    limit = arguments.number("timeout_s", REHEARSAL_S)
    try:
        await rehearsal.start()
        hosts = _pairs(arguments, "blackholes")
        hijacks = _pairs(arguments, "hijacks")
        if hijacks:
            # A daemon that has just been started hears nobody yet.
            await wait_until_ready(engine.routers.values(), deadline_s=limit, with_sites=False)
        for name, prefix in hijacks:
            forged = Injection(prefix=prefix, node=name)
            await inject(engine.routers[name], forged, directory=engine.directory_of(name))
        await rehearsal.announce(hosts, deadline_s=limit)
    finally:
        await rehearsal.aclose()
    return await _routes(engine, arguments, (*engine.blueprint.prefixes, *(host for _, host in hosts)))


def _pairs(arguments: Arguments, name: str) -> list[tuple[str, Prefix]]:
    listed = [word.partition(" ") for word in arguments.texts(name)] if name in arguments else []
    return [(node, _prefix(prefix)) for node, _, prefix in listed]


OPERATIONS: Mapping[str, Operation] = {
    "routes": routes,
    "sessions": sessions,
    "updates": updates,
    "fib": fib,
    "hijack": hijack,
    "rehearse": rehearse,
}


async def _routes(
    engine: Engine, arguments: Arguments, prefixes: tuple[Prefix, ...]
) -> dict[str, dict[str, list[dict[str, object]]]]:
    return {
        name: {str(prefix): [_plain(one) for one in await table.routes(prefix)] for prefix in prefixes}
        for name, table in _chosen(engine, arguments).items()
    }


def _chosen(engine: Engine, arguments: Arguments) -> Mapping[str, Table]:
    name = arguments.text("node", "")
    if not name:
        return engine.routers
    if engine.node(name).name not in engine.routers:
        raise LabError(f"{name} is no router", hint="see `anyplane lab status`")
    return {name: engine.routers[name]}


def _plain(route: TableRoute) -> dict[str, object]:
    return {**asdict(route), "prefix": str(route.prefix), "communities": sorted(route.communities)}


def _prefix(text: str) -> Prefix:
    try:
        return ip_network(text)
    except ValueError:
        raise LabError(f"{text!r} is not a prefix", hint="write 192.0.2.0/24, all host bits zero") from None
