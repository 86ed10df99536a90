"""The fake under the same contract as the real daemons."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from case import Case
from namespaces import Host

from anyplane.bgp.memory import MemorySpeaker
from anyplane.bgp.router import RouterPlan
from anyplane.bgp.speaker import Speaker
from anyplane.design.operation import Daemon, DaemonKind
from anyplane.model.errors import SpeakerUnreachable


class _Lost(MemorySpeaker):
    def __init__(self, plan: RouterPlan) -> None:
        super().__init__(plan)
        if plan.daemon.control:
            self.fault = SpeakerUnreachable("memory", "nobody is there")


class MemoryCase(Case):
    """Nothing is started; faults are set."""

    name = "memory"
    is_wired = False
    is_child = True

    def daemon(self, site: Host) -> Daemon:
        return Daemon(kind=DaemonKind.MEMORY)

    def speaker(self, plan: RouterPlan) -> Speaker:
        return _Lost(plan)

    def kill(self, site: Host, speaker: Speaker) -> None:
        assert isinstance(speaker, MemorySpeaker)
        speaker.fault = SpeakerUnreachable("memory", "it died")
        speaker.routes = frozenset()

    @contextlib.contextmanager
    def hung(self, speaker: Speaker) -> Iterator[None]:
        assert isinstance(speaker, MemorySpeaker)
        speaker.fault = SpeakerUnreachable("memory", "it hangs")
        yield
        speaker.fault = None


CASES = (MemoryCase(),)
