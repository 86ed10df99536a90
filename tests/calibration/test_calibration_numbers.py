"""The explanation's table of numbers is that of the code."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from anyplane.calibration.chance import Strictness

PAGE = Path(__file__).resolve().parents[2] / "docs/explanation/calibration.md"
ROWS = re.findall(r"^\| `(\w+)\.([\w.\[\]]+)` \| ([\d.]+) \|", PAGE.read_text(), re.MULTILINE)


@pytest.mark.parametrize(("module", "name", "value"), ROWS, ids=[f"{row[0]}.{row[1]}" for row in ROWS])
def test_a_number_in_the_explanation_is_the_one_in_the_code(module: str, name: str, value: str) -> None:
    folder = "planning" if module in ("calibrating", "certainty", "intervals") else "calibration"
    code = importlib.import_module(f"anyplane.{folder}.{module}")

    if name.startswith("Strictness."):
        found = getattr(Strictness(), name.removeprefix("Strictness."))
    elif "[" in name:
        table, key = name.rstrip("]").split("[")
        found = getattr(code, table)[int(key)]
    else:
        found = getattr(code, name)

    assert float(value) == found


def test_the_table_is_there() -> None:
    assert len(ROWS) > 20
