"""`anyplane measure import` of what a route collector holds, with a design that knows the upstreams."""

from __future__ import annotations

from pathlib import Path

import pytest
from mrt_bytes import as_path, peer_index, rib
from typer.testing import CliRunner

from anyplane.cli.app import app
from anyplane.measure.observations import read_observations
from anyplane.model.observations import Announced

DESIGN = """version: 1
service: {name: dns, origin: 64500, prefixes: [192.0.2.0/24]}
sites:
  fra: {metro: FRA, upstreams: [{asn: 1299}, {asn: 3356, prepend: 2}]}
  ams: {metro: AMS, upstreams: [{asn: 6939}, {asn: 1299}]}
"""
TABLE = peer_index(*((peer, f"198.51.100.{peer}") for peer in range(1, 5))) + rib(
    "192.0.2.0/24",
    (0, as_path(1, 6939, 64500)),
    (1, as_path(2, 3356, 64500, 64500, 64500)),
    (2, as_path(3, 1299, 64500)),
    (3, as_path(4, 666)),
)


def test_the_design_says_which_prefix_and_whose_upstreams(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "design.yaml").write_text(DESIGN)
    (tmp_path / "rib.mrt").write_bytes(TABLE)
    monkeypatch.chdir(tmp_path)

    arguments = ["measure", "import", "rib.mrt", "--into", "o.parquet", "--design", "design.yaml"]
    result = CliRunner().invoke(app, arguments)

    assert result.exit_code == 0, result.output
    assert "the origin is AS666, not AS64500" in result.output
    seen = read_observations(tmp_path / "o.parquet")
    assert [(seen.path_of(row)[0], seen.site_of(row)) for row in range(3)] == [
        (1, "ams"),
        (2, "fra"),
        (3, ""),
    ]
    assert seen.announced == (
        Announced(sites=("ams", "fra"), prepends=(("fra>3356", 2),), prefix="192.0.2.0/24"),
    )


def test_a_table_tells_the_networks_of_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "answers.csv").write_text("rx,addr\nfra,192.0.2.7\nfra,203.0.113.1\n")
    (tmp_path / "rib.mrt").write_bytes(peer_index((1, "::1")) + rib("192.0.2.0/24", (0, as_path(1, 64499))))
    monkeypatch.chdir(tmp_path)

    arguments = ["measure", "import", "answers.csv", "--into", "o.parquet", "--pfx2as", "rib.mrt"]
    result = CliRunner().invoke(app, arguments)

    assert result.exit_code == 0, result.output
    assert "1 address in no announced prefix" in result.output
    seen = read_observations(tmp_path / "o.parquet")
    assert (seen.asn.tolist(), seen.prefix.tolist()) == ([64499], ["192.0.2.0/24"])
