"""What a lab can be asked about its users: probe_start, _flush, _stop, _once, _trace; fib_watch_start, _stop.

A log can be read while it is written (probes.query_log.read, probes.fib_watch.read); it stands in the lab's
directory under probes/.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from anyplane.lab.blueprint import Node, NodeKind
from anyplane.lab.container.namespaces import in_new_thread
from anyplane.lab.probes import fib_watch, trace
from anyplane.lab.probes.asked_once import asked_once
from anyplane.lab.probes.fib_watch import FibPlan
from anyplane.lab.probes.onlookers import begun, client_at, door, wait_until
from anyplane.lab.probes.queries import Client, Kind, ProbePlan, ProbeTarget
from anyplane.lab.probes.questions import ID_SERVER
from anyplane.lab.wires.wiring import WIRE
from anyplane.model.errors import LabError

if TYPE_CHECKING:
    from anyplane.lab.container.control import Arguments, Operation, Say
    from anyplane.lab.container.engine import Engine

FLUSH_S, STOP_S = 20.0, 30.0
PROBER, WATCH = "prober", "fib-watch"
TIMEOUT_S, LINGER_S, SILENCE_S, STALL_S, PORTS = 1.0, 3.0, 0.3, 0.005, 8
MOST_PER_S = 20_000


async def probe_start(engine: Engine, arguments: Arguments, _: Say) -> object:
    """A prober asks from now on. The result is where its log is, and since when it asks.

    targets   [{"address", "port", "kind": udp | tcp | http | stream, "rate", "clients": [node...]}]; the rate
              is each client's, per second
    clients   nodes; all clients of the lab unless given
    label     "prober" unless given; several may run
    timeout_s, linger_s, ports, silence_s, stall_s   see ProbePlan
    """
    label = arguments.text("label", PROBER)
    log = _place(engine, label, "log")
    targets = arguments.get("targets")
    if not isinstance(targets, list) or not targets:
        raise LabError("targets is a list of at least one target")
    plan = ProbePlan(
        log=str(log),
        clients=_clients(engine, arguments),
        targets=tuple(_target(one) for one in targets),
        timeout_s=arguments.number("timeout_s", TIMEOUT_S),
        linger_s=arguments.number("linger_s", LINGER_S),
        silence_s=arguments.number("silence_s", SILENCE_S),
        stall_s=arguments.number("stall_s", STALL_S),
        ports=int(arguments.number("ports", PORTS)),
    )
    if not plan.flows:
        raise LabError("nobody would ask: no client has an address of the targets' families")
    return await anyio.to_thread.run_sync(_start, engine, label, "prober", plan.to_text(), log)


async def probe_flush(engine: Engine, arguments: Arguments, _: Say) -> object:
    """All that the prober knows is in its log when this returns."""
    label = arguments.text("label", PROBER)
    process, log = engine.processes.called(WIRE, label), _place(engine, label, "log")

    def flush() -> object:
        many = log.read_bytes().count(b",flushed\n")
        process.send(signal.SIGUSR1)
        wait_until(lambda: log.read_bytes().count(b",flushed\n") > many, process, FLUSH_S)
        return {"log": str(log)}

    return await anyio.to_thread.run_sync(flush)


async def probe_stop(engine: Engine, arguments: Arguments, _: Say) -> object:
    """The prober has asked its last, waited for answers, and ended; where its log is."""
    label = arguments.text("label", PROBER)
    return await anyio.to_thread.run_sync(_stop, engine, label)


async def probe_once(engine: Engine, arguments: Arguments, _: Say) -> object:
    """Each client asks `address` for `name` (id.server) `tries` times: {node: {site, rtt_ms, ...}}."""
    clients = _clients(engine, arguments)
    address, name = _address(arguments), arguments.text("name", ID_SERVER)
    port, tries = int(arguments.number("port", 53)), int(arguments.number("tries", 1))
    timeout_s = arguments.number("timeout_s", 1.5)

    def ask() -> object:
        found = asked_once(clients, address, port=port, name=name, tries=tries, timeout_s=timeout_s)
        return {
            client: {"site": one.site, "rtt_ms": one.rtt_ms, **asdict(one)} for client, one in found.items()
        }

    return await anyio.to_thread.run_sync(lambda: in_new_thread(ask))


async def probe_trace(engine: Engine, arguments: Arguments, _: Say) -> object:
    """The way from the node `client` to `address`: {"site", "hops": [{ttl, address, rtt_ms, node, ...}]}."""
    node = engine.node(arguments.text("client"))
    client, address = _client(engine, node), _address(arguments)
    port, timeout_s = int(arguments.number("port", 53)), arguments.number("timeout_s", 1.5)
    known = trace.addresses(engine.blueprint)
    found = await anyio.to_thread.run_sync(
        lambda: in_new_thread(lambda: trace.trace(client, address, known, port=port, timeout_s=timeout_s))
    )
    path = trace.placed(found, engine.blueprint)
    return {**asdict(path), "as_path": list(path.as_path)}


async def fib_watch_start(engine: Engine, arguments: Arguments, _: Say) -> object:
    """Changes of routes are noted from now on: of `prefixes` (the design's), in `nodes` (all that route)."""
    label = arguments.text("label", WATCH)
    log = _place(engine, label, "log")
    nodes = arguments.texts("nodes") if "nodes" in arguments else _routing(engine.blueprint.nodes)
    prefixes = (
        arguments.texts("prefixes")
        if "prefixes" in arguments
        else tuple(str(prefix) for prefix in engine.blueprint.prefixes)
    )
    plan = FibPlan(
        log=str(log),
        nodes={name: door(engine.namespace(name)) for name in nodes},
        prefixes=prefixes,
    )
    return await anyio.to_thread.run_sync(_start, engine, label, "fib_watch", plan.to_text(), log)


async def fib_watch_stop(engine: Engine, arguments: Arguments, _: Say) -> object:
    """The watch has ended; where its log is, and of which nodes changes are missing."""
    done = await anyio.to_thread.run_sync(_stop, engine, arguments.text("label", WATCH))
    log = fib_watch.read(Path(str(done["log"])))
    return {**done, "overflows": [node for node, _ in log.overflows]}


OPERATIONS: Mapping[str, Operation] = {
    "probe_start": probe_start,
    "probe_flush": probe_flush,
    "probe_stop": probe_stop,
    "probe_once": probe_once,
    "probe_trace": probe_trace,
    "fib_watch_start": fib_watch_start,
    "fib_watch_stop": fib_watch_stop,
}


def _start(engine: Engine, label: str, module: str, plan: str, log: Path) -> dict[str, object]:
    running = [one for one in engine.processes.of(WIRE) if one.label == label and one.is_alive]
    if running:
        raise LabError(f"{label} runs already", hint="stop it first, or give another label")
    begun(engine.processes, module, plan, label=label, log=log)
    return {"log": str(log), "label": label, "started": time.monotonic()}


def _stop(engine: Engine, label: str) -> dict[str, object]:
    process = engine.processes.called(WIRE, label)
    process.send(signal.SIGTERM)
    process.wait(STOP_S)
    ended = process.ended
    if ended != "exit code 0":
        process.kill()
        raise LabError(f"{label} did not end well: {ended or 'it hung'}", hint=process.last_words)
    engine.processes.forget(process)
    return {"log": str(_place(engine, label, "log")), "label": label}


def _place(engine: Engine, label: str, suffix: str) -> Path:
    if not label.replace("-", "").isalnum():
        raise LabError(f"{label!r} is no label", hint="letters, digits and dashes")
    return engine.directory / "probes" / f"{label}.{suffix}"


def _clients(engine: Engine, arguments: Arguments) -> tuple[Client, ...]:
    if "clients" not in arguments:
        return tuple(_client(engine, node) for node in engine.blueprint.clients)
    return tuple(_client(engine, engine.node(name)) for name in arguments.texts("clients"))


def _client(engine: Engine, node: Node) -> Client:
    return client_at(node, engine.blueprint, engine.namespace(node.name))


def _address(arguments: Arguments) -> str:
    text = arguments.text("address")
    try:
        return str(ip_address(text))
    except ValueError:
        raise LabError(f"{text!r} is no address") from None


def _routing(nodes: Iterable[Node]) -> tuple[str, ...]:
    return tuple(node.name for node in nodes if node.kind in (NodeKind.ROUTER, NodeKind.SITE))


def _target(plain: object) -> ProbeTarget:
    if not isinstance(plain, dict):
        raise LabError("a target is an object with address, port, kind and rate")
    try:
        kind = Kind(plain.get("kind", "udp"))
        target = ProbeTarget(**{**plain, "kind": kind, "clients": tuple(plain.get("clients", ()))})
        if not (target.family and 0 < target.port < 65536 and 0 < target.rate <= MOST_PER_S):
            raise ValueError(f"port {target.port}, rate {target.rate}")
        return target
    except (TypeError, ValueError) as error:
        raise LabError(f"a target makes no sense: {error}") from error
