"""Game days at real sites: orders alone, each confirmed, and a plan that touches nothing."""

from __future__ import annotations

import json
import socket
import socketserver
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from anyplane import design
from anyplane.design.design import Design
from anyplane.lab.gameday.outcome import Outcome
from anyplane.lab.gameday.reading import load, parse
from anyplane.lab.gameday.real_stage import Orders, RealStage, plan
from anyplane.lab.gameday.runner import run
from anyplane.lab.gameday.scenario import Scenario
from anyplane.model.errors import DesignError, LabError, UsageError

ROOT = Path(__file__).resolve().parents[3]
TEXT = (ROOT / "examples/dozen-cities.yaml").read_text()
DESIGN = design.parse(TEXT)


def drain(*, force: str = "") -> Scenario:
    return parse(
        "version: 1\nname: tried\nshows: a drain\nsettle: 100 ms\nprobes: {rate: 50 qps}\n"
        f"steps: [{{drain: {{site: mad{force}}}}}, {{wait: 200 ms}}, {{undrain: mad}}]\n"
        "expect: [{lost: 1000000}]\n"
    )


def recording(tmp_path: Path) -> tuple[Orders, Path]:
    """A command that writes down what it was told."""
    log = tmp_path / "orders"
    script = tmp_path / "order.py"
    script.write_text("import sys\nopen(sys.argv[1], 'a').write(' '.join(sys.argv[2:]) + '\\n')\n")
    return Orders(command=f"{sys.executable} {script} {log} {{site}} {{order}} {{group}}"), log


def given(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


def tried(scenario: Scenario, orders: Orders, *, answers: bool = True, of: Design = DESIGN) -> Outcome:
    return run(RealStage(of, orders, confirm=lambda _: answers), scenario)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The service's address is not ours to ask: a DNS server of this test answers in its place."""

    class Answering(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            data, sender = self.request
            reply = dns.message.make_response(dns.message.from_wire(data))
            reply.answer.append(dns.rrset.from_text("id.server.", 0, "CH", "TXT", '"ns1-mad-2.example.net"'))
            sender.sendto(reply.to_wire(), self.client_address)

    with socketserver.UDPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        import dns.query

        asked = dns.query.udp
        port = server.server_address[1]
        monkeypatch.setattr(dns.query, "udp", lambda q, _where, timeout: asked(q, "127.0.0.1", timeout, port))
        yield
        server.shutdown()
        thread.join(5)


def test_the_plan_says_each_step_and_does_nothing(tmp_path: Path) -> None:
    orders, log = recording(tmp_path)

    lines = plan(load("drain-in-production"), DESIGN, orders)

    assert lines[0].startswith("drain-in-production: ")
    assert lines[1] == "probe 203.0.113.53, 2001:db8:53::53 from here, 10 qps"
    assert "1.     2.0 s  drain mad" in lines[2]
    assert lines[2].endswith("mad drain")
    assert "3.    14.0 s  undrain mad" in lines[4]
    assert not any("REFUSED" in line for line in lines)
    assert given(log) == []


def test_the_plan_shows_what_would_be_refused(tmp_path: Path) -> None:
    lines = plan(load("host-death"), DESIGN, recording(tmp_path)[0])

    assert any("REFUSED: it would break a production network" in line for line in lines)
    assert any("REFUSED: no client is LIS" in line for line in lines)


def test_what_only_a_lab_can_see_of_a_drain_is_refused_for_real_sites(tmp_path: Path) -> None:
    lines = plan(load("drain-and-back"), DESIGN, recording(tmp_path)[0])

    assert any("REFUSED: no client is LIS" in line for line in lines)


def test_both_drains_that_are_taken_back_do_the_same() -> None:
    lab, production = load("drain-and-back"), load("drain-in-production")

    assert lab.steps == production.steps
    assert lab.probes == production.probes


@pytest.mark.parametrize("command", ["tell {site} {grp}", "tell {}", "tell 'mad"])
def test_a_command_that_cannot_be_filled_in_is_refused_with_its_reason(command: str) -> None:
    with pytest.raises(UsageError, match="--order-command: "):
        plan(load("drain-in-production"), DESIGN, Orders(command=command))


@pytest.mark.parametrize(
    "name", ["service-killed", "host-death", "hijack", "blackhole", "upstream-lost", "drain"]
)
def test_what_would_break_production_is_refused_before_anything_is_done(name: str, tmp_path: Path) -> None:
    orders, log = recording(tmp_path)

    with pytest.raises(DesignError):
        tried(load(name), orders)

    assert given(log) == []


def test_a_forced_drain_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DesignError, match="does not ask the guard"):
        tried(drain(force=", force: true"), recording(tmp_path)[0])


@pytest.mark.usefixtures("here")
def test_confirmed_orders_are_given_and_queries_are_counted(tmp_path: Path) -> None:
    orders, log = recording(tmp_path)

    outcome = tried(drain(), orders)

    assert outcome.errors == ()
    assert given(log) == ["mad drain", "mad undrain"]
    assert outcome.lost == 0
    assert outcome.sent >= 3
    assert {span.site for span in outcome.clients[0].spans} == {"mad"}


@pytest.mark.usefixtures("here")
def test_without_confirmation_nothing_is_ordered(tmp_path: Path) -> None:
    orders, log = recording(tmp_path)

    outcome = tried(drain(), orders, answers=False)

    assert given(log) == []
    assert "not confirmed" in outcome.errors[0]


@pytest.mark.usefixtures("here")
def test_whatever_happens_a_drain_of_ours_is_taken_back(tmp_path: Path) -> None:
    orders, log = recording(tmp_path)
    said = iter([True, False])

    outcome = run(RealStage(DESIGN, orders, confirm=lambda _: next(said)), drain())

    assert given(log) == ["mad drain", "mad undrain"]
    assert outcome.exit_code == 4


@pytest.mark.usefixtures("here")
def test_an_order_that_fails_says_what_the_command_said(tmp_path: Path) -> None:
    script = tmp_path / "no.py"
    script.write_text("import sys\nsys.exit('the guard refuses')\n")

    outcome = tried(drain(), Orders(command=f"{sys.executable} {script} {{site}} {{order}}"))

    assert "the guard refuses" in outcome.errors[0]


def test_an_order_goes_through_the_socket_of_the_agent(tmp_path: Path) -> None:
    heard: list[dict] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "mad.sock"))
        listener.listen()

        def answer() -> None:
            for _ in range(2):
                stream, _address = listener.accept()
                with stream, stream.makefile("rwb") as file:
                    line = file.readline()
                    if line:
                        heard.append(json.loads(line))
                        file.write(b'{"v": 1, "ok": true}\n')
                        return

        thread = threading.Thread(target=answer)
        thread.start()
        Orders(run_dir=tmp_path).give("mad", "drain", "dns")
        thread.join(5)

    assert heard == [{"v": 1, "do": "drain", "service": "dns"}]


def test_orders_that_go_nowhere_are_an_error() -> None:
    with pytest.raises(LabError):
        Orders(command="/nonexistent/order {site}").give("mad", "drain", "")
