"""Can this machine hold a lab, and is anything of one left? Shared by the tests of the lab."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from namespaces import needs_program

from anyplane.kernel.processes import Process, process
from anyplane.lab.container import enter
from anyplane.lab.container.client import Lab
from anyplane.model.errors import LabError

NOBODY = 65534
_SHOW = """set -e
count=$1; shift
while [ "$count" -gt 0 ]; do mount --bind "$1" "$2"; shift 2; count=$((count - 1)); done
exec "$@"
"""


def needs_lab(*programs: str) -> None:
    """Skip where no lab can be held, or a program is missing; fail in CI."""
    try:
        enter.capability()
    except LabError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))
    needs_program("ip", "bird", *programs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """All that keeps a lab's namespaces and mounts in being: those who are in them, or hold them open.

    By pid and start time: the numbers of namespaces are used again at once, and other labs may run here.
    """

    members: frozenset[Process]
    directory: Path

    def left(self) -> list[str]:
        """What of it is still there, in words."""
        found = [f"{one} lives" for one in self.members if process(one.pid) == one]
        if str(self.directory) in Path("/proc/self/mountinfo").read_text():
            found.append("it is mounted")
        if self.directory.exists():
            found.append(f"{self.directory} has {sorted(path.name for path in self.directory.iterdir())}")
        return found


def traces(lab: Lab) -> Traces:
    """Of a lab that runs."""
    number_one = parent_of(lab.pid)
    own = {kind: _inode(f"/proc/{lab.pid}/ns/{kind}") for kind in ("pid", "mnt", "net")}
    for kind, inode in own.items():
        assert inode != _inode(f"/proc/self/ns/{kind}")
    descriptors = lab.call("doors")["descriptors"].values()
    nets = {own["net"], *(_inode(f"/proc/{lab.pid}/fd/{fd}") for fd in descriptors)}
    pids = {lab.pid, number_one, parent_of(number_one)}
    in_nodes = 0
    for pid in _pids():
        is_in_node = _inode(f"/proc/{pid}/ns/net") in nets - {own["net"]}
        in_nodes += is_in_node
        is_inside = any(_inode(f"/proc/{pid}/ns/{kind}") == inode for kind, inode in own.items())
        if is_inside or is_in_node or _holds(pid, nets):
            pids.add(pid)
    assert in_nodes > 0
    members = frozenset(one for pid in pids if (one := process(pid)) is not None)
    assert len(members) >= in_nodes + 3
    return Traces(members=members, directory=lab.directory)


def _holds(pid: int, nets: set[int]) -> bool:
    for fd in _listed(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            name = str(Path(f"/proc/{pid}/fd/{fd}").readlink())
            if name.startswith("net:[") and int(name[5:-1]) in nets:
                return True
    return False


def as_nobody(script: str, place: Path, *, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """A Python of our version runs the script as a user without any right, whose labs are in `place`.

    The clone, the packages and even the interpreter may stand where only root may look: they are shown to
    nobody at other places, by mounts that end with the script.
    """
    needs_lab("setpriv", "unshare", "mount")
    seen = [
        Path(enter.__file__).parents[3],
        *Path(__file__).parents[:1],
        Path(__file__).parents[1] / "network",
    ]
    seen += [Path(path) for path in sys.path if path.endswith("-packages")]
    base = Path(sys.base_prefix)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    shown = Path(tempfile.mkdtemp(prefix=f"anyplane-test-{os.getpid()}-nobody-"))
    shown.chmod(0o755)
    try:
        pairs = [(path, shown / str(number)) for number, path in enumerate(seen)]
        is_of_system = base in (Path("/usr"), Path("/usr/local"))
        interpreter = base / "bin" / version
        if not is_of_system:
            pairs.append((base, shown / "python"))
            interpreter = shown / "python" / "bin" / version
        for _, at in pairs:
            at.mkdir()
        env = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(str(at) for path, at in pairs if path != base),
            "LD_LIBRARY_PATH": str(interpreter.parents[1] / "lib"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "ANYPLANE_LAB_DIR": str(place),
            **{name: os.environ[name] for name in ("ANYPLANE_TEST_SESSION",) if name in os.environ},
        }
        mounts = [str(path) for pair in pairs for path in pair]
        become = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        show = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _SHOW, "sh", str(len(pairs))]
        return subprocess.run(
            [*show, *mounts, *become, str(interpreter), "-c", script],
            env=env,
            cwd="/",
            capture_output=True,
            text=True,
            timeout=timeout,
        )
    finally:
        shutil.rmtree(shown)


def parent_of(pid: int) -> int:
    """As the kernel says."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _pids() -> Iterator[int]:
    for name in _listed("/proc"):
        if name.isdigit():
            yield int(name)


def _listed(path: str) -> list[str]:
    with contextlib.suppress(OSError):
        return [entry.name for entry in Path(path).iterdir()]
    return []


def _inode(path: str) -> int:
    with contextlib.suppress(OSError):
        return Path(path).stat().st_ino
    return 0
