"""The generated include: text, its generation, and how it gets to the disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from bird_plans import V4, V6, announcement, plan, session
from hypothesis import given
from hypothesis import strategies as st

from anyplane.bgp.bird import include
from anyplane.model.errors import SpeakerRejected
from anyplane.model.nouns import Asn

PLAN = plan(
    session(),
    session("as64510_v6", "2001:db8:ffff::"),
    session("as64520_v4", "192.0.2.2", upstream=Asn(64520)),
)
GOLDEN = """\
# Written by the Anyplane agent of fra; changes are lost. What may be announced now, session by session.
define ANYPLANE_GENERATION = {generation};
protocol pipe anyplane_as64510_v4 {{
  table anyplane4; peer table t_as64510_v4;
  import none;
  export filter {{
    if net ~ [198.51.100.0/24] then {{ bgp_path.prepend(64500); bgp_path.prepend(64500); anyplane_med = 50; \
bgp_community.add((64510, 77)); bgp_large_community.add((64510, 1, 2)); accept; }}
    reject;
  }};
}}
protocol pipe anyplane_as64510_v6 {{
  table anyplane6; peer table t_as64510_v6;
  import none;
  export filter {{
    if net ~ [2001:db8:53::/48] then {{ accept; }}
    reject;
  }};
}}
protocol pipe anyplane_as64520_v4 {{
  table anyplane4; peer table t_as64520_v4;
  import none;
  export none;
}}
"""
DRESSED = announcement(as_path_prepend=2, med=50, communities=("64510:1:2", "64510:77"))


def test_each_session_has_a_pipe_with_what_is_wanted_there() -> None:
    text = include.include(PLAN, {DRESSED, announcement(V6)})

    assert text == GOLDEN.format(generation=include.generation_of(text))


def test_equal_sets_give_equal_text_and_others_another_generation() -> None:
    one, other = announcement(V4), announcement(V6)

    assert include.include(PLAN, (one, other)) == include.include(PLAN, (other, one))
    generations = {include.generation_of(include.include(PLAN, some)) for some in ((), (one,), (one, other))}
    assert len(generations) == 3
    assert include.generation_of("nonsense") == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"communities": ("64510:70000",)},
        {"communities": ("64510",)},
        {"communities": ("1:2:3:4",)},
        {"communities": ("1:2)); accept; #",)},
        {"communities": ("-1:2",)},
        {"communities": ("١:٢",)},
        {"med": -1},
        {"med": 2**32},
        {"as_path_prepend": 65},
    ],
)
def test_a_malformed_attribute_is_refused_with_its_form(changes: dict[str, object]) -> None:
    with pytest.raises(SpeakerRejected, match="hint: write"):
        include.include(PLAN, {replace(announcement(), **changes)})


@given(st.text())
def test_no_text_of_a_community_gets_into_the_include_but_numbers(text: str) -> None:
    try:
        written = include.include(PLAN, {announcement(communities=(text,))})
    except SpeakerRejected:
        return
    assert all(part.isascii() and part.isdigit() for part in text.split(":"))
    assert ".add((" in written


def test_a_file_is_replaced_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "run" / "bird.conf"

    assert include.write(path, "one\n") is None
    assert include.write(path, "two\n") == "one\n"
    assert include.write(path, "two\n") == "two\n"

    assert path.read_text() == "two\n"
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(path.parent.iterdir()) == [path]


def test_erasing_leaves_nothing_to_announce_and_may_be_done_twice(tmp_path: Path) -> None:
    path = tmp_path / "bird.conf"
    include.write(path, "protocol pipe x {}\n")

    include.erase(path)
    include.erase(path)
    include.erase(tmp_path / "absent")

    assert path.read_text() == ""
