"""The rendered frr.conf: held to a golden text, and to the parsers of vtysh and of each daemon."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from bird_plans import full, plan, plans, session
from hypothesis import HealthCheck, assume, given, settings
from namespaces import needs_program

from anyplane.bgp.frr import render
from anyplane.bgp.router import RouterPlan
from anyplane.design.operation import Daemon, DaemonKind, Rtr

GOLDEN = Path(__file__).parents[1] / "golden" / "frr"
SMALL = plan(session(), daemon=Daemon(kind=DaemonKind.FRR))
FULL = replace(full(), daemon=Daemon(kind=DaemonKind.FRR, rtr=(Rtr(host="127.0.0.1", port=3323),)))


def test_the_golden_configurations_of_frr_are_what_is_rendered() -> None:
    assert render(FULL) == (GOLDEN / "full.conf").read_text()
    assert render(SMALL) == (GOLDEN / "small.conf").read_text()


@pytest.mark.parametrize("router", [FULL, SMALL])
def test_vtysh_accepts_every_line(router: RouterPlan, tmp_path: Path) -> None:
    needs_program("vtysh")
    path = tmp_path / "frr.conf"
    path.write_text(render(router))

    assert _checked("vtysh", path) == (0, "")


@given(plans())
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
def test_vtysh_accepts_any_router(tmp_path: Path, router: RouterPlan) -> None:
    assume(len({one.neighbor for one in router.sessions}) == len(router.sessions))
    needs_program("vtysh")
    path = tmp_path / "frr.conf"
    path.write_text(render(router))

    assert _checked("vtysh", path) == (0, "")


def test_vtysh_refuses_a_line_that_is_wrong(tmp_path: Path) -> None:
    needs_program("vtysh")
    path = tmp_path / "frr.conf"
    path.write_text(render(SMALL) + "router bgp 64500\n neighbor 192.0.2.0 nonsense\n")

    assert _checked("vtysh", path)[0] != 0


@pytest.mark.parametrize("router", [FULL, SMALL])
def test_bgpd_itself_knows_every_line_that_is_its_own(router: RouterPlan, tmp_path: Path) -> None:
    needs_program("bgpd", "zebra", "vtysh")
    path = tmp_path / "bgpd.conf"
    without_cache = replace(router, daemon=Daemon(kind=DaemonKind.FRR))
    path.write_text(render(without_cache).split("\nbfd\n")[0])

    code, said = _checked("/usr/lib/frr/bgpd", path)

    assert code == 0
    assert "No such command" not in said


def test_no_key_is_rendered_and_graceful_restart_is_off() -> None:
    text = render(FULL)

    assert not re.search(r"^ *neighbor \S+ password", text, re.MULTILINE)
    assert "bgp graceful-restart-disable" in text
    assert "bgp network import-check" in text
    assert "\n network " not in text


def _checked(program: str, path: Path) -> tuple[int, str]:
    done = subprocess.run(
        [program, "-C", "-f", str(path)], capture_output=True, text=True, timeout=20, check=False
    )
    return done.returncode, done.stdout + done.stderr if "vtysh" not in program else done.stdout.strip()
