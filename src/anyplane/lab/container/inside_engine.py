"""The engine's process: reads the blueprint, serves the control socket, and ends the lab when told to."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sys
from pathlib import Path

import anyio

from anyplane.lab.blueprint_file import read_blueprint
from anyplane.lab.container import control
from anyplane.lab.container.engine import Engine
from anyplane.model.errors import AnyplaneError

DOWN_S = 10.0
_FILES = 65_536
SWITCH_S = 0.0002
"""Threads here wait for the kernel, thousands of times; after each they want Python back soon."""


def run(directory: Path, status: int) -> int:
    """0 when the lab was taken down, 1 when it could not be served; `status` hears that it is served."""
    sys.setswitchinterval(SWITCH_S)
    # Each node is a descriptor, each process another.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, _FILES), most))
    try:
        blueprint = read_blueprint(directory)
        operations = control.Operations()
    except (AnyplaneError, OSError) as error:
        message, hint = getattr(error, "message", str(error)), getattr(error, "hint", "")
        _say(status, {"message": message, "hint": hint})
        return 1
    anyio.run(_serve, Engine(blueprint, directory), operations, status)
    return 0


async def _serve(engine: Engine, operations: control.Operations, status: int) -> None:
    async with anyio.create_task_group() as tasks:
        engine.tasks = tasks
        tasks.start_soon(_end_on_signal, engine)
        await tasks.start(control.serve, engine, engine.directory, operations)
        _say(status, {"is_ready": True})
        tasks.start_soon(operations.load)
        await engine.over.wait()
        with anyio.move_on_after(DOWN_S, shield=True):
            await engine.down()
        tasks.cancel_scope.cancel()


async def _end_on_signal(engine: Engine) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            engine.over.set()


def _say(status: int, word: dict[str, object]) -> None:
    with contextlib.suppress(OSError):
        os.write(status, json.dumps(word).encode() + b"\n")
        os.close(status)
