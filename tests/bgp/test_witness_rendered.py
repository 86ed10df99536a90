"""The witness beside each real daemon with its rendered configuration: it sees what the upstreams get."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from case import Case
from namespaces import Network, needs_namespaces, needs_program
from witness_stage import FAR, NEAR, STEERED, V4, V6, WANTED, Parts, WitnessStage, announced, shown, until

from anyplane.bgp.speaker import difference, routes_of
from anyplane.bgp.speakers import render
from anyplane.model.nouns import Announcement

CASES = Path(__file__).resolve().parent.parent / "speaker_contract" / "cases"
ENOUGH_S = 0.5
"""How far apart upstream and witness may learn of a withdrawal; the figures are taken elsewhere."""


def _cases() -> list[Case]:
    found: list[Case] = []
    for path in sorted(CASES.glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"witnessed_case_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found.extend(case for case in module.CASES if case.is_wired)
    return found


@pytest.fixture(scope="module", params=_cases(), ids=lambda case: case.name)
def stage(request: pytest.FixtureRequest) -> Iterator[WitnessStage]:
    case: Case = request.param
    needs_namespaces()
    needs_program("bird", *case.programs)
    case.needs()
    with Network() as network, contextlib.closing(WitnessStage(case, network)) as made:
        yield made


FEWER = frozenset(
    (
        announced(V4, NEAR, as_path_prepend=3, communities=("65535:0",)),
        announced(V6, NEAR),
        announced(V6, FAR, **{**STEERED, "med": 0}),
    )
)


def test_the_witness_holds_what_the_upstreams_hold_through_every_change(stage: WitnessStage) -> None:
    """Two upstreams with other attributes; then a change of them and one withdrawal; then all withdrawn."""

    async def same(parts: Parts, wanted: frozenset[Announcement]) -> None:
        await parts.speaker.apply(wanted)
        expected = routes_of(wanted, stage.plan.sessions)
        await until(lambda: stage.received() == expected, told=stage.received)
        await until(lambda: shown(parts.witness) == expected, within=5, told=lambda: shown(parts.witness))
        assert difference(expected, await parts.speaker.observe()).is_healed

    async def body(parts: Parts) -> None:
        await same(parts, WANTED)
        await same(parts, FEWER)
        await same(parts, WANTED)
        at_witness, at_upstreams = -1.0, -1.0
        async with anyio.create_task_group() as group:
            group.start_soon(parts.speaker.apply, frozenset())
            with anyio.fail_after(10):
                while at_witness < 0 or at_upstreams < 0:
                    if at_witness < 0 and not shown(parts.witness):
                        at_witness = anyio.current_time()
                    if at_upstreams < 0 and not stage.received():
                        at_upstreams = anyio.current_time()
                    await anyio.sleep(0.001)
        assert abs(at_witness - at_upstreams) < ENOUGH_S

    stage.run(body)


def test_a_witness_that_is_not_there_changes_nothing_for_the_upstreams(stage: WitnessStage) -> None:
    expected = routes_of(WANTED, stage.plan.sessions)

    async def alone() -> None:
        speaker = stage.case.speaker(stage.plan)
        try:
            with anyio.fail_after(40):
                await speaker.apply(WANTED)
                await until(lambda: stage.received() == expected, told=stage.received)
                seen = await speaker.observe()
                assert difference(expected, seen).is_healed
                assert {one.neighbor for one in seen.sessions} == {
                    one.neighbor for one in stage.plan.sessions
                }
                await speaker.panic_withdraw()
                await until(lambda: not stage.received())
        finally:
            await speaker.aclose()

    stage.site.call(lambda: anyio.run(alone))


def test_without_a_witness_nothing_of_it_is_rendered(stage: WitnessStage) -> None:
    with_one = render(stage.plan)
    without = render(replace(stage.plan, daemon=replace(stage.plan.daemon, witness=None)))

    assert "127.90.0.1" in with_one
    assert "127.90.0" not in without
    assert "itness" not in without
