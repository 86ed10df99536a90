"""Announcements as lines of bgpd's configuration: stable, minimal, and mended when somebody touched them."""

from __future__ import annotations

from bird_plans import V4, V6, announcement, session
from hypothesis import given
from hypothesis import strategies as st

from anyplane.bgp.frr.running import Running, canonical, parse
from anyplane.bgp.frr.steering import (
    Steering,
    additions,
    leftovers,
    network_commands,
    out_map,
    steering,
    witnesses,
)
from anyplane.model.nouns import Announcement, Asn

NEAR = session()
NEAR_V6 = session("as64510_v6", "2001:db8::2")
FAR = session("as64520_v4", "203.0.113.9", upstream=Asn(64520))
SESSIONS = (NEAR, NEAR_V6, FAR)
DRESSED = announcement(as_path_prepend=2, med=7, communities=("65535:0", "64510:1:2"))

wishes = st.frozensets(
    st.builds(
        announcement,
        prefix=st.sampled_from([V4, V6]),
        upstream=st.sampled_from([64510, 64520]),
        as_path_prepend=st.integers(0, 3),
        med=st.integers(0, 2),
        communities=st.lists(st.sampled_from(["65535:0", "64510:1:2", "64510:7"]), unique=True).map(tuple),
    ),
    max_size=4,
).filter(lambda wanted: len({(one.prefix, one.upstream) for one in wanted}) == len(wanted))


def _held(goal: Steering) -> Running:
    """The configuration that holds exactly what `goal` asks for, as bgpd would print it."""
    lines = [
        "router bgp 64500",
        *(f" {line}" for line in network_commands(Asn(64500), (), goal.networks)[1:-1]),
    ]
    lines += [f"{name} seq 5 {entry}" for name, entries in goal.lists.items() for entry in entries]
    for (name, number), (action, entries) in goal.route_maps.items():
        lines += [f"route-map {name} {action} {number}", *(f" {entry}" for entry in entries), "exit"]
    return parse("\n".join(lines))


@given(wishes)
def test_what_is_there_is_not_written_again(wanted: frozenset[Announcement]) -> None:
    goal = steering(wanted, SESSIONS)
    running = _held(goal)

    assert additions(goal, running) == ((), frozenset())
    assert leftovers(goal, running) == ()
    assert running.networks == goal.networks


@given(wishes, wishes)
def test_an_entry_in_use_is_never_changed_and_goes_a_turn_later(
    before: frozenset[Announcement], after: frozenset[Announcement]
) -> None:
    old, new = steering(before, SESSIONS), steering(after, SESSIONS)
    running = _held(old)

    _, mended = additions(new, running)

    assert not mended
    used = {int(name.removeprefix("ANYPLANE-")) for name in old.networks.values()}
    assert not any(f" permit {number}" in line for line in leftovers(new, running) for number in used)


def test_an_upstream_that_gets_nothing_has_no_entry() -> None:
    goal = steering(frozenset({DRESSED}), SESSIONS)

    names = {name for name, _ in goal.route_maps}
    assert out_map(NEAR) in names
    assert out_map(FAR) not in names
    assert out_map(NEAR_V6) not in names


def test_an_entry_that_somebody_changed_is_mended() -> None:
    goal = steering(frozenset({DRESSED}), SESSIONS)
    running = _held(goal)
    key = next(key for key in goal.route_maps if key[0] == out_map(NEAR))
    changed = {**running.route_maps, key: ("permit", frozenset({f"match tag {key[1]}"}))}

    commands, mended = additions(
        goal,
        Running(
            asn=running.asn,
            networks=running.networks,
            route_maps=changed,
            lists=running.lists,
            neighbors={},
            is_restart_disabled=True,
            has_import_check=True,
        ),
    )

    assert mended == {out_map(NEAR)}
    assert commands[0] == f"no route-map {key[0]} permit {key[1]}"
    assert "set metric 7" in commands


def test_the_witnesses_know_which_communities_they_show() -> None:
    goal = steering(frozenset({DRESSED}), SESSIONS)

    assert list(witnesses(_held(goal)).values()) == [frozenset(DRESSED.communities)]


def test_names_of_communities_compare_equal_to_their_numbers() -> None:
    assert canonical("set community graceful-shutdown 64510:1") == canonical("set community 64510:1 65535:0")
