"""What ends the command line: exit codes, streams that break, terminals that know ASCII only."""

from __future__ import annotations

import codecs
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from anyplane.cli import kernel_cache, output, streams
from anyplane.model.errors import UsageError

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "anyplane"]
TWO_SITES = "examples/two-sites.yaml"
SAAS = "examples/saas-six-continents.yaml"


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    environment = os.environ | variables
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, timeout=300, cwd=ROOT, env=environment, check=False
    )


def said(done: subprocess.CompletedProcess[bytes]) -> str:
    text = done.stderr.decode()
    assert "Traceback" not in text
    return text


@pytest.mark.parametrize("arguments", [("--help",), ("check", SAAS), ("schema",)], ids=lambda each: each[0])
def test_a_reader_that_went_away_is_141(arguments: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)

    done = subprocess.run(
        [*COMMAND, *arguments], stdout=writing, stderr=subprocess.PIPE, timeout=60, cwd=ROOT, check=False
    )
    os.close(writing)

    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
def test_a_reader_that_goes_away_in_the_middle_is_141(unbuffered: str) -> None:
    arguments = ("plan", SAAS, "--topology", "synthetic-2k", "--no-failures", "--json")
    with subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert os.read(running.stdout.fileno(), 10)
        running.stdout.close()
        text = running.stderr.read()

    assert (running.returncode, text) == (141, b"")


@pytest.mark.parametrize("arguments", [("--help",), ("check", SAAS), ("schema",)], ids=lambda each: each[0])
def test_a_full_disk_below_standard_output_is_2(arguments: tuple[str, ...]) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")

    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE, timeout=60, cwd=ROOT, check=False
        )

    assert done.returncode == 2
    assert said(done).startswith("cannot go on: No space left on device\nhint: ")


def test_a_closed_standard_output_is_no_obstacle() -> None:
    done = subprocess.run(
        ["sh", "-c", '"$@" >&-', "sh", *COMMAND, "check", SAAS],
        stderr=subprocess.PIPE,
        timeout=60,
        cwd=ROOT,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("delay", [0.03, 0.1, 0.3])
def test_ctrl_c_ends_with_130_from_the_first_moment_on(delay: float) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "from anyplane.cli.main import main\nprint(flush=True)\nmain()", "check", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    ) as running:
        assert running.stdout is not None
        running.stdout.readline()
        time.sleep(delay)
        running.send_signal(signal.SIGINT)
        # The open standard input would keep it waiting for ever if it had not heard.
        running.wait(timeout=60)
        assert running.stderr is not None
        text = running.stderr.read()

    assert (running.returncode, text) == (130, b"")


def test_an_ascii_terminal_gets_signs_that_it_can_show() -> None:
    done = run("plan", TWO_SITES, "--topology", "synthetic-2k", PYTHONIOENCODING="ascii")

    assert done.returncode == 0, said(done)
    text = done.stdout.decode("ascii")
    assert "certain - possible" in text
    assert "?" not in text


def test_json_is_utf_8_in_every_locale() -> None:
    arguments = ("plan", SAAS, "--topology", "synthetic-2k", "--no-failures", "--json")
    plain, modern = run(*arguments, PYTHONIOENCODING="ascii"), run(*arguments, PYTHONIOENCODING="utf-8")

    assert plain.stdout == modern.stdout
    assert "São Paulo" in plain.stdout.decode("utf-8")
    assert json.loads(plain.stdout)["service"] == "acme-saas"


def test_one_sign_stands_for_one_sign_so_that_columns_stay_in_line() -> None:
    codecs.register_error(streams.PLAIN, streams._as_plain)

    assert "Zürich – São │ 東".encode("ascii", streams.PLAIN) == b"Zurich - Sao | ?"
    assert "a\udcff.yaml".encode("utf-8", streams.PLAIN) == b"a?.yaml"


def test_the_design_is_never_overwritten_by_the_output(tmp_path: Path) -> None:
    design = tmp_path / "mine.yaml"
    text = (ROOT / TWO_SITES).read_text(encoding="utf-8")
    design.write_text(text, encoding="utf-8")

    for option in ("--json", "--html"):
        done = run("plan", str(design), option, str(design))
        assert done.returncode == 2
        assert "would be overwritten" in said(done)
    assert design.read_text(encoding="utf-8") == text


def test_json_in_front_of_the_design_says_what_it_took() -> None:
    done = run("plan", "--json", TWO_SITES)

    assert done.returncode == 2
    assert said(done).startswith(f"--json took {TWO_SITES} as the file to write")


def test_the_page_goes_to_standard_output_alone() -> None:
    arguments = ("plan", TWO_SITES, "--topology", "synthetic-2k", "--no-failures", "--html", "-")
    page, both = run(*arguments), run(*arguments, "--json")

    assert page.stdout.startswith(b"<!doctype html>")
    assert page.stdout.rstrip().endswith(b"</html>")
    assert said(page) == ""
    assert both.returncode == 2
    assert "cannot both go to standard output" in said(both)


def test_a_report_in_place_of_a_design_is_told_from_one(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    report.write_text('{"service": "x", "origin_asn": 1, "load_unit": ""}', encoding="utf-8")

    done = run("plan", str(report))

    assert done.returncode == 2
    assert "is a report of `anyplane plan --json`" in said(done)


def test_standard_input_cannot_be_both_designs() -> None:
    done = run("diff", "-", "-")

    assert done.returncode == 2
    assert "cannot be both designs" in said(done)


def test_a_file_name_that_is_not_utf_8_is_no_obstacle(tmp_path: Path) -> None:
    name = os.fsdecode(bytes(tmp_path) + b"/a\xff.yaml")
    Path(name).write_bytes((ROOT / TWO_SITES).read_bytes())

    for form in ("text", "json", "sarif"):
        done = run("check", name, "--format", form)
        assert done.returncode == 0, said(done)
        assert form == "text" or json.loads(done.stdout)


def test_a_file_is_replaced_whole_and_keeps_its_mode_and_links(tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    target.write_text("of yesterday", encoding="utf-8")
    target.chmod(0o640)
    (tmp_path / "link.json").symlink_to(target)

    output.write_text(tmp_path / "link.json", "of today")

    assert target.read_text(encoding="utf-8") == "of today"
    assert target.stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "link.json").is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.json", "report.json"]


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()

    with pytest.raises(UsageError, match="taken cannot be written: is a directory"):
        output.write_text(tmp_path / "taken", "x")
    with pytest.raises(UsageError, match="no such file or directory"):
        output.write_text(tmp_path / "nowhere" / "x", "x")

    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_kernels_go_to_the_cache_where_the_package_is_read_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel_cache, "_can_write", lambda folder: False)
    monkeypatch.setenv("ANYPLANE_CACHE", str(tmp_path))
    monkeypatch.delenv(kernel_cache.VARIABLE, raising=False)

    kernel_cache.prepare()

    assert os.environ[kernel_cache.VARIABLE] == str(tmp_path / "kernels")
    assert (tmp_path / "kernels").stat().st_mode & 0o077 == 0


def test_kernels_of_a_writable_package_stay_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_cache, "_can_write", lambda folder: True)
    monkeypatch.delenv(kernel_cache.VARIABLE, raising=False)

    kernel_cache.prepare()

    assert kernel_cache.VARIABLE not in os.environ


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, anyplane.cli.app; "
        "print({'numpy', 'numba', 'pydantic', 'yaml', 'jinja2', 'tempfile'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"
