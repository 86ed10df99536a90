"""Runner: every check in its own task with its deadline, on a schedule that does not drift.

Theory of operation. A check's *turn* begins a task for its probe and a timer for its deadline. Whichever
comes first answers; the other is then told to stop and its word counts no more. So a probe that ignores its
cancellation is reported at the deadline all the same, again at each turn while it hangs, and holds up no
other check. The next turn is reckoned from when this one was due, not from when it ended: nothing adds up.

The first turns begin at once, START_S apart so that five hundred of them do not time one another out; the
second after a random part of the interval, which spreads the checks for good.

Plain asyncio, not an anyio task group: a group waits for children that ignore cancellation, and costs more
for each turn. The parent of all tasks is `run`, which gives them LAST_S to end.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import anyio

from anyplane.control.health import CheckResult
from anyplane.design.operation import Check
from anyplane.measure.outcome import Outcome, Prober, Unhealthy, bad, told
from anyplane.measure.probers import prober, too_late
from anyplane.measure.shared import Shared

START_S = 0.001
LATE_S = 0.05
"""A deadline that fires so much too late means that we slept, not the other side: it is given once more."""
LAST_S = 1.0

Report = Callable[[CheckResult], None]


async def run(
    checks: Mapping[str, Check],
    report: Report,
    *,
    rng: random.Random | None = None,
    shared: Shared | None = None,
) -> None:
    """Run `checks` (by id) until cancelled; `report` is called in the event loop with each result."""
    await Runner(checks, report, rng=rng, shared=shared).run()


class Runner:
    """The checks of one site. `replace` may be called at any time, before `run` too."""

    def __init__(
        self,
        checks: Mapping[str, Check],
        report: Report,
        *,
        rng: random.Random | None = None,
        shared: Shared | None = None,
        make: Callable[..., Prober] = prober,
    ) -> None:
        self._report, self._make = report, make
        self._rng = rng or random.Random()  # noqa: S311  # it spreads load
        self._shared = shared or Shared()
        self._checks = dict(checks)
        self._turns: dict[str, _Turns] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_running = False

    async def run(self) -> None:
        """Run until cancelled; then nothing is reported any more and nothing is left behind."""
        self._is_running = True
        self.replace(self._checks)
        try:
            await anyio.sleep_forever()
        finally:
            self._is_running = False
            for turns in self._turns.values():
                turns.stop()
            self._turns.clear()
            if self._tasks:
                with anyio.CancelScope(shield=True):
                    await asyncio.wait(self._tasks, timeout=LAST_S)
            self._shared.close()

    def replace(self, checks: Mapping[str, Check]) -> None:
        """Run these checks from now on. One that is the same under the same id goes on undisturbed."""
        self._checks = dict(checks)
        if not self._is_running:
            return
        for name in [name for name, turns in self._turns.items() if not turns.serves(checks.get(name))]:
            self._turns.pop(name).stop()
        new = [name for name in checks if name not in self._turns]
        for index, name in enumerate(new):
            turns = self._turns[name] = _Turns(
                name,
                checks[name],
                report=self._report,
                rng=self._rng,
                shared=self._shared,
                make=self._make,
                tasks=self._tasks,
            )
            turns.start(index * START_S)


class _Turns:
    """The schedule of one check."""

    def __init__(
        self,
        name: str,
        check: Check,
        *,
        report: Report,
        rng: random.Random,
        shared: Shared,
        make: Callable[..., Prober],
        tasks: set[asyncio.Task[None]],
    ) -> None:
        self._name, self._check = name, check
        self._report, self._rng, self._shared = report, rng, shared
        self._make, self._tasks = make, tasks
        self._loop = asyncio.get_running_loop()
        self._prober: Prober | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._due = self._began = 0.0
        self._is_first, self._is_answered, self._is_stopped, self._is_excused = True, True, False, False

    def serves(self, check: Check | None) -> bool:
        """Would `check` run just as this one does? Its place in the design does not matter."""
        return check is not None and replace(check, path="") == replace(self._check, path="")

    def start(self, delay_s: float) -> None:
        """Begin the first turn after `delay_s`."""
        self._due = time.monotonic() + delay_s
        self._timer = self._loop.call_later(delay_s, self._turn)

    def stop(self) -> None:
        """End everything; nothing is reported from now on."""
        self._is_stopped = True
        for timer in (self._timer, self._deadline):
            if timer is not None:
                timer.cancel()
        if self._task is not None:
            self._task.cancel()
        if self._prober is not None:
            self._prober.close()

    def _turn(self) -> None:
        check, now = self._check, time.monotonic()
        if self._is_first:
            step = check.interval_s * self._rng.random()
            self._is_first = False
        else:
            step = check.interval_s * (1 + self._rng.uniform(-check.jitter, check.jitter))
        self._due = max(self._due + step, now)
        self._timer = self._loop.call_later(self._due - now, self._turn)
        # After a pause of ours two turns come at once: the first one's task is done, and does not hang.
        if self._task is not None and not self._task.done():
            if self._is_answered:
                self._tell(bad(f"the probe begun {now - self._began:.1f} s ago still hangs"))
                self._task.cancel()
            return  # its timeout is longer than the interval, and it has not passed yet
        self._began, self._is_answered, self._is_excused = now, False, False
        self._task = self._loop.create_task(self._ask())
        self._tasks.add(self._task)
        self._task.add_done_callback(self._ended)
        self._deadline = self._loop.call_later(check.timeout_s, self._expire)

    async def _ask(self) -> None:
        try:
            if self._prober is None:
                self._prober = self._make(
                    self._check.probe, family=self._check.family, shared=self._shared, alarm=self._alarm
                )
            outcome = await self._prober.probe()
        except asyncio.CancelledError:
            self._answer(bad("the probe was cancelled"))
            raise
        except (Unhealthy, OSError) as error:
            outcome = bad(told(error))
        except Exception as error:  # noqa: BLE001  # whatever a probe raises is its answer, and ends nothing else
            outcome = bad(f"{type(error).__name__}: {error}")
        self._answer(outcome)

    def _expire(self) -> None:
        late = time.monotonic() - self._began - self._check.timeout_s
        if late > LATE_S and not self._is_excused:
            # The process was stopped or the loop held up; the answer may lie in the socket, unread.
            self._is_excused = True
            self._deadline = self._loop.call_later(LATE_S, self._expire)
            return
        self._answer(bad(too_late(self._check.timeout_s, self._prober)))
        if self._task is not None:
            self._task.cancel()

    def _answer(self, outcome: Outcome) -> None:
        if self._is_answered:
            return
        self._is_answered = True
        if self._deadline is not None:
            self._deadline.cancel()
        self._tell(outcome)

    def _alarm(self, outcome: Outcome) -> None:
        """Something happened between turns."""
        if self._task is None:
            self._began = time.monotonic()
        self._tell(outcome)

    def _tell(self, outcome: Outcome) -> None:
        if self._is_stopped:
            return
        now = time.monotonic()
        self._report(
            CheckResult(
                check=self._name,
                is_ok=outcome.is_ok,
                at=now,
                latency_s=outcome.latency_s or now - self._began,
                detail=outcome.detail,
            )
        )

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._task is task:
            self._task = None
        if not task.cancelled() and (error := task.exception()) is not None:
            # Only `report` can raise here: a defect of the caller, for the loop's handler to show.
            self._loop.call_exception_handler({"message": "a check's result was refused", "exception": error})
