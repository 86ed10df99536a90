"""lint-router: broken configurations that their daemons accept, their exact findings, and fuzz."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from namespaces import needs_program
from witness_daemons import plan_of

from anyplane import design
from anyplane.bgp.lint import READERS, RULES, RouterFacts, guess, lint, read
from anyplane.bgp.lint.tokens import statements
from anyplane.bgp.router import RouterPlan, router_plan
from anyplane.cli.check import as_text
from anyplane.design.operation import Bfd, Daemon, DaemonKind
from anyplane.model.errors import UsageError
from anyplane.model.nouns import Announcement, UpstreamKind

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests/golden/lint"
KINDS = [kind for kind in DaemonKind if kind is not DaemonKind.MEMORY]
BIN = Path(sys.executable).parent


def sample(kind: DaemonKind) -> str:
    return (GOLDEN / f"{kind}.conf").read_text()


def fra() -> RouterPlan:
    return router_plan(design.parse((GOLDEN / "design.yaml").read_text(), file="design.yaml"), "fra")


def ids(text: str, kind: DaemonKind, *, plan: RouterPlan | None = None, mode: int | None = None) -> set[str]:
    return {one.rule.id for one in lint(read(text, file="x", daemon=kind), plan=plan, mode=mode)}


@pytest.mark.parametrize("kind", KINDS)
def test_every_fault_of_a_broken_configuration_is_told_exactly(kind: DaemonKind) -> None:
    facts = read(sample(kind), file=f"{kind}.conf")
    text = as_text(facts, lint(facts, plan=fra(), mode=0o644)) + "\n"
    golden = GOLDEN / f"{kind}.txt"
    if os.environ.get("ANYPLANE_WRITE_GOLDEN"):
        golden.write_text(text)

    assert text == golden.read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_the_real_daemon_accepts_the_broken_configuration(kind: DaemonKind, tmp_path: Path) -> None:
    file = tmp_path / f"{kind}.conf"
    shutil.copy(GOLDEN / file.name, file)
    file.chmod(0o600)
    frr = ("/usr/lib/frr/bgpd", "-C", "-f", str(file), "-i", str(tmp_path / "pid"))
    commands: dict[DaemonKind, tuple[str, ...]] = {
        DaemonKind.BIRD: ("bird", "-p", "-c", str(file)),
        DaemonKind.FRR: frr,
        DaemonKind.OPENBGPD: ("/usr/sbin/bgpd", "-n", "-f", str(file)),
        DaemonKind.GOBGP: ("gobgpd", "-d", "-f", str(file)),
        DaemonKind.EXABGP: (str(BIN / "exabgp"), "validate", str(file)),
    }
    needs_program(commands[kind][0])
    if kind is DaemonKind.FRR:
        tmp_path.chmod(0o755)
        file.chmod(0o644)

    done = subprocess.run(commands[kind], capture_output=True, text=True, timeout=30)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_the_daemon_is_guessed_from_its_syntax(kind: DaemonKind) -> None:
    assert guess(sample(kind)) is kind


def test_a_text_of_no_daemon_is_a_clear_error() -> None:
    with pytest.raises(UsageError, match=r"(?s)which daemon.*--daemon"):
        read("hello\n", file="x.conf")


def test_every_rule_is_broken_by_some_sample() -> None:
    broken = {
        one for kind in KINDS for one in ids(sample(kind), kind, plan=replace_kind(fra(), kind), mode=0o644)
    }

    assert {rule.id for rule in RULES} == broken


def replace_kind(plan: RouterPlan, kind: DaemonKind) -> RouterPlan:
    return replace(plan, daemon=replace(plan.daemon, kind=kind))


def test_the_reference_page_lists_every_rule_as_it_is() -> None:
    page = (ROOT / "docs/reference/lint-router.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| AR")]

    assert rows == [
        f"| {rule.id} | {rule.severity} | `{rule.name}` | {rule.title} {rule.reason} |" for rule in RULES
    ]


def rendered_plan(kind: DaemonKind) -> RouterPlan:
    """A site as an operator would have it: keys, limits, BFD where there is one, a short hold time."""
    plan = plan_of(kind)
    sessions = tuple(
        replace(one, password_file="", hold_s=9, max_prefix=100, bfd=Bfd(), imports="default")
        for one in plan.sessions
    )
    announcements = tuple(
        Announcement(
            prefix=prefix, site=plan.site, upstream=one.upstream, kind=UpstreamKind.TRANSIT, origin=plan.asn
        )
        for one in sessions
        for prefix in (ip_network("198.51.100.0/24"), ip_network("2001:db8:53::/48"))
        if prefix.version == one.family
    )
    daemon = Daemon(kind=kind, include="/run/anyplane/bird.conf" if kind is DaemonKind.BIRD else "")
    kinds = {one.upstream: UpstreamKind.TRANSIT for one in sessions}
    return replace(plan, sessions=sessions, announcements=announcements, daemon=daemon, kinds=kinds)


@pytest.mark.parametrize("kind", KINDS)
def test_what_we_render_ourselves_has_no_error_and_no_warning(kind: DaemonKind) -> None:
    plan = rendered_plan(kind)
    text = importlib.import_module(f"anyplane.bgp.{kind}").render(plan)
    facts = read(text, file=f"{kind}.conf", daemon=kind)

    found = [one for one in lint(facts, plan=plan) if one.rule.severity != "note"]

    assert guess(text) is kind
    assert len(facts.sessions) >= 4
    assert [f"{one.location.line} {one.rule.id} {one.message}" for one in found] == []


def bird_session(options: str) -> str:
    body = f"local as 64500; neighbor 192.0.2.0 as 64510; {options}"
    return f"protocol bgp x {{ {body} }}"


CHANNEL = "ipv4 { import none; export where source = RTS_DEVICE; };"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (f"graceful restart off; {CHANNEL}", set()),
        (f"{CHANNEL}", {"AR002"}),
        (f"graceful restart aware; {CHANNEL}", {"AR002"}),
        (f"graceful restart; {CHANNEL}", {"AR001"}),
        (
            "graceful restart off; ipv4 { import none; export filter { accept; }; };",
            {"AR007"},
        ),
        ("graceful restart off; ipv4 { import none; export none; };", set()),
        ("graceful restart off; ipv4 { import none; export none; export table on; };", set()),
        (f"graceful restart off; {CHANNEL.replace('};', 'export table on; };')}", {"AR015"}),
        (f"graceful restart off; {CHANNEL.replace('};', 'export table off; };')}", set()),
        ("graceful restart off; ipv4 { import none; export none; graceful restart on; };", {"AR001"}),
        (
            "graceful restart off; ipv4 { import filter { accept; }; import limit 9; export none; };",
            {"AR006"},
        ),
        ("graceful restart off; ipv4 { import filter nowhere; import limit 9; export none; };", set()),
    ],
)
def test_bird_says_the_same_thing_in_many_ways(options: str, expected: set[str]) -> None:
    rest = 'password "x"; ttl security on; bfd on; '

    assert ids(bird_session(rest + options), DaemonKind.BIRD) == expected


FRR = """bgp route-map delay-timer 0
router bgp 64500
 {top}
 neighbor 192.0.2.0 remote-as 64510
 neighbor 192.0.2.0 password x
 neighbor 192.0.2.0 ttl-security hops 1
 neighbor 192.0.2.0 bfd
 neighbor 192.0.2.0 maximum-prefix 10
 {rest}
