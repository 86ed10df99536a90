"""Design text -> Design, or errors that name file, line, column, path, rule and hint."""

from typing import Any

from anyplane.design.design import Design
from anyplane.design.finding import Finding, Rule
from anyplane.design.intent import announcements
from anyplane.design.reading import parse
from anyplane.design.rules import RULES, check
from anyplane.design.sarif import sarif

__all__ = ["RULES", "Design", "Finding", "Rule", "announcements", "check", "json_schema", "parse", "sarif"]


def json_schema() -> dict[str, Any]:  # JSON has no narrower type
    """The JSON Schema (2020-12) of the design file; imports pydantic only when asked."""
    from anyplane.design import shape

    return shape.json_schema()
