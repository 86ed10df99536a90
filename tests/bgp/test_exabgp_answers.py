"""ExaBGP's configuration is accepted by its own checker, and whatever it answers, nothing breaks."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_site import V4, V6, announced, router

from anyplane.bgp.exabgp.answers import learn, route_in, routes_in, sessions_in
from anyplane.bgp.exabgp.conversation import Conversation, event_of
from anyplane.bgp.exabgp.render import read_keys, render
from anyplane.bgp.exabgp.speaker import announcing
from anyplane.bgp.speaker import Route, SessionState, routes_of
from anyplane.design.operation import Address, Bfd, DaemonKind, Role
from anyplane.model.errors import SpeakerRejected, SpeakerUnreachable, UsageError

LINE = (
    "neighbor 192.0.2.0 local-ip 192.0.2.1 local-as 64500 peer-as 64510 router-id 192.0.2.1 "
    "family-allowed in-open ipv4 unicast 198.51.100.0/24 next-hop 192.0.2.1 as-path ( 64500 64500 ) med 7 "
    "community [ 64500:1 65535:0 blackhole no-export ] large-community 4200000000:1:2"
)
PEER = ip_address("192.0.2.0")


def validate(text: str, directory: Path) -> subprocess.CompletedProcess[str]:
    conf = directory / "exabgp.conf"
    conf.write_text(text)
    return subprocess.run(
        [sys.executable, "-m", "exabgp", "validate", "-n", "-r", str(conf)],
        capture_output=True,
        text=True,
        timeout=30,
        env={"PATH": "/usr/bin:/bin", "EXABGP_ENVFILE": "/dev/null"},
    )


def test_the_configuration_passes_exabgps_own_checker(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("secret #1; {x}\n")
    rich = replace(
        V4,
        password_file=str(key),
        is_gtsm=True,
        port=1790,
        bfd=Bfd(),
        role=Role.CUSTOMER,
        max_prefix=10,
    )
    passive = replace(V6, is_passive=True, multihop=2, imports="none")
    plan = router(DaemonKind.EXABGP, rich, passive)

    text = render(plan, keys=read_keys(plan))
    checked = validate(text, tmp_path)

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert 'md5-password "secret #1; {x}";' in text
    for lack in ("BFD", "roles", "10 prefixes"):
        assert "# Not in ExaBGP: " in text
        assert lack in text


def test_a_passive_session_needs_an_address_to_listen_at() -> None:
    with pytest.raises(UsageError, match="at which address"):
        render(router(DaemonKind.EXABGP, replace(V4, is_passive=True, local=None)))


def test_the_checker_would_have_noticed(tmp_path: Path) -> None:
    broken = render(router(DaemonKind.EXABGP)).replace("peer-as", "pear-as", 1)

    assert validate(broken, tmp_path).returncode != 0


def test_what_is_printed_holds_no_key_and_no_route(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("secret")

    text = render(router(DaemonKind.EXABGP, replace(V4, password_file=str(key))))

    assert "secret" not in text
    assert f"reads it from {key}" in text
    assert "198.51.100" not in text
    assert "graceful-restart disable" in text


@pytest.mark.parametrize("content", ["", "a" * 81, 'with"quote', "zwei\nzeilen"])
def test_a_key_that_exabgp_could_not_take_is_refused_with_its_file(tmp_path: Path, content: str) -> None:
    key = tmp_path / "key"
    key.write_text(content)

    with pytest.raises(UsageError, match="not usable as the key") as refused:
        read_keys(router(DaemonKind.EXABGP, replace(V4, password_file=str(key))))

    assert str(key) in str(refused.value)


def test_a_route_is_read_back_with_every_attribute() -> None:
    assert route_in(LINE) == Route(
        neighbor=PEER,
        prefix=ip_network("198.51.100.0/24"),
        prepend=1,
        med=7,
        communities=frozenset(("64500:1", "65535:0", "65535:666", "65535:65281", "4200000000:1:2")),
    )


def test_a_command_names_the_neighbour_and_every_attribute() -> None:
    (route,) = routes_of([announced("198.51.100.0/24", "64500:1:2", "65535:0", prepend=2, med=5)], [V4])

    assert announcing(route, 64500) == (
        "neighbor 192.0.2.0 announce route 198.51.100.0/24 next-hop self as-path [ 64500 64500 64500 ] med 5 "
        "community [ 65535:0 ] large-community [ 64500:1:2 ]"
    )


def test_the_first_second_of_a_session_counts_as_up() -> None:
    """`state` says "down" while the duration rounds to nothing; `fsm` is right."""
    text = json.dumps(
        [{"state": "down", "duration": 0, "fsm": "ESTABLISHED", "peer": {"address": "192.0.2.0"}}]
    )

    seen = sessions_in([text], [V4, V6], {V6.neighbor: "why"})

    assert [(one.state, one.reason) for one in seen] == [(SessionState.UP, ""), (SessionState.DOWN, "why")]


def state(kind: str, **more: object) -> dict[str, object]:
    return {
        "exabgp": "5.0.0",
        "type": "state",
        "neighbor": {"address": {"peer": str(PEER)}, "state": kind, **more},
    }


def test_a_notification_is_the_reason_until_the_session_is_up_again() -> None:
    reasons: dict[Address, str] = {}
    fields = {"code": 6, "subcode": 1, "data": "0x", "message": ""}
    told = {"address": {"peer": str(PEER)}, "direction": "receive", "notification": fields}

    learn(reasons, {"type": "notification", "neighbor": told})
    learn(reasons, state("down", reason="closing connection"))

    assert reasons[PEER] == "the neighbour sent NOTIFICATION: cease, maximum number of prefixes reached (6/1)"
    learn(reasons, state("up"))
    assert not reasons


@given(st.text(max_size=200))
def test_any_text_as_a_route_is_read_or_refused(text: str) -> None:
    for line in (text, f"neighbor 192.0.2.0 ipv4 unicast {text}", LINE[: len(text)] + text):
        with contextlib.suppress(SpeakerRejected):
            routes_in([line])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["peer", "address", "fsm", "duration", "neighbor", "type", "state", "notification"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_any_json_about_neighbours_is_read_or_refused(value: object) -> None:
    reasons: dict[Address, str] = {}
    if isinstance(value, dict):
        learn(reasons, value)
    with contextlib.suppress(SpeakerRejected):
        seen = sessions_in([json.dumps(value)], [V4, V6], reasons)
        assert {one.state for one in seen} == {SessionState.DOWN}


@given(st.text(max_size=100))
def test_any_text_as_an_event_is_read_or_passed_over(text: str) -> None:
    event = event_of('{ "exabgp"' + text)

    assert isinstance(event, dict)
    learn({}, event)


def test_a_daemon_that_hangs_up_or_says_nothing_is_unreachable() -> None:
    async def body() -> None:
        reading, far_writing = os.pipe()
        far_reading, writing = os.pipe()
        conversation = Conversation(reading=reading, writing=writing)
        os.write(far_writing, b'\xff\xfe nonsense\n{ "exabgp": [\nline\ndone\n')

        (answer,) = await conversation.ask(["version"], timeout=1)
        with pytest.raises(SpeakerUnreachable, match="no answer in"):
            await conversation.ask(["version"], timeout=0.05)
        # The answer that was owed comes late, and is not taken for the next one's.
        os.write(far_writing, b"late\ndone\nin time\nerror\n")
        (after,) = await conversation.ask(["version"], timeout=1)
        os.close(far_writing)
        with pytest.raises(SpeakerUnreachable, match="broke"):
            await conversation.ask(["version"], timeout=1)

        assert answer.is_done
        assert answer.lines[-1] == "line"
        assert after.lines == ("in time",)
        assert not after.is_done
        os.close(far_reading)
        conversation.close()

    anyio.run(body)
