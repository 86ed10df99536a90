"""`anyplane witness` as a user runs it, with a peer made of a plain socket."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from ipaddress import IPv4Address, ip_address, ip_network

import pytest

from anyplane.bgp.wire import (
    Attributes,
    Capabilities,
    Family,
    Keepalive,
    Open,
    Segment,
    SegmentKind,
    Update,
    render,
)
from anyplane.bgp.wire.attributes import Origin
from anyplane.bgp.witness import Stand, Witness
from anyplane.cli.witness import as_table
from anyplane.model.nouns import Asn

COMMAND = [sys.executable, "-u", "-c", "from anyplane.cli.main import main; main()", "witness"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def announcing(port: int) -> socket.socket:
    """A router that announces one prefix, prepended twice, and withdraws it."""
    peer = socket.create_connection(("127.0.0.1", port), timeout=5)
    can = Capabilities(families=(Family.IPV4,), asn4=Asn(64500))
    attributes = Attributes(
        origin=Origin.IGP,
        as_path=(Segment(kind=SegmentKind.SEQUENCE, asns=(64500, 64500, 64500)),),
        next_hop=IPv4Address("192.0.2.1"),
        med=50,
        communities=("65535:0",),
    )
    prefix = ip_network("198.51.100.0/24")
    for message in (
        Open(asn=Asn(64500), hold_s=9, identifier=IPv4Address("192.0.2.1"), capabilities=can),
        Keepalive(),
        Update(attributes=attributes, announced_v4=(prefix,)),
        Update(withdrawn_v4=(prefix,)),
    ):
        peer.sendall(render(message))
    return peer


@pytest.mark.parametrize("form", ["json", "text"])
def test_every_change_is_a_line(form: str) -> None:
    port = free_port()
    options = ["--listen", f"127.0.0.1:{port}", "--asn", "64510", "--for", "3"]
    options += ["--json"] if form == "json" else []
    with subprocess.Popen(
        [*COMMAND, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stderr.readline() == f"listening on 127.0.0.1:{port} as AS64510\n"
        with announcing(port):
            lines = [process.stdout.readline() for _ in range(3)]
        rest, complaint = process.communicate(timeout=20)

    assert (process.returncode, complaint) == (0, "")
    assert "session down" in rest
    if form == "text":
        assert lines == [
            "AS64510 127.0.0.1  session up with AS64500, hold time 9 s\n",
            "AS64510 127.0.0.1  + 198.51.100.0/24  path 64500 64500 64500  prepend 2  MED 50  65535:0\n",
            "AS64510 127.0.0.1  - 198.51.100.0/24  withdrawn\n",
        ]
    else:
        found = [json.loads(line) for line in lines]
        assert [one["event"] for one in found] == ["session", "announced", "withdrawn"]
        assert (found[1]["prefix"], found[1]["prepend"], found[1]["med"]) == ("198.51.100.0/24", 2, 50)
        assert found[1]["communities"] == ["65535:0"]


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--listen", "127.0.0.1", "--asn", "64510"], 2, "is no address and port"),
        (["--listen", "x:1790", "--asn", "64510"], 2, "'x' is not an IP address"),
        (["--listen", "127.0.0.1:70000", "--asn", "64510"], 2, "is no address and port"),
        (["--listen", "127.0.0.1:1790", "--asn", "x"], 2, "'x' is not an AS number"),
        (["--listen", "127.0.0.1:1790", "--asn", "1", "--asn", "2"], 2, "1 --listen and 2 --asn"),
        (["--listen", "0.0.0.0:1790", "--asn", "64510"], 2, "can be reached from outside"),
        (
            ["--listen", "192.0.2.1:1790", "--peer", "192.0.2.2", "--asn", "64510"],
            4,
            "cannot listen on 192.0.2.1",
        ),
    ],
)
def test_what_cannot_be_done_is_said_plainly(options: list[str], code: int, said: str) -> None:
    done = subprocess.run([*COMMAND, *options, "--for", "1"], capture_output=True, text=True, timeout=30)

    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr


def test_the_table_has_a_row_for_a_stand_that_hears_nothing() -> None:
    from rich.console import Console

    here = ip_address("127.0.0.1")
    table = as_table(Witness([Stand(host=here, port=1790, asn=Asn(64510), neighbor=here)]))
    console = Console(width=100, color_system=None)
    with console.capture() as captured:
        console.print(table)

    text = re.sub(r"\s+", " ", captured.get())
    assert "AS64510 127.0.0.1:1790" in text
    assert "nothing" in text
    assert "down: nobody has" in text
