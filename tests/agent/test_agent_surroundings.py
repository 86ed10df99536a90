"""What surrounds the loop: metrics page, systemd's words, the unit, whole files, traces."""

from __future__ import annotations

import configparser
import os
import shutil
import socket
import subprocess
from pathlib import Path

import anyio
import pytest
from namespaces import wait_until
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from site_parts import Stage

from anyplane.agent import metrics_page
from anyplane.agent.files import FileWriter
from anyplane.agent.metrics import Metrics
from anyplane.agent.systemd import Supervisor
from anyplane.agent.tracing import Tracer, Withdrawn
from anyplane.control.health import CheckResult
from anyplane.model.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "packaging/systemd/anyplane-agent@.service"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


async def fetch(port: int, request: bytes) -> bytes:
    async with await anyio.connect_tcp("127.0.0.1", port) as stream:
        await stream.send(request)
        received = b""
        with anyio.move_on_after(3):
            try:
                while True:
                    received += await stream.receive()
            except anyio.EndOfStream:
                pass
        return received


def test_the_metrics_page_answers_what_it_knows_and_refuses_the_rest() -> None:
    stage = Stage()
    stage.all_up()
    stage.recorder.metrics.heard([CheckResult(check="dns/tcp", is_ok=False, at=1.0, latency_s=0.02)])
    port = free_port()
    replies: list[bytes] = []

    async def main() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(
                metrics_page.serve, ("127.0.0.1", port), stage.recorder.metrics, stage.recorder.log
            )
            await anyio.sleep(0.1)
            for request in (
                b"GET /metrics HTTP/1.1\r\n\r\n",
                b"GET /other HTTP/1.1\r\n\r\n",
                b"POST /metrics HTTP/1.1\r\n\r\n",
                b"\x00\xff garbage\r\n\r\n",
                b"GET /" + b"a" * 9000 + b"\r\n",
            ):
                replies.append(await fetch(port, request))
            group.cancel_scope.cancel()

    anyio.run(main)

    assert b'anyplane_service_state{anyplane_service_state="up",service="dns/v4"} 1.0' in replies[0]
    assert b'anyplane_check_results_total{check="dns/tcp",result="failed"} 1.0' in replies[0]
    assert b"anyplane_build_info" in replies[0]
    assert [reply.split()[1] for reply in replies] == [b"200", b"404", b"405", b"405", b"431"]


def test_a_busy_port_is_a_warning() -> None:
    stage = Stage()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        anyio.run(metrics_page.serve, ("127.0.0.1", taken.getsockname()[1]), Metrics(), stage.recorder.log)

    assert "no metrics are served" in stage.log()


@pytest.mark.parametrize("text", ["nowhere", "127.0.0.1:", "127.0.0.1:99999", "9179"])
def test_an_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        metrics_page.address_of(text)


def test_addresses_are_read() -> None:
    assert metrics_page.address_of("[::1]:9179") == ("::1", 9179)
    assert metrics_page.address_of(":9179") == ("127.0.0.1", 9179)


def test_systemd_hears_readiness_and_the_watchdog_at_half_its_interval(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(1)
        supervisor = Supervisor({"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "2000000"})
        supervisor.say(READY="1", STATUS="one\ntwo")
        said = [listener.recv(1000)]
        for now in (10.0, 10.5, 10.9, 11.0, 11.5):
            supervisor.beat(now)
        said += [listener.recv(1000), listener.recv(1000)]
        listener.settimeout(0.05)
        with pytest.raises(TimeoutError):
            listener.recv(1000)

    assert said == [b"READY=1\nSTATUS=one two\n", b"WATCHDOG=1\n", b"WATCHDOG=1\n"]


def test_without_systemd_nothing_is_sent_and_nothing_fails() -> None:
    Supervisor({}).say(READY="1")
    Supervisor({"NOTIFY_SOCKET": "/nowhere/at/all"}).say(READY="1")
    Supervisor({"WATCHDOG_USEC": "1000", "WATCHDOG_PID": str(os.getpid() + 1)}).beat(1.0)


def test_the_unit_asks_for_what_the_agent_needs_and_for_no_more(tmp_path: Path) -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(UNIT)
    service = unit["Service"]

    assert service["Type"] == "notify"
    assert service["Restart"] == "always"
    assert "--panic-withdraw" in service["ExecStopPost"]
    assert service["RuntimeDirectoryPreserve"] == "yes"
    assert set(service["CapabilityBoundingSet"].split()) == {"CAP_NET_ADMIN", "CAP_NET_RAW"}
    assert service["NoNewPrivileges"] == "yes"
    if shutil.which("systemd-analyze"):
        program = tmp_path / "anyplane-agent@.service"
        program.write_text(UNIT.read_text().replace("/usr/bin/anyplane", "/bin/true"))
        done = subprocess.run(
            ["systemd-analyze", "verify", str(program)], capture_output=True, text=True, timeout=30
        )
        assert "Unknown" not in done.stderr


def test_a_file_is_written_whole_and_a_disk_that_refuses_is_a_trouble(tmp_path: Path) -> None:
    writer = FileWriter()
    for number in range(100):
        writer.put(tmp_path / "one", f"{number}")
    writer.put(tmp_path / "absent" / "two", "x")
    assert writer.flush()
    writer.close()

    assert (tmp_path / "one").read_text() == "99"
    assert list(tmp_path.iterdir()) == [tmp_path / "one"]
    wait_until(lambda: "no such file" in writer.troubles[tmp_path / "absent" / "two"])


def test_a_withdrawal_is_a_trace_with_its_parts() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    one = Withdrawn(
        site="fra",
        service="dns",
        reason="failed",
        failed_at=10.0,
        decided_at=11.0,
        gone_at=11.5,
        proved_at=11.6,
    )
    Tracer(is_wanted=True, provider=provider).withdrawn(one)
    Tracer(is_wanted=False).withdrawn(one)

    spans = {span.name: span for span in exporter.get_finished_spans()}
    assert set(spans) == {"withdrawal", "check failing", "daemon", "witness"}
    whole = spans["withdrawal"]
    assert (whole.start_time, whole.end_time) == (10_000_000_000, 11_600_000_000)
    assert spans["daemon"].parent is not None
    assert spans["daemon"].parent.span_id == whole.context.span_id
    provider.shutdown()


def test_every_metric_is_in_the_reference() -> None:
    page = (ROOT / "docs/reference/metrics.md").read_text()

    assert [one.name for one in Metrics().registry.collect() if f"`{one.name}" not in page] == []
