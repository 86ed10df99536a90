"""`anyplane measure` as an operator runs it: what was read is shown; bad input ends with 2 and a way out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from anyplane.cli.app import app
from anyplane.measure.observations import read_observations
from anyplane.model.errors import AnyplaneError
from anyplane.model.observations import Announced

DESIGN = """version: 1
service: {name: dns, origin: 64500, prefixes: [192.0.2.0/24]}
sites:
  fra: {metro: FRA, upstreams: [{asn: 1299}, {asn: 3356, prepend: 2}]}
  ams: {metro: AMS, upstreams: [{asn: 6939}]}
"""


def measure(cwd: Path, *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout, stderr."""
    command = [sys.executable, "-c", "from anyplane.cli.main import main; main()", "measure", *arguments]
    done = subprocess.run(command, capture_output=True, timeout=120, cwd=cwd, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "seen.csv").write_text(
        "asn,site,method\n1,fra,ping\n1,fra,http\n2,ams,ping\n2,fra,http\nx,fra,ping\n"
    )
    experiment = tmp_path / "experiments" / "3_ufmg01_uw01"
    experiment.mkdir(parents=True)
    (experiment / "dp_pings_est_as_to_mux_catchment.json").write_text('{"1": ["uw01"]}')
    (experiment / "uw01_bgpstream_paths.csv").write_text("rrc00\t1\t1,101,47065\n")
    return tmp_path


def test_what_was_read_is_shown_and_kept_once(folder: Path) -> None:
    first = measure(
        folder, "import", "seen.csv", "--into", "o.parquet", "--announced", "ams,fra", "--prepend", "fra=3"
    )
    again = measure(
        folder, "import", "seen.csv", "--into", "o.parquet", "--announced", "ams,fra", "--prepend", "fra=3"
    )

    assert first == again
    code, out, err = first
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "Announced          Method  Site  Networks  Rows   Share",
        "ams + fra, fra +3  ping    ams          1     1   50.0%",
        "                           fra          1     1   50.0%",
        "                   http    fra          2     2  100.0%",
        "1 files, 5 rows read, 1 unusable",
        "  unusable: seen.csv: 1 not an AS number (first: line 6)",
        "o.parquet: 4 observations of 1 announcement sets",
    ]
    announced = read_observations(folder / "o.parquet").announced
    assert announced == (Announced(sites=("ams", "fra"), prepends=(("fra", 3),)),)


def test_show_says_how_far_two_methods_agree(folder: Path) -> None:
    measure(folder, "import", "seen.csv", "--into", "o.parquet")

    code, out, _ = measure(folder, "show", "o.parquet")
    plain = json.loads(measure(folder, "show", "o.parquet", "--json")[1])

    assert code == 0
    assert "ping and http" in out
    assert "50.0%" in out
    assert (plain["observations"], plain["networks"]) == (4, 2)
    assert plain["agreements"] == [
        {
            "policy": plain["announced"][0]["policy"],
            "methods": ["ping", "http"],
            "networks": 2,
            "agreement": 0.5,
        }
    ]


def test_experiments_are_read_by_kind(folder: Path) -> None:
    code, out, _ = measure(
        folder, "import", "experiments", "--into", "o.parquet", "--kind", "single-site paths"
    )

    assert code == 0
    assert "1 files, 1 rows read, 0 unusable" in out
    assert [one.sites for one in read_observations(folder / "o.parquet").announced] == [("uw01",)]


def test_a_design_says_what_is_announced_and_how(folder: Path) -> None:
    (folder / "design.yaml").write_text(DESIGN)

    code, _, err = measure(folder, "import", "seen.csv", "--into", "o.parquet", "--design", "design.yaml")

    assert (code, err) == (0, "")
    expected = Announced(sites=("ams", "fra"), prepends=(("fra>3356", 2),), prefix="192.0.2.0/24")
    assert read_observations(folder / "o.parquet").announced == (expected,)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere.csv",), "nowhere.csv: there is no such file"),
        (("seen.csv", "--format", "tsv"), "--format 'tsv' is none\nhint: the formats are auto, peering"),
        (("seen.csv", "--method", "smoke"), "--method 'smoke' is none"),
        (("seen.csv", "--announced", "frb"), "hint: did you mean"),
        (("seen.csv", "--announced", "ams,fra", "--prepend", "lhr=1"), "--announced has no site 'lhr'"),
        (("seen.csv", "--prepend", "fra=1"), "--prepend without --announced"),
        (("seen.csv", "--announced", "fra", "--prepend", "fra"), "is not SITE=N"),
        (
            ("seen.csv", "--design", "design.yaml", "--announced", "fro"),
            "no site 'fro'\nhint: did you mean fra?",
        ),
        (("seen.csv", "--prefix", "192.0.2.1/24", "--announced", "fra"), "is not a prefix"),
        (("experiments", "--announced", "fra"), "do not go with an experiment"),
        (("experiments", "--only", "8"), "has no experiment 8\nhint: it has 3"),
        (("experiments", "--kind", "pings"), "there is no kind 'pings'"),
        (("design.yaml",), "no format known here"),
        (("seen.csv", "--format", "mrt"), "needs the prefix"),
        (("seen.csv", "--format", "mrt", "--prefix", "192.0.2.0/24"), "is it an MRT file, and whole?"),
        (("seen.csv", "--format", "peering"), "is no file of an experiment"),
        (("seen.csv", "--sites", "nothing", "--format", "manycastr"), "is neither PATTERN=SITE nor a file"),
    ],
)
def test_bad_input_ends_with_2_says_why_and_writes_nothing(
    folder: Path, arguments: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "design.yaml").write_text(DESIGN)
    monkeypatch.chdir(folder)

    result = CliRunner().invoke(app, ["measure", "import", *arguments, "--into", "o.parquet"])

    assert isinstance(result.exception, AnyplaneError)
    assert result.exception.exit_code == 2
    assert said in str(result.exception)
    assert not (folder / "o.parquet").exists()


def test_an_error_is_text_and_no_traceback(folder: Path) -> None:
    code, out, err = measure(folder, "import", "nowhere.csv", "--into", "o.parquet")

    assert (code, out) == (2, "")
    assert err.startswith("nowhere.csv: there is no such file")
    assert "Traceback" not in err


def test_the_output_is_none_of_the_inputs(folder: Path) -> None:
    code, _, err = measure(folder, "import", "seen.csv", "--into", "seen.csv")

    assert code == 2
    assert "would be overwritten" in err
