"""The BGP daemons that a site may run: how each is started, told to read its file, and found when it is hurt.

ExaBGP is the agent's own child: it is found by the file that its speaker keeps for the dead man's order, and
the agent starts it anew.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import time
from pathlib import Path

from anyplane.bgp.bird import names
from anyplane.bgp.router import RouterPlan
from anyplane.design.operation import DaemonKind
from anyplane.lab import paths
from anyplane.lab.container.namespaces import Namespace
from anyplane.lab.container.processes import Process, Processes
from anyplane.lab.places.servers.serving import program
from anyplane.lab.places.site_daemon import SiteDaemon
from anyplane.model.errors import LabError

FRR = Path("/usr/lib/frr")


class BirdDaemon(SiteDaemon):
    """BIRD."""

    label = "bird"

    @property
    def _control(self) -> str:
        return self.plan.daemon.control or str(paths.bird_control(self._namespace.name))

    def _start(self) -> None:
        control = Path(self._control)
        control.unlink(missing_ok=True)
        if self.plan.daemon.include:
            Path(self.plan.daemon.include).parent.mkdir(parents=True, exist_ok=True)
        self._run((program("bird") or "bird", "-f", "-c", str(self.configuration), "-s", str(control)))
        self._await(control.exists, "bird")

    def _reload(self) -> None:
        self._tell(program("birdc") or "birdc", "-s", self._control, "configure")

    def begin_sessions_anew(self) -> None:
        """Else the wait after an error has doubled with each one of the last 300 s (1, 2, 4, 8, 10 s)."""
        for one in self.plan.sessions:
            self._tell(program("birdc") or "birdc", "-s", self._control, "restart", names.session(one))


class FrrDaemon(SiteDaemon):
    """FRR: zebra, bgpd and, where a session wants it, bfdd. A fault is bgpd's; zebra stays."""

    label = "bgpd"

    @property
    def _vty(self) -> Path:
        return (
            Path(self.plan.daemon.control).parent
            if self.plan.daemon.control
            else paths.frr_run(self._namespace.name)
        )

    def _start(self) -> None:
        self._vty.mkdir(mode=0o755, parents=True, exist_ok=True)
        has_bfd = any(one.bfd is not None for one in self.plan.sessions)
        for name in ("zebra", "bgpd", *(("bfdd",) if has_bfd else ())):
            if any(one.label == name and one.is_alive for one in self._running):
                continue
            socket_path = self._vty / f"{name}.vty"
            socket_path.unlink(missing_ok=True)
            module = ("-M", "rpki") if name == "bgpd" and self.plan.daemon.rtr else ()
            bfd = ("--bfdctl", str(self._vty / "bfdd.sock")) if name == "bfdd" else ()
            self._run(
                (
                    *(str(FRR / name), "-z", str(self._vty / "zserv.api"), *_frr_user(self._vty)),
                    *("--vty_socket", str(self._vty), "-i", str(self._vty / f"{name}.pid")),
                    *("-f", "/dev/null", "-P", "0", "--log", "stdout", *bfd, *module),
                ),
                label=name,
            )
            self._await(lambda path=socket_path: _listens(path), name)  # type: ignore[misc]  # bound now
        self._reload()

    def _reload(self) -> None:
        self._tell(program("vtysh") or "vtysh", "--vty_socket", str(self._vty), "-f", str(self.configuration))

    def _faulted(self) -> list[Process]:
        return [one for one in self._running if one.label == "bgpd"]


class GobgpDaemon(SiteDaemon):
    """GoBGP."""

    label = "gobgpd"
    has_fib = False

    def _start(self) -> None:
        control = self.plan.daemon.control or "127.0.0.1:50051"
        host = f"unix://{control}" if control.startswith("/") else control
        if control.startswith("/"):
            Path(control).unlink(missing_ok=True)
        self._run(
            (
                *(program("gobgpd") or "gobgpd", "-f", str(self.configuration)),
                *("--api-hosts", host, "--pprof-disable"),
            )
        )
        if control.startswith("/"):
            self._await(Path(control).exists, "gobgpd")

    def _reload(self) -> None:
        for one in self._running:
            one.send(signal.SIGHUP)


