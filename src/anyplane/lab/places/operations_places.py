"""What can be done to the sites over the lab's control socket: their servers, daemons, agents and backends.

    {"do": "server", "site": "mad", "action": "kill"}      kill, hang, slow, wrong, restore, restart
    {"do": "backend", "site": "mad", "backend": "web1", "action": "kill"}     the same
    {"do": "daemon", "site": "mad", "action": "misconfigure"}     kill, hang, misconfigure, restore, restart
    {"do": "agent", "site": "mad", "action": "hang"}       kill, hang, restore, restart
    {"do": "order", "site": "mad", "order": "drain"}       whatever the agent understands, with its arguments
    {"do": "dependency", "action": "fail"}                 fail, restore; at one "site" or everywhere
    {"do": "fleet", "site": "mad", "action": "partition"}  partition, heal; of no site: heal all
    {"do": "rtr", "node": "as200-mad"}                     an RPKI cache for that router, at 127.0.0.1
    {"do": "sites"}                                        how each of them is

A fault answers {"at": CLOCK_MONOTONIC seconds just before it was done}.
"""

# ruff: noqa: ARG001 - every operation is called alike
from __future__ import annotations

from collections.abc import Callable, Mapping

import anyio.to_thread

from anyplane.lab import paths
from anyplane.lab.container.control import Arguments, Operation, Say
from anyplane.lab.container.engine import Engine
from anyplane.lab.places.fleet_words import FleetWords
from anyplane.lab.places.servers import rtr
from anyplane.lab.places.servers.running import RunningServer
from anyplane.lab.places.servers.serving import RTR_PORT, ServerKind
from anyplane.lab.places.sites import Place
from anyplane.model.errors import LabError

SLOW_S = 0.2


async def server(engine: Engine, arguments: Arguments, say: Say) -> object:
    """Something happens to the site's server: the first one, or that of `kind` (dns, web, ntp)."""
    place = place_of(engine, arguments)
    kind = arguments.text("kind", "")
    if kind and kind not in place.servers:
        running = ", ".join(place.servers) or "none"
        raise LabError(f"{place.site} runs no {kind} server", hint=f"it runs: {running}")
    return await _hurt(place.servers[ServerKind(kind)] if kind else place.server, arguments)


async def backend(engine: Engine, arguments: Arguments, say: Say) -> object:
    """The same, to the server of a backend."""
    return await _hurt(place_of(engine, arguments).backend(arguments.text("backend")), arguments)


async def daemon(engine: Engine, arguments: Arguments, say: Say) -> object:
    """Something happens to the site's BGP daemon."""
    one = place_of(engine, arguments).daemon
    return await _do(
        arguments.text("action"),
        {
            "kill": one.kill,
            "hang": one.hang,
            "misconfigure": one.misconfigure,
            "restore": one.restore,
            "restart": one.restart,
        },
    )


async def agent(engine: Engine, arguments: Arguments, say: Say) -> object:
    """Something happens to the site's agent."""
    one = place_of(engine, arguments).agent
    actions = {"kill": one.kill, "hang": one.hang, "restore": one.restore, "restart": one.restart}
    return await _do(arguments.text("action"), actions)


async def order(engine: Engine, arguments: Arguments, say: Say) -> object:
    """What the agent answers to an order; arguments that are not ours are handed on."""
    one = place_of(engine, arguments).agent
    name = arguments.text("order")
    more = {key: value for key, value in arguments.items() if key not in ("site", "order")}
    return await anyio.to_thread.run_sync(lambda: one.order(name, **more), abandon_on_cancel=True)


async def dependency(engine: Engine, arguments: Arguments, say: Say) -> object:
    """What the checks ask elsewhere fails, or is back: at `site`, or at every site that asks for it."""
    if arguments.text("site", ""):
        places = [place_of(engine, arguments)]
    else:
        places = [one for one in engine.places.values() if one.dependencies]
    if not places:
        raise LabError("no check of this design asks anything elsewhere")

    def act(what: Callable[[Place], float]) -> Callable[[], float]:
        return lambda: min([what(one) for one in places])

    actions = {"fail": act(Place.fail_dependencies), "restore": act(Place.restore_dependencies)}
    return await _do(arguments.text("action"), actions)


