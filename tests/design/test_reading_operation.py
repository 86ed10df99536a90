"""safety:, daemon: and session: -> Safety, Daemon and Session."""

from __future__ import annotations

import subprocess
import sys
from ipaddress import IPv4Address, ip_address

import pytest

from anyplane import design
from anyplane.bgp.router import router_plan
from anyplane.design import timing
from anyplane.design.operation import (
    Bfd,
    Daemon,
    DaemonKind,
    Endpoint,
    Isolation,
    Role,
    Rtr,
    Safety,
    Session,
)
from anyplane.model.errors import DesignError

DESIGN = """
version: 1
service: {{name: acme, origin: 64500, prefixes: [198.51.100.0/24, 2001:db8:53::/48]}}
policies: {{exchange: {{kind: route_server}}}}
sites:
  fra:
    metro: FRA
    upstreams:
      - {{asn: 174, session: {first}}}
      - {{asn: 6695, policy: exchange, session: {second}}}
    {site}
safety: {safety}
"""


def read(
    *,
    first: str = "{neighbor: 10.0.0.1}",
    second: str = "{neighbor: 10.0.0.3}",
    site: str = "",
    safety: str = "{}",
) -> design.Design:
    return design.parse(DESIGN.format(first=first, second=second, site=site, safety=safety))


def sessions_of(parsed: design.Design) -> list[Session]:
    return [session for upstream in parsed.sites[0].upstreams for session in upstream.sessions]


def test_what_is_not_said_of_safety_is_as_its_type_says() -> None:
    assert read().safety == Safety()
    assert read(safety="{on_agent_death: withdraw}").safety == Safety()


def test_all_of_safety_becomes_seconds_and_fractions() -> None:
    parsed = read(
        safety="{floor: 2, headroom: 90 %, budget: {sites: 3, per: 20 min}, "
        " same_check: {share: 40 %, within: 30 s},"
        " fresh: 1 min, patience: 500 ms, isolated: withdraw, lease: 5 s, on_agent_death: {hold: 10 min},"
        " quarantine: {first: 5 s, longest: 1 h}, drain: {prepend: 2, wait: 90 s},"
        " retire: [192.0.2.0/24, as64510, 64511], fleet: {file: /run/anyplane/fleet.json}}"
    )

    assert parsed.safety == Safety(
        floor=2,
        headroom=0.9,
        budget=3,
        budget_per_s=1200,
        same_check=0.4,
        same_check_within_s=30,
        fresh_s=60,
        patience_s=0.5,
        isolated=Isolation.WITHDRAW,
        lease_s=5,
        death_hold_s=600,
        flap_first_s=5,
        flap_longest_s=3600,
        drain_prepend=2,
        drain_wait_s=90,
        retired=frozenset(("192.0.2.0/24", "AS64510", "AS64511")),
        fleet_file="/run/anyplane/fleet.json",
    )


def test_a_static_fleet_names_sites() -> None:
    assert read(safety="{fleet: {static: fra}}").safety.fleet_sites == {"fra"}


def test_a_daemon_may_be_its_kind_alone() -> None:
    assert read(site="daemon: frr").sites[0].daemon == Daemon(kind=DaemonKind.FRR, path="sites.fra.daemon")
    assert read(site="daemon: {}").sites[0].daemon == Daemon(path="sites.fra.daemon")
    assert read().sites[0].daemon is None


def test_all_of_a_daemon_is_kept() -> None:
    parsed = read(
        site="daemon: {kind: bird, router_id: 192.0.2.1, control: /run/bird/bird.ctl,"
        " include: /run/anyplane/bird.conf,"
        " rpki: [127.0.0.1, '[::1]:3323', rpki.example.net], witness: '127.0.0.1:1790',"
        " settings: {table: 7, fast: true}}"
    )

    assert parsed.sites[0].daemon == Daemon(
        kind=DaemonKind.BIRD,
        router_id=IPv4Address("192.0.2.1"),
        control="/run/bird/bird.ctl",
        include="/run/anyplane/bird.conf",
        rtr=(Rtr(host="127.0.0.1"), Rtr(host="::1", port=3323), Rtr(host="rpki.example.net")),
        witness=Endpoint(host="127.0.0.1", port=1790),
        settings={"table": "7", "fast": "true"},
        path="sites.fra.daemon",
    )


