"""`anyplane agent` and `anyplane site` as processes, on the daemon that announces to nobody."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from namespaces import wait_until

ANYPLANE = str(Path(sys.executable).parent / "anyplane")
DESIGN = """\
version: 1
service: {{name: one, origin: 64500, prefixes: {{dns: [198.51.100.0/24], web: [203.0.113.0/24]}}}}
health:
  dns: {{interval: 100 ms, timeout: 50 ms, rise: 2, checks: [{{tcp: "127.0.0.1:{port}"}}]}}
  web: {{interval: 100 ms, timeout: 50 ms, rise: 2, checks: [{{tcp: "127.0.0.1:{port}"}}]}}
safety: {{drain: {{wait: 1 s}}}}
sites:
  fra:
    metro: FRA
    daemon: {{kind: memory, router_id: 192.0.2.1}}
    upstreams:
      - {{asn: 64510, session: {{neighbor: 192.0.2.0, local: 192.0.2.1}}}}
"""


class Machine:
    """A directory with a design, a server on this machine, and the commands."""

    def __init__(self, directory: Path, port: int) -> None:
        self.directory = directory
        self.design = directory / "design.yaml"
        self.text = DESIGN.format(port=port)
        self.design.write_text(self.text)
        self.log = directory / "log"

    def command(self, *options: str) -> list[str]:
        folders = ("--run-dir", str(self.directory), "--state-dir", str(self.directory))
        return [ANYPLANE, "agent", str(self.design), "--site", "fra", *folders, "--metrics", "", *options]

    def start(self, *options: str, **keywords: object) -> subprocess.Popen[bytes]:
        with self.log.open("wb") as log:
            return subprocess.Popen(self.command(*options), stderr=log, **keywords)  # type: ignore[call-overload,no-any-return]

    def site(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [ANYPLANE, "site", *words, "--run-dir", str(self.directory)],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    def status(self) -> dict[str, object]:
        done = self.site("status", "--json")
        assert done.returncode in (0, 1), done.stderr
        found: dict[str, object] = json.loads(done.stdout)
        return found

    def states(self) -> set[str]:
        return {one["state"] for one in self.status()["services"]}  # type: ignore[attr-defined]

    def said(self) -> str:
        return self.log.read_text()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(4096)  # nobody accepts, and a full queue would be a failure of the check
        yield Machine(tmp_path, server.getsockname()[1])


@contextmanager
def running(machine: Machine, *options: str, **keywords: object) -> Iterator[subprocess.Popen[bytes]]:
    process = machine.start(*options, **keywords)
    try:
        wait_until(lambda: machine.said().count("state=up") == 2, timeout=60)
        yield process
    finally:
        process.kill()
        process.wait(5)


def test_a_day_of_an_agent(machine: Machine) -> None:
    with running(machine) as process:
        shown = machine.site("status").stdout
        drained = machine.site("drain", "dns", "--force")
        again = machine.start()
        refused = again.wait(10)
        machine.site("undrain")
        wait_until(lambda: machine.states() == {"up"}, timeout=60)
        held = machine.site("blackhole", "add", "198.51.100.7", "--for", "1h")
        endless = machine.site("blackhole", "add", "198.51.100.7")
        explained = machine.site("explain", "dns").stdout
        process.send_signal(signal.SIGTERM)
        code = process.wait(5)
    past = subprocess.run(
        [ANYPLANE, "site", "history", "--state-dir", str(machine.directory), "--json"],
        capture_output=True, text=True,
    )  # fmt: skip
    gone = machine.site("status")

    assert max(len(line) for line in shown.splitlines()) <= 100
    assert "198.51.100.0/24" in shown
    assert drained.returncode == 0, drained.stdout + drained.stderr
    assert "draining" in drained.stdout
    assert "the daemon's table has none of 198.51.100.0/24" in drained.stdout
    assert refused == 2
    assert held.returncode == 0
    assert endless.returncode == 2
    assert "dns/v4 is UP" in explained
    assert code == 0
    kinds = {one["kind"] for one in json.loads(past.stdout)["facts"]}
    assert {"decision", "order", "wanted", "seen", "agent"} <= kinds
    assert gone.returncode == 4
    assert "start one" in gone.stderr
    assert "Traceback" not in machine.said()


def test_orders_outlive_the_agent(machine: Machine) -> None:
    with running(machine):
        assert machine.site("freeze").returncode == 0
        assert machine.site("blackhole", "add", "198.51.100.7", "--for", "1h").returncode == 0
        wait_until(lambda: "198.51.100.7" in (machine.directory / "fra.orders.json").read_text())
    process = machine.start()
    try:
        wait_until(
            lambda: (machine.directory / "fra.sock").exists() and machine.site("status").returncode != 4
        )
        orders = machine.status()["orders"]
        states = machine.states()
    finally:
        process.kill()
        process.wait(5)

    assert orders["is_frozen"] is True  # type: ignore[index]
    assert orders["blackholes"][0]["host"] == "198.51.100.7/32"  # type: ignore[index]
    assert states == {"frozen"}


def test_a_good_design_is_taken_and_a_bad_one_refused_while_the_old_goes_on(machine: Machine) -> None:
    with running(machine) as process:
        machine.design.write_text(machine.text.replace("rise: 2", "rise: 4"))
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: "design read" in machine.said())
        machine.design.write_text("version: 1\nservice: nonsense\n")
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: "design refused" in machine.said())
        refused = machine.status()
        machine.design.write_text(machine.text.replace(", web: [203.0.113.0/24]", ""))
        wait_until(lambda: machine.status()["design"]["refused"] != refused["design"]["refused"], timeout=60)  # type: ignore[index]
        still = machine.states()
        machine.design.write_text(machine.text)
        wait_until(lambda: not machine.status()["design"]["refused"], timeout=60)  # type: ignore[index]

    assert "nonsense" in refused["design"]["refused"]  # type: ignore[index]
    assert still == {"up"}


def test_an_agent_begins_on_the_accepted_copy_when_its_design_is_gone(machine: Machine) -> None:
    with running(machine):
        wait_until((machine.directory / "fra.accepted.yaml").exists)
    machine.design.unlink()
    with running(machine):
        found = machine.status()

    assert "cannot be read" in found["design"]["refused"]  # type: ignore[index]
    assert "design refused" in found["alarms"]  # type: ignore[operator]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--site", "far"), "did you mean fra?"),
        (("--metrics", "nowhere"), "ADDRESS:PORT"),
        (("--group", "no-such-group-here"), "no group"),
        (("--run-dir", "/proc/nothing"), "--run-dir"),
    ],
)
def test_what_cannot_begin_ends_with_2_and_says_why(
    machine: Machine, options: tuple[str, ...], complaint: str
) -> None:
    done = subprocess.run(machine.command(*options), capture_output=True, text=True, timeout=60)

    assert done.returncode == 2
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


def test_a_design_with_a_fault_ends_with_2_and_points_at_it(machine: Machine) -> None:
    machine.design.write_text(machine.text.replace("asn: 64510", "asn: many"))
    done = subprocess.run(machine.command(), capture_output=True, text=True, timeout=60)

    assert done.returncode == 2
    assert "design.yaml:" in done.stderr


def test_who_may_not_speak_to_the_agent_is_told_what_to_do(machine: Machine) -> None:
    if os.geteuid() != 0:
        pytest.skip("changing the user needs root")
    with running(machine):
        for path in [machine.directory, *machine.directory.parents][:3]:
            path.chmod(0o755)
        leave = "import anyplane.agent.client, os\nos.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        script = (
            "import sys; from pathlib import Path; from anyplane.agent import client\n"
            "try: client.ask(Path(sys.argv[1]), {'do': 'status'})\n"
            "except Exception as error: print(type(error).__name__, error)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", leave + script,
             str(machine.directory / "fra.sock")],
            capture_output=True, text=True,
        )  # fmt: skip

    assert "AgentUnreachable you may not speak to the agent" in done.stdout, done.stdout + done.stderr
    assert "join that group" in done.stdout


def test_a_full_disk_stops_no_decision_and_is_said(machine: Machine) -> None:
    def small() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    with running(machine, preexec_fn=small) as process:
        wait_until(lambda: "alarm=journal" in machine.said(), timeout=60)
        states = machine.states()
        process.send_signal(signal.SIGTERM)
        code = process.wait(8)

    assert states == {"up"}
    assert code == 0


def test_a_dry_run_leaves_no_file_and_no_socket(machine: Machine) -> None:
    process = machine.start("--dry-run")
    try:
        wait_until(lambda: machine.said().count("state=up") == 2, timeout=60)
        files = {path.name for path in machine.directory.iterdir()}
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(5)

    assert files == {"design.yaml", "log"}
    assert code == 0


def test_an_upgrade_keeps_the_process_and_comes_back(machine: Machine) -> None:
    with running(machine) as process:
        done = machine.site("upgrade")
        alive = process.poll() is None

    assert done.returncode == 0, done.stderr
    assert "runs, for" in done.stdout
    assert "ends with the agent" in done.stderr
    assert alive


def test_render_knows_its_daemons_and_memory_is_none(machine: Machine) -> None:
    command = [ANYPLANE, "render", str(machine.design), "--site", "fra"]
    good = subprocess.run([*command, "--daemon", "bird"], capture_output=True, text=True, timeout=60)
    bad = subprocess.run([*command, "--daemon", "quagga"], capture_output=True, text=True, timeout=60)
    none = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert good.returncode == 0
    assert "198.51.100.0/24" in good.stdout
    assert (bad.returncode, none.returncode) == (2, 2)
    assert "bird, frr" in bad.stderr


def test_a_second_interrupt_ends_it_at_once(machine: Machine) -> None:
    with running(machine) as process:
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        code = process.wait(5)

    assert time.monotonic() - began < 2
    assert code in (0, 130)


def test_an_idle_agent_is_small(machine: Machine) -> None:
    with running(machine) as process:
        status = Path(f"/proc/{process.pid}/status").read_text()
    resident = int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])

    assert resident < 90_000
