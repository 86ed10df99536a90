"""What a lab can be asked whatever runs in it: up, down, status, processes, run, freeze, thaw, links."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping

import anyio
import anyio.to_thread

from anyplane.lab.container.control import Arguments, Operation, Say
from anyplane.lab.container.engine import PHASES, Engine
from anyplane.lab.container.namespaces import Namespace
from anyplane.lab.container.processes import Process
from anyplane.model.errors import LabError

RUN_S = 30.0
OUTPUT_BYTES = 1 << 20
_DYING_S = 5.0


async def up(engine: Engine, arguments: Arguments, say: Say) -> object:
    """Build everything; events {"phase", "done", "total"}; the result says what took how long."""
    until = arguments.text("until", PHASES[-1])
    if until not in PHASES:
        raise LabError(f"no phase is called {until}", hint=f"they are {', '.join(PHASES)}")
    await engine.up(say, deadline_s=arguments.number("timeout_s", 120.0), until=until)
    return {"took_s": engine.took_s}


async def down(engine: Engine, _arguments: Arguments, _say: Say) -> object:
    """The lab ends once this is answered."""
    engine.over.set()
    return {}


async def status(engine: Engine, _arguments: Arguments, _say: Say) -> object:
    """The lab in figures; `nodes`: by name, what runs there."""
    nodes = {}
    for node in engine.blueprint.nodes:
        nodes[node.name] = {
            "kind": node.kind,
            "is_frozen": node.name in engine.processes.frozen,
            "processes": {process.label: process.ended for process in engine.processes.of(node.name)},
        }
    return {
        "name": engine.blueprint.name,
        "is_up": engine.is_up,
        "up_for_s": engine.up_for_s,
        "took_s": engine.took_s,
        "pid": os.getpid(),
        "links": len(engine.blueprint.links),
        "links_down": sorted(engine.wiring.down),
        "nodes": nodes,
    }


async def processes(engine: Engine, arguments: Arguments, _say: Say) -> object:
    """Every process that the engine started, or those of `node`."""
    node = arguments.text("node", "")
    chosen = engine.processes.of(engine.node(node).name) if node else engine.processes
    return [_facts(process) for process in chosen]


async def run(engine: Engine, arguments: Arguments, _say: Say) -> object:
    """`argv` in `node`: what it wrote, and its exit code (None: it took longer than `timeout_s`)."""
    namespace = engine.namespace(arguments.text("node"))
    argv, timeout = arguments.texts("argv"), arguments.number("timeout_s", RUN_S)
    begin = time.monotonic()
    code, output, errors = await run_in(
        namespace, argv, timeout_s=timeout, stdin=arguments.text("stdin", "").encode()
    )
    return {
        "exit_code": code,
        "output": output.decode(errors="replace"),
        "errors": errors.decode(errors="replace"),
        "took_s": round(time.monotonic() - begin, 3),
    }


async def run_in(
    namespace: Namespace, argv: tuple[str, ...], *, timeout_s: float, stdin: bytes = b""
) -> tuple[int | None, bytes, bytes]:
    """Exit code (None after the timeout), output and errors of a command in a namespace; it dies with us."""

    def start() -> subprocess.Popen[bytes]:
        pipe = subprocess.PIPE
        return subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)  # noqa: S603  # what was asked for

    try:
        process = namespace.call(start)
    except OSError as error:
        raise LabError(f"{argv[0]}: {error.strerror}", hint="is it installed, and on the PATH?") from error
    with process:
        try:
            output, errors = await anyio.to_thread.run_sync(
                lambda: process.communicate(stdin, timeout_s), abandon_on_cancel=True
            )
        except subprocess.TimeoutExpired as late:
            _end(process)
            output, errors = late.stdout or b"", late.stderr or b""
            return None, output[-OUTPUT_BYTES:], errors[-OUTPUT_BYTES:]
        finally:
            _end(process)
    return process.returncode, output[-OUTPUT_BYTES:], errors[-OUTPUT_BYTES:]


async def freeze(engine: Engine, arguments: Arguments, _say: Say) -> object:
    """No process of `node` does anything."""
    await anyio.to_thread.run_sync(engine.processes.freeze, engine.node(arguments.text("node")).name)
    return {}


async def thaw(engine: Engine, arguments: Arguments, _say: Say) -> object:
    """They go on."""
    await anyio.to_thread.run_sync(engine.processes.thaw, engine.node(arguments.text("node")).name)
    return {}


async def kill(engine: Engine, arguments: Arguments, _say: Say) -> object:
    """Every process of `node` is dead, or only the one with that `label`."""
    node, label = engine.node(arguments.text("node")).name, arguments.text("label", "")
    one = engine.processes.called(node, label) if label else None
    await anyio.to_thread.run_sync(lambda: one.kill() if one else engine.processes.kill(node))
    return {}


async def restart(engine: Engine, arguments: Arguments, _say: Say) -> object:
    """The process of `node` with that `label` runs afresh."""
    process = engine.processes.called(engine.node(arguments.text("node")).name, arguments.text("label"))
    await anyio.to_thread.run_sync(process.restart)
    return _facts(process)


async def link_up(engine: Engine, arguments: Arguments, _say: Say) -> object:
    """The cable `device` (l7, or x0p3: a port) has carrier again; a cut one stays cut."""
    await anyio.to_thread.run_sync(engine.wires.plug, arguments.text("device"))
    return {}


async def link_down(engine: Engine, arguments: Arguments, _say: Say) -> object:
    """It has lost it: at both ends of a link, at the node's end of a port."""
    await anyio.to_thread.run_sync(engine.wires.unplug, arguments.text("device"))
    return {}


async def doors(engine: Engine, _arguments: Arguments, _say: Say) -> object:
    """The descriptor that holds each node's namespace, in the process that answers here."""
    return {"descriptors": {name: one.fd for name, one in engine.namespaces.items()}}


OPERATIONS: Mapping[str, Operation] = {
    "up": up,
    "down": down,
    "status": status,
    "processes": processes,
    "run": run,
    "freeze": freeze,
    "thaw": thaw,
    "kill": kill,
    "restart": restart,
    "link_up": link_up,
    "link_down": link_down,
    "doors": doors,
}


def _facts(process: Process) -> dict[str, object]:
    return {
        "node": process.node,
        "label": process.label,
        "pid": process.pid,
        "argv": list(process.argv),
        "ended": process.ended,
        "started": process.started,
    }


def _end(process: subprocess.Popen[bytes]) -> None:
    """It and its group are dead."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(_DYING_S)
