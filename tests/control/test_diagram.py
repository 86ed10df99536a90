"""The published diagram is the code's table."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

from anyplane.control.diagram import MEANINGS, as_markdown, as_svg
from anyplane.control.states import State

DOCS = Path(__file__).resolve().parents[2] / "docs" / "reference"


def test_the_published_picture_is_the_codes_table() -> None:
    assert (DOCS / "states.svg").read_text() == as_svg(), "run tools/state_diagram.py"


def test_the_published_tables_are_the_codes() -> None:
    assert as_markdown() in (DOCS / "states.md").read_text(), "run tools/state_diagram.py"


def test_the_picture_is_well_formed_and_names_every_state() -> None:
    root = ET.fromstring(as_svg())
    words = {element.text for element in root.iter() if element.tag.endswith("text")}

    assert {state.name for state in State} <= words
    assert set(MEANINGS) == set(State)