def test_all_of_a_session_is_kept() -> None:
    parsed = read(
        first="{neighbor: 10.0.0.1, local: 10.0.0.2, name: cogent, port: 1179,"
        " password_file: /etc/anyplane/cogent.key, gtsm: true, multihop: 2, bfd: {interval: 50 ms},"
        " role: peer, max_prefix: 1000, hold: 9 s,"
        " passive: true, imports: all}"
    )

    assert sessions_of(parsed)[0] == Session(
        name="cogent",
        upstream=parsed.sites[0].upstreams[0].asn,
        neighbor=ip_address("10.0.0.1"),
        local=ip_address("10.0.0.2"),
        port=1179,
        password_file="/etc/anyplane/cogent.key",
        is_gtsm=True,
        multihop=2,
        bfd=Bfd(interval_ms=50),
        role=Role.PEER,
        max_prefix=1000,
        hold_s=9,
        is_passive=True,
        imports="all",
        path="sites.fra.upstreams.0.session.0",
    )


def test_a_session_that_says_little_is_as_its_type_says() -> None:
    (first, _) = sessions_of(read())

    assert (first.role, first.bfd, first.hold_s, first.imports) == (None, None, 90, "default")


def test_sessions_are_named_by_upstream_and_family() -> None:
    parsed = read(
        first="[{neighbor: 10.0.0.1}, {neighbor: 'fd00::1'}, {neighbor: 10.0.0.5},"
        " {neighbor: 10.0.0.7, name: as174_v4_2}]"
    )

    assert [one.name for one in sessions_of(parsed)] == [
        "as174_v4",
        "as174_v6",
        "as174_v4_3",
        "as174_v4_2",
        "as6695_v4",
    ]
    assert [one.family for one in sessions_of(parsed)] == [4, 6, 4, 4, 4]


def test_the_automatic_role_follows_the_kind_even_from_a_policy() -> None:
    parsed = read(first="{neighbor: 10.0.0.1, role: auto}", second="{neighbor: 10.0.0.3, role: auto}")

    assert [one.role for one in sessions_of(parsed)] == [Role.CUSTOMER, Role.RS_CLIENT]


@pytest.mark.parametrize(
    ("written", "bfd"),
    [("true", Bfd()), ("false", None), ("{}", Bfd()), ("{multiplier: 5}", Bfd(multiplier=5))],
)
def test_bfd_is_switched_or_timed(written: str, bfd: Bfd | None) -> None:
    assert sessions_of(read(first=f"{{neighbor: 10.0.0.1, bfd: {written}}}"))[0].bfd == bfd


def test_a_router_is_planned_from_what_is_read() -> None:
    plan = router_plan(read(first="{neighbor: 10.0.0.1, local: 10.0.0.2}", site="daemon: bird"), "fra")

    assert plan.router_id == IPv4Address("10.0.0.2")
    assert len(plan.sessions) == 2


def test_a_lone_session_is_found_in_the_file() -> None:
    parsed = read()

    finding = next(one for one in design.check(parsed) if one.rule.id == "AP071")
    assert finding.location.line == 9


def test_no_error_shows_a_secret() -> None:
    with pytest.raises(DesignError) as caught:
        read(first="{neighbor: nowhere, password: hunter2, port: 0, hold: [hunter2]}")

    assert len(caught.value.problems) == 4
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500 ms", 0.5), ("3s", 3), (" 1.5 s ", 1.5), ("10 min", 600), ("1 h", 3600), (".5 min", 30)],
)
def test_times_are_read_in_four_units(text: str, seconds: float) -> None:
    assert timing.seconds(text) == seconds


@pytest.mark.parametrize("text", ["500 ms", "3 s", "10 min", "1 h", "90 s", "1.5 s"])
def test_times_are_shown_as_an_operator_writes_them(text: str) -> None:
    assert timing.time_text(timing.seconds(text)) == text


def test_the_package_is_imported_without_pydantic() -> None:
    code = "import sys, anyplane.design; sys.exit('pydantic' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
