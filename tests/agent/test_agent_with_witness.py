"""The whole agent with a witness: three rings that agree, and what is said when they do not."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from typing import Any

from namespaces import needs_namespaces, needs_program, wait_until
from scene import V4, V6, Scene

WITNESS = "127.0.0.1:1790"
METRICS = "127.0.0.1:9179"
STEERED = {"prepend": 1, "med": 50, "communities": ["64510:77"]}
STEERING = 'prepend: 1\n        med: 50\n        communities: ["64510:77"]'


@contextlib.contextmanager
def running(daemon: str) -> Iterator[Scene]:
    """A site whose design has a witness, and attributes for the upstream; announced, with its metrics on."""
    with Scene(daemon) as stage:
        site = stage.fra
        design = site.design.read_text().replace("daemon: {", f'daemon: {{witness: "{WITNESS}", ', 1)
        site.design.write_text(design.replace("- asn: 64510\n", f"- asn: 64510\n        {STEERING}\n", 1))
        site.start_daemon()
        site.start_server()
        site.start_agent("--metrics", METRICS)
        stage.wait_announced()
        yield stage


def rings(stage: Scene) -> list[tuple[Any, Any, Any]]:
    """Wanted, the daemon's table and the witness, of each route."""
    return [(one["wanted"], one["seen"], one["witness"]) for one in stage.fra.status()["routes"]]


def page(stage: Scene) -> str:
    """What an operator sees."""
    where = ("--site", stage.fra.name, "--run-dir", str(stage.fra.run_dir))
    done = subprocess.run(
        [sys.executable, "-m", "anyplane", "site", "status", *where],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.stdout + done.stderr


def metric(stage: Scene, name: str) -> float:
    """The sum of its samples."""

    def fetch() -> str:
        with urllib.request.urlopen(f"http://{METRICS}/metrics", timeout=5) as answer:
            found: bytes = answer.read()
            return found.decode()

    text = stage.fra.host.call(fetch)
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE))


def alarm(stage: Scene) -> str:
    """What the alarm about the witness says."""
    found: str = stage.fra.status()["alarms"].get("witness disagrees", "")
    return found


def reconfigured(stage: Scene, before: str, after: str) -> None:
    """Somebody edits bird.conf by hand and loads it."""
    conf = stage.fra.host.directory / "site.conf"
    text = conf.read_text()
    assert before in text
    conf.write_text(text.replace(before, after))
    control = stage.fra.plan.daemon.control
    assert "Reconfigur" in stage.fra.host.run("birdc", "-s", control, "configure")


def test_an_agent_shows_three_rings_and_says_when_the_third_is_not_as_the_others() -> None:
    needs_namespaces()
    needs_program("bird", "birdc", "unbound", "kdig")
    everywhere = [(STEERED, STEERED, STEERED)] * 2
    with running("bird2") as stage:
        wait_until(lambda: rings(stage) == everywhere, timeout=20, every=0.2)
        assert stage.receiver.routes()[V4].med == 50
        assert stage.fra.status()["alarms"] == {}
        assert {one["state"] for one in stage.fra.status()["witness"]} == {"up"}
        wait_until(lambda: metric(stage, "anyplane_route_witnessed") == 2, every=0.2)

        # BIRD 2.0.12 shows a MED in its table that it does not send where `export table` is on.
        reconfigured(stage, "export filter anyplane_out4;", "export filter anyplane_out4; export table on;")
        wait_until(lambda: "other attributes" in alarm(stage), timeout=20, every=0.2)
        (_, seen, witnessed), untouched = rings(stage)
        assert (seen["med"], witnessed["med"]) == (50, 0)
        assert stage.receiver.routes()[V4].med == 0
        assert stage.receiver.routes()[V6].med == 50
        assert untouched == everywhere[1]
        assert metric(stage, "anyplane_witness_disagreements") == 1
        assert "DIFFERS" in page(stage)
        assert re.search(r"warning.*witness disagrees", stage.fra.log)

        reconfigured(stage, " export table on;", "")
        wait_until(lambda: not alarm(stage), timeout=20, every=0.2)
        assert metric(stage, "anyplane_witness_disagreements") == 0

        # Somebody filters the upstream's session alone: then the table and the witness contradict each other.
        dropped = "filter { bgp_community.delete((64510, 77)); bgp_med = 50; accept; }"
        reconfigured(
            stage,
            "for BIRD 2.0.12 forgets the MED of every route in it.\n    export filter anyplane_out4;",
            f"\n    export {dropped};",
        )
        wait_until(lambda: "the daemon's table says otherwise" in alarm(stage), timeout=20, every=0.2)
        (_, seen, witnessed), _ = rings(stage)
        assert (seen["communities"], witnessed["communities"]) == ([], ["64510:77"])
        assert stage.receiver.routes()[V4].communities == frozenset()

        stage.fra.kill_server()
        wait_until(lambda: "withdrawal seen at the witness" in stage.fra.log, timeout=10)


def test_the_way_to_the_witness_is_there_with_the_agent_and_gone_with_it() -> None:
    """FRR needs the most of it: local routes, and the same prefixes in the main table for zebra."""
    needs_namespaces()
    needs_program("bgpd", "zebra", "vtysh", "bird", "unbound", "kdig")
    everywhere = [(STEERED, STEERED, STEERED)] * 2
    with running("frr") as stage:
        host = stage.fra.host
        wait_until(lambda: rings(stage) == everywhere, timeout=30, every=0.2)
        assert stage.fra.status()["alarms"] == {}
        host.run("ip", "-6", "route", "del", "local", "fd5a:6e79:706c::/64", "dev", "lo", "metric", "97")
        wait_until(lambda: "fd5a:6e79:706c::/64" in host.run("ip", "-6", "route", "show", "table", "local"))

        stage.fra.stop_agent()

        left = host.run("ip", "-4", "route", "show", "table", "all")
        left += host.run("ip", "-6", "route", "show", "table", "all")
        assert "127.90.0.0/16" not in left
        assert "fd5a:6e79:706c::/64" not in left
