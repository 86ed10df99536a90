"""OpenBGPD: bgpd of the system, steered with bgpctl."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from case import Case
from namespaces import Host
from openbgpd import Openbgpd, socket_of

from anyplane.bgp.openbgpd import render
from anyplane.bgp.router import RouterPlan
from anyplane.bgp.speaker import Speaker
from anyplane.design.operation import Daemon, DaemonKind


class OpenbgpdCase(Case):
    """bgpd is four processes; they hang together, and end together."""

    name = "openbgpd"
    programs = ("bgpctl",)
    openbgpd: Openbgpd | None = None

    def daemon(self, site: Host) -> Daemon:
        return Daemon(kind=DaemonKind.OPENBGPD, control=str(socket_of(site)))

    def start(self, site: Host, plan: RouterPlan) -> None:
        self.openbgpd = Openbgpd(site, render(plan))
        self.process = self.openbgpd.process

    @contextmanager
    def hung(self, speaker: Speaker) -> Iterator[None]:
        assert self.openbgpd is not None
        pids = self.openbgpd.pids()
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def break_config(self, site: Host, plan: RouterPlan) -> bool:
        """The file is broken, and somebody has asked bgpd to read it: it says no, and goes on."""
        assert self.openbgpd is not None
        self.openbgpd.write(render(plan) + "nonsense here\n")
        self.openbgpd.bgpctl("reload", check=False)
        return True

    def mend_config(self, site: Host, plan: RouterPlan) -> None:
        assert self.openbgpd is not None
        self.openbgpd.write(render(plan))
        self.openbgpd.bgpctl("reload")


CASES = (OpenbgpdCase(),)
