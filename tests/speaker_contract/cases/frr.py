"""FRR: zebra and bgpd of the system, steered over bgpd.vty."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from case import Case
from frr import Frr
from namespaces import Host

from anyplane.bgp.frr import render
from anyplane.bgp.router import RouterPlan
from anyplane.bgp.speaker import Speaker
from anyplane.design.operation import Daemon, DaemonKind


class FrrCase(Case):
    """zebra stays when bgpd is killed, as on a router; bgpd forgets the agent's lines."""

    name = "frr"
    programs = ("bgpd", "zebra", "vtysh")
    frr: Frr | None = None

    def daemon(self, site: Host) -> Daemon:
        return Daemon(kind=DaemonKind.FRR, control=str(site.directory / "frr" / "bgpd.vty"))

    def start(self, site: Host, plan: RouterPlan) -> None:
        conf = render(plan)
        if self.frr is None or self.frr.host is not site:
            self.frr = Frr(site, conf)
        else:
            self.frr.conf.write_text(conf)
            self.frr.restart_bgpd()
        self.process = self.frr.processes["bgpd"]

    def lost(self, plan: RouterPlan) -> RouterPlan:
        absent = Path(plan.daemon.control).parent.with_name("absent") / "bgpd.vty"
        return replace(plan, daemon=replace(plan.daemon, control=str(absent)))

    def pid(self, speaker: Speaker) -> int:
        assert self.frr is not None
        return self.frr.bgpd_pid

    def break_config(self, site: Host, plan: RouterPlan) -> bool:
        """The file is broken, and somebody has read it in: vtysh refuses the lines, bgpd goes on."""
        assert self.frr is not None
        self.frr.conf.write_text(render(plan) + "router bgp 64500\n nonsense here\n")
        with suppress(AssertionError):
            self.frr.load()
        return True

    def mend_config(self, site: Host, plan: RouterPlan) -> None:
        assert self.frr is not None
        self.frr.conf.write_text(render(plan))
        with suppress(AssertionError):  # it complains of `bgp graceful-restart-disable` said twice
            self.frr.load()


CASES = (FrrCase(),)
