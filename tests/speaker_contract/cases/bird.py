"""BIRD 2 from Debian, and BIRD 3 from scripts/install-bird3.sh, each with the rendered configuration."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from case import Case
from namespaces import Host, wait_until

from anyplane.bgp.bird import render
from anyplane.bgp.router import RouterPlan
from anyplane.design.operation import Daemon, DaemonKind

BIRD3 = Path(__file__).parents[3] / ".cache" / "bird3" / "sbin" / "bird"


class BirdCase(Case):
    """One binary."""

    def __init__(self, name: str, program: str) -> None:
        self.name = name
        self.program = program

    def needs(self) -> None:
        if self.program.startswith("/") and not Path(self.program).exists():
            reason = "missing: BIRD 3; scripts/install-bird3.sh installs it"
            if os.environ.get("CI") == "true":
                pytest.fail(reason)
            pytest.skip(reason)

    def daemon(self, site: Host) -> Daemon:
        (site.directory / "run").mkdir(exist_ok=True)
        return Daemon(
            kind=DaemonKind.BIRD,
            control=str(site.directory / "bird.ctl"),
            include=str(site.directory / "run" / "bird.conf"),
        )

    def start(self, site: Host, plan: RouterPlan) -> None:
        Path(plan.daemon.control).unlink(missing_ok=True)
        self.mend_config(site, plan)
        conf = str(site.directory / "site.conf")
        self.process = site.start(self.program, "-f", "-c", conf, "-s", plan.daemon.control, log="site.log")
        wait_until(Path(plan.daemon.control).exists)

    def stop(self, site: Host) -> None:
        super().stop(site)
        (site.directory / "bird.ctl").unlink(missing_ok=True)

    def break_config(self, site: Host, plan: RouterPlan) -> bool:
        conf = site.directory / "site.conf"
        conf.write_text(conf.read_text() + "\nprotocol nonsense {\n")
        return True

    def mend_config(self, site: Host, plan: RouterPlan) -> None:
        (site.directory / "site.conf").write_text(render(plan))


CASES = (BirdCase("bird2", "bird"), BirdCase("bird3", str(BIRD3)))
