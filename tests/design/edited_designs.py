"""What editing tests share: the head of a design, and which lines of a text an edit exchanges."""

from __future__ import annotations

import difflib

from anyplane import design
from anyplane.design.editing import alike, edited
from anyplane.design.setting import Setting, Uplink, with_settings

HEAD = """version: 1
service: {name: dns, origin: 64500, prefixes: [192.0.2.0/24]}
policies:
  quiet: {prepend: 2, communities: ["3320:9", "64520:1"], med: 5}
  kept: {no_export: true}
communities:
  "64520:1": {no_export: true, to: [AS3356]}
  "3320:9": {no_export: true, to: [country DE]}
sites:
"""


def at(site: int, upstream: int) -> Uplink:
    """The uplink with these numbers."""
    return Uplink(site=site, upstream=upstream)


def lines(*rows: str) -> str:
    """The rows as one text."""
    return "\n".join(rows)


def changed(text: str, settings: dict[Uplink, Setting]) -> list[str]:
    """The lines that go and come, as in a diff; and the result announces what it should."""
    before = design.parse(text, file="d.yaml")
    result = edited(text, before, settings)
    after = design.parse(result, file="d.yaml")
    assert alike(after) == alike(with_settings(before, settings))
    rows = difflib.ndiff(text.split("\n"), result.split("\n"))
    return sorted(row for row in rows if row[0] in "+-")
