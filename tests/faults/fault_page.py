"""The tables of docs/explanation/failure-modes.md: the rows of each group between two markers."""

from __future__ import annotations

import re
from collections.abc import Iterable

from table import COUNTS, DAEMONS, FAULTS, Fault, Group, Result, measured, promised

HEAD = "| fault | daemon | n | median / worst | promised | | others |\n|---|---|---|---|---|---|---|"
UNMEASURED = "not measured"
_BLOCK = re.compile(r"(<!-- faults: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def rewritten(page: str, results: Iterable[Result]) -> str:
    """The page with these rows as measured; the other rows of the suite keep what the page says of them."""
    fresh = {result.fault.key: _line(result) for result in results}

    def table(block: re.Match[str]) -> str:
        told = {label(line): line for line in block[3].splitlines()}
        lines = [
            fresh.get(key) or _kept(told.get(_label(one)), one)
            for key, one in FAULTS.items()
            if one.group is Group(block[2])
        ]
        return "\n".join([block[1] + HEAD, *lines, block[4]])

    return _BLOCK.sub(table, page)


def label(line: str) -> str:
    """The first two cells of a row, which name it."""
    return "|".join(line.split("|")[:3])


def labels() -> list[str]:
    """Those of all rows of the suite."""
    return [_label(one) for one in FAULTS.values()]


def _label(one: Fault) -> str:
    return f"| {one.what.replace('->', '→')} | {DAEMONS[one.daemon]} "


def _kept(told: str | None, one: Fault) -> str:
    """What the page says of a row that was not measured now; its promise may have changed since."""
    cells = [cell.strip() for cell in told.strip("|").split("|")] if told else []
    if len(cells) != 7 or cells[4] != promised(one):
        return f"{_label(one)}| | {UNMEASURED} | {promised(one)} | | {one.others} |"
    return str(told)


def _line(result: Result) -> str:
    one = result.fault
    unit = "" if one.unit in COUNTS else f" {one.unit}"
    verdict = "kept" if result.is_kept else "**missed**"
    return (
        f"{_label(one)}| {len(result.figures)} | {measured(result)}{unit} | {promised(one)} | {verdict} "
        f"| {one.others} |"
    )
