"""The lab's control socket: a line of JSON asks, lines of JSON answer; what can be asked is an operation.

    {"do": "run", "node": "as100-lis", "argv": ["ip", "route"]}
    {"event": {...}}                                     any number of them, while it is done
    {"result": {...}}  or  {"error": {"message": "...", "hint": "..."}}

Operations stand in modules called `operations_...`, each with a table OPERATIONS. An operation whose client
hangs up is cancelled.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import traceback
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
from anyio.abc import SocketStream, TaskStatus

from anyplane.model.errors import AnyplaneError, LabError

if TYPE_CHECKING:
    from anyplane.lab.container.engine import Engine

SOCKET = "control"
REQUEST_BYTES = 1 << 20
SENDING_S = 20.0
MODULES = (
    "container.operations_basic",
    "places.operations_places",
    "wires.operations_wires",
    "probes.operations_probes",
    "gameday.operations_gameday",
    "routers.operations_tables",
)
_GONE = (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError)

Say = Callable[[Mapping[str, object]], Awaitable[None]]
"""Sends an event to whoever asked."""


class Arguments(dict[str, object]):
    """What came with a request; each method gives one argument, or a LabError that says what it should be."""

    def text(self, name: str, default: str | None = None) -> str:
        """A string."""
        value = self._value(name, default)
        if not isinstance(value, str):
            raise LabError(f"{name} is a text, not {json.dumps(value)}")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of strings, not empty."""
        value = self._value(name, None)
        if not isinstance(value, list) or not value or not all(isinstance(one, str) for one in value):
            raise LabError(f"{name} is a list of texts, not {json.dumps(value)}")
        return tuple(value)

    def number(self, name: str, default: float | None = None) -> float:
        """A number."""
        value = self._value(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise LabError(f"{name} is a number, not {json.dumps(value)}")
        return float(value)

    def truth(self, name: str, *, default: bool | None = None) -> bool:
        """Yes or no."""
        value = self._value(name, default)
        if not isinstance(value, bool):
            raise LabError(f"{name} is true or false, not {json.dumps(value)}")
        return value

    def _value(self, name: str, default: object) -> object:
        value = self.get(name, default)
        if value is None:
            raise LabError(f"{name} is missing")
        return value


Operation = Callable[["Engine", Arguments, Say], Awaitable[object]]
"""(engine, arguments, say) -> the result, as JSON has it."""


class Operations:
    """Everything that can be asked. The basic ones are there at once, the rest when `load` is done."""

    def __init__(self) -> None:
        self._known = operations_of(MODULES[:1])
        self._is_loaded = anyio.Event()

    async def load(self) -> None:
        """Import the other modules, which takes a while, beside what the lab does meanwhile."""
        self._known |= await anyio.to_thread.run_sync(operations_of, MODULES[1:])
        self._is_loaded.set()

    async def called(self, name: str) -> Operation:
        """The operation; LabError when there is none."""
        if name not in self._known:
            await self._is_loaded.wait()
        if name not in self._known:
            known = ", ".join(sorted(self._known))
            raise LabError(f"the lab knows no operation {name!r}", hint=f"it knows {known}")
        return self._known[name]


def operations_of(modules: Iterable[str] = MODULES) -> dict[str, Operation]:
    """Those of the modules."""
    found: dict[str, Operation] = {}
    for name in modules:
        module = importlib.import_module(f"anyplane.lab.{name}")
        table: Mapping[str, Operation] = module.OPERATIONS
        if twice := found.keys() & table.keys():
            raise LabError(f"{name}: there is an operation called {min(twice)} already")
        found.update(table)
    return found


async def serve(
    engine: Engine,
    directory: Path,
    operations: Operations,
    *,
    task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Answer at directory/control until cancelled."""

    async def attend(stream: SocketStream) -> None:
        async with stream:
            with contextlib.suppress(*_GONE, TimeoutError):
                await _attend(stream, engine, operations)

    with reachable(directory) as path:
        Path(path).unlink(missing_ok=True)  # noqa: ASYNC240  # once
        async with await anyio.create_unix_listener(path, mode=0o600) as listener:
            task_status.started()
            await listener.serve(attend)


@contextlib.contextmanager
def reachable(directory: Path) -> Iterator[str]:
    """The socket's path in a form that is short however long the directory's is (108 bytes are the limit)."""
    fd = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{fd}/{SOCKET}"
    finally:
        os.close(fd)


async def _attend(stream: SocketStream, engine: Engine, operations: Operations) -> None:
    """One request after the other, until the client goes."""
    heard = b""
    while True:
        while b"\n" not in heard:
            if len(heard) > REQUEST_BYTES:
                await _send(stream, _error(LabError(f"a request has {REQUEST_BYTES} bytes at most")))
                return
            heard += await stream.receive()
        line, _, heard = heard.partition(b"\n")
        answers: list[Mapping[str, object]] = []

        async def work(line: bytes = line, answers: list[Mapping[str, object]] = answers) -> None:
            answers.append(await _answer(line, engine, operations, say))
            tasks.cancel_scope.cancel()

        async def say(event: Mapping[str, object]) -> None:
            await _send(stream, {"event": event})

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(work)
            # What comes meanwhile is the next request, or the end: then nobody wants the answer any more.
            with contextlib.suppress(*_GONE):
                while len(heard) <= REQUEST_BYTES:
                    heard += await stream.receive()
            if not answers:
                tasks.cancel_scope.cancel()
        if not answers:
            return
        await _send(stream, answers[0])


async def _answer(line: bytes, engine: Engine, operations: Operations, say: Say) -> Mapping[str, object]:
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        return _error(LabError("a request is one line of JSON"))
    if not isinstance(request, dict) or not isinstance(request.get("do"), str):
        return _error(LabError('a request is an object with "do"'))
    name = request.pop("do")
    try:
        operation = await operations.called(name)
        return {"result": await operation(engine, Arguments(request), say)}
    except AnyplaneError as error:
        return _error(error)
    except _GONE:
        raise
    except Exception as error:  # noqa: BLE001  # a fault in one operation must not end the lab
        traceback.print_exc(file=sys.stderr)
        reason = f"{type(error).__name__}: {error}"
        return _error(LabError(f"{name} failed: {reason}", hint=f"{engine.directory}/inside.log has more"))


def _error(error: AnyplaneError) -> Mapping[str, object]:
    message, hint = getattr(error, "message", None), getattr(error, "hint", "")
    return {"error": {"message": str(error) if message is None else message, "hint": hint}}


async def _send(stream: SocketStream, reply: Mapping[str, object]) -> None:
    with anyio.fail_after(SENDING_S):
        await stream.send(json.dumps(reply, default=str).encode() + b"\n")
