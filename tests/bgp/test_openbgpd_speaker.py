"""Markers and bgpctl: what is asked of bgpd, and what becomes of a bgpctl that fails or hangs."""

from __future__ import annotations

import json
import time
from pathlib import Path

import anyio
import pytest
from bird_plans import announcement, plan, session
from hypothesis import given
from hypothesis import strategies as st

from anyplane.bgp.openbgpd import open_speaker
from anyplane.bgp.openbgpd.bgpctl import Bgpctl
from anyplane.bgp.openbgpd.markers import ALONE, ANNOUNCE, marker, networks
from anyplane.bgp.openbgpd.tables import networks_held, routes_sent, sessions_seen
from anyplane.bgp.router import RouterPlan
from anyplane.design.operation import Daemon, DaemonKind
from anyplane.model.errors import SpeakerRejected, SpeakerUnreachable
from anyplane.model.nouns import Asn

NEAR, FAR = session(), session("as64520_v4", "203.0.113.9", upstream=Asn(64520))
PLAN = plan(NEAR, FAR, daemon=Daemon(kind=DaemonKind.OPENBGPD))


def test_each_upstream_has_markers_of_its_own() -> None:
    wanted = {announcement(as_path_prepend=3), announcement(upstream=64520, med=5)}

    (arguments,) = networks(PLAN, wanted)

    assert set(arguments) - {"ext-community", "rt"} == {
        marker(Asn(64510), ANNOUNCE),
        marker(Asn(64510), "prepend 1"),
        marker(Asn(64510), "prepend 2"),
        marker(Asn(64520), ANNOUNCE),
        marker(Asn(64520), "med 1"),
        marker(Asn(64520), "med 4"),
    }


def test_a_community_without_a_rule_is_on_the_route_and_kept_from_the_others() -> None:
    wanted = {announcement(communities=("64510:9", "65535:0")), announcement(upstream=64520)}

    (arguments,) = networks(PLAN, wanted)

    assert arguments[-2:] == ("community", "64510:9")
    assert marker(Asn(64510), "community 65535:0") in arguments
    assert marker(Asn(64520), ALONE) in arguments


@pytest.mark.parametrize(
    "wanted",
    [
        {announcement(communities=("64510:9",)), announcement(upstream=64520, communities=("64520:9",))},
        {announcement(as_path_prepend=32)},
        {announcement(med=1 << 31)},
    ],
)
def test_what_no_rule_can_say_is_refused_with_the_fix(wanted: set[object]) -> None:
    with pytest.raises(SpeakerRejected) as caught:
        networks(PLAN, wanted)  # type: ignore[arg-type]

    assert "render again" in caught.value.hint


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=12),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "fib",
                        "rib",
                        "neighbors",
                        "prefix",
                        "aspath",
                        "metric",
                        "communities",
                        "remote_addr",
                        "state",
                        "stats",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=15,
    )
)
def test_any_json_of_bgpctl_is_read_without_a_crash(document: object) -> None:
    if isinstance(document, dict):
        networks_held(document)
        routes_sent(document, NEAR.neighbor, asn=Asn(64500))
        assert len(sessions_seen(document, (NEAR, FAR))) == 2


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("echo nonsense", SpeakerRejected),
        ("echo '[]'", SpeakerRejected),
        ("""echo '{"status": "FAILED", "error": "no such neighbor"}'""", SpeakerRejected),
        ("echo 'bgpctl: connect: /run/bgpd.sock: Permission denied' >&2; exit 1", SpeakerUnreachable),
        ("echo 'unknown argument: bulk' >&2; exit 1", SpeakerRejected),
        ("exec sleep 5", SpeakerUnreachable),
    ],
)
def test_a_bgpctl_that_fails_is_an_error_with_command_and_fix(
    tmp_path: Path, script: str, error: type[SpeakerRejected | SpeakerUnreachable]
) -> None:
    bgpctl = tmp_path / "bgpctl"
    bgpctl.write_text(f"#!/bin/sh\n{script}\n")
    bgpctl.chmod(0o755)
    begin = time.monotonic()

    with pytest.raises(error) as caught:
        anyio.run(Bgpctl("", str(bgpctl), deadline_s=0.5).ask, "show", "neighbor")

    assert time.monotonic() - begin < 2
    assert "show neighbor" in caught.value.command
    assert caught.value.hint


def test_an_absent_bgpctl_says_what_to_install(tmp_path: Path) -> None:
    speaker = open_speaker(_with(bgpctl=str(tmp_path / "absent")))

    with pytest.raises(SpeakerUnreachable, match="does not start") as caught:
        anyio.run(speaker.panic_withdraw)

    assert "openbgpd" in caught.value.hint


def test_a_bgpd_that_took_the_commands_and_did_nothing_is_found_out(tmp_path: Path) -> None:
    bgpctl = tmp_path / "bgpctl"
    bgpctl.write_text(f"#!/bin/sh\ncat > /dev/null\necho '{json.dumps({'fib': []})}'\n")
    bgpctl.chmod(0o755)

    with pytest.raises(SpeakerRejected, match="not what was wanted"):
        anyio.run(open_speaker(_with(bgpctl=str(bgpctl))).apply, frozenset({announcement()}))


def test_the_dead_mans_orders_flush_over_the_same_socket() -> None:
    router = plan(NEAR, daemon=Daemon(kind=DaemonKind.OPENBGPD, control="/run/x.sock"))

    assert open_speaker(router).dead_mans_orders() == (("bgpctl", "-s", "/run/x.sock", "network", "flush"),)


def _with(**settings: str) -> RouterPlan:
    return plan(NEAR, FAR, daemon=Daemon(kind=DaemonKind.OPENBGPD, settings=settings))
