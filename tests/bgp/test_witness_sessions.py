"""witness_sessions: one session to the witness for each of an upstream, apart as the daemon needs it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from witness_daemons import plan_of

from anyplane.bgp.witness import stands_of
from anyplane.bgp.witness_sessions import IPV4_BLOCK, IPV6_BLOCK, needed_routes, witness_sessions
from anyplane.design.operation import Daemon, DaemonKind
from anyplane.model.errors import UsageError

KINDS = [kind for kind in DaemonKind if kind is not DaemonKind.MEMORY]


@pytest.mark.parametrize("kind", KINDS)
def test_each_upstream_session_has_a_witness_session_of_its_family_and_as(kind: DaemonKind) -> None:
    plan = plan_of(kind)
    shown = witness_sessions(plan)

    assert [one.upstream for one in shown] == [one.upstream for one in plan.sessions]
    assert [one.family for one in shown] == [one.family for one in plan.sessions]
    assert [one.name for one in shown] == [f"witness_{one.name}" for one in plan.sessions]
    assert {(one.password_file, one.is_gtsm, one.bfd, one.imports) for one in shown} == {
        ("", False, None, "none")
    }


@pytest.mark.parametrize("kind", KINDS)
def test_no_two_have_the_same_place(kind: DaemonKind) -> None:
    shown = witness_sessions(plan_of(kind))
    places = {(one.neighbor, one.port) if kind is DaemonKind.BIRD else one.neighbor for one in shown}

    assert len(places) == 4


def test_only_bird_makes_do_with_the_one_ipv6_loopback_address() -> None:
    bird = [str(one.neighbor) for one in witness_sessions(plan_of(DaemonKind.BIRD)) if one.family == 6]
    frr = [one.neighbor for one in witness_sessions(plan_of(DaemonKind.FRR)) if one.family == 6]

    assert bird == ["::1", "::1"]
    assert all(one in IPV6_BLOCK for one in frr)


def test_the_witness_stands_where_the_daemon_will_call() -> None:
    plan = plan_of(DaemonKind.BIRD)
    called = [(one.neighbor, one.port, one.upstream) for one in witness_sessions(plan)]

    stands = stands_of(plan)

    assert [(one.host, one.port, one.asn) for one in stands] == called
    assert [one.neighbor for one in stands] == [one.neighbor for one in plan.sessions]
    assert {one.peer_asn for one in stands} == {64500}


def test_frr_connects_from_the_address_that_it_has_towards_the_upstream_and_is_let_in() -> None:
    plan = plan_of(DaemonKind.FRR)
    nameless = replace(plan, sessions=(replace(plan.sessions[0], local=None),))

    assert [one.local for one in witness_sessions(plan)] == [one.local for one in plan.sessions]
    assert [one.allowed for one in stands_of(plan)] == [{one.local} for one in plan.sessions]
    with pytest.raises(UsageError, match="from an address that it is told"):
        witness_sessions(nameless)


def test_the_routes_that_a_daemon_needs_are_local_and_for_zebra_in_the_main_table_too() -> None:
    needed = {kind: needed_routes(plan_of(kind)) for kind in KINDS}
    plan = plan_of(DaemonKind.EXABGP)

    assert needed[DaemonKind.BIRD] == ()
    assert needed[DaemonKind.FRR] == (
        (IPV4_BLOCK, True),
        (IPV4_BLOCK, False),
        (IPV6_BLOCK, True),
        (IPV6_BLOCK, False),
    )
    assert needed[DaemonKind.GOBGP] == needed[DaemonKind.OPENBGPD] == ((IPV6_BLOCK, True),)
    assert needed_routes(replace(plan, sessions=plan.sessions[:1])) == ()


def test_without_a_witness_there_is_none() -> None:
    plan = replace(plan_of(DaemonKind.BIRD), daemon=Daemon(kind=DaemonKind.BIRD))

    assert witness_sessions(plan) == ()
    assert stands_of(plan) == ()


def test_a_witness_elsewhere_or_without_ports_is_refused() -> None:
    with pytest.raises(UsageError, match="not on this machine"):
        witness_sessions(plan_of(DaemonKind.BIRD, witness="192.0.2.9"))
    with pytest.raises(UsageError, match="not on this machine"):
        witness_sessions(plan_of(DaemonKind.BIRD, witness="example.net"))
    with pytest.raises(UsageError, match="no 4 ports"):
        witness_sessions(plan_of(DaemonKind.BIRD, port=65534))
