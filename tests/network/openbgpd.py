"""Openbgpd: the system's OpenBGPD in one test host, with a control socket of its own."""

from __future__ import annotations

import json
import pwd
import subprocess
from pathlib import Path

from namespaces import Host, wait_until


class Openbgpd:
    """bgpd of OpenBGPD on `host` with `conf`, which must say `socket "<directory>/openbgpd.sock"`."""

    def __init__(self, host: Host, conf: str) -> None:
        self.host = host
        self.socket = socket_of(host)
        self.conf = host.directory / "openbgpd.conf"
        self.write(conf)
        self.start()

    def write(self, conf: str) -> None:
        """The configuration file; bgpd insists that nobody else may read it."""
        self.conf.write_text(conf)
        self.conf.chmod(0o600)

    def start(self) -> None:
        """The daemon, up to the point where it answers."""
        # Its children lock themselves into their user's home, which the package's service file makes.
        Path(pwd.getpwnam("_openbgpd").pw_dir).mkdir(mode=0o755, exist_ok=True)
        self.process = self.host.start("/usr/sbin/bgpd", "-d", "-f", str(self.conf), log="openbgpd.log")
        wait_until(self.answers)

    def answers(self) -> bool:
        """Does bgpctl get through?"""
        try:
            return "neighbors" in json.loads(self.bgpctl("-j", "show", "summary", check=False))
        except ValueError:
            return False

    def restart(self) -> None:
        """Killed with its children, and started again."""
        self.host.stop(self.process)
        self.start()

    def bgpctl(self, *words: str, check: bool = True) -> str:
        """The output of bgpctl."""
        return self.host.run("bgpctl", "-s", str(self.socket), *words, check=check)

    def pids(self) -> tuple[int, ...]:
        """The daemon and its children (the session engine, the decision engine, the RTR engine)."""
        done = subprocess.run(
            ["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=False
        )
        return (self.process.pid, *(int(pid) for pid in done.stdout.split()))


def socket_of(host: Host) -> Path:
    """Where the control socket of a host's bgpd is."""
    return host.directory / "openbgpd.sock"
