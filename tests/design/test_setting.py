"""A Setting put on an upstream is the one that is read off it again, and leaves all else alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyplane import design
from anyplane.design import announcements
from anyplane.design.setting import (
    OFF,
    Setting,
    Uplink,
    actions_known,
    setting_of,
    uplink_name,
    uplinks,
    upstream_at,
    upstream_with,
    with_settings,
)

TEXT = """
version: 1
service: {name: dns, origin: 64500, prefixes: [192.0.2.0/24]}
communities:
  "64520:1": {no_export: true, to: [AS3356]}
  "64520:2": {prepend: 2, to: [peers]}
  "3320:9": {no_export: true, to: [country DE]}
sites:
  fra:
    metro: FRA
    upstreams:
      - {asn: 3320, prepend: 1, communities: ["3320:9", "3320:77"], actions: [{prepend: 1, to: [AS174]}]}
      - {asn: 174, communities: [no-export, "64520:1"]}
  nyc:
    metro: NYC
    upstreams: [{asn: 174}, {asn: 174, med: 10}]
"""
DESIGN = design.parse(TEXT, file="d.yaml")

settings = st.builds(
    Setting,
    prepend=st.integers(0, 5),
    med=st.integers(0, 100),
    is_no_export=st.booleans(),
    is_backup=st.booleans(),
    actions=st.sets(st.sampled_from(["64520:1", "64520:2"])).map(lambda one: tuple(sorted(one))),
)


@given(settings, st.sampled_from(uplinks(DESIGN)))
def test_what_is_set_is_what_is_read(wanted: Setting, uplink: Uplink) -> None:
    upstream = upstream_at(DESIGN, uplink)

    turned = upstream_with(DESIGN, upstream, wanted)

    assert setting_of(DESIGN, turned) == wanted
    assert upstream_with(DESIGN, turned, setting_of(DESIGN, upstream)).rules == upstream.rules
    assert (turned.asn, turned.kind, turned.prefixes) == (upstream.asn, upstream.kind, upstream.prefixes)


def test_the_setting_that_is_there_changes_no_announcement() -> None:
    same = {uplink: setting_of(DESIGN, upstream_at(DESIGN, uplink)) for uplink in uplinks(DESIGN)}

    turned = with_settings(DESIGN, same)

    assert [replace(item, communities=()) for item in announcements(turned)] == [
        replace(item, communities=()) for item in announcements(DESIGN)
    ]
    assert [set(item.communities) for item in announcements(turned)] == [
        set(item.communities) for item in announcements(DESIGN)
    ]


def test_communities_without_a_meaning_and_agreed_actions_stay() -> None:
    upstream = DESIGN.sites[0].upstreams[0]

    turned = upstream_with(DESIGN, upstream, Setting())

    assert turned.communities == ("3320:77",)
    assert [rule.times for rule in turned.rules] == [1]


def test_an_agreed_action_stays_where_a_community_with_the_same_meaning_goes() -> None:
    text = TEXT.replace(
        "actions: [{prepend: 1, to: [AS174]}]", "actions: [{no_export: true, to: [country DE]}]"
    )
    agreed = design.parse(text, file="d.yaml")

    turned = upstream_with(agreed, agreed.sites[0].upstreams[0], Setting())

    assert len(turned.rules) == 1


def test_a_community_of_another_network_is_refused() -> None:
    assert actions_known(DESIGN, DESIGN.sites[1].upstreams[0]) == ("64520:1", "64520:2")

    with pytest.raises(ValueError, match="AS174 is not known to act on 3320:9"):
        upstream_with(DESIGN, DESIGN.sites[1].upstreams[0], Setting(actions=("3320:9",)))


def test_an_uplink_that_is_off_announces_nothing() -> None:
    turned = with_settings(DESIGN, {Uplink(site=0, upstream=1): OFF})

    assert [int(item.upstream) for item in announcements(turned)] == [3320, 174, 174]


def test_uplinks_have_names_that_tell_them_apart() -> None:
    assert [uplink_name(DESIGN, uplink) for uplink in uplinks(DESIGN)] == [
        "fra/AS3320",
        "fra/AS174",
        "nyc/AS174#1",
        "nyc/AS174#2",
    ]


def test_a_setting_reads_as_operators_say_it() -> None:
    assert str(Setting()) == "plain"
    assert str(OFF) == "withdrawn"
    assert str(Setting(prepend=2, is_no_export=True, actions=("174:990",))) == "prepend 2, no-export, 174:990"
