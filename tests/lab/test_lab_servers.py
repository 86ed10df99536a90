"""The servers of a PoP answer as their site over UDP and TCP, IPv4 and IPv6, also when they are hurt."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dns.edns
import dns.exception
import dns.message
import dns.query
import dns.rcode
import lab_worlds
import pytest
from namespaces import needs_namespaces, needs_program, wait_until
from place_parts import V4, V6, Stand, design_of, unique, with_design

from anyplane.design import parse
from anyplane.lab import paths
from anyplane.lab.places.servers import rtr, zone
from anyplane.lab.places.servers.needs import needs, unmet
from anyplane.lab.places.servers.running import RunningServer
from anyplane.lab.places.servers.serving import STREAM_PORT, ServerKind
from anyplane.model.nouns import Asn

pytestmark = pytest.mark.usefixtures("own_run")

# TCP to a service address is asked for by another process: this one may speak with itself alone.
TCP = """
import sys, dns.message, dns.query
answer = dns.query.tcp(dns.message.make_query("id.server", "TXT", "CH"), sys.argv[1], timeout=20)
print(answer.answer[0][0].to_text())
"""
TRACE = """
import sys, urllib.request
host = f"[{sys.argv[1]}]" if ":" in sys.argv[1] else sys.argv[1]
print(urllib.request.urlopen(f"http://{host}/cdn-cgi/trace", timeout=20).read().decode())
"""
STREAM = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=20) as stream:
    heard = b""
    while heard.count(b"\\n") < 4:
        heard += stream.recv(100)
print(heard.decode())
"""
MANY = """\
- {name: page, http: "http://service/healthz", interval: 1 s}
- {name: mail, dns: {name: example.org, type: MX, expect: ["10 mx.example.org."]}}
- {name: alias, dns: {name: alias.example.org, type: CNAME, expect: [example.org.]}}
- {name: serial, dns: {name: example.com, type: SOA}}
- {name: gone, dns: {name: nothing.example.net, rcode: NXDOMAIN}}
- {name: text, dns: {name: t.example.com, type: TXT, expect: ['"two words"']}}
- {name: refused, dns: {name: foreign.example, rcode: REFUSED}}
- {name: six, dns: {name: www.example.net, type: AAAA}}
- {name: far, dns: {name: example.com, server: 192.0.2.53}, scope: dependency}
- {name: over-tls, dns: {name: example.com, over: tls}}
"""


def stand_of(tmp_path: Path, *, dns: str = "", checks: str = "", **more: object) -> Stand:
    needs_namespaces()
    needs_program("knotd", "nsd")
    world = lab_worlds.World("servers")
    router = world.router(200, "mad", is_client=True)
    world.upstream(router, world.site(unique("mad"), metro="mad"))
    blueprint = world.blueprint()
    text = design_of(blueprint, **({"checks": checks} if checks else {}))
    return Stand(with_design(blueprint, text), tmp_path, has_zygote=False, dns=dns, **more)  # type: ignore[arg-type]


def serve(stand: Stand) -> RunningServer:
    """Servers alone; the addresses that an agent would put on lo, and the ways there and back, by hand."""
    place = stand.place(next(iter(stand.blueprint.site_nodes)))
    place.start_surroundings()
    place.start_servers()
    link = stand.blueprint.links[0]
    site = place.node.name

    def run(node: str, *words: str) -> None:
        stand.wiring.namespaces[node].call(lambda: subprocess.run(["ip", *words], check=True, timeout=30))

    run(site, "address", "add", f"{V4}/32", "dev", "lo")
    run(site, "-6", "address", "add", f"{V6}/128", "dev", "lo")
    run(site, "route", "add", "default", "via", str(link.v4(link.a).ip))
    run(site, "-6", "route", "add", "default", "via", str(link.v6(link.a).ip))
    run(link.a, "route", "add", f"{V4}/32", "via", str(link.v4(site).ip))
    run(link.a, "-6", "route", "add", f"{V6}/128", "via", str(link.v6(site).ip))
    for server in place.servers.values():
        server.wait_ready()
    return place.server


def ask(
    stand: Stand, name: str, kind: str, *, to: str = V4, rdclass: str = "IN", timeout: float = 10.0
) -> dns.message.Message:
    """From where the upstream's users are."""
    question = dns.message.make_query(
        name, kind, rdclass, use_edns=0, options=[dns.edns.GenericOption(3, b"")]
    )
    client = stand.blueprint.clients[0]
    source = str(client.client_address(6 if ":" in to else 4))
    return stand.wiring.namespaces[client.name].call(
        lambda: dns.query.udp(question, to, timeout=timeout, source=source)
    )


