"""`anyplane check` and `anyplane schema` as a user runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


def run(*arguments: str, given: bytes = b"", cwd: Path = ROOT) -> tuple[int, str, str]:
    """Exit code, stdout, stderr of the command line."""
    command = [sys.executable, "-c", "from anyplane.cli.main import main; main()", *arguments]
    done = subprocess.run(command, input=given, capture_output=True, timeout=60, cwd=cwd, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_a_good_design_passes_with_notes_only() -> None:
    code, out, err = run("check", "examples/two-sites.yaml", "--strict")

    assert (code, err) == (0, "")
    assert "AP020 no-capacity: no site has a capacity" in out
    assert "because: documentation ASN" in out
    assert out.endswith("examples/two-sites.yaml: 0 errors, 0 warnings, 1 note, 3 silenced\n")


def test_errors_end_with_one_and_bad_input_with_two(tmp_path: Path) -> None:
    design = tmp_path / "design.yaml"
    text = (EXAMPLES / "two-sites.yaml").read_text(encoding="utf-8")
    design.write_text(text.partition("check:")[0], encoding="utf-8")

    assert run("check", str(design))[0] == 1
    assert run("check", "examples/broken.yaml")[0] == 2


def test_warnings_fail_only_when_strict(tmp_path: Path) -> None:
    design = tmp_path / "design.yaml"
    text = (EXAMPLES / "two-sites.yaml").read_text(encoding="utf-8")
    design.write_text(text.replace(", {asn: 3356}", ""), encoding="utf-8")

    assert run("check", str(design))[0] == 0
    assert run("check", str(design), "--strict")[0] == 1


def test_a_broken_design_is_shown_whole_on_stderr_without_a_traceback() -> None:
    code, out, err = run("check", "examples/broken.yaml", "--format", "json")

    assert (code, out) == (2, "")
    assert err == (ROOT / "tests/golden/design/broken.txt").read_text(encoding="utf-8")


def test_a_dash_reads_standard_input() -> None:
    code, out, _ = run("check", "-", given=(EXAMPLES / "two-sites.yaml").read_bytes())

    assert code == 0
    assert "<stdin>:6:1" in out


def test_text_fits_100_columns() -> None:
    for path in EXAMPLES.glob("*.yaml"):
        out = run("check", str(path.relative_to(ROOT)))[1]
        assert max((len(line) for line in out.splitlines()), default=0) <= 100, path


def test_json_tells_everything() -> None:
    code, out, _ = run("check", "examples/root-letter.yaml", "--format", "json")
    document = json.loads(out)

    assert code == 0
    assert document["fails"] is False
    silenced = {finding["rule"]: finding["silenced"] for finding in document["findings"]}
    assert silenced["AP016"] == "the local sites are meant to be local"


def test_sarif_is_json_with_runs() -> None:
    code, out, _ = run("check", "examples/two-sites.yaml", "--format", "sarif")

    assert code == 0
    assert json.loads(out)["runs"][0]["results"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.yaml", b"", "the file is empty"),
        ("x.yaml", b"a: \xff\n", "x.yaml:1  the byte 0xff is not UTF-8"),
        ("x.yaml", b"a: \x01\x02", "may not stand in YAML"),
        ("x.yaml", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "x.yaml is not a text file"),
        ("missing.yaml", None, "there is no such file"),
        (".", None, "is a directory"),
        ("", None, "is a directory"),
        ("a\x01b", None, "there is no such file"),
    ],
)
def test_what_cannot_be_read_is_said_plainly(
    tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)

    code, out, err = run("check", name, cwd=tmp_path)

    assert (code, out) == (2, "")
    assert said in err
    assert "Traceback" not in err


def test_a_near_file_name_is_proposed() -> None:
    assert "did you mean examples/two-sites.yaml?" in run("check", "examples/two-site.yaml")[2]


def test_the_schema_goes_to_stdout_or_to_a_file(tmp_path: Path) -> None:
    code, out, _ = run("schema")
    into = run("schema", "-o", str(tmp_path / "schema.json"))

    assert code == into[0] == 0
    assert json.loads(out)["title"] == "Anyplane design"
    assert (tmp_path / "schema.json").read_text(encoding="utf-8") == out


def test_a_schema_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    code, _, err = run("schema", "-o", str(tmp_path / "no" / "schema.json"))

    assert code == 2
    assert "cannot be written" in err
