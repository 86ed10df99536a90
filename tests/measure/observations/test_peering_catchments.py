"""The PEERING layout: every kind of file, only the kinds asked for, and what a bad file gives."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest

from anyplane.measure.observations import Kind, read_experiment, read_peering_catchments
from anyplane.measure.observations.peering import catchment_readings, read_file
from anyplane.measure.observations.summary import agreements
from anyplane.model.errors import DataError, UsageError
from anyplane.model.observations import Method, Observations

MAPS = {
    Kind.PING: "dp_pings_est_as_to_mux_catchment.json",
    Kind.ATLAS: "dp_trace_est_ra_as_to_mux_catchment.json",
    Kind.COLLECTORS: "cp_bgpstream_est_mon_as_to_mux_catchment.json",
}
REACHED = {"64500": ["ams01"], "64501": ["uw01"], "64502": ["uw01", "ams01"]}


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    folder = tmp_path / "experiments" / "7_ams01_uw01"
    folder.mkdir(parents=True)
    for name in MAPS.values():
        (folder / name).write_text(json.dumps(REACHED))
    (folder / "dp_pings_per_asn.json").write_text('{"64500": 1}')
    packed = gzip.compress(b"rrc00\t64500\t64500,8283,47065,61574,47065\n")
    (folder / "ams01_bgpstream_paths.csv.gz").write_bytes(packed)
    (folder / "uw01_bgpstream_paths.csv").write_text("")
    (folder / "ams01_uw01_bgpstream_paths.csv").write_text(
        "rrc00\t64500\t64500,8283,47065,61574,47065\n"
        "rrc00\t64501\t64501,101,101,47065,61575,47065\n"
        "rrc00\t64502\t64502,101,47065\n"
    )
    return folder


def by_network(observations: Observations) -> list[tuple[int, str, float]]:
    rows = range(len(observations))
    return [(int(observations.asn[i]), observations.site_of(i), float(observations.weight[i])) for i in rows]


@pytest.mark.parametrize(
    ("kind", "method"),
    [(Kind.PING, Method.PING), (Kind.ATLAS, Method.ATLAS), (Kind.COLLECTORS, Method.PATHS)],
)
def test_a_network_with_two_sites_is_two_halves(experiment: Path, kind: Kind, method: Method) -> None:
    observations = read_experiment(experiment, [kind])

    halves = [(64502, "ams01", 0.5), (64502, "uw01", 0.5)]
    assert by_network(observations) == [(64500, "ams01", 1.0), (64501, "uw01", 1.0), *halves]
    assert set(observations.method.tolist()) == {tuple(Method).index(method)}
    assert [one.sites for one in observations.announced] == [("ams01", "uw01")]


def test_in_paths_of_two_sites_the_marker_says_which(experiment: Path) -> None:
    observations = read_experiment(experiment, [Kind.BOTH_SITE_PATHS])

    assert [site for _, site, _ in by_network(observations)] == ["ams01", "uw01", ""]
    assert observations.path_of(1) == (64501, 101, 101, 47065, 61575, 47065)


def test_paths_of_one_site_were_seen_while_it_alone_announced(experiment: Path) -> None:
    observations = read_experiment(experiment, [Kind.SINGLE_SITE_PATHS])

    assert by_network(observations) == [(64500, "ams01", 1.0)]
    assert [one.sites for one in observations.announced] == [("ams01",)]


@pytest.mark.parametrize("kind", list(Kind), ids=str)
def test_files_of_other_kinds_are_not_opened(
    experiment: Path, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    real = Path.read_bytes

    def recorded(path: Path) -> bytes:
        opened.append(path.name)
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", recorded)
    everything = {path.name for path in experiment.iterdir()}
    mine = {
        Kind.SINGLE_SITE_PATHS: {"ams01_bgpstream_paths.csv.gz"},
        Kind.BOTH_SITE_PATHS: {"ams01_uw01_bgpstream_paths.csv"},
    }.get(kind) or {MAPS[kind]}
    for name in everything - mine - {"uw01_bgpstream_paths.csv"}:
        (experiment / name).write_bytes(b"\x1f\x8b not to be opened")

    read_experiment(experiment, [kind])

    assert set(opened) == mine


def test_all_experiments_or_those_of_some_numbers(experiment: Path, tmp_path: Path) -> None:
    (tmp_path / "experiments" / "12_uw01_isi01").mkdir()

    everything = read_peering_catchments(tmp_path)

    assert everything.is_same(read_experiment(experiment))
    assert everything.is_same(read_peering_catchments(tmp_path / "experiments", only=[7]))
    assert len(read_peering_catchments(tmp_path, only=[12])) == 0
    with pytest.raises(UsageError, match="has no experiment 8"):
        read_peering_catchments(tmp_path, only=[8])


def test_rows_that_say_nothing_are_counted_with_their_reason(experiment: Path) -> None:
    path = experiment / MAPS[Kind.PING]
    path.write_text(json.dumps({"64500": ["ams01"], "-1": ["ams01"], "5": [], "6": ["mars01"]}))

    reading = read_file(path)

    assert reading.rows == 4
    assert sorted((one.reason, one.rows) for one in reading.unusable) == [
        ("no site", 1),
        ("not an AS number", 1),
        ("the site 'mars01' is not one of the experiment", 1),
    ]
    assert by_network(reading.observations) == [(64500, "ams01", 1.0)]


def test_paths_that_are_none_are_counted_with_their_line(experiment: Path) -> None:
    path = experiment / "uw01_bgpstream_paths.csv"
    path.write_text(
        "rrc00\t64500\t64500,101,47065\n"
        "rrc00\t64500\t64500,{101 102},47065\n"
        "rrc00\t64500\t64500,x,47065\n"
        "rrc00\t64500\t64500,101\n"
        "rrc00\tme\t64500,101,47065\n"
    )

    reading = read_file(path)

    assert (reading.rows, len(reading.observations)) == (5, 1)
    assert {(one.reason, one.first_line) for one in reading.unusable} == {
        ("AS set in the path", 2),
        ("not an AS path", 3),
        ("the origin is not AS47065", 4),
        ("not an AS number", 5),
    }


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (MAPS[Kind.PING], '{"1": ["ams01"],\n "2', ":2: is not JSON"),
        (MAPS[Kind.ATLAS], "[1, 2]", "is not a JSON object"),
        ("uw01_bgpstream_paths.csv", "rrc00\t1\t1,47065\nrrc00\t1\n", ":2: .* has 2 fields"),
    ],
)
def test_a_damaged_file_is_refused_with_its_line(
    experiment: Path, name: str, content: str, message: str
) -> None:
    (experiment / name).write_text(content)

    with pytest.raises(DataError, match=message):
        read_experiment(experiment)


def test_what_is_no_experiment_is_refused(tmp_path: Path, experiment: Path) -> None:
    with pytest.raises(DataError, match="is not the folder of an experiment"):
        read_experiment(tmp_path)
    with pytest.raises(DataError, match="holds no experiment"):
        read_peering_catchments(experiment)
    with pytest.raises(UsageError, match="no kind 'pings'"):
        read_experiment(experiment, ["pings"])


def test_the_real_experiments_are_read_whole() -> None:
    root = os.environ.get("ANYPLANE_DATA", "")
    if not root:
        pytest.skip("ANYPLANE_DATA names no directory of real data")
    folder = Path(root) / "peering-catchments"

    readings = list(catchment_readings(folder, only=[3]))

    pairs = agreements(Observations.merge(*(one.observations for one in readings)))
    assert sum(one.rows for one in readings) == 51_988
    assert [one.unusable for one in readings] == [()] * 6
    assert round(pairs[0].agreement, 2) == 0.96
