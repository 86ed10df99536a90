"""`anyplane topology`, run as a user runs it: exit codes, messages, files."""

from __future__ import annotations

import bz2
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "datasets"))

from small_internet import small_internet
from unreliable_server import Fault, Resource, unreliable_server

from anyplane.datasets import cache

FIXTURES = Path(__file__).parent.parent / "datasets" / "fixtures"
COMMAND = [sys.executable, "-c", "from anyplane.cli.main import main; main()", "topology"]


def environment(tmp_path: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    return {**kept, "ANYPLANE_CACHE": str(tmp_path / "cache"), "COLUMNS": "100", **more}


def topology(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        env=environment(tmp_path),
        cwd=tmp_path,
        timeout=120,
        check=False,
    )


def test_build_then_info_tells_what_is_in_it(tmp_path: Path) -> None:
    built = topology(
        tmp_path,
        *("build", "--as-rel", str(FIXTURES / "small.as-rel.txt")),
        *("--as-org", str(FIXTURES / "small.as-org2info.txt"), "-o", "small.anyplane"),
    )
    shown = topology(tmp_path, "info", "small.anyplane", "--verify")
    as_json = topology(tmp_path, "info", "small.anyplane", "--json")

    assert (built.returncode, built.stderr) == (0, "")
    assert "small.anyplane: 5 networks, 6 links" in built.stdout
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "small.as-rel.txt with small.as-org2info.txt" in shown.stdout
    assert "every byte verified" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 100
    facts = json.loads(as_json.stdout)
    assert (facts["networks"], facts["transit_links"], facts["peering_links"]) == (5, 4, 2)
    assert (facts["stubs"], facts["multihomed_stubs"], facts["provider_free"]) == (3, 1, 2)
    assert facts["clique"] == [10, 20]
    assert [entry["role"] for entry in facts["provenance"]["inputs"]] == ["as-rel", "as-org"]
    assert facts["most_customers"][0] == {"asn": 10, "name": "Alpha Transit", "count": 2}


def test_dropped_lines_are_told_by_build_and_info(tmp_path: Path) -> None:
    (tmp_path / "links.txt").write_text("1|2|-1\n1|2|-1\n2|1|0\n3|3|0\n")

    built = topology(tmp_path, "build", "--as-rel", "links.txt", "-o", "x.anyplane")
    shown = topology(tmp_path, "info", "x.anyplane")

    for done in (built, shown):
        assert "Dropped links: 1 to themselves, 1 repeated, 1 contradicting" in done.stdout


def test_the_continents_add_up(tmp_path: Path) -> None:
    cache.write(tmp_path / "x.anyplane", small_internet())

    facts = json.loads(topology(tmp_path, "info", "x.anyplane", "--json").stdout)

    assert {part["code"]: (part["networks"], part["users"]) for part in facts["continents"]} == {
        "AS": (2, 1e5),
        "EU": (4, 7.5e6),
        "NA": (2, 0.0),
    }
    assert facts["users"] == 7.6e6
    assert facts["largest_exchanges"][0] == {"asn": 6695, "name": "DE-CIX", "count": 2}


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("info", "nothing.anyplane"), 2, "nothing.anyplane: there is no such file"),
        (("build", "--as-rel", "nothing.txt"), 2, "nothing.txt: there is no such file"),
        (("build",), 2, "--as-rel"),
        (("fetch", "--only", "as-real"), 2, "no data set is called 'as-real'"),
        (("fetch", "--only", ","), 2, "--only names no data set"),
        (("fetch", "--base-url", "as-rel"), 2, "is not NAME=URL"),
        (("fetch", "--date", "yesterday"), 2, "'yesterday' is not a month"),
        (("fetch", "--only", "as-rel", "--base-url", "as-rel=http://127.0.0.1:9/"), 3, "cannot be reached"),
    ],
)
def test_what_cannot_be_done_is_said_without_a_traceback(
    arguments: tuple[str, ...], code: int, says: str, tmp_path: Path
) -> None:
    done = topology(tmp_path, *arguments)

    assert done.returncode == code
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bad_line_is_pointed_at_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_text("1|2|-1\n1|2|x\n")

    done = topology(tmp_path, "build", "--as-rel", "bad.txt", "-o", "out.anyplane")

    assert done.returncode == 2
    assert done.stderr.startswith("bad.txt:2: unknown relationship 'x'")
    assert not (tmp_path / "out.anyplane").exists()


def test_fetch_shows_the_licence_and_the_command_to_run_next(tmp_path: Path) -> None:
    with unreliable_server() as server:
        name = "20250901.as-rel2.txt.bz2"
        server.listing("/", name)
        server.resources[f"/{name}"] = Resource(content=bz2.compress(b"174|2|-1\n"))
        arguments = ("fetch", "--only", "as-rel", "--base-url", f"as-rel={server.base}")
        done = topology(tmp_path, *arguments)
        again = topology(tmp_path, *arguments)

    assert (done.returncode, done.stderr) == (0, "")
    assert "CAIDA Acceptable Use Agreement" in done.stdout
    path = tmp_path / "cache" / "downloads" / name
    assert f"anyplane topology build --as-rel {path} -o internet.anyplane" in done.stdout
    assert path.exists()
    assert f"current  {path}" in again.stdout


def test_an_interrupted_fetch_ends_with_130_and_can_be_continued(tmp_path: Path) -> None:
    with unreliable_server() as server:
        content = b"10 ALPHA - Alpha, DE\n" * 20_000
        server.resources["/asn.txt"] = Resource(content=content, faults=[Fault(send=100_000, stall_s=60.0)])
        arguments = ["fetch", "--only", "as-names", "--base-url", f"as-names={server.base}"]
        part = tmp_path / "cache" / "downloads" / "asn.txt.part"
        with subprocess.Popen(
            [*COMMAND, *arguments],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env=environment(tmp_path),
            text=True,
        ) as running:
            deadline = time.monotonic() + 60
            while not server.requests and time.monotonic() < deadline:
                time.sleep(0.02)
            time.sleep(0.3)
            running.send_signal(signal.SIGINT)
            _, said = running.communicate(timeout=60)

        assert running.returncode == 130
        assert "what has arrived is kept" in said
        assert "Traceback" not in said
        assert part.stat().st_size == 100_000
        assert topology(tmp_path, *arguments).returncode == 0
        assert server.requests[-1][1]["Range"] == "bytes=100000-"


def test_the_cache_directory_follows_the_xdg_convention(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from anyplane.cli.topology_option import cache_directory

    monkeypatch.setenv("HOME", "/home/noc")
    monkeypatch.delenv("ANYPLANE_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_directory() == Path("/home/noc/.cache/anyplane")
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/xdg")
    assert cache_directory() == Path("/var/xdg/anyplane")
    monkeypatch.setenv("ANYPLANE_CACHE", "~/own")
    assert cache_directory() == Path("/home/noc/own")
    assert cache_directory(tmp_path) == tmp_path


def test_the_command_modules_are_light_to_import() -> None:
    code = (
        "import sys, anyplane.cli.topology, anyplane.cli.topology_option as o; "
        "print({'numpy', 'numba', 'pydantic', 'urllib.request'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"
