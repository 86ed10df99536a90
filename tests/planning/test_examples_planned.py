"""The teaching example on the default Internet: all that it promises is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from anyplane.datasets import load
from anyplane.design import parse
from anyplane.planning.plan import plan
from anyplane.planning.report import Report, State

EXAMPLE = Path(__file__).parents[2] / "examples" / "saas-six-continents.yaml"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    world = load(None, cache=tmp_path_factory.mktemp("cache"), seed=1)
    return plan(parse(EXAMPLE.read_text(encoding="utf-8"), file=EXAMPLE.name), world)


def test_every_promise_of_the_saas_example_is_kept(report: Report) -> None:
    states = {
        (scenario.name, item.name): item.state
        for scenario in report.scenarios
        for item in (*scenario.objectives, *scenario.residency)
    }

    assert set(states.values()) == {State.KEPT}
    assert ("api-eu", "gdpr") in states
    assert report.warnings == ()


def test_its_regional_groups_divide_the_users_of_the_world(report: Report) -> None:
    dns, api, api_eu = report.scenarios

    assert api.users + api_eu.users == pytest.approx(dns.users)
    assert {row.site for row in api_eu.sites if row.users} == {"fra", "ams"}
