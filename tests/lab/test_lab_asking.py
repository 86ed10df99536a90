"""Questions as a user of the lab asks them: through real namespaces, of a real server."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from namespaces import Host, Network, needs_namespaces, needs_program

SERVICE4, SERVICE6 = "198.51.100.53", "2001:db8:53::53"
KNOT = """
server:
    rundir: {directory}
    listen: [{v4}@53, {v6}@53]
    identity: madrid
    nsid: madrid-1
    user: root:root
database:
    storage: {directory}
"""


@pytest.fixture(scope="module")
def network() -> Iterator[dict[str, Host]]:
    """client - router - site, whose Knot answers on service addresses."""
    needs_namespaces()
    needs_program("knotd")
    with Network() as made:
        hosts = {name: made.host(name) for name in ("client", "router", "site")}
        names = list(hosts)
        for number, (a, b) in enumerate(itertools.pairwise(names)):
            ends = [[f"10.0.{number}.{end}/31", f"fd00:1{number}::{end}/127"] for end in (0, 1)]
            made.link(hosts[a], ends[0], hosts[b], ends[1])
        for number, host in enumerate(hosts.values()):
            host.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
            if number < 2:
                for to, via in (("default", f"10.0.{number}.1"), ("default", f"fd00:1{number}::1")):
                    host.run("ip", *(["-6"] if ":" in via else []), "route", "add", to, "via", via)
            for target in range(number - 1):
                host.run("ip", "route", "add", f"10.0.{target}.0/31", "via", f"10.0.{number - 1}.0")
                host.run("ip", "-6", "route", "add", f"fd00:1{target}::/127", "via", f"fd00:1{number - 1}::")
        site = hosts["site"]
        site.run("ip", "address", "add", f"{SERVICE4}/32", "dev", "lo")
        site.run("ip", "address", "add", f"{SERVICE6}/128", "dev", "lo", "nodad")
        conf = site.directory / "knot.conf"
        conf.write_text(KNOT.format(directory=site.directory, v4=SERVICE4, v6=SERVICE6))
        site.start("knotd", "-c", str(conf))
        yield hosts


def asked(host: Host, **errand: object) -> dict[str, object]:
    """The outcome of one errand that starts in this namespace."""
    one = {"namespace": f"/run/netns/{host.name}", "source": "", "timeout_s": 1.0, **errand}
    done = subprocess.run(
        [sys.executable, "-m", "anyplane.lab.probes.asking"],
        input=json.dumps({"errands": [one]}),
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
        cwd=Path(__file__).parents[2],
        env=os.environ,
    )
    (outcome,) = json.loads(done.stdout)
    return dict(outcome)


@pytest.mark.parametrize("server", [SERVICE4, SERVICE6])
def test_the_server_says_who_it_is_and_how_long_that_took(network: dict[str, Host], server: str) -> None:
    for _ in range(20):
        found = asked(network["client"], server=server)
        if not found["error"]:
            break

    assert (found["rcode"], found["texts"], found["nsid"]) == ("NOERROR", ["madrid"], "madrid-1")
    assert isinstance(found["rtt_ms"], float)
    assert 0 < found["rtt_ms"] < 500


def test_what_went_wrong_is_said_in_words(network: dict[str, Host]) -> None:
    nothing = asked(network["client"], server="10.0.1.0", tries=1)
    foreign = asked(network["client"], server=SERVICE4, source="192.0.2.9")
    nonsense = asked(network["client"], server=SERVICE4, name="a..b")

    assert nothing["error"] == "refused: nothing listens there"
    assert foreign["error"] == "the node lacks the address that it should ask from"
    assert str(nonsense["error"]).startswith("the question makes no sense")
