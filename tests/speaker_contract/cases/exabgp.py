"""ExaBGP 5, which the speaker starts itself."""

from __future__ import annotations

from dataclasses import replace

from case import Case
from namespaces import Host

from anyplane.bgp.exabgp import ExabgpSpeaker
from anyplane.bgp.router import RouterPlan
from anyplane.bgp.speaker import Speaker
from anyplane.design.operation import Daemon, DaemonKind


class ExabgpCase(Case):
    name = "exabgp"
    is_child = True

    def daemon(self, site: Host) -> Daemon:
        return Daemon(kind=DaemonKind.EXABGP, settings={"directory": str(site.directory)})

    def pid(self, speaker: Speaker) -> int:
        assert isinstance(speaker, ExabgpSpeaker)
        assert speaker.pid
        return speaker.pid

    def lost(self, plan: RouterPlan) -> RouterPlan:
        """Its key cannot be read, so that ExaBGP cannot be started."""
        sessions = tuple(replace(one, password_file="/nonexistent/key") for one in plan.sessions)
        return replace(plan, sessions=sessions)


CASES = (ExabgpCase(),)
