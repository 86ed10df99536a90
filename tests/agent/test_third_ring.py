"""The third ring against the two others, as values."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network

from anyplane.agent.third_ring import disagreement
from anyplane.bgp.speaker import Observation, Route, SessionSeen, SessionState
from anyplane.model.nouns import Asn

NEIGHBOR = ip_address("192.0.2.0")
ROUTE = Route(neighbor=NEIGHBOR, prefix=ip_network("198.51.100.0/24"), med=50)
BARE = replace(ROUTE, med=0)


def ring(*routes: Route, state: SessionState = SessionState.UP, is_exact: bool = True) -> Observation:
    """What one ring holds, with the state of the one session."""
    session = SessionSeen(neighbor=NEIGHBOR, upstream=Asn(64510), state=state)
    return Observation(routes=frozenset(routes), sessions=(session,), is_exact=is_exact)


def test_three_rings_that_agree_say_nothing() -> None:
    found = disagreement(frozenset({ROUTE}), ring(ROUTE), ring(ROUTE))

    assert not found
    assert str(found) == ""
    assert found.places == 0


def test_a_med_that_only_the_table_shows_is_told_with_both_values() -> None:
    found = disagreement(frozenset({ROUTE}), ring(ROUTE, is_exact=False), ring(BARE))

    assert found.altered == {ROUTE}
    assert not found.denied
    assert "wanted prepend 0 MED 50, and it has prepend 0 MED 0" in str(found)


def test_a_table_and_a_witness_that_contradict_each_other_are_an_alarm_whoever_is_right() -> None:
    found = disagreement(frozenset({ROUTE}), ring(BARE), ring(ROUTE))

    assert not found.altered
    assert found.denied == {BARE}
    assert found.places == 1


def test_what_was_not_sent_and_what_is_still_sent_are_told_apart() -> None:
    unsent = disagreement(frozenset({ROUTE}), ring(ROUTE), ring())
    stale = disagreement(frozenset(), ring(), ring(ROUTE))

    assert (unsent.missing, unsent.extra) == ({ROUTE}, frozenset())
    assert (stale.missing, stale.extra) == (frozenset(), {ROUTE})
    assert (unsent.places, stale.places) == (1, 1)


def test_a_session_that_is_down_is_darkness_and_no_disagreement() -> None:
    dark = disagreement(frozenset({ROUTE}), ring(ROUTE), ring(state=SessionState.DOWN))
    upstream_down = disagreement(frozenset({ROUTE}), ring(state=SessionState.DOWN), ring(ROUTE))

    assert not dark
    assert dark.dark == {ROUTE}
    assert "no session for" in str(dark)
    assert not upstream_down
