"""The vty client against servers that are absent, hung or rude; its parsers against anything."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyplane.bgp.frr.running import canonical, parse
from anyplane.bgp.frr.tables import sent, sessions_seen
from anyplane.bgp.frr.vty import Garbled, Replies, Vty, Vtysh, masked
from anyplane.design.operation import Session
from anyplane.model.errors import SpeakerRejected, SpeakerUnreachable
from anyplane.model.nouns import Asn

SESSION = Session(name="as64510_v4", upstream=Asn(64510), neighbor=ip_address("192.0.2.0"))


@given(
    st.text(alphabet=st.characters(blacklist_characters="\0", codec="utf-8")), st.integers(0, 255), st.data()
)
def test_a_reply_is_read_whatever_the_pieces_it_comes_in(text: str, code: int, data: st.DataObject) -> None:
    whole = text.encode() + b"\0\0\0" + bytes([code])
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=4)))
    replies = Replies()

    said = [replies.feed(whole[a:b]) for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True) if a < b]

    assert said[-1] == (text, code)
    assert all(one is None for one in said[:-1])


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_any_bytes_are_a_reply_or_none_or_garbled(parts: list[bytes]) -> None:
    replies = Replies()
    with contextlib.suppress(Garbled):
        for part in parts:
            if (said := replies.feed(part)) is not None:
                assert isinstance(said[0], str)
                return


@given(st.text())
def test_any_text_can_be_read_as_a_configuration(text: str) -> None:
    parse(text)
    parse(f"router bgp 64500\n network {text}\n neighbor {text} route-map {text} out\n")
    canonical(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["advertisedRoutes", "192.0.2.0", "198.51.100.0/24", "bgpState", "path", "metric", "x"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_any_json_is_read_without_a_crash(document: object) -> None:
    text = json.dumps(document)
    if isinstance(document, dict):
        sent(text, asn=Asn(64500), command="c")
        assert len(sessions_seen(text, (SESSION,), command="c")) == 1
    else:
        with pytest.raises(SpeakerRejected, match="JSON"):
            sent(text, asn=Asn(64500), command="c")


@pytest.mark.parametrize("text", ["", "{", "% Unknown command", "[" * 100_000])
def test_an_answer_that_is_no_json_is_refused_with_command_and_reply(text: str) -> None:
    with pytest.raises(SpeakerRejected) as caught:
        sessions_seen(text, (SESSION,), command="show bgp neighbors json")

    assert caught.value.command == "show bgp neighbors json"
    assert "FRR" in caught.value.hint


def test_a_configuration_is_read_for_what_matters_of_it() -> None:
    running = parse(
        "router bgp 64500\n bgp graceful-restart-disable\n no bgp network import-check\n"
        " neighbor UP peer-group\n neighbor 192.0.2.0 peer-group UP\n"
        " neighbor 192.0.2.0 password s3same\n"
        " neighbor UP shutdown message go away\n !\n address-family ipv4 unicast\n"
        "  network 198.51.100.0/24 route-map ANYPLANE-7\n  network 203.0.113.0/24\n"
        "  neighbor UP route-map FOO out\n exit-address-family\nexit\n!\n"
        "router bgp 65000 vrf red\n address-family ipv4 unicast\n"
        "  network 10.0.0.0/8\n exit-address-family\nexit\n"
        "bgp community-list standard ANYPLANE-LIST-1 seq 5 permit no-export 64510:1\n"
        "route-map FOO permit 100\n match tag 100\n set community no-export 64510:1\nexit\n"
    )

    assert running.asn == 64500
    assert running.is_restart_disabled
    assert not running.has_import_check
    assert {str(key): value for key, value in running.networks.items()} == {
        "198.51.100.0/24": "ANYPLANE-7",
        "203.0.113.0/24": "",
    }
    neighbor = running.neighbors[ip_address("192.0.2.0")]
    assert (neighbor.route_map_out, neighbor.password, neighbor.shutdown) == ("FOO", "s3same", "go away")
    assert running.lists["bgp community-list standard ANYPLANE-LIST-1"] == {"permit 64510:1 65535:65281"}
    assert running.route_maps["FOO", 100][1] == {"match tag 100", "set community 64510:1 65535:65281"}


def test_a_key_never_stands_in_an_error() -> None:
    assert masked("neighbor 192.0.2.0 password s3same") == "neighbor 192.0.2.0 password ..."


def test_an_absent_socket_names_the_fix(tmp_path: Path) -> None:
    async def body() -> None:
        async with Vty(tmp_path / "bgpd.vty"):
            pass

    with pytest.raises(SpeakerUnreachable, match=r"bgpd\.vty") as caught:
        anyio.run(body)

    assert "vty_directory" in caught.value.hint


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", SpeakerUnreachable),  # hangs up
        (b"HTTP/1.1 400 Bad Request\0\0\0\0 and more", SpeakerRejected),
        (b"% no\0\0\0\x02", SpeakerRejected),
        (None, SpeakerUnreachable),  # silent
    ],
)
def test_a_rude_server_is_an_error_within_the_deadline(
    tmp_path: Path, answer: bytes | None, error: type[Exception]
) -> None:
    async def body() -> None:
        async with Vty(tmp_path / "bgpd.vty", deadline_s=0.3) as vty:
            await vty.show("show version")

    def serve(connection: socket.socket) -> None:
        connection.recv(100)
        if answer is None:
            connection.recv(100)
        else:
            connection.sendall(answer)

    with _server(tmp_path / "bgpd.vty", serve), _soon(), pytest.raises(error):
        anyio.run(body)


def test_vtysh_that_is_missing_or_hangs_is_unreachable(tmp_path: Path) -> None:
    hung = tmp_path / "hung"
    hung.write_text("#!/bin/sh\nexec sleep 5\n")
    hung.chmod(0o755)
    for command in (str(tmp_path / "absent"), str(hung)):
        with pytest.raises(SpeakerUnreachable):
            anyio.run(Vtysh(command, tmp_path, deadline_s=0.2).show, "show version")


@contextlib.contextmanager
def _soon() -> Iterator[None]:
    """Fails when what is inside took longer than any deadline allows."""
    begin = time.monotonic()
    yield
    assert time.monotonic() - begin < 2


@contextlib.contextmanager
def _server(path: Path, serve: Callable[[socket.socket], None]) -> Iterator[None]:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def run() -> None:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                connection.settimeout(5)
                serve(connection)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            thread.join(10)
