"""The faults that every change must survive; `make faults` measures all of them ten times."""

from __future__ import annotations

from pathlib import Path

import every_fault  # noqa: F401  # it fills FAULTS
import pytest
from fault_page import label, labels, rewritten
from namespaces import needs_namespaces, needs_program
from table import COUNTS, EVERY, FAULTS, Fault, Group, Result, chosen, row

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "failure-modes.md"
IN_CI = [key for key, one in FAULTS.items() if one.in_ci]
BUSY = 2.5
"""The machine that runs this may be busy; the figures themselves are `make faults`'s."""


@pytest.mark.slow
@pytest.mark.parametrize("key", IN_CI)
def test_the_fault_is_survived_as_promised(key: str) -> None:
    needs_namespaces()
    needs_program("bird", "birdc", "unbound", "gobgpd", "bgpctl", "zebra")
    one = FAULTS[key]

    result = Result(one, one.measure(one.daemon, 1))

    assert result.worst <= _allowed(one), row(result)


def _allowed(one: Fault) -> float:
    if one.unit in COUNTS:
        return one.worst
    return max(one.worst * BUSY, 1000.0) if one.unit == "ms" else max(one.worst * BUSY, 2.0)


def test_every_row_of_the_suite_stands_on_the_page_once() -> None:
    page = PAGE.read_text()

    told = [label(line) for line in page.splitlines()]

    assert [told.count(one) for one in labels()] == [1] * len(labels())


def test_no_two_rows_have_the_same_label() -> None:
    assert len(set(labels())) == len(FAULTS)


def test_the_page_shows_what_was_measured_and_keeps_the_other_rows() -> None:
    one = FAULTS["service_dies:frr"]
    empty = "".join(f"## {group}\n<!-- faults: {group} -->\n<!-- end -->\n" for group in Group)

    first = rewritten(empty, [Result(one, [1.0, 1.5, 2.25])])
    second = rewritten(first, [Result(FAULTS["agent_killed:frr"], [3.0, 9.0])])

    assert "| service dies → peer empty | FRR | 3 | 1.50 / 2.25 s | 1.75 / 2.3 s | kept |" in second
    assert "| agent SIGKILL → peer empty | FRR | 2 | 6.00 / 9.00 s | 3.1 / 3.5 s | **missed** |" in second
    assert second.count("not measured") == len(FAULTS) - 2


def test_a_row_whose_promise_has_changed_is_measured_anew() -> None:
    one = FAULTS["service_dies:frr"]
    empty = f"<!-- faults: {Group.SERVICE} -->\n<!-- end -->\n"

    first = rewritten(empty, [Result(one, [1.0])])
    stale = first.replace("1.75 / 2.3 s", "9 / 9 s")

    assert "1.00 / 1.00" not in rewritten(stale, [])


def test_rows_are_chosen_by_row_fault_daemon_and_group() -> None:
    assert [one.key for one in chosen(["service_dies:frr"])] == ["service_dies:frr"]
    assert {one.daemon for one in chosen(["service_dies"])} == set(EVERY)
    assert {one.daemon for one in chosen([":gobgp4"])} == {"gobgp4"}
    assert {one.group for one in chosen(["agent"])} == {Group.AGENT}
    with pytest.raises(KeyError):
        chosen(["nonsense"])


def test_a_row_is_missed_by_its_worst_figure_alone() -> None:
    one = FAULTS["service_dies:bird2"]

    assert Result(one, [1.0, 1.1, 2.1]).is_kept
    assert not Result(one, [1.0, 1.1, 2.3]).is_kept
    assert not Result(one, [1.8, 1.8, 1.8]).is_kept
