"""Entering: with root, without, and what a user is told where the machine does not allow it."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab_here import NOBODY, as_nobody, needs_lab

from anyplane.lab.container import enter
from anyplane.lab.container.enter import Capability, Machine, fix, this_machine
from anyplane.model.errors import LabError

SOURCES = Path(enter.__file__).parents[3]
ROOTLESS = """
import json, os, subprocess
from pathlib import Path
from lab_worlds import everything, line
from anyplane.lab.container import enter
from anyplane.lab.container.client import Lab, running

with Lab.up(everything(has_delays=True)) as lab:
    far = str(lab.blueprint.links[1].v4("as300-fra").ip)
    shell = lab.shell("site-ams", "ip", "-o", "link")
    said = {
        "capability": enter.capability(),
        "uid": os.getuid(),
        "inside": lab.run("site-ams", "id", "-u").strip(),
        "group": lab.run("site-ams", "getent", "group", "frrvty").strip(),
        "user": lab.run("site-ams", "getent", "passwd", "frr").strip(),
        "run": lab.run("site-ams", "ls", "/run").split(),
        "ping": "1 received" in lab.run("as100-lis", "ping", "-c1", "-W2", far),
        "shell": subprocess.run(shell, capture_output=True, text=True).stdout,
        "low port": lab.run("site-ams", "cat", "/proc/sys/net/ipv4/ip_unprivileged_port_start").strip(),
    }
said["left"] = [*running(), *map(str, Path(os.environ["ANYPLANE_LAB_DIR"]).iterdir())]
print(json.dumps(said))
"""


def machine(*, is_root: bool = False, is_container: bool = False, **settings: int) -> Machine:
    """With settings written as user__max_user_namespaces."""
    return Machine(
        is_root=is_root,
        is_container=is_container,
        settings={name.replace("__", "/"): value for name, value in settings.items()},
    )


@pytest.mark.parametrize(
    ("where", "step", "number", "said"),
    [
        (
            machine(kernel__apparmor_restrict_unprivileged_userns=1),
            "network namespace",
            errno.EPERM,
            "sysctl kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        (
            machine(kernel__unprivileged_userns_clone=0),
            "user namespace",
            errno.EPERM,
            "sysctl kernel.unprivileged_userns_clone=1",
        ),
        (
            machine(user__max_user_namespaces=0),
            "user namespace",
            errno.ENOSPC,
            "sysctl user.max_user_namespaces=15000",
        ),
        (machine(), "network namespace", errno.ENOSPC, "sysctl user.max_net_namespaces=15000"),
        (machine(), "mount namespace", errno.ENOSPC, "sysctl user.max_mnt_namespaces=15000"),
        (machine(is_container=True), "user namespace", errno.EPERM, "seccomp=unconfined"),
        (machine(is_root=True, is_container=True), "pid namespace", errno.EPERM, "--cap-add SYS_ADMIN"),
        (machine(), "user namespace", errno.EINVAL, "CONFIG_USER_NS"),
        (machine(is_root=True), "pid namespace", errno.EPERM, "CAP_SYS_ADMIN"),
        (machine(), "user namespace", errno.EPERM, "run it as root"),
    ],
)
def test_each_way_in_which_a_machine_refuses_has_its_remedy(
    where: Machine, step: str, number: int, said: str
) -> None:
    assert said in fix(where, step, number)


def test_settings_are_read_where_they_exist(tmp_path: Path) -> None:
    (tmp_path / "sys/kernel").mkdir(parents=True)
    (tmp_path / "sys/kernel/unprivileged_userns_clone").write_text("0\n")

    assert this_machine(tmp_path).settings == {"kernel/unprivileged_userns_clone": 0}


def test_root_needs_no_user_namespace() -> None:
    needs_lab()

    wanted = Capability.ROOT if os.geteuid() == 0 else Capability.ROOTLESS
    assert enter.capability() == wanted


def test_a_user_without_namespaces_is_told_what_to_do(tmp_path: Path) -> None:
    # The limit of a user namespace counts for all that are made in it: here, none.
    needs_lab("unshare")
    script = (
        "from pathlib import Path\n"
        "Path('/proc/sys/user/max_net_namespaces').write_text('0')\n"
        "from anyplane.lab.container import enter\n"
        "enter.capability()\n"
    )

    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "PYTHONPATH": str(SOURCES)},
    )

    assert "this machine does not let us build a lab: network namespace: No space left" in done.stderr
    assert "sysctl user.max_net_namespaces=15000" in done.stderr


def test_an_interpreter_that_cannot_be_started_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")

    with pytest.raises(LabError, match="/nowhere/python cannot be started"):
        enter.capability()


@pytest.fixture
def place_of_nobody() -> Iterator[Path]:
    """Labs of nobody's; not below pytest's own directory, which every session closes to others."""
    place = Path(tempfile.mkdtemp(prefix="anyplane-nobody-"))
    os.chown(place, NOBODY, NOBODY)
    yield place
    shutil.rmtree(place)


@pytest.mark.skipif(os.geteuid() != 0, reason="the other tests of the lab run without root already")
def test_a_lab_without_root_is_as_good(place_of_nobody: Path) -> None:
    needs_lab("nsenter", "ping")

    done = as_nobody(ROOTLESS, place_of_nobody)

    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["capability"] == "rootless"
    assert (said["uid"], said["inside"]) == (NOBODY, "0")
    assert (said["group"], said["user"][:8]) == ("frrvty:x:0:", "frr:x:0:")
    assert "site-ams" in said["run"]
    assert said["ping"]
    assert " x0@" in said["shell"]
    assert said["low port"] == "0"
    assert said["left"] == []
