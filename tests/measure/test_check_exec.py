"""Exec checks: status and last line, and nothing of a run is left behind."""

from __future__ import annotations

import os
import resource
import signal
import threading
import time
from pathlib import Path

import anyio
import pytest
from small_servers import ask

from anyplane.design.operation import ExecProbe
from anyplane.measure.exec import ExecProber
from anyplane.measure.shared import Shared


def _shell(script: str) -> ExecProbe:
    return ExecProbe(command=("/bin/sh", "-c", script))


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except OSError:
        return False


def _gone(pids: list[int], within_s: float = 2.0) -> bool:
    end = time.monotonic() + within_s
    while any(_alive(pid) for pid in pids):
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


@pytest.mark.parametrize(
    ("script", "is_ok", "detail"),
    [
        ("echo one; echo two", True, "two"),
        ("true", True, "status 0"),
        ("echo why >&2; exit 3", False, "status 3: why"),
        ("exit 1", False, "status 1"),
        ("kill -9 $$", False, "ended by SIGKILL"),
        ("printf 'a\\033[31mb\\n\\n  \\n'", True, "a [31mb"),
        ("cat; echo end of input", True, "end of input"),
        ("yes | head -c 3000000; echo last", True, "last"),
        ("head -c 900 /dev/zero | tr '\\0' x", True, "x" * 199 + "…"),
    ],
)
def test_the_status_decides_and_the_last_line_is_the_detail(script: str, is_ok: bool, detail: str) -> None:
    outcome = ask(_shell(script))

    assert (outcome.is_ok, outcome.detail) == (is_ok, detail)


def test_a_command_that_cannot_be_run_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no program")

    assert ask(ExecProbe(command=("/no/such",))).detail == "/no/such cannot be run: not found"
    assert "permission denied" in ask(ExecProbe(command=(str(tmp_path / "file"),))).detail
    assert ask(ExecProbe(command=())).detail == "the command is empty"


def test_a_command_that_ignores_sigterm_is_gone_with_all_its_descendants(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"""trap '' TERM INT HUP
    echo $$ >> {pids}
    (trap '' TERM; echo $(exec sh -c 'echo $PPID') >> {pids}; sleep 60) &
    setsid sh -c 'echo $$ >> {pids}; sleep 60 & echo $! >> {pids}; wait' &
    sh -c 'sleep 60 & echo $! >> {pids}; sleep 60' &
    while :; do sleep 60; done"""

    outcome = ask(_shell(script), timeout_s=0.3)
    written = [int(line) for line in pids.read_text().split()]

    assert outcome.detail == "no answer in 300 ms, waiting for the command to end"
    assert len(written) == 5
    assert _gone(written)


def test_what_a_command_leaves_in_the_background_ends_with_it(tmp_path: Path) -> None:
    outcome = ask(_shell("sleep 60 & echo $!"))

    assert outcome.is_ok
    assert outcome.latency_s < 1
    assert _gone([int(outcome.detail)])


def test_it_runs_in_a_session_of_its_own_with_usual_signals_and_none_of_our_files() -> None:
    read, write = os.pipe()
    pipe = Path(f"/proc/self/fd/{write}").readlink()
    script = (
        "echo $(cut -d' ' -f6 /proc/$$/stat) $$ $(grep SigIgn /proc/$$/status | cut -f2)"
        f" $(ls -l /proc/$$/fd | grep -cF '{pipe}') $(readlink /proc/$$/fd/0)"
    )
    try:
        outcome = ask(_shell(script))
    finally:
        os.close(read)
        os.close(write)
    session, pid, ignored, ours, stdin = outcome.detail.split()

    assert session == pid
    assert int(ignored, 16) & 1 << signal.SIGPIPE - 1 == 0
    assert ours == "0"
    assert stdin == "/dev/null"


def test_a_command_that_cannot_be_watched_is_ended() -> None:
    def children() -> set[str]:
        return set(Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split())

    async def probe() -> list[str]:
        prober = ExecProber(_shell("sleep 60"), shared=Shared())
        before, soft_and_hard = children(), resource.getrlimit(resource.RLIMIT_NOFILE)
        filled = [os.dup(0) for _ in range(64)]
        # The next two are for the pipe; then none is left for the pidfd.
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(filled) + 3, soft_and_hard[1]))
        try:
            with pytest.raises(OSError, match="Too many open files"):
                await prober.probe()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, soft_and_hard)
            for one in filled:
                os.close(one)
        return sorted(children() - before)

    assert anyio.run(probe) == []