def from_outside(stand: Stand, program: str, *words: object) -> str:
    client = stand.blueprint.clients[0]
    command = [sys.executable, "-c", program, *map(str, words)]
    done = stand.wiring.namespaces[client.name].call(
        lambda: subprocess.run(command, capture_output=True, text=True, timeout=120)
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def texts(answer: dns.message.Message) -> list[str]:
    return [one.to_text() for rrset in answer.answer for one in rrset]


@pytest.fixture(params=["knot", "nsd"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Stand, RunningServer]]:
    with stand_of(tmp_path, dns=request.param, checks=MANY) as stand:
        yield stand, serve(stand)


def test_both_dns_servers_say_who_they_are_and_answer_what_the_checks_ask(
    served: tuple[Stand, RunningServer],
) -> None:
    stand, _ = served
    site = f'"{unique("mad")}"'

    for to in (V4, V6):
        for name in ("id.server", "hostname.bind"):
            assert texts(ask(stand, name, "TXT", to=to, rdclass="CH")) == [site]
        assert texts(ask(stand, "version.bind", "TXT", to=to, rdclass="CH")) == ['"Anyplane lab"']
        answer = ask(stand, "www.example.net", "AAAA", to=to)
        assert [option.to_text() for option in answer.options] == [f"NSID {site.strip(chr(34))}"]
        assert from_outside(stand, TCP, to).strip() == site
    assert texts(ask(stand, "example.org", "MX")) == ["10 mx.example.org."]
    assert texts(ask(stand, "alias.example.org", "CNAME")) == ["example.org."]
    assert texts(ask(stand, "t.example.com", "TXT")) == ['"two words"']
    assert ask(stand, "example.com", "SOA").answer
    assert texts(ask(stand, f"site.{zone.OWN}", "TXT")) == [site]
    assert ask(stand, "nothing.example.net", "A").rcode() == dns.rcode.NXDOMAIN
    assert ask(stand, "foreign.example", "A").rcode() == dns.rcode.REFUSED


def test_a_dns_server_is_hurt_in_each_way_and_comes_back(served: tuple[Stand, RunningServer]) -> None:
    stand, server = served

    def is_right() -> bool:
        try:
            return texts(ask(stand, "example.org", "MX", timeout=0.1)) == ["10 mx.example.org."]
        except (dns.exception.DNSException, OSError):
            return False

    wait_until(is_right)
    for hurt in (server.kill, server.hang):
        before = time.monotonic()
        assert before <= hurt() <= time.monotonic()
        assert not is_right()
        server.restore()
        wait_until(is_right)
    server.wrong()
    server.wait_ready()
    assert texts(ask(stand, "example.org", "MX")) == []
    assert not ask(stand, "id.server", "TXT", rdclass="CH").answer
    assert ask(stand, f"site.{zone.OWN}", "TXT").rcode() == dns.rcode.REFUSED
    server.restore()
    wait_until(is_right)
    old = server.pid
    server.restart()
    wait_until(is_right)
    assert server.pid != old
    assert int(paths.server_pidfile(stand.places[0].node.name).read_text()) == server.pid


def test_a_slow_server_answers_late_and_at_full_speed_afterwards(tmp_path: Path) -> None:
    with stand_of(tmp_path) as stand:
        server = serve(stand)

        def took() -> float:
            begin = time.monotonic()
            ask(stand, "id.server", "TXT", rdclass="CH")
            return time.monotonic() - begin

        wait_until(lambda: took() < 0.1)
        server.slow(0.5)
        slow = [took() for _ in range(5)]
        server.restore()
        server.wait_ready()

        assert max(slow) > 0.2
        wait_until(lambda: took() < 0.1)


def test_the_web_server_gives_a_trace_the_pages_of_the_checks_and_a_line_each_tenth_of_a_second(
    tmp_path: Path,
) -> None:
    with stand_of(tmp_path, checks=MANY) as stand:
        serve(stand)
        site = unique("mad")

        for to in (V4, V6):
            trace = dict(line.split("=", 1) for line in from_outside(stand, TRACE, to).split())
            assert trace["colo"] == site
            assert float(trace["ts"]) > 0
        begin = time.monotonic()
        lines = from_outside(stand, STREAM, V4, STREAM_PORT).split()
        assert lines[:4] == [f"colo={site}"] * 4
        assert time.monotonic() - begin >= 0.3
        page = from_outside(stand, TRACE.replace("cdn-cgi/trace", "healthz"), V4)
        assert "Error" not in page
        place = stand.places[0]
        place.servers[ServerKind.WEB].wrong()
        with pytest.raises(AssertionError, match="500"):
            wait_until(lambda: from_outside(stand, TRACE, V4) == "", timeout=2)


def test_what_a_lab_cannot_answer_is_said_and_a_dependency_has_a_stand_in(tmp_path: Path) -> None:
    with stand_of(tmp_path, checks=MANY) as stand:
        place = stand.place(unique("mad"))

        assert [one.partition(":")[0] for one in place.unmet] == ["dns/over-tls/v4", "dns/over-tls/v6"]
        assert unmet(stand.ground.design) == place.unmet
        place.start_surroundings()
        place.start_servers()
        (stand_in,) = place.dependencies
        stand_in.wait_ready()
        question = dns.message.make_query("example.com", "A")
        inside = stand.wiring.namespaces[place.node.name]
        assert inside.call(lambda: dns.query.udp(question, "192.0.2.53", timeout=20)).answer
        place.fail_dependencies()
        with pytest.raises((dns.exception.Timeout, OSError)):
            inside.call(lambda: dns.query.udp(question, "192.0.2.53", timeout=0.2))
        place.restore_dependencies()
        stand_in.wait_ready()


def test_zones_hold_what_is_expected_and_what_is_asked_above_them() -> None:
    design = parse(Path("examples/public-resolver.yaml").read_text(), file="examples/public-resolver.yaml")
    asked = needs(design, design.sites[0].name) if design.health else None

    made = zone.zones(asked.own.dns if asked else (), identity="fra")

    assert 'site.anyplane.test. 1 IN TXT "fra"' in made[zone.OWN]
    assert all(" IN SOA " in text.splitlines()[0] for text in made.values())


def test_ntp_is_served_when_a_check_asks_for_it(tmp_path: Path) -> None:
    needs_program("chronyd")
    with stand_of(tmp_path, checks="- {name: time, ntp: {server: service, stratum: 12}}\n") as stand:
        serve(stand)
        request = b"\x23" + b"\0" * 47
        client = stand.blueprint.clients[0]

        def asked() -> bytes:
            import socket

            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
                asking.settimeout(0.5)
                asking.connect((V4, 123))
                asking.send(request)
                return asking.recv(100)

        def stratum() -> int:
            try:
                return stand.wiring.namespaces[client.name].call(asked)[1]
            except OSError:
                return -1

        wait_until(lambda: stratum() == 10)
        stand.places[0].servers[ServerKind.NTP].wrong()
        wait_until(lambda: stratum() == 0)


def test_a_cache_tells_bird_who_may_originate_what(tmp_path: Path) -> None:
    needs_program("stayrtr", "bird")
    with stand_of(tmp_path) as stand:
        node = stand.blueprint.nodes[0].name
        roas = rtr.roas_of(stand.blueprint.prefixes, Asn(64500))
        cache = RunningServer(
            rtr.serving(roas, directory=paths.run_of(node) / "rtr", address="127.0.0.1"),
            processes=stand.processes,
            namespace=stand.wiring.namespaces[node],
        )
        cache.start()
        conf, control = tmp_path / "bird.conf", tmp_path / "bird.ctl"
        conf.write_text(
            "router id 10.0.0.1; protocol device {} roa4 table r4; roa6 table r6; protocol rpki cache "
            "{ roa4 { table r4; }; roa6 { table r6; }; remote 127.0.0.1 port 3323; retry keep 1; }"
        )
        stand.processes.start(node, ("/usr/sbin/bird", "-f", "-c", conf, "-s", control), label="bird")

        def table() -> str:
            command = ["birdc", "-s", str(control), "show", "route"]
            return subprocess.run(command, capture_output=True, text=True, timeout=30).stdout

        wait_until(lambda: "198.51.100.0/24-24 AS64500" in table())
        assert "2001:db8:a::/48-48 AS64500" in table()
        assert json.loads(rtr.to_text(roas))["roas"][0]["asn"] == 64500
