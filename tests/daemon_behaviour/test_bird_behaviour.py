"""Pins of what we rely on in BIRD 2 and BIRD 3; where one breaks, bgp/bird must be thought over."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

import anyio
import pytest
from namespaces import Host, Network, needs_namespaces, needs_program, wait_until
from receiver import Neighbor, Receiver

from anyplane.bgp.bird.connection import Connection
from anyplane.bgp.bird.protocol import Reply

BIRD3 = Path(__file__).parents[2] / ".cache" / "bird3" / "sbin" / "bird"
ONE, TWO = ip_network("198.51.100.0/24"), ip_network("203.0.113.0/24")
PIPE = (
    "protocol pipe anyplane_a {{ table anyplane4; peer table t_a; import none; export filter {{ {} }}; }}\n"
)
BOTH = PIPE.format("accept;")
MAIN = """\
router id 192.0.2.1;
attribute int anyplane_med;
protocol device {{ }}
ipv4 table anyplane4;
ipv4 table t_a;
protocol direct anyplane {{ interface "lo"; ipv4 {{ table anyplane4; {direct} }}; }}
protocol bgp a {{
  local 192.0.2.1 as 64500; neighbor 192.0.2.0 as 64510; connect delay time 0; graceful restart off;
  ipv4 {{
    table t_a; import none; {channel}
    export filter {{ if defined(anyplane_med) then bgp_med = anyplane_med; accept; }};
  }};
}}
"""


@dataclass
class Site:
    """A BIRD with two anchors, and an upstream."""

    host: Host
    version: int
    program: str
    receiver: Receiver

    @property
    def include(self) -> Path:
        return self.host.directory / "include.conf"

    def start(
        self, *, include: str = BOTH, direct: str = "", channel: str = "", is_joined: bool = True
    ) -> None:
        self.include.write_text(include)
        self.write(direct=direct, channel=channel)
        conf, ctl = self.host.directory / "bird.conf", self.host.directory / "bird.ctl"
        self.host.start(self.program, "-f", "-c", str(conf), "-s", str(ctl))
        wait_until(ctl.exists)
        wait_until(lambda: not is_joined or self.receiver.has_sessions(1))

    def write(self, *, direct: str = "", channel: str = "") -> None:
        text = MAIN.format(direct=direct, channel=channel)
        (self.host.directory / "bird.conf").write_text(f'{text}include "{self.include}";\n')

    def ask(self, command: str) -> Reply:
        async def whole() -> Reply:
            connection = Connection(str(self.host.directory / "bird.ctl"))
            try:
                return await connection.ask(command)
            finally:
                await connection.aclose()

        return anyio.run(whole)

    def counts(self) -> tuple[int, int]:
        """Updates and withdrawals that the upstream has received."""
        text = self.receiver.ask("show protocols all n0")
        updates, withdrawals = (
            next(line.split()[2] for line in text.splitlines() if f"Import {word}:" in line)
            for word in ("updates", "withdraws")
        )
        return int(updates), int(withdrawals)

    def holds(self, *prefixes: object) -> None:
        wait_until(lambda: self.receiver.prefixes() == set(prefixes))


@pytest.fixture(params=[2, 3])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """The network; BIRD is the test's to start."""
    needs_namespaces()
    needs_program("bird")
    if request.param == 3 and not BIRD3.exists():
        reason = "missing: BIRD 3; scripts/install-bird3.sh installs it"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    with Network() as network:
        host, up = network.host("site"), network.host("up")
        network.link(host, "192.0.2.1/31", up, "192.0.2.0/31")
        for prefix in (ONE, TWO):
            host.run("ip", "address", "add", str(prefix), "dev", "lo")
        extra = "passive on; hold time 9; error wait time 1, 2; connect delay time 1;"
        receiver = Receiver(up, 64510, [Neighbor("192.0.2.0", "192.0.2.1", extra=extra)])
        with contextlib.closing(receiver):
            yield Site(host, request.param, str(BIRD3) if request.param == 3 else "bird", receiver)


