"""The rendered bird.conf: held to a golden text, and to the parsers of BIRD 2 and BIRD 3."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from bird_plans import announcement, full, plan, plans, session
from hypothesis import HealthCheck, given, settings
from namespaces import needs_program

from anyplane.bgp.bird import render
from anyplane.bgp.bird.include import include
from anyplane.bgp.bird.names import include_pattern
from anyplane.bgp.router import RouterPlan
from anyplane.design.operation import Bfd, Daemon, DaemonKind
from anyplane.model.errors import UsageError
from anyplane.model.nouns import Asn

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "bird"
BIRD3 = ROOT / ".cache" / "bird3" / "sbin" / "bird"


@pytest.fixture(params=["bird2", "bird3"])
def program(request: pytest.FixtureRequest) -> str:
    """BIRD of either version."""
    if request.param == "bird2":
        needs_program("bird")
        return shutil.which("bird", path=os.environ["PATH"] + ":/usr/sbin") or "bird"
    if not BIRD3.exists():
        reason = "missing: BIRD 3; scripts/install-bird3.sh installs it"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    return str(BIRD3)


def _accepts(program: str, text: str, path: Path) -> None:
    path.write_text(text)
    done = subprocess.run([program, "-p", "-c", str(path)], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, f"{done.stderr}\n{text}"


def test_the_golden_configurations_are_what_is_rendered() -> None:
    assert render(full()) == (GOLDEN / "full.conf").read_text()
    assert render(plan(session())) == (GOLDEN / "small.conf").read_text()


def test_every_option_is_accepted_by_the_daemon(program: str, tmp_path: Path) -> None:
    (tmp_path / "as64510.key.bird").write_text('password "of no one";\n')

    _accepts(program, render(full(secrets=str(tmp_path))), tmp_path / "bird.conf")


def test_it_is_accepted_with_the_include_absent_empty_and_present(program: str, tmp_path: Path) -> None:
    path = tmp_path / "run" / "anyplane.conf"
    plain = replace(full(), sessions=full().sessions[1:])
    whole = replace(plain, daemon=replace(plain.daemon, include=str(path)))

    _accepts(program, render(whole), tmp_path / "bird.conf")
    path.parent.mkdir()
    _accepts(program, render(whole), tmp_path / "bird.conf")
    path.write_text("")
    _accepts(program, render(whole), tmp_path / "bird.conf")
    most = announcement(
        as_path_prepend=64, med=2**32 - 1, communities=("65535:65535", "4294967295:0:4294967295")
    )
    path.write_text(include(whole, {most, replace(most, upstream=Asn(64520))}))
    _accepts(program, render(whole), tmp_path / "bird.conf")
    path.write_text("nonsense")
    with pytest.raises(AssertionError, match=r"run/anyplane\.conf"):
        _accepts(program, render(whole), tmp_path / "bird.conf")


def test_no_secret_is_in_the_text_and_no_session_without_its_secret(program: str, tmp_path: Path) -> None:
    (tmp_path / "as64510.key").write_text("hunter2")
    text = render(full(secrets=str(tmp_path)))

    assert "hunter2" not in text
    with pytest.raises(AssertionError, match=r"as64510\.key\.bird"):
        _accepts(program, text, tmp_path / "bird.conf")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given=plans())
def test_any_plan_is_accepted(program: str, tmp_path: Path, given: RouterPlan) -> None:
    path = tmp_path / "include.conf"
    whole = replace(given, daemon=replace(given.daemon, include=str(path)))
    path.write_text(include(whole, (announcement(one, 64510) for one in given.prefixes)))

    _accepts(program, render(whole), tmp_path / "bird.conf")


def test_bfd_over_several_hops_needs_a_local_address() -> None:
    far = session(multihop=2, bfd=Bfd())

    with pytest.raises(UsageError, match="as64510_v4"):
        render(plan(far))


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("", "/run/[a]nyplane/bird.conf"),
        ("/run/anyplane/bird.conf", "/run/[a]nyplane/bird.conf"),
        ("/run/bird.conf", "/run/[b]ird.conf"),
        ("/bird.conf", "/[b]ird.conf"),
    ],
)
def test_the_pattern_of_the_include_matches_the_include_alone(path: str, pattern: str) -> None:
    assert include_pattern(plan(session(), daemon=Daemon(kind=DaemonKind.BIRD, include=path))) == pattern
