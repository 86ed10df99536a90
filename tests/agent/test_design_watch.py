"""The design as the agent reads it: the copy it falls back on, what may follow what, half-written files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from site_parts import DESIGN, accepted

from anyplane.agent import designs
from anyplane.model.errors import AnyplaneError, UsageError

LESS = DESIGN.replace(", web: [203.0.113.0/24]", "").replace(
    '  web: {rise: 1, fall: 2, checks: [{tcp: "127.0.0.1:80"}]}\n', ""
)


def begin(tmp_path: Path, *, file: str | None, copy: str | None) -> designs.Beginning:
    if file is not None:
        (tmp_path / "d.yaml").write_text(file)
    if copy is not None:
        (tmp_path / "copy.yaml").write_text(copy)
    return designs.begin(tmp_path / "d.yaml", tmp_path / "copy.yaml", site="fra")


@pytest.mark.parametrize("file", [None, "", "version: 1\n", "{[", LESS, DESIGN.replace("fra:", "ham:")])
def test_a_missing_broken_empty_or_shrunken_file_is_replaced_by_the_accepted_copy(
    tmp_path: Path, file: str | None
) -> None:
    found = begin(tmp_path, file=file, copy=DESIGN)

    assert found.refused
    assert {one.key for one in found.accepted.plan.services} == {"dns/v4", "web/v4"}


def test_a_good_file_is_taken_whatever_the_copy_is(tmp_path: Path) -> None:
    assert begin(tmp_path, file=DESIGN, copy="{[").refused == ""
    assert begin(tmp_path, file=DESIGN, copy=LESS).refused == ""


def test_without_a_copy_a_bad_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AnyplaneError, match="cannot be read"):
        begin(tmp_path, file=None, copy=None)


def test_what_is_retired_may_be_missing(tmp_path: Path) -> None:
    retired = LESS.replace("sites:\n", "safety: {retire: [203.0.113.0/24]}\nsites:\n", 1)

    assert begin(tmp_path, file=retired, copy=DESIGN).refused == ""


def test_a_design_that_announces_less_may_not_follow() -> None:
    with pytest.raises(UsageError, match=r"no longer announces 203\.0\.113\.0/24 to AS64510"):
        designs.succeed(accepted(), accepted(LESS))


def test_a_changed_session_needs_a_restart_and_says_so() -> None:
    with pytest.raises(UsageError, match="daemon or its sessions changed") as caught:
        designs.succeed(
            accepted(), accepted(DESIGN.replace("local: 192.0.2.1}", "local: 192.0.2.1, hold: 9 s}"))
        )
    assert "upgrade" in str(caught.value)


def test_a_file_is_read_when_two_looks_in_a_row_saw_the_same(tmp_path: Path) -> None:
    path = tmp_path / "d.yaml"
    path.write_text("one")
    watch = designs.FileWatch(path)
    quiet = watch.has_settled()
    path.write_text("two, in part")
    during = watch.has_settled()
    path.write_text("two, in part and whole")
    still = watch.has_settled()
    settled = watch.has_settled()
    again = watch.has_settled()
    _copy(path).replace(path)

    assert (quiet, during, still, settled, again) == (False, False, False, True, False)
    assert (watch.has_settled(), watch.has_settled()) == (False, True)


def _copy(path: Path) -> Path:
    other = path.with_suffix(".new")
    other.write_text(path.read_text())
    return other


def test_a_directory_a_fifo_and_a_huge_file_are_refused_at_once(tmp_path: Path) -> None:
    fifo, huge = tmp_path / "fifo", tmp_path / "huge"
    os.mkfifo(fifo)
    with huge.open("wb") as file:
        file.truncate(100_000_000)

    for path in (tmp_path, fifo, huge):
        with pytest.raises(UsageError, match="cannot be read"):
            designs.read(path, site="fra")


def test_a_prefix_that_the_router_does_not_know_waits_for_an_upgrade() -> None:
    more = DESIGN.replace("dns: [198.51.100.0/24]", "dns: [198.51.100.0/24, 192.0.2.0/24]")

    with pytest.raises(UsageError, match=r"192\.0\.2\.0/24 is new") as caught:
        designs.succeed(accepted(), accepted(more))
    assert "upgrade" in str(caught.value)
