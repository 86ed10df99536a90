"""The rendered bgpd.conf: held to a golden text, and to OpenBGPD's own check."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

from bird_plans import announcement, full, plan, plans, session
from hypothesis import HealthCheck, assume, given, settings
from namespaces import needs_program

from anyplane.bgp.openbgpd import render
from anyplane.bgp.router import RouterPlan
from anyplane.design.operation import Daemon, DaemonKind, Rtr

GOLDEN = Path(__file__).parents[1] / "golden" / "openbgpd"
DAEMON = Daemon(
    kind=DaemonKind.OPENBGPD, control="/run/openbgpd/bgpd.sock", rtr=(Rtr(host="127.0.0.1", port=3323),)
)
SMALL = plan(session(), daemon=Daemon(kind=DaemonKind.OPENBGPD))
FULL = replace(
    full(), daemon=DAEMON, announcements=(announcement(communities=("64510:77", "64510:1:2", "65535:65281")),)
)


def test_the_golden_configurations_of_openbgpd_are_what_is_rendered() -> None:
    assert render(FULL) == (GOLDEN / "full.conf").read_text()
    assert render(SMALL) == (GOLDEN / "small.conf").read_text()


def test_openbgpd_accepts_every_option(tmp_path: Path) -> None:
    needs_program("bgpctl")
    secret = tmp_path / "as64510.key.openbgpd"
    secret.write_text('key_as64510_v4="of no one"\n')
    secret.chmod(0o600)

    assert _checked(render(FULL).replace("/etc/anyplane/", f"{tmp_path}/"), tmp_path) == 0
    assert _checked(render(SMALL), tmp_path) == 0


@given(plans())
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
def test_openbgpd_accepts_any_router(tmp_path: Path, router: RouterPlan) -> None:
    assume(len({one.neighbor for one in router.sessions}) == len(router.sessions))
    needs_program("bgpctl")

    assert _checked(render(router), tmp_path) == 0


def test_without_the_file_of_the_key_openbgpd_refuses_to_start(tmp_path: Path) -> None:
    needs_program("bgpctl")

    assert _checked(render(FULL).replace("/etc/anyplane/", f"{tmp_path}/"), tmp_path) != 0


def _checked(text: str, directory: Path) -> int:
    path = directory / "bgpd.conf"
    path.write_text(text)
    path.chmod(0o600)
    return subprocess.run(
        ["/usr/sbin/bgpd", "-n", "-f", str(path)], capture_output=True, timeout=20, check=False
    ).returncode
