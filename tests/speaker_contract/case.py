"""Case: one BGP daemon as the contract suite sees it; how to start, kill, freeze and break the real one.

How to add a daemon: write cases/<daemon>.py with a subclass of Case and one line `CASES = (MyCase(),)`
(several for several versions). Nothing else; conftest.py finds it, and every test of the suite runs against
it.

    class ExampleCase(Case):
        name = "example"                                   # the id of the test's parameter
        programs = ("exampled",)                           # missing: skipped, a failure in CI

        def daemon(self, site: Host) -> Daemon:            # of the RouterPlan; paths in site.directory
            return Daemon(kind=DaemonKind.BIRD, control=str(site.directory / "example.ctl"))

        def start(self, site: Host, plan: RouterPlan) -> None:
            conf = site.directory / "example.conf"
            conf.write_text(render(plan))                  # the *rendered* configuration, nothing else
            self.process = site.start("exampled", "-c", str(conf))
            wait_until(lambda: Path(plan.daemon.control).exists())

What the suite does with it (stage.py): one network per daemon for all tests: host `site`, and two upstreams
that are real BIRDs (AS 64510 with an IPv4 and an IPv6 session, AS 64520 with IPv4 only), which wait for our
router to connect. Before each test a dead or dirty daemon is started again and the receivers are empty.
Every test body is a coroutine that runs in a thread *inside* the site's namespace, so that a speaker may
connect to 127.0.0.1 or start its daemon as a child (then `start` does nothing, `pid` asks the speaker, and
`is_child = True`).

Anchors: when `speaker.capabilities.has_lease`, the stage keeps an address on lo for every prefix of the
plan, as the agent does for the wanted ones, except in the tests about restarts, which take them away as a
reboot does.

Hooks with a default that may be wrong for your daemon: stop, pid, break_config, mend_config, lost.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace

from namespaces import Host, frozen

from anyplane.bgp.router import RouterPlan
from anyplane.bgp.speaker import Speaker
from anyplane.bgp.speakers import open_speaker
from anyplane.design.operation import Daemon


class Case:
    """See the module's text; override what differs."""

    name: str
    programs: tuple[str, ...] = ()
    is_wired = True
    """False: no daemon and no network, as for the fake; what it observes is taken as what was received."""
    is_child = False
    """The speaker starts the daemon itself, at its first call."""
    process: subprocess.Popen[bytes] | None = None

    def needs(self) -> None:
        """Skip with the reason (fail in CI) where something other than a program on PATH is missing."""

    def daemon(self, site: Host) -> Daemon:
        """The daemon's part of the plan: kind, control socket, include, settings."""
        raise NotImplementedError

    def start(self, site: Host, plan: RouterPlan) -> None:
        """Start the real daemon with the rendered configuration; return when its control channel answers."""

    def stop(self, site: Host) -> None:
        """Kill it, as a crash would; what it leaves on disk stays, but for sockets that block a restart."""
        if self.process is not None:
            site.stop(self.process)
            self.process = None

    def speaker(self, plan: RouterPlan) -> Speaker:
        """What is under test."""
        return open_speaker(plan)

    def pid(self, speaker: Speaker) -> int:
        """The daemon's process."""
        assert self.process is not None
        return self.process.pid

    def kill(self, site: Host, speaker: Speaker) -> None:
        """SIGKILL in the middle of a test."""
        if self.is_child:
            os.kill(self.pid(speaker), signal.SIGKILL)
        else:
            self.stop(site)

    @contextlib.contextmanager
    def hung(self, speaker: Speaker) -> Iterator[None]:
        """The daemon does not answer inside the `with` (SIGSTOP)."""
        with frozen(self.pid(speaker)):
            yield

    def lost(self, plan: RouterPlan) -> RouterPlan:
        """The plan of a site whose daemon is not there: its channel leads nowhere, or it cannot start."""
        return replace(plan, daemon=replace(plan.daemon, control=f"{plan.daemon.control}.absent"))

    def break_config(self, site: Host, plan: RouterPlan) -> bool:
        """Damage its configuration file as somebody else might; False: it has none that matters."""
        return False

    def mend_config(self, site: Host, plan: RouterPlan) -> None:
        """Undo break_config."""
