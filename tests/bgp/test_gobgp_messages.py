"""GoBGP's configuration passes its own check, and paths survive both dialects; nonsense is refused."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest
from gobgp_binaries import BINARIES, needs_gobgp
from hypothesis import given
from hypothesis import strategies as st
from small_site import V4, V6, router

from anyplane.bgp.gobgp.messages import dialect
from anyplane.bgp.gobgp.paths import Told, from_path, to_path
from anyplane.bgp.gobgp.render import render
from anyplane.design.operation import Bfd, DaemonKind, Role, Rtr
from anyplane.model.errors import SpeakerRejected
from anyplane.model.nouns import Asn


def check(binary: str, text: str, directory: Path) -> subprocess.CompletedProcess[str]:
    conf = directory / "gobgpd.conf"
    conf.write_text(text)
    return subprocess.run(
        [binary, "-f", str(conf), "--dry-run", "--pprof-disable"], capture_output=True, text=True, timeout=20
    )


@pytest.mark.parametrize("binary", BINARIES, ids=["gobgp3", "gobgp4"])
def test_the_configuration_passes_gobgpds_dry_run(binary: str, tmp_path: Path) -> None:
    needs_gobgp(binary)
    rich = replace(
        V4,
        password_file="/etc/key",
        is_gtsm=True,
        bfd=Bfd(),
        role=Role.CUSTOMER,
        max_prefix=10,
        imports="all",
    )
    passive = replace(V6, is_passive=True, multihop=2, imports="none")
    plan = router(DaemonKind.GOBGP, rich, passive)
    plan = replace(plan, daemon=replace(plan.daemon, rtr=(Rtr(host="127.0.0.1", port=3323),)))

    text = render(plan, keys={"/etc/key": 'a "quoted" key'})
    checked = check(binary, text, tmp_path)

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "198.51.100.0/24" in text
    for lack in ("BFD", "roles", "without zebra"):
        assert "# Not in GoBGP: " in text
        assert lack in text


@pytest.mark.parametrize("binary", BINARIES, ids=["gobgp3", "gobgp4"])
def test_the_dry_run_would_have_noticed(binary: str, tmp_path: Path) -> None:
    needs_gobgp(binary)
    broken = render(router(DaemonKind.GOBGP)).replace('router-id = "192.0.2.1"', "router-id = 192.0.2.1")

    assert check(binary, broken, tmp_path).returncode != 0


def test_what_is_printed_holds_no_key() -> None:
    text = render(router(DaemonKind.GOBGP, replace(V4, password_file="/etc/key")))

    assert '# auth-password = "..."  # put the key of /etc/key here' in text


COMMUNITY = st.one_of(
    st.tuples(*[st.integers(0, 65535)] * 2), st.tuples(*[st.integers(0, 2**32 - 1)] * 3)
).map(lambda parts: ":".join(map(str, parts)))
TOLD = st.builds(
    Told,
    prefix=st.one_of(
        st.integers(0, 2**24 - 1).map(lambda n: ip_network((n << 8, 24))),
        st.integers(0, 2**48 - 1).map(lambda n: ip_network((n << 80, 48))),
    ),
    prepend=st.integers(0, 20),
    med=st.integers(0, 2**32 - 1),
    communities=st.frozensets(COMMUNITY, max_size=5),
)


@given(TOLD, st.sampled_from([3, 4]))
def test_a_path_means_the_same_after_a_round_trip_over_the_wire(told: Told, version: int) -> None:
    d = dialect(version)
    wire = to_path(d, told, asn=Asn(64500)).SerializeToString()

    back = from_path(d, str(told.prefix), d.messages["Path"].FromString(wire), sent=False)

    assert back == told


@given(st.text(max_size=30), st.binary(max_size=60), st.sampled_from(["AsPathAttribute", "Nothing", "x/y"]))
def test_nonsense_in_a_path_is_refused_and_never_a_traceback(prefix: str, value: bytes, name: str) -> None:
    d = dialect(3)
    path = d("Path", pattrs=[d("Any", type_url=f"type.googleapis.com/apipb.{name}", value=value)])

    for text in (prefix, "198.51.100.0/24"):
        try:
            told = from_path(d, text, path, sent=True)
        except SpeakerRejected:
            continue
        assert told.prefix == ip_network(text)


def test_the_agent_loads_no_grpc_until_it_calls_gobgp() -> None:
    code = (
        "import sys; from anyplane.bgp.gobgp import open_speaker, render; "
        "sys.exit(any(one in sys.modules for one in ('grpc', 'google.protobuf')))"
    )

    assert subprocess.run([sys.executable, "-c", code], timeout=30).returncode == 0


def test_without_grpc_the_error_names_the_extra(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['grpc'] = None\n"
        "from anyplane.bgp.gobgp.client import Client\n"
        "from anyplane.model.errors import UsageError\n"
        "try:\n Client('', asn=64500).peers()\n"
        "except UsageError as error:\n print(error)\n"
    )

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)

    assert "install anyplane[gobgp]" in said.stdout, said.stderr
