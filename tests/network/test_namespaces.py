"""Networks of tests leave nothing on the machine, however the session ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import leftovers
import pytest
from namespaces import Network, needs_namespaces, of_process, sweep, wait_until

PROGRAM = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path.insert(0, sys.argv[1])
from namespaces import Network
with Network() as network:
    print(network.directory, network.host("lonely").start("sleep", "60").pid, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def maker() -> Iterator[tuple[subprocess.Popen[str], Path, int]]:
    """Another process with a network of its own, the directory of that, and the pid of a daemon in it."""
    needs_namespaces()
    command = (sys.executable, "-c", PROGRAM, str(Path(__file__).parent))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        directory, daemon = process.stdout.readline().split()
        yield process, Path(directory), int(daemon)
        process.kill()
    sweep()


def is_gone(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"


def test_an_interrupted_session_takes_its_network_away(
    maker: tuple[subprocess.Popen[str], Path, int],
) -> None:
    process, directory, daemon = maker
    assert len(of_process(process.pid)) == 1

    process.send_signal(signal.SIGINT)
    process.wait(60)

    assert of_process(process.pid) == []
    assert is_gone(daemon)
    assert not directory.exists()


def test_what_a_killed_session_left_is_swept_by_the_next_and_what_lives_is_spared(
    maker: tuple[subprocess.Popen[str], Path, int],
) -> None:
    process, directory, daemon = maker
    with Network() as network:
        mine = network.host("spared").name

        sweep()
        assert len(of_process(process.pid)) == 1
        process.kill()
        process.wait(60)
        assert not is_gone(daemon)
        sweep()

        assert mine in of_process(os.getpid())
        assert network.directory.exists()
    assert of_process(process.pid) == []
    wait_until(lambda: is_gone(daemon))
    assert not directory.exists()


def test_a_session_that_leaves_a_namespace_fails_and_says_so(tmp_path: Path) -> None:
    needs_namespaces()

    done = session(tmp_path, "from namespaces import Network\ndef test_it():\n    Network().host('left')\n")

    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    left = next(line for line in done.stdout.splitlines() if "left behind: namespace" in line)
    assert left.endswith("-left")
    assert not list(Path("/run/netns").glob(left.rpartition(" ")[2]))


def test_a_session_that_leaves_a_process_or_a_lab_fails_and_ends_it(tmp_path: Path) -> None:
    done = session(
        tmp_path,
        "import os, pathlib, subprocess\n"
        "def test_it():\n"
        "    subprocess.run(['sh', '-c', 'sleep 4321 >/dev/null 2>&1 & echo $! > pid'], check=True)\n"
        "    pathlib.Path(os.environ['ANYPLANE_LAB_DIR'], 'forgotten').mkdir()\n",
    )

    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
    pid = int((tmp_path / "pid").read_text())
    assert f"left behind: process {pid}: sleep 4321" in done.stdout
    forgotten = re.search(r"left behind: lab (\S+/forgotten)", done.stdout)
    assert forgotten is not None
    assert not Path(forgotten[1]).parent.exists()
    wait_until(lambda: is_gone(pid))


def test_what_runs_on_after_a_killed_session_is_ended_by_the_next_and_ours_is_spared(tmp_path: Path) -> None:
    script = (
        "import leftovers, subprocess\n"
        "leftovers.mark_this_session()\n"
        "print(subprocess.Popen(['sleep', '4321'], start_new_session=True).pid, flush=True)\n"
        "input()\n"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    spared = subprocess.Popen(["sleep", "4322"])
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
    ) as killed:
        assert killed.stdout is not None
        pid = int(killed.stdout.readline())

        leftovers.end_orphans()
        assert not is_gone(pid)
        killed.kill()
        killed.wait(60)
    leftovers.end_orphans()

    try:
        wait_until(lambda: is_gone(pid))
        assert spared.poll() is None
    finally:
        spared.kill()
        spared.wait(60)
    if os.geteuid() == 0:
        sweep()


def session(directory: Path, test: str) -> subprocess.CompletedProcess[str]:
    """A test session of that one file, with our conftest, in a directory of its own."""
    here = Path(__file__).resolve()
    (directory / "conftest.py").write_text((here.parents[1] / "conftest.py").read_text())
    (directory / "test_careless.py").write_text(test)
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull)
    options = ("--rootdir", str(directory), "-o", f"pythonpath={here.parent}", str(directory))
    return subprocess.run((*command, *options), capture_output=True, text=True, timeout=120, cwd=directory)
