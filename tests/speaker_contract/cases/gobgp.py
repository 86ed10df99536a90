"""GoBGP 3 from Debian, and GoBGP 4 from where scripts/install-gobgp4.sh puts it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from case import Case
from namespaces import Host, wait_until

from anyplane.bgp.gobgp import render
from anyplane.bgp.router import RouterPlan
from anyplane.design.operation import Daemon, DaemonKind

ROOT = Path(__file__).resolve().parents[3]
GOBGP4 = ROOT / ".cache" / "gobgp4" / "usr" / "bin" / "gobgpd"


class GobgpCase(Case):
    def __init__(self, name: str, binary: str) -> None:
        self.name = name
        self.binary = binary

    def needs(self) -> None:
        if "/" not in self.binary or Path(self.binary).exists():
            return
        reason = "GoBGP 4 is missing; scripts/install-gobgp4.sh installs it"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)

    def daemon(self, site: Host) -> Daemon:
        return Daemon(kind=DaemonKind.GOBGP, control=str(site.directory / f"{self.name}.sock"))

    def start(self, site: Host, plan: RouterPlan) -> None:
        conf = site.directory / f"{self.name}.conf"
        conf.write_text(render(plan))
        socket = Path(plan.daemon.control)
        socket.unlink(missing_ok=True)
        self.process = site.start(
            self.binary, "-f", str(conf), "--api-hosts", f"unix://{socket}", "--pprof-disable"
        )
        wait_until(socket.exists)


class Gobgp3Case(GobgpCase):
    programs = ("gobgpd",)


CASES = (Gobgp3Case("gobgp3", "gobgpd"), GobgpCase("gobgp4", str(GOBGP4)))
