"""The prober: one process that asks from all clients at fixed rates and writes down what became of it.

    python -m anyplane.lab.probes.prober PLAN.json

One thread, one epoll. Each flow's n-th query is due at start + phase + n / rate, whatever happened to those
before: the schedule never drifts, and the phases spread the flows evenly. When the loop comes around later
than it had to (`stall_s`), the prober, or its whole machine, stood still. It writes that down, and does not
send what it missed: a burst afterwards would measure something else, and no query is lost that was not sent.

SIGTERM ends the sending, waits for answers (`timeout_s`) and ends; a second one ends at once. SIGUSR1 writes
all that is known. Each is marked in the log with the moment at which it was obeyed.
"""

from __future__ import annotations

import contextlib
import gc
import heapq
import os
import select
import signal
import sys
from pathlib import Path

from anyplane.lab.probes.prober_flows import (
    AnyFlow,
    ConnectionFlow,
    DatagramFlow,
    Handlers,
    StreamFlow,
    Surroundings,
)
from anyplane.lab.probes.prober_sockets import Doors, now_us, room_for_files
from anyplane.lab.probes.queries import Flow, Kind, ProbePlan
from anyplane.lab.probes.query_log import LogWriter
from anyplane.model.errors import AnyplaneError, LabError

TICK_US = 10_000
"""The loop comes around at least that often, so that it notices when it did not."""
FLUSH_US = 50_000
LEAD_US = 20_000
STARTED, STOPPING, STOPPED, FLUSHED = "started", "stopping", "stopped", "flushed"


def main(arguments: list[str]) -> int:
    """Carry out the plan in the file; 0, or 4 with a complaint on stderr."""
    try:
        if len(arguments) != 1:
            raise LabError("usage: python -m anyplane.lab.probes.prober PLAN.json")
        plan = ProbePlan.from_text(Path(arguments[0]).read_text())
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, -15)  # root may; else the stalls are a little more
        with LogWriter(plan) as log, contextlib.ExitStack() as closing:
            doors = Doors(plan.clients)
            closing.callback(doors.close)
            Prober(plan, log, doors, closing).run()
    except (AnyplaneError, OSError) as error:
        sys.stderr.write(f"prober: {error}\n")
        return error.exit_code if isinstance(error, AnyplaneError) else LabError.exit_code
    return 0


class Prober:
    """All flows and the loop that serves them."""

    def __init__(self, plan: ProbePlan, log: LogWriter, doors: Doors, closing: contextlib.ExitStack) -> None:
        self._log = log
        self._epoll = closing.enter_context(select.epoll())
        self._handlers = Handlers(self._epoll)
        self._signals = _signals(closing)
        self._handlers.add(self._signals, select.EPOLLIN, self._commanded)
        around = Surroundings(plan=plan, doors=doors, log=log, handlers=self._handlers)
        flows = plan.flows
        room = room_for_files(len(flows) * plan.ports)
        ports = max(1, min(plan.ports, room // max(1, len(flows))))
        self._flows: list[AnyFlow] = []
        for number, flow in enumerate(flows):
            made = _made(number, flow, around, ports=ports)
            self._flows.append(made)
            closing.callback(made.close)
        self._stall = int(plan.stall_s * 1e6)
        self._patience = int(plan.timeout_s * 1e6) + TICK_US
        self._start = int(plan.start_at * 1e6) or now_us() + LEAD_US
        self._period = [1e6 / flow.target.rate for flow in flows]
        self._phase = _phases(plan)
        self._due = [(self._start + phase, number, 0) for number, phase in enumerate(self._phase)]
        heapq.heapify(self._due)
        self._ends_at: int | None = None
        self._orders: list[int] = []

    def run(self) -> None:
        """Until told to stop."""
        gc.freeze()
        gc.disable()  # nothing here makes cycles, and a collection would be a stall
        now = now_us()
        self._log.mark(now, STARTED)
        self._log.flush(now)
        flushed = ticked = now
        while True:
            wanted = min(now + TICK_US, self._due[0][0] if self._due else now + TICK_US)
            events = self._epoll.poll(max(0.0, (wanted - now) / 1e6))
            now = now_us()
            if now - wanted > self._stall:
                self._log.stalled(int(wanted), int(now - wanted))
                for flow in self._flows:
                    flow.excuse(int(now - wanted))
            called = self._handlers.called
            for file, what in events:
                if (call := called.get(file)) is not None:
                    call(what)
            if self._due and self._due[0][0] <= now:
                self._send(now)
            if now - ticked >= TICK_US:
                ticked = now
                for flow in self._flows:
                    flow.tick(now)
            if self._orders:
                self._obey()
            if now - flushed >= FLUSH_US:
                flushed = now
                self._log.flush(now)
            if self._ends_at is not None and (now >= self._ends_at or not self._is_waiting()):
                break
        # Nothing is open any more: what was unanswered for `timeout_s` is lost, and the log may say so.
        now = now_us()
        self._log.mark(now, STOPPED)
        self._log.flush(now)

    def _send(self, now: int) -> None:
        due = self._due
        while due[0][0] <= now:
            at, number, sequence = due[0]
            if now - at <= self._stall:
                self._flows[number].send(sequence)
                sequence += 1
            else:
                # Missed, and not made up for.
                sequence += max(1, int((now - at - self._stall) / self._period[number]))
            following = self._start + self._phase[number] + sequence * self._period[number]
            heapq.heapreplace(due, (following, number, sequence))

    def _is_waiting(self) -> bool:
        return any(flow.is_waiting for flow in self._flows)

    def _commanded(self, _: int) -> None:
        self._orders.extend(os.read(self._signals, 64))

    def _obey(self) -> None:
        orders, self._orders = self._orders, []
        for order in orders:
            now = now_us()
            if order == signal.SIGUSR1:
                self._log.mark(now, FLUSHED)
                self._log.flush(now)
            elif self._ends_at is None:
                self._log.mark(now, STOPPING)
                self._due.clear()
                self._ends_at = now + self._patience
            else:
                self._ends_at = now


def _made(number: int, flow: Flow, around: Surroundings, *, ports: int) -> AnyFlow:
    if flow.target.kind == Kind.UDP:
        return DatagramFlow(number, flow, around, ports=ports)
    if flow.target.kind == Kind.STREAM:
        return StreamFlow(number, flow, around)
    return ConnectionFlow(number, flow, around)


def _phases(plan: ProbePlan) -> list[float]:
    """Of each flow within its period: the clients of a target one after the other, and targets in between."""
    found = []
    flows = plan.flows
    of_target: dict[int, int] = {}
    size: dict[int, int] = {}
    order = {id(target): number for number, target in enumerate(plan.targets)}
    for flow in flows:
        size[id(flow.target)] = size.get(id(flow.target), 0) + 1
    for flow in flows:
        key = id(flow.target)
        position = of_target[key] = of_target.get(key, -1) + 1
        found.append(1e6 / flow.target.rate * (position + order[key] / len(plan.targets)) / size[key])
    return found


def _signals(closing: contextlib.ExitStack) -> int:
    """A pipe on which the numbers of signals come."""
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    closing.callback(os.close, reading)
    closing.callback(os.close, writing)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    closing.callback(signal.set_wakeup_fd, -1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, lambda *_: None)
    return reading


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
