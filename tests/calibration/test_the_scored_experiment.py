"""The accuracy bench never opens a measurement of the experiment that it scores while it learns."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.peering_data import sites_of, to_learn


@pytest.fixture
def opened() -> list[str]:
    """The files that were opened since, by the interpreter's own account."""
    names: list[str] = []
    is_on = [True]

    def note(event: str, arguments: tuple[object, ...]) -> None:
        if is_on[0] and event == "open" and isinstance(arguments[0], str):
            names.append(arguments[0])

    # An audit hook cannot be taken away again; this one falls silent with its test.
    sys.addaudithook(note)
    yield names
    is_on[0] = False


def test_of_the_scored_experiment_only_the_paths_to_one_site_alone_are_opened(
    tmp_path: Path, opened: list[str]
) -> None:
    for number, sites in ((1, "aaa_bbb"), (2, "bbb_ccc"), (3, "aaa_bbb")):
        _experiment(tmp_path / "experiments" / f"{number}_{sites}", *sites.split("_"))

    opened.clear()

    learned = to_learn(1, tmp_path, tmp_path)

    own = {
        Path(name).name for name in opened if f"{tmp_path}/experiments/1_" in name and Path(name).is_file()
    }
    same = {
        Path(name).name for name in opened if f"{tmp_path}/experiments/3_" in name and Path(name).is_file()
    }
    other = {
        Path(name).name for name in opened if f"{tmp_path}/experiments/2_" in name and Path(name).is_file()
    }
    assert own == same == {"aaa_bgpstream_paths.csv", "bbb_bgpstream_paths.csv"}
    assert "dp_pings_est_as_to_mux_catchment.json" in other
    assert {item.sites for item in learned.announced} == {("aaa",), ("bbb",), ("ccc",), ("bbb", "ccc")}


def test_the_sites_are_those_of_all_folders(tmp_path: Path) -> None:
    _experiment(tmp_path / "experiments" / "1_aaa_bbb", "aaa", "bbb")
    _experiment(tmp_path / "experiments" / "2_bbb_ccc", "bbb", "ccc")

    assert sites_of(tmp_path) == ("aaa", "bbb", "ccc")


def _experiment(folder: Path, first: str, second: str) -> None:
    folder.mkdir(parents=True)
    told = json.dumps({"64500": [first], "64501": [second]})
    for name in ("dp_pings_est_as_to_mux_catchment", "dp_trace_est_ra_as_to_mux_catchment"):
        (folder / f"{name}.json").write_text(told)
    (folder / "cp_bgpstream_est_mon_as_to_mux_catchment.json").write_text(told)
    for site in (first, second):
        (folder / f"{site}_bgpstream_paths.csv").write_text("rrc00\t64500\t64500,64510,47065,61574,47065\n")
    (folder / f"{first}_{second}_bgpstream_paths.csv").write_text(
        "rrc00\t64500\t64500,64510,47065,61574,47065\nrrc00\t64501\t64501,64511,47065,61575,47065\n"
    )
