"""`python -m anyplane.lab.container.inside DIRECTORY ORDERS`: becomes stub, number 1 of the lab, and engine.

Three processes, each waiting for the next:

    stub      outside; holds the lab's lock. When the *lifeline*, a pipe to its starter, ends, it kills
              number 1
    number 1  of the pid namespace; takes in orphans. When it dies, the kernel ends everything inside. It is
              killed with the stub (PR_SET_PDEATHSIG)
    engine    builds the lab and serves it. When it ends, number 1 ends

So whichever is killed, by whatever signal, nothing is left. Whoever writes DETACH into the lifeline sets the
lab free of its starter; KEEP ends it and leaves its directory, for the logs that an error names. Until the
engine serves, failures go to the *status* pipe as one line of JSON.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path

from anyplane.lab.container.isolation import StepFailed, new_pids, new_user, new_world
from anyplane.lab.container.libc import die_with_parent

DETACH, KEEP = b"d", b"k"
SBIN = "/usr/local/sbin:/usr/sbin:/sbin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What the starter wants. Numbers are descriptors that it left open for us.

    has_user    enter a user namespace first (without root)
    is_probe    enter, and end
    is_removed  the directory goes with the lab, unless the lab crashed
    kept        directories that are seen inside even below /run or /var/tmp
    """

    lifeline: int
    status: int
    lock: int = -1
    has_user: bool = True
    is_probe: bool = False
    is_removed: bool = False
    kept: tuple[str, ...] = ()


def main() -> int:
    """The stub's exit code: that of the engine."""
    directory, orders = Path(sys.argv[1]), Orders(**json.loads(sys.argv[2]))
    os.chdir("/")
    # On Debian a user's PATH lacks the directories of daemons; whatever the lab runs inherits this one.
    os.environ["PATH"] = f"{os.environ.get('PATH', os.defpath)}:{SBIN}"
    for number in (orders.lifeline, orders.status, *((orders.lock,) if orders.lock >= 0 else ())):
        os.set_inheritable(number, False)  # noqa: FBT003  # the os module's own spelling
    # Of these two ends nobody but the stub has `tied`: number 1 sees in `tie` whether the stub is alive.
    tie, tied = os.pipe()
    try:
        if orders.has_user:
            new_user()
        new_pids()
    except StepFailed as failure:
        _say(orders.status, step=failure.step, number=failure.number)
        return 1
    child = os.fork()
    if child == 0:
        for number in (tied, orders.lifeline, *((orders.lock,) if orders.lock >= 0 else ())):
            os.close(number)
        _be_number_one(directory, orders, tie)
    os.close(tie)
    os.close(orders.status)
    code, is_orphaned = _watch(child, orders.lifeline)
    if orders.is_removed and (code == 0 or is_orphaned):
        shutil.rmtree(directory, ignore_errors=True)
    return code


def _watch(child: int, lifeline: int) -> tuple[int, bool]:
    """Number 1's exit code when it has ended, and whether it did since our starter died."""
    is_orphaned = False

    def end(number: int, _frame: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    watched = os.pidfd_open(child)
    poll = select.poll()
    poll.register(watched, select.POLLIN)
    poll.register(lifeline, select.POLLIN)
    while True:
        ready = {number for number, _ in poll.poll()}
        if watched in ready:
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), is_orphaned
        if lifeline in ready:
            poll.unregister(lifeline)
            word = os.read(lifeline, 1)
            if word != DETACH:
                is_orphaned = word != KEEP
                os.kill(child, signal.SIGKILL)


def _be_number_one(directory: Path, orders: Orders, tie: int) -> None:
    """Enter the rest, start the engine, and take in orphans until the engine ends; does not return."""
    code = 1
    try:
        die_with_parent(signal.SIGKILL)
        if not select.select([tie], [], [], 0)[0]:  # else the stub died before we asked
            new_world(kept=tuple(Path(path) for path in orders.kept), has_own_users=orders.has_user)
            if orders.is_probe:
                _say(orders.status, is_ready=True)
                code = 0
            else:
                code = _adopt(directory, orders)
    except StepFailed as failure:
        _say(orders.status, step=failure.step, number=failure.number)
    except BaseException:  # noqa: BLE001  # as below
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _adopt(directory: Path, orders: Orders) -> int:
    engine = os.fork()
    if engine == 0:
        code = 1
        try:
            # The stub and number 1 stay small: what the engine needs is loaded here.
            from anyplane.lab.container import inside_engine

            code = inside_engine.run(directory, orders.status)
        except BaseException:  # noqa: BLE001  # the process ends here; its log is all that is left
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    os.close(orders.status)

    def end(_number: int, _frame: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(engine, signal.SIGTERM)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    while True:
        ended, status = os.wait()
        if ended == engine:
            return max(os.waitstatus_to_exitcode(status), 0) if os.WIFEXITED(status) else 1


def _say(status: int, **facts: object) -> None:
    with contextlib.suppress(OSError):
        os.write(status, json.dumps(facts).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main())
