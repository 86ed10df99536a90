"""Any settings written into a design of any style are announced, and nothing else of the text changes."""

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from written_designs import Written, written_designs

from anyplane import design
from anyplane.design import Design, announcements
from anyplane.design.editing import edited
from anyplane.design.setting import (
    OFF,
    Setting,
    Uplink,
    actions_known,
    setting_of,
    uplinks,
    upstream_at,
    with_settings,
)


@st.composite
def wishes(draw: st.DrawFn, of: Design) -> dict[Uplink, Setting]:
    """Settings for some uplinks."""
    chosen = {}
    for uplink in uplinks(of):
        if draw(st.booleans()):
            continue
        known = actions_known(of, upstream_at(of, uplink))
        chosen[uplink] = draw(
            st.just(OFF)
            | st.builds(
                Setting,
                prepend=st.integers(0, 3),
                med=st.integers(0, 2),
                is_no_export=st.booleans(),
                is_backup=st.booleans(),
                actions=st.sets(st.sampled_from(known)).map(lambda one: tuple(sorted(one))),
            )
        )
    return chosen


def said(of: Design) -> list[object]:
    """The announcements, the order of communities and rules left out."""
    return [
        replace(
            one,
            communities=tuple(sorted(one.communities)),
            export_rules=tuple(sorted(map(repr, one.export_rules))),
        )
        for one in announcements(of)
    ]


def is_in_order(lines: list[str], text: str) -> bool:
    """Do the lines stand in the text, whole and in this order?"""
    rest = iter(re.split("\r\n|\n", text))
    return all(any(line == other for other in rest) for line in lines)


@given(st.data(), written_designs())
@settings(max_examples=30, deadline=None)
def test_the_edited_text_announces_what_was_asked_for_and_nothing_else_moves(
    data: st.DataObject, made: Written
) -> None:
    before = design.parse(made.text, file="d.yaml")
    wanted = data.draw(wishes(before))

    text = edited(made.text, before, wanted)

    after = design.parse(text, file="d.yaml")
    assert said(after) == said(with_settings(before, wanted))
    turned = {
        (str(before.sites[uplink.site].name), uplink.upstream)
        for uplink, setting in wanted.items()
        if setting != setting_of(before, upstream_at(before, uplink))
    }
    sites = {name for name, _ in turned}
    users = {name for line, (name, _) in zip(made.lines, made.about, strict=True) if "*" in line}

    def may_change(line: str, about: tuple[str, int]) -> bool:
        # What is shared may have to move; else an edit touches its upstream, or the line of the whole list.
        is_of_all = about[1] == -1 and about[0] in sites
        return about in turned or is_of_all or (bool(sites) and ("*" in line or "&" in line))

    kept = [line for line, about in zip(made.lines, made.about, strict=True) if not may_change(line, about)]
    assert is_in_order(kept, text)
    assert users or text.count("\r") == text.count("\n") * (made.breaks == "\r\n")
    lost = {
        mark
        for line, (name, place) in zip(made.lines, made.about, strict=True)
        for mark in re.findall(r"# c\d+c", line)
        if mark not in text
        and not (
            (name, place) in turned and ("policy" in line or "- " in line or "comm" in line or "," in line)
        )
    }
    assert lost == set()


@given(st.data(), written_designs())
@settings(max_examples=15, deadline=None)
def test_a_design_that_is_edited_already_is_not_edited_again(data: st.DataObject, made: Written) -> None:
    before = design.parse(made.text, file="d.yaml")
    wanted = data.draw(wishes(before))
    text = edited(made.text, before, wanted)
    after = design.parse(text, file="d.yaml")

    as_it_is = {uplink: setting_of(after, upstream_at(after, uplink)) for uplink in uplinks(after)}
    again = {}
    for site in {uplink.site for uplink in uplinks(before)}:
        mine = [uplink for uplink in uplinks(before) if uplink.site == site]
        left = [uplink for uplink in mine if wanted.get(uplink, Setting()).is_announced]
        for place, uplink in enumerate(left):
            if uplink in wanted:
                again[Uplink(site=site, upstream=place)] = wanted[uplink]

    assert edited(text, after, as_it_is) == text
    assert edited(text, after, again) == text
