"""Networks of tests leave nothing on the machine, however the session ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

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
    process.wait(10)

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
        process.wait(10)
        assert not is_gone(daemon)
        sweep()

        assert mine in of_process(os.getpid())
        assert network.directory.exists()
    assert of_process(process.pid) == []
    wait_until(lambda: is_gone(daemon))
    assert not directory.exists()


def test_a_session_that_leaves_a_namespace_fails_and_says_so(tmp_path: Path) -> None:
    needs_namespaces()
    here = Path(__file__).resolve()
    (tmp_path / "conftest.py").write_text((here.parents[1] / "conftest.py").read_text())
    (tmp_path / "test_careless.py").write_text(
        "from namespaces import Network\ndef test_passes() -> None:\n    Network().host('left')\n"
    )
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull)
    options = ("--rootdir", str(tmp_path), "-o", f"pythonpath={here.parent}", str(tmp_path))

    done = subprocess.run((*command, *options), capture_output=True, text=True, timeout=60)

    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    left = next(line for line in done.stdout.splitlines() if "namespaces were left behind" in line)
    assert left.endswith("-left")
    assert not list(Path("/run/netns").glob(left.rpartition(" ")[2]))
