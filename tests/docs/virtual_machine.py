"""VirtualMachine: a machine for a tutorial, made of namespaces; what is installed in it is gone with it.

Its network, its processes, /run, /etc and /var/lib are its own. `systemctl` is a stand-in: it starts and
stops the programs that the units name, the agent with the unit's user, capabilities, watchdog and restart.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "packaging/systemd/anyplane-agent@.service"
ENTER = """
mount --bind {own}/etc /etc && mount --bind {own}/lib /var/lib && mount -t tmpfs own /run
mount --make-rprivate / && mkdir -p /run/units && ip link set lo up && touch {own}/ready
while :; do sleep 1; done   # bash reaps what its children leave behind, as init does
"""


class VirtualMachine:
    """`run(command)` is a line typed into its root shell."""

    def __init__(self) -> None:
        self._inside = ("--net", "--mount", "--pid", f"--wd={ROOT}")
        self.own = Path(tempfile.mkdtemp(prefix="anyplane-vm-"))
        self.own.chmod(0o755)
        subprocess.run(["cp", "-a", "/etc", str(self.own / "etc")], check=True)
        (self.own / "lib").mkdir()
        if Path("/var/lib/unbound").exists():
            subprocess.run(["cp", "-a", "/var/lib/unbound", str(self.own / "lib")], check=True)
        (self.own / "bin").mkdir()
        for name, text in (("systemctl", self._systemctl()), ("anyplane", self._anyplane())):
            (self.own / "bin" / name).write_text(text)
            (self.own / "bin" / name).chmod(0o755)
        shell = ("bash", "-ec", ENTER.format(own=self.own))
        self._init = subprocess.Popen(
            ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", *shell],
            stdin=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 10
        while not (self.own / "ready").exists():
            if time.monotonic() >= deadline or self._init.poll() is not None:
                self.__exit__()
                raise AssertionError("the machine does not start")
            time.sleep(0.01)
        children = Path(f"/proc/{self._init.pid}/task/{self._init.pid}/children").read_text()
        self._pid = children.split()[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._init.kill()
        self._init.wait(10)
        shutil.rmtree(self.own, ignore_errors=True)

    def run(self, command: str, *, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """One command, typed in the folder of the source archive; standard error goes to the output."""
        path = f"{self.own}/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        with tempfile.TemporaryFile("w+") as output:
            # A daemon that a command leaves behind keeps its output open: a pipe would never end.
            done = subprocess.run(
                ["nsenter", f"--target={self._pid}", *self._inside, "bash", "-c", command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=timeout,
                env={**os.environ, "PATH": path, "COLUMNS": "200"},
            )
            output.seek(0)
            return subprocess.CompletedProcess(command, done.returncode, output.read(), "")

    def log(self) -> str:
        """What the units wrote."""
        return self.run("tail -n 40 /run/units/*.log").stdout

    def _anyplane(self) -> str:
        return f'#!/bin/sh\nPYTHONPATH={ROOT}/src exec {sys.executable} -m anyplane "$@"\n'

    def _systemctl(self) -> str:
        unit = UNIT.read_text()
        started = re.search(r"^ExecStart=(?:/usr/bin/)(anyplane agent .*)$", unit, re.MULTILINE)
        capabilities = re.search(r"^AmbientCapabilities=(.*)$", unit, re.MULTILINE)
        watchdog = re.search(r"^WatchdogSec=(\d+)$", unit, re.MULTILINE)
        assert started
        assert capabilities
        assert watchdog
        words = started[1].replace("${ANYPLANE_DESIGN}", "/etc/anyplane/design.yaml").replace("%i", "fra")
        held = ",".join("+" + one.lower().removeprefix("cap_") for one in capabilities[1].split())
        # Where the interpreter lies in a closed home directory, root without rights takes the user's place.
        return SYSTEMCTL.format(
            agent=words, held=held, watchdog=watchdog[1], python=sys.executable, bin=self.own / "bin"
        )


SYSTEMCTL = """#!/bin/bash
# systemctl VERB [options] UNIT, for the units that the tutorial knows.
unit=${{@: -1}}; unit=${{unit%.service}}; verb=$1; signal=TERM
[ $verb = service-watchdogs ] && {{ echo $2 >/run/units/watchdogs; exit; }}
[ "$2" = -s ] && signal=$3
pid=/run/units/$unit.pid; log=/run/units/$unit.log
end() {{
  [ -f $pid ] && kill $(cat $pid) && while kill -0 $(cat $pid); do sleep 0.05; done
  rm -f $pid
}} 2>/dev/null
begin() {{
  case $unit in
  bird) /usr/lib/bird/prepare-environment && bird -p || exit 1
    setsid bird -f -u bird -g bird >>$log 2>&1 & echo $! >$pid ;;
  unbound)
    /usr/libexec/unbound-helper root_trust_anchor_update
    # Without the package dns-root-data, which Debian installs with unbound, there is no trust anchor.
    [ -e /var/lib/unbound/root.key ] || rm -f /etc/unbound/unbound.conf.d/root-auto-trust-anchor-file.conf
    setsid unbound -d -p >>$log 2>&1 & echo $! >$pid ;;
  anyplane-agent@fra)
    install -d -o anyplane -g anyplane /run/anyplane /var/lib/anyplane
    caps="--inh-caps -all,{held} --bounding-set -all,{held} --ambient-caps -all,{held}"
    user=anyplane
    # Asked through a shell: setpriv itself still has every right when it looks for the program.
    setpriv --reuid anyplane --clear-groups $caps sh -c '{python} -c 1' 2>/dev/null || user=root
    chown $user /run/anyplane /var/lib/anyplane
    groups=$(id -G anyplane | tr ' ' ,)
    setsid bash -c '
      while :; do
        setpriv --reuid '$user' --regid anyplane --groups '$groups' '"$caps"' env PATH=$PATH {agent} &
        echo $! >/run/units/main.pid; wait $!; sleep 0.1
      done' >>$log 2>&1 & echo $! >$pid
    setsid bash -c 'while sleep {watchdog}; do   # the watchdog: here it looks whether the agent is stopped
      grep -qs no /run/units/watchdogs && continue
      grep -q "^State:.T" /proc/$(cat /run/units/main.pid)/status && kill -KILL $(cat /run/units/main.pid)
    done' >/dev/null 2>&1 & echo $! >/run/units/watchdog.pid ;;
  *) echo "no unit $unit" >&2; exit 5 ;;
  esac
}}
finish() {{
  if [ $unit = anyplane-agent@fra ]; then
    kill -KILL $(cat $pid /run/units/watchdog.pid); main=$(cat /run/units/main.pid)
    kill $main; while kill -0 $main 2>/dev/null; do sleep 0.05; done; rm $pid
  else end; fi
}}
case $verb in
start) begin ;;
enable) begin ;;
stop|disable) finish ;;
restart) end; begin ;;
kill) if [ $unit = anyplane-agent@fra ]; then kill -s $signal $(cat /run/units/main.pid)
  else kill -s $signal $(cat $pid); fi ;;
*) echo "systemctl $verb?" >&2; exit 1 ;;
esac
"""
