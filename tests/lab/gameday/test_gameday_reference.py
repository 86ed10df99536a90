"""The reference page says what the code can do: every step, every expectation, every field."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from anyplane.lab.gameday import parts
from anyplane.lab.gameday.expectations import EXPECTATIONS
from anyplane.lab.gameday.reading import parse
from anyplane.lab.gameday.steps import STEPS

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/reference/gameday.md").read_text()


@pytest.mark.parametrize("kind", [*STEPS.values(), *EXPECTATIONS.values()], ids=parts.key_of)
def test_the_reference_has_its_row(kind: type) -> None:
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{parts.key_of(kind)}` | ")]

    fields = row.split(" | ")[1]
    assert set(re.findall(r"`(\w+)`", fields)) - {"true"} == {one.name for one in parts.fields_of(kind)}
    for one in parts.fields_of(kind):
        assert (f"`{one.name}` (may be left out)" in fields) is not one.is_required
    assert (kind.__doc__ or "").strip().splitlines()[0] in row


def test_the_reference_names_nothing_that_is_not_there() -> None:
    known = {*STEPS, *EXPECTATIONS}
    body = PAGE[PAGE.index("## Steps") : PAGE.index("## Fields")]

    assert set(re.findall(r"^\| `(\w+)` \|", body, re.MULTILINE)) == known


def test_the_scenario_on_the_reference_page_is_valid() -> None:
    block = PAGE[PAGE.index("    version: 1") : PAGE.index("| key | meaning")]

    scenario = parse("\n".join(line.removeprefix("    ") for line in block.splitlines()))

    assert scenario.name == "service-killed"


def test_the_scenario_that_the_howto_builds_is_valid() -> None:
    page = (ROOT / "docs/howto/write-a-gameday.md").read_text()

    lines = [line.removeprefix("    ") for line in page.splitlines() if line.startswith("    ")]

    scenario = parse("\n".join(line for line in lines if not line.startswith("anyplane ")))
    assert scenario.name == "madrid-dies"
    assert len(scenario.expectations) == 5