async def fleet(engine: Engine, arguments: Arguments, say: Say) -> object:
    """A site is cut off from the others' words, or hears them again."""
    words = engine.words
    if not isinstance(words, FleetWords):
        raise LabError("no words are carried between the sites", hint="the lab has no sites, or is not up")
    site = arguments.text("site", "")
    match arguments.text("action"):
        case "partition":
            words.partition(site)
        case "heal":
            words.heal(site)
        case other:
            raise LabError(f"{other!r} cannot be done here", hint="partition or heal")
    return {"cut_off": sorted(words.cut_off)}


async def start_rtr(engine: Engine, arguments: Arguments, say: Say) -> object:
    """A router's RPKI cache at 127.0.0.1 of its node: the design's origin may announce its prefixes."""
    node = engine.node(arguments.text("node")).name
    port = int(arguments.number("port", RTR_PORT))
    roas = rtr.roas_of(engine.blueprint.prefixes, engine.blueprint.origin)
    cache = RunningServer(
        rtr.serving(roas, directory=paths.run_of(node) / "rtr", address="127.0.0.1", port=port),
        processes=engine.processes,
        namespace=engine.namespace(node),
    )
    await anyio.to_thread.run_sync(cache.start)
    return {"port": port}


async def sites(engine: Engine, arguments: Arguments, say: Say) -> object:
    """Each site: its daemon, servers, backends, agent's state, and checks that cannot pass in a lab."""

    def look() -> dict[str, object]:
        return {name: _facts(place) for name, place in engine.places.items()}

    return await anyio.to_thread.run_sync(look, abandon_on_cancel=True)


def place_of(engine: Engine, arguments: Arguments) -> Place:
    """The place of `site`; LabError where there is none."""
    name = arguments.text("site")
    found = engine.places.get(name)
    if found is None:
        raise LabError(f"the lab has no site {name!r}", hint=f"its sites: {', '.join(engine.places)}")
    return found


OPERATIONS: Mapping[str, Operation] = {
    "server": server,
    "backend": backend,
    "daemon": daemon,
    "agent": agent,
    "order": order,
    "dependency": dependency,
    "fleet": fleet,
    "rtr": start_rtr,
    "sites": sites,
}


async def _hurt(one: RunningServer, arguments: Arguments) -> dict[str, float]:
    pause_s = arguments.number("pause_s", SLOW_S)
    actions = {
        "kill": one.kill,
        "hang": one.hang,
        "slow": lambda: one.slow(pause_s),
        "wrong": one.wrong,
        "restore": one.restore,
        "restart": one.restart,
    }
    return await _do(arguments.text("action"), actions)


async def _do(action: str, actions: Mapping[str, Callable[[], float]]) -> dict[str, float]:
    if action not in actions:
        raise LabError(f"{action!r} cannot be done here", hint=f"there are {', '.join(actions)}")
    return {"at": await anyio.to_thread.run_sync(actions[action])}


def _facts(place: Place) -> dict[str, object]:
    status = place.agent.status()
    return {
        "node": place.node.name,
        "daemon": {"kind": str(place.daemon.plan.daemon.kind), "pid": place.daemon.pid},
        "servers": {str(kind): one.pid for kind, one in place.servers.items()},
        "backends": {
            name: {str(kind): one.pid for kind, one in servers.items()}
            for name, servers in place.backends.items()
        },
        "dependencies": [one.pid for one in place.dependencies],
        "unmet": list(place.unmet),
        "agent": {
            "pid": place.agent.pid,
            "services": {}
            if status is None
            else {str(one["service"]): str(one["state"]) for one in status["services"]},
        },
    }