class OpenbgpdDaemon(SiteDaemon):
    """OpenBGPD: four processes that hang and end together. It needs its user, and so real root."""

    label = "openbgpd"
    has_fib = False

    def _write(self, text: str) -> None:
        super()._write(text)
        self.configuration.chmod(0o600)

    def _start(self) -> None:
        # "0 0 4294967295": all users of the machine are here. Without root there is one, and none to become.
        if Path("/proc/self/uid_map").read_text().split()[2] == "1":
            raise LabError(
                f"{self._namespace.name}: OpenBGPD gives up its rights to the user _openbgpd, which a lab "
                "without root does not have",
                hint="run the lab as root, or choose bird, exabgp, frr or gobgp for this site",
            )
        try:
            # Its children lock themselves into their user's home, which the package's service file makes.
            Path(pwd.getpwnam("_openbgpd").pw_dir).mkdir(mode=0o755, parents=True, exist_ok=True)
        except (KeyError, OSError) as error:
            raise LabError(
                f"{self._namespace.name}: OpenBGPD has no place to lock itself into: {error}",
                hint="OpenBGPD needs real root and its user _openbgpd; choose bird, exabgp, frr or gobgp",
            ) from None
        self._run((str(Path("/usr/sbin/bgpd")), "-d", "-f", str(self.configuration)))
        if self.plan.daemon.control:
            self._await(Path(self.plan.daemon.control).exists, "openbgpd")

    def _reload(self) -> None:
        where = ("-s", self.plan.daemon.control) if self.plan.daemon.control else ()
        self._tell(program("bgpctl") or "bgpctl", *where, "reload")


class ExabgpDaemon(SiteDaemon):
    """ExaBGP, the agent's own child."""

    label = "exabgp"
    has_fib = False

    @property
    def pid(self) -> int:
        """By the newest of the files that its speaker keeps; 0 when there is none."""
        # A lab's site may be told where; else the speaker chooses below the node's own /run.
        place = Path(self.plan.daemon.settings.get("directory", paths.RUN))
        mine = set(self._processes.pids(self._namespace.name))
        for path in sorted(place.glob("*/child"), key=lambda one: one.stat().st_mtime, reverse=True):
            with contextlib.suppress(OSError, ValueError, IndexError):
                if (pid := int(path.read_text().split()[0])) in mine:
                    return pid
        return 0

    def start(self) -> float:
        """The agent does."""
        return time.monotonic()

    def kill(self) -> float:
        """SIGKILL; the agent finds out, and starts another."""
        return self._signal(signal.SIGKILL)

    def hang(self) -> float:
        """It stands still (SIGSTOP); the agent ends it after two questions without an answer."""
        return self._signal(signal.SIGSTOP)

    def misconfigure(self) -> float:
        """It has no file that anybody else could break."""
        raise LabError(
            f"{self._namespace.name}: ExaBGP reads no file", hint="its agent holds its configuration"
        )

    def restore(self) -> float:
        """It goes on; or the agent has started another."""
        return self._signal(signal.SIGCONT)

    def restart(self) -> float:
        """It ends, and the agent starts another."""
        return self._signal(signal.SIGTERM)

    def stop(self) -> None:
        """It ends with the agent."""

    def _signal(self, number: int) -> float:
        at = time.monotonic()
        if pid := self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        return at


class MemoryDaemon(ExabgpDaemon):
    """None at all: a design that only rehearses."""

    label = "memory"

    @property
    def pid(self) -> int:
        """There is none."""
        return 0


_KINDS: dict[DaemonKind, type[SiteDaemon]] = {
    DaemonKind.BIRD: BirdDaemon,
    DaemonKind.FRR: FrrDaemon,
    DaemonKind.GOBGP: GobgpDaemon,
    DaemonKind.OPENBGPD: OpenbgpdDaemon,
    DaemonKind.EXABGP: ExabgpDaemon,
    DaemonKind.MEMORY: MemoryDaemon,
}


def daemon_of(plan: RouterPlan, *, processes: Processes, namespace: Namespace) -> SiteDaemon:
    """The daemon that the site's design names."""
    return _KINDS[plan.daemon.kind](plan, processes=processes, namespace=namespace)


def _frr_user(vty: Path) -> tuple[str, ...]:
    """As the package's user where there is one that we may give files to; else as ourselves."""
    try:
        shutil.chown(vty, "frr", "frr")
    except (LookupError, OSError):
        # FRR insists that whoever it runs as is in frrvty; without root that is number 0, too.
        return ("-u", "root", "-g", "frrvty")
    return ()


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        return connection.connect_ex(os.fspath(path)) == 0
