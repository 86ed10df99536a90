"""Handover: what a successor adopts, and after what it adopts nothing."""

from __future__ import annotations

import os
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from site_parts import DESIGN, Stage, accepted

from anyplane.agent import handover
from anyplane.control.states import Level

PLAN = accepted().plan
DNS = ip_network("198.51.100.0/24")


def legacy(**changes: object) -> handover.Legacy:
    plain: dict[str, object] = {
        "boot": "b",
        "at": 100.0,
        "levels": {"dns/v4": Level.LOW, "web/v4": Level.NONE},
    }
    return handover.Legacy(**{**plain, **changes})  # type: ignore[arg-type]


def test_it_reads_what_it_wrote() -> None:
    one = legacy(is_handover=True, penalties={"dns/v4": (3, 160.0)}, keeper={"fd": 7})

    assert handover.from_text(handover.to_text(one)) == one


@given(st.text())
def test_garbage_is_no_legacy(text: str) -> None:
    assert handover.from_text(text) is None


@pytest.mark.parametrize(
    ("boot", "now", "is_handover", "is_taken"),
    [
        ("b", 101.0, False, True),
        ("b", 129.0, False, True),
        ("b", 131.0, False, False),
        ("b", 109.0, True, True),
        ("b", 111.0, True, False),
        ("another", 101.0, False, False),
        ("", 101.0, False, False),
        ("b", 99.0, False, False),
    ],
)
def test_only_a_young_word_of_this_boot_counts(
    tmp_path: Path, boot: str, now: float, is_handover: bool, is_taken: bool
) -> None:
    path = tmp_path / "state.json"
    path.write_text(handover.to_text(legacy(is_handover=is_handover)))

    assert (handover.read(path, boot=boot, now=now) is not None) == is_taken


def test_only_services_whose_anchors_are_still_on_lo_are_adopted_at_their_level() -> None:
    found = handover.adopted(PLAN, legacy(), held=frozenset({DNS}), has_lease=True)

    assert found == {"dns/v4": Level.LOW}
    assert handover.adopted(PLAN, legacy(), held=frozenset(), has_lease=True) == {}
    assert handover.adopted(PLAN, None, held=frozenset({DNS}), has_lease=True) == {}


def test_without_a_lease_only_a_handed_over_keeper_counts() -> None:
    kept = legacy(is_handover=True, keeper={"fd": 7})

    assert handover.adopted(PLAN, legacy(), held=frozenset(), has_lease=False) == {}
    assert handover.adopted(PLAN, kept, held=frozenset(), has_lease=False) == {"dns/v4": Level.LOW}


def test_what_a_flapping_service_owes_is_handed_on() -> None:
    stage = Stage()
    stage.all_up()
    stage.hear("dns/tcp", is_ok=False)
    stage.hear("dns/tcp", is_ok=False)
    left = handover.of(stage.accepted.plan, stage.loop.state, boot="b", now=stage.clock.now)
    owed = handover.penalties(left, now=stage.clock.now + 4)

    assert set(owed) == {"dns/v4"}
    assert owed["dns/v4"].strikes == 1
    assert owed["dns/v4"].wait_s == pytest.approx(6.0)


@pytest.mark.parametrize(
    "text",
    [
        handover.to_text(legacy(penalties={"dns/v4": (3, 160.0)})).replace("[3,", "[1e999,"),
        handover.to_text(legacy()).replace("100.0", "1" + "0" * 400),
        "[" * 100_000,
    ],
)
def test_numbers_and_depths_out_of_all_bounds_are_no_legacy(text: str) -> None:
    assert handover.from_text(text) is None


def test_a_penalty_is_never_longer_than_the_longest() -> None:
    owed = handover.penalties(legacy(penalties={"dns/v4": (3, 1e300)}), now=100.0, longest_s=600.0)

    assert owed["dns/v4"].wait_s == 600.0


def test_a_legacy_that_is_no_file_is_none_and_blocks_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")

    assert handover.read(tmp_path / "fifo", boot="b", now=101.0) is None
    assert handover.read(tmp_path, boot="b", now=101.0) is None


def test_a_held_announcement_outlives_its_agent_and_so_does_the_agents_word(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text(handover.to_text(legacy()))

    assert handover.read(path, boot="b", now=400.0) is None
    assert handover.read(path, boot="b", now=400.0, hold_s=600.0) is not None


def test_a_drain_goes_on_where_the_predecessor_left_it() -> None:
    stage = Stage()
    stage.all_up()
    stage.loop.order(stage.loop.standing.drained(frozenset({"dns/v4"}), is_forced=True))
    stage.turn()
    left = handover.of(stage.accepted.plan, stage.loop.state, boot="b", now=stage.clock.now)

    assert handover.draining(left, now=stage.clock.now + 40) == {"dns/v4": stage.clock.now}
    assert handover.draining(left, now=stage.clock.now - 40) == {}


def test_a_group_that_has_another_name_in_the_new_program_is_adopted_by_its_prefixes() -> None:
    stage = Stage()
    stage.all_up()
    left = handover.of(stage.accepted.plan, stage.loop.state, boot="b", now=stage.clock.now)
    renamed = accepted(DESIGN.replace("dns:", "resolver:")).plan

    assert handover.adopted(renamed, left, held=frozenset({DNS}), has_lease=True) == {
        "resolver/v4": Level.FULL
    }


def test_one_upgrade_after_another_prolongs_nothing_that_no_check_has_confirmed() -> None:
    stage = Stage(adopted={"dns/v4": Level.FULL})
    stage.lo.hold(frozenset({DNS}), lifetime_s=5.0)
    stage.anchors.adopt(lambda prefix: True)
    end = stage.lo.until[DNS]
    taken = stage.loop.turn()
    stage.anchors.prolong(10.0, taken.leased, frozenset(one.prefix for one in taken.wanted))
    unconfirmed = stage.lo.until[DNS]
    stage.hear("dns/tcp", is_ok=True)
    taken = stage.loop.turn()
    stage.anchors.prolong(10.0, taken.leased, frozenset(one.prefix for one in taken.wanted))

    assert unconfirmed == end
    assert stage.lo.until[DNS] == stage.clock.now + 10.0