route-map none deny 10
route-map some permit 10
 match ip address prefix-list x
route-map all permit 10
"""
POLICY = "neighbor 192.0.2.0 route-map none in\n neighbor 192.0.2.0 route-map some out"


@pytest.mark.parametrize(
    ("top", "rest", "expected"),
    [
        ("bgp graceful-restart-disable", POLICY, set()),
        ("!", f"neighbor 192.0.2.0 graceful-restart-disable\n {POLICY}", set()),
        ("!", POLICY, {"AR001"}),
        ("bgp graceful-restart", POLICY, {"AR001"}),
        ("bgp graceful-restart-disable", POLICY.replace("some out", "all out"), {"AR007"}),
        ("bgp graceful-restart-disable", POLICY.replace("none in", "all in"), {"AR006"}),
        ("bgp graceful-restart-disable", "!", {"AR006", "AR007"}),
        ("bgp graceful-restart-disable", f"redistribute connected route-map some\n {POLICY}", set()),
    ],
)
def test_frr_is_judged_by_what_its_route_maps_do(top: str, rest: str, expected: set[str]) -> None:
    assert ids(FRR.format(top=top, rest=rest), DaemonKind.FRR) == expected


def test_internal_sessions_and_those_of_a_witness_are_left_alone() -> None:
    internal = (
        "protocol bgp i { local as 64500; neighbor 192.0.2.9 as 64500; ipv4 { import all; export all; }; }"
    )
    witness = (
        "protocol bgp w { local 127.0.0.1 as 64500; neighbor 127.90.0.1 port 1790 as 64510; multihop; "
        "graceful restart off; ipv4 { import none; export where true = false; }; }"
    )

    assert ids(internal + witness, DaemonKind.BIRD, plan=None, mode=0o644) == set()


def test_a_comment_silences_a_rule_and_gives_the_reason() -> None:
    text = "# anyplane: silence AR002: the upstream insists\n" + bird_session(
        f'password "x"; ttl security on; bfd on; {CHANNEL}'
    )
    (finding,) = lint(read(text, file="x"))

    assert finding.silenced == "the upstream insists"


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_no_text_whatever_makes_a_reader_fail(kind: DaemonKind, data: st.DataObject) -> None:
    words = sorted({word for word in sample(kind).split() if len(word) < 20})
    parts = st.one_of(
        st.sampled_from([*words, "{", "}", ";", "\n", '"', "/*", "\\\n", " "]), st.text(max_size=8)
    )
    text = " ".join(data.draw(st.lists(parts, max_size=60)))

    facts = READERS[kind](text, file="x")

    assert isinstance(facts, RouterFacts)
    as_text(facts, lint(facts, plan=fra_plan, mode=0o644))


fra_plan = fra()


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_a_file_that_is_cut_off_or_garbled_is_read_as_far_as_it_goes(
    kind: DaemonKind, data: st.DataObject
) -> None:
    text = sample(kind)
    begin = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(begin, len(text)))
    garbled = text[:begin] + data.draw(st.text(max_size=5)) + text[end:]

    lint(READERS[kind](garbled, file="x"), plan=fra_plan)


def test_braces_that_do_not_end_and_ten_thousand_of_them_are_no_trouble() -> None:
    assert statements("{" * 10_000 + "a;" + "}" * 9)
    assert [one.texts for one in statements("a b; c { d; } e")] == [("a", "b"), ("c",), ("e",)]
    assert [one.texts for one in statements("a /* b\n c */ d # e\n;")] == [("a", "d")]
    assert statements('\n  x "y z";')[0].words[1].location.column == 5


def run(*arguments: str, given: bytes = b"", cwd: Path = GOLDEN) -> tuple[int, str, str]:
    command = [sys.executable, "-c", "from anyplane.cli.main import main; main()", *arguments]
    done = subprocess.run(command, input=given, capture_output=True, timeout=60, cwd=cwd, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_the_command_ends_with_0_1_or_2() -> None:
    good = bird_session(f'password "x"; ttl security on; bfd on; {CHANNEL}').encode()

    assert run("lint-router", "frr.conf", "--design", "design.yaml", "--site", "fra")[0] == 1
    assert run("lint-router", "-", given=good)[0] == 0
    assert run("lint-router", "-", "--strict", given=good)[0] == 1
    for wrong in (("nothing.conf",), ("frr.conf", "--site", "fra"), (".",)):
        code, out, err = run("lint-router", *wrong)
        assert (code, out) == (2, "")
        assert "hint" in err or "no such file" in err
        assert "Traceback" not in err


def test_json_and_sarif_hold_the_same_findings() -> None:
    plain = json.loads(run("lint-router", "frr.conf", "--format", "json")[1])
    document = json.loads(run("lint-router", "frr.conf", "--format", "sarif")[1])

    assert (plain["daemon"], plain["fails"], plain["sessions"]) == ("frr", True, 3)
    results = document["runs"][0]["results"]
    assert [one["rule"] for one in plain["findings"]] == [one["ruleId"] for one in results]
    assert len(document["runs"][0]["tool"]["driver"]["rules"]) == len(RULES)
