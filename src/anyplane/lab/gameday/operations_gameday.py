"""What a lab can be asked for game days: to run one, telling what happens, and when it has ended."""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, TypeVar

import anyio
import anyio.from_thread
import anyio.to_thread

from anyplane.lab.container.control import Arguments, Operation, Say
from anyplane.model.errors import LabError

if TYPE_CHECKING:
    from anyplane.lab.container.engine import Engine

T = TypeVar("T")
POLL_S = 0.05
_AT_WORK: set[int] = set()
"""The engines (by id) that run a game day."""


async def gameday(engine: Engine, arguments: Arguments, say: Say) -> object:
    """`scenario` is the text, `file` its name, `plans` what the plan predicts; the result is the Outcome.

    Events are those of the runner. One game day at a time: two would spoil each other. When whoever asked
    hangs up (Ctrl-C), the day ends with the step under way, and is healed.
    """
    from anyplane import design
    from anyplane.lab.gameday.ground import Ground
    from anyplane.lab.gameday.lab_stage import LabStage
    from anyplane.lab.gameday.reading import parse
    from anyplane.lab.gameday.report_json import plain
    from anyplane.lab.gameday.runner import run

    scenario = parse(arguments.text("scenario"), file=arguments.text("file", "scenario.yaml"))
    plans = arguments.get("plans")
    if id(engine) in _AT_WORK:
        raise LabError("a game day is under way in this lab", hint="wait until it has ended")
    is_heard, is_over = True, threading.Event()

    def wait(what: Callable[[], Coroutine[object, object, T]], /) -> T:
        return anyio.from_thread.run(what)

    async def tell_all(event: Mapping[str, object]) -> None:
        nonlocal is_heard
        if is_heard:
            try:
                await say(event)
            except (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError, TimeoutError):
                is_heard = False

    def tell(event: Mapping[str, object]) -> None:
        anyio.from_thread.run(tell_all, event)

    ground = Ground(
        engine=engine,
        design=design.parse(engine.blueprint.design_text, file=f"{engine.blueprint.name}.yaml"),
        wait=wait,
        plans=plans if isinstance(plans, dict) else None,
    )
    _AT_WORK.add(id(engine))
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_notice, is_over)
            with anyio.CancelScope(shield=True):
                stage = LabStage(ground, is_over=is_over)
                outcome = await anyio.to_thread.run_sync(lambda: run(stage, scenario, on_event=tell))
            tasks.cancel_scope.cancel()
    finally:
        _AT_WORK.discard(id(engine))
    return plain(outcome)


async def gameday_over(engine: Engine, _arguments: Arguments, _say: Say) -> object:
    """Answers when no game day is under way, and what the last one did is taken back."""
    while id(engine) in _AT_WORK:  # noqa: ASYNC110  # seldom asked, and short
        await anyio.sleep(POLL_S)
    return {}


async def _notice(is_over: threading.Event) -> None:
    """Sets it when this is cancelled: whoever asked has hung up."""
    try:
        await anyio.sleep_forever()
    finally:
        is_over.set()


OPERATIONS: Mapping[str, Operation] = {"gameday": gameday, "gameday_over": gameday_over}
