"""Frr: zebra, bgpd and bfdd of the system's FRR in one test host, with sockets of their own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

from namespaces import Host, wait_until

_PROGRAMS = Path("/usr/lib/frr")


class Frr:
    """FRR on `host` with `conf` (a whole frr.conf); `vty` is the directory with bgpd.vty in it.

    The daemons run as the frr user, as the package has them, in directories that they own.
    """

    def __init__(self, host: Host, conf: str, *, bgpd_options: tuple[str, ...] = ()) -> None:
        self.host = host
        self.vty = host.directory / "frr"
        self.vty.mkdir(mode=0o755)
        shutil.chown(self.vty, "frr", "frr")
        self.conf = host.directory / "frr.conf"
        self.conf.write_text(conf)
        self.conf.chmod(0o644)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._bgpd_options = bgpd_options
        self.start("zebra")
        self.start("bgpd", *bgpd_options)
        if "bfd" in conf:
            self.start("bfdd")
        self.load()

    def start(self, name: str, *options: str) -> None:
        """One daemon, up to the point where it answers; it has no configuration yet."""
        (self.vty / f"{name}.vty").unlink(missing_ok=True)
        zebra = ("-z", str(self.vty / "zserv.api"))
        bfd = ("--bfdctl", str(self.vty / "bfdd.sock")) if name == "bfdd" else ()
        process = self.host.start(
            str(_PROGRAMS / name),
            *zebra,
            *("--vty_socket", str(self.vty), "-i", str(self.vty / f"{name}.pid")),
            *("-f", "/dev/null", "-P", "0", "--log", "stdout", *bfd, *options),
            log=f"{name}.log",
        )
        self.processes[name] = process
        wait_until(lambda: _answers(self.vty / f"{name}.vty"))

    def load(self, conf: str | None = None) -> None:
        """The configuration as `vtysh -b` reads it at a start."""
        if conf is not None:
            self.conf.write_text(conf)
        self.vtysh("-f", str(self.conf))

    def restart_bgpd(self, *, with_conf: bool = True) -> None:
        """bgpd killed and started again, with the configuration file as it stands."""
        self.host.stop(self.processes["bgpd"])
        self.start("bgpd", *self._bgpd_options)
        if with_conf:
            self.load()

    def vtysh(self, *words: str) -> str:
        """The output of vtysh with these arguments."""
        return self.host.run("vtysh", "--vty_socket", str(self.vty), *words)

    @property
    def bgpd_pid(self) -> int:
        """For signals."""
        return int((self.vty / "bgpd.pid").read_text())


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        return connection.connect_ex(os.fspath(path)) == 0
