"""What all tests share: the real data when it is there, no way outside, nothing left behind."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from pathlib import Path

import pytest
from hypothesis import settings
from leftovers import end_orphans, left_by_this_session, mark_this_session
from namespaces import of_process, sweep

ROOT = Path(__file__).resolve().parent.parent

# The first call of a kernel compiles it (numba keeps the result beside the module); a deadline would blame
# the example that happened to come first. In CI every run tries the same examples.
settings.register_profile("anyplane", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "anyplane")


def _stay_at_home(event: str, args: tuple[object, ...]) -> None:
    """Refuse TCP connections to anything but this machine."""
    if event != "socket.connect":
        return
    connecting, address = args
    if not isinstance(connecting, socket.socket) or connecting.type != socket.SOCK_STREAM:
        return
    if not isinstance(address, tuple):
        return
    try:
        is_ours = ipaddress.ip_address(str(address[0])).is_loopback
    except ValueError:
        is_ours = address[0] == "localhost"
    if not is_ours:
        raise RuntimeError(f"a test tried to reach {address[0]}; tests stay on this machine")


sys.addaudithook(_stay_at_home)


def pytest_sessionstart() -> None:
    """Take away what a session that was killed left on this machine."""
    end_orphans()
    mark_this_session()
    if os.geteuid() == 0:
        sweep()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A test that leaves a namespace, a process or a lab behind fails the session."""
    left = left_by_this_session()
    if os.geteuid() == 0:
        sweep()
    left += [f"namespace {name}" for name in of_process(os.getpid())]
    if left:
        sweep(own=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.write_line("")
            for words in left:
                reporter.write_line(f"left behind: {words}", red=True)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The directory of real data sets, which are not ours to publish; CI must have it."""
    chosen = os.environ.get("ANYPLANE_TEST_DATA")
    directory = Path(chosen) if chosen else ROOT.parent / "shared" / "data"
    if (directory / "as-rel").is_dir():
        return directory
    reason = f"the real data is missing: {directory} has no as-rel (set ANYPLANE_TEST_DATA)"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
