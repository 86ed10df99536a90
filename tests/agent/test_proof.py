"""A withdrawal is over when the daemon's table says so, and proved when the witness does."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network

import anyio
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from site_parts import Stage

from anyplane.agent.announcer import Farewell
from anyplane.agent.proof import Proof
from anyplane.agent.tracing import Tracer
from anyplane.bgp.speaker import Route
from anyplane.bgp.witness import Change, Changes
from anyplane.bgp.witness_table import Witnessed
from anyplane.model.nouns import Asn

pytestmark = pytest.mark.anyio
PREFIX = ip_network("198.51.100.0/24")
NEIGHBOR = ip_address("192.0.2.0")
FAREWELL = Farewell(
    service="dns", prefixes=frozenset((PREFIX,)), reason="it died", failed_at=98.0, decided_at=99.0
)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Ear:
    """A witness that a test speaks for."""

    def __init__(self) -> None:
        route = Route(neighbor=NEIGHBOR, prefix=PREFIX)
        self.held = frozenset((Witnessed(route=route, as_path=(64500,), next_hop="192.0.2.1", since=1.0),))
        self.readers: list[Changes] = []

    def routes(self) -> frozenset[Witnessed]:
        return self.held

    def changes(self) -> Changes:
        self.readers.append(Changes(self))  # type: ignore[arg-type]  # only `forget` is asked of it
        return self.readers[-1]

    def forget(self, reader: Changes) -> None:
        self.readers.remove(reader)


async def spans_of(ear: Ear | None, *, is_heard: bool) -> list[str]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    stage = Stage()
    tracer = Tracer(is_wanted=True, provider=provider)
    proof = Proof(
        stage.recorder, tracer, site="fra", now=lambda: 100.0, wall=lambda: 1_000_100.0, witness=ear
    )
    async with anyio.create_task_group() as group:
        proof.group = group
        proof.gone(FAREWELL, 99.5)
        if ear is not None and is_heard:
            await anyio.sleep(0.01)
            assert [one.name for one in exporter.get_finished_spans()] == []
            ear.held = frozenset()
            ear.readers[0].put(Change(at=1.0, neighbor=NEIGHBOR, upstream=Asn(64510), prefix=PREFIX))
    return [one.name for one in exporter.get_finished_spans()]


async def test_a_withdrawal_is_traced_from_the_first_failure_to_the_witness() -> None:
    assert await spans_of(Ear(), is_heard=True) == ["check failing", "daemon", "witness", "withdrawal"]


async def test_without_a_witness_the_daemons_table_is_the_end() -> None:
    assert await spans_of(None, is_heard=False) == ["check failing", "daemon", "withdrawal"]


async def test_a_witness_that_never_hears_it_ends_the_trace_at_the_daemon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("anyplane.agent.proof.PROVED_S", 0.05)
    ear = Ear()

    assert await spans_of(ear, is_heard=False) == ["check failing", "daemon", "withdrawal"]
    assert ear.readers == []


async def test_what_an_operator_drained_is_nothing_to_measure() -> None:
    stage = Stage()
    proof = Proof(
        stage.recorder, Tracer(is_wanted=False), site="fra", now=lambda: 1.0, wall=lambda: 1.0, witness=None
    )

    proof.gone(replace(FAREWELL, failed_at=None), 99.5)

    assert stage.recorder.metrics.withdrawal_seconds._sum.get() == 0