def test_a_pipe_whose_filter_changes_moves_only_what_it_says(site: Site) -> None:
    site.start()
    site.holds(ONE, TWO)
    updates, withdrawals = site.counts()

    site.include.write_text(PIPE.format(f"if net = {TWO} then accept; reject;"))
    assert site.ask("configure").code in (3, 4)
    site.holds(TWO)
    assert site.counts() == (updates, withdrawals + 1)

    site.include.write_text(PIPE.format(f"if net = {TWO} then bgp_path.prepend(64500); accept;"))
    site.ask("configure")
    site.holds(ONE, TWO)
    wait_until(lambda: site.receiver.routes()[TWO].as_path == (64500, 64500))
    assert site.counts() == (updates + 2, withdrawals + 1)


def test_a_direct_protocol_whose_filter_changes_withdraws_everything_for_a_moment(site: Site) -> None:
    """Why the filter is at a pipe. Should this fail, a pipe is no longer needed."""
    site.start(direct="import filter { accept; };")
    site.holds(ONE, TWO)
    _, withdrawals = site.counts()

    site.write(direct=f"import filter {{ if net = {TWO} then accept; reject; }};")
    site.ask("configure")
    site.holds(TWO)
    wait_until(lambda: site.counts()[1] >= withdrawals + 1)

    if site.version == 2:
        wait_until(lambda: site.counts()[1] == withdrawals + 2)


def test_export_table_loses_the_med_in_bird_2_and_nothing_shows_it(site: Site) -> None:
    """Why `export table` is not rendered, and why observe warns where an operator has it."""
    site.start(channel="export table on;", include=PIPE.format("anyplane_med = 50; accept;"))
    site.holds(ONE, TWO)

    assert site.receiver.routes()[ONE].med == (0 if site.version == 2 else 50)
    assert "med: 50" in site.ask("show route all export table a.ipv4").text.lower()


def test_without_export_table_bird_2_says_so_and_bird_3_shows_an_empty_one(site: Site) -> None:
    """Why observe asks for `exported`."""
    site.start()
    site.holds(ONE, TWO)
    reply = site.ask("show route export table a.ipv4")

    assert reply.is_refusal == (site.version == 2)
    assert str(ONE) not in reply.text
    assert str(ONE) in site.ask("show route table t_a exported a").text


def test_what_is_exported_ends_with_the_session(site: Site) -> None:
    site.start()
    site.holds(ONE, TWO)
    site.receiver.ask("disable n0")

    wait_until(lambda: str(ONE) not in site.ask("show route table t_a exported a").text)
    wait_until(lambda: "Administrative shutdown" in site.ask("show protocols all a").text)


def test_an_anchor_that_the_kernel_expires_is_withdrawn_alone(site: Site) -> None:
    site.start()
    site.holds(ONE, TWO)
    _, withdrawals = site.counts()

    site.host.run("ip", "address", "replace", str(ONE), "dev", "lo", "valid_lft", "1", "preferred_lft", "1")

    site.holds(TWO)
    assert site.counts()[1] == withdrawals + 1


def test_disable_works_when_the_file_is_broken_and_lasts_until_the_next_configure(site: Site) -> None:
    site.start()
    site.holds(ONE, TWO)
    site.include.write_text("nonsense")
    refused = site.ask("configure")
    assert refused.is_refusal
    assert f"{site.include}:1:1" in refused.text

    assert not site.ask('disable "anyplane*"').is_refusal
    site.holds()
    site.include.write_text(BOTH)
    site.ask("configure")
    wait_until(lambda: site.receiver.prefixes() == {ONE, TWO})


def test_a_constant_of_the_include_tells_what_runs(site: Site) -> None:
    site.start(is_joined=False, include=f"define ANYPLANE_GENERATION = 4294967295;\n{BOTH}")
    assert site.ask("eval ANYPLANE_GENERATION").text.strip() == "4294967295"

    site.include.write_text(BOTH)
    site.ask("configure")
    assert site.ask("eval ANYPLANE_GENERATION").is_refusal


def test_nothing_is_on_the_socket_but_replies(site: Site) -> None:
    site.start(is_joined=False)
    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(5)
        raw.connect(str(site.host.directory / "bird.ctl"))
        greeting = raw.recv(100)

    assert greeting.startswith(f"0001 BIRD {site.version}.".encode())
    assert site.ask("no such command").code == 9001
