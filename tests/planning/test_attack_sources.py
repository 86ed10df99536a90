"""Who attacks: files of volumes with every fault named, and botnets that a seed repeats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tiny_world

from anyplane.datasets.attack_sources import read_attack_sources
from anyplane.model.errors import DataError, TopologyError, UsageError
from anyplane.planning.attack.sources import botnet, listed, region_pops
from anyplane.topology import without_metros


def read(tmp_path: Path, text: str) -> dict[int, float]:
    file = tmp_path / "sources.csv"
    file.write_text(text)
    return read_attack_sources(file)


@pytest.mark.parametrize(
    "text",
    [
        "101,5\n102,2.5\n",
        "asn,gbps\nAS101,5\nAS102,2.5\n",
        "# flows\ngbps;as\n5;101\n2.0;102\n0.5;102\n",
        "101\t5\n102\t2.5\n",
        "\ufeffasn,gbps\r\n101,5\r\n102,2.5\r\n",
        "\ufeff101,5\n102,2.5\n",
    ],
)
def test_volumes_are_read_in_any_usual_form(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == {101: 5.0, 102: 2.5}


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("101,5\n102,much\n", 2, "not a volume"),
        ("101,5\n\n102,-1\n", 3, "not a volume"),
        ("101,nan\n", 1, "not a volume"),
        ("101,1e308\n102,1e308\n", 1, "not a volume"),
        ("101\n", 1, "too few columns"),
        ("101,5\n99999999999,1\n", 2, "not an AS number"),
        ("network,bytes\n101,5\n", 1, "names no columns"),
        ("# nothing\n", 0, "holds no network"),
        ("101,0\n", 0, "nobody attacks"),
    ],
)
def test_a_fault_is_named_with_its_line(tmp_path: Path, text: str, line: int, what: str) -> None:
    with pytest.raises(DataError, match=what) as caught:
        read(tmp_path, text)

    assert caught.value.line == line


def test_a_list_is_scaled_and_what_is_unknown_is_kept_apart() -> None:
    attack = listed(tiny_world.topology(), {101: 3.0, 64999: 1.0}, name="x", gbps=500.0)

    assert attack.weight.sum() == pytest.approx(375.0)
    assert attack.unknown == ((64999, 125.0),)
    assert attack.total == pytest.approx(500.0)


def test_a_list_of_strangers_is_refused() -> None:
    with pytest.raises(TopologyError, match="none of its 1 networks"):
        listed(tiny_world.topology(), {64999: 1.0}, name="x", gbps=None)


def test_a_list_of_next_to_nothing_is_refused_as_a_wrong_unit() -> None:
    with pytest.raises(UsageError, match="less than 1 Mbit/s together"):
        listed(tiny_world.topology(), {101: 0.0001, 102: 0.0002}, name="x", gbps=None)
    assert listed(tiny_world.topology(), {101: 0.0001}, name="x", gbps=5.0).total == pytest.approx(5.0)


def test_a_network_without_users_sends_evenly_from_its_metros() -> None:
    attack = listed(tiny_world.topology(), {20: 3.0}, name="x", gbps=None)

    assert attack.weight[attack.weight > 0].tolist() == [1.0, 1.0, 1.0]


def test_a_botnet_is_repeated_by_its_seed() -> None:
    world = tiny_world.topology()

    first, again, other = (
        botnet(world, "botnet:global", gbps=100.0, networks=2, seed=seed) for seed in (1, 1, 2)
    )

    assert (first.weight == again.weight).all()
    assert not np.array_equal(first.weight, other.weight)
    assert len(first.network) == 2
    assert first.weight.sum() == pytest.approx(100.0)


def test_a_region_and_a_network_alone_attack() -> None:
    world = tiny_world.topology()

    germany = botnet(world, "botnet:region=DE", gbps=10.0)
    europe = botnet(world, "botnet:region=europe", gbps=10.0)
    one = botnet(world, "botnet:network=AS103", gbps=10.0)

    assert world.asn[germany.network].tolist() == [101]
    assert world.asn[europe.network].tolist() == [101, 102]
    assert world.asn[one.network].tolist() == [103]
    assert one.weight.sum() == pytest.approx(10.0)


def test_where_a_code_is_both_the_continent_is_meant() -> None:
    world = tiny_world.topology()

    assert (region_pops(world, "EU") == region_pops(world, "Europe")).all()
    assert region_pops(world, "NA").sum() == 4


def test_without_metros_the_country_of_the_network_counts() -> None:
    world = without_metros(tiny_world.topology())

    found = botnet(world, "botnet:region=EU", gbps=1.0)

    assert world.asn[found.network].tolist() == [101, 102]


@pytest.mark.parametrize(
    ("spec", "error", "what"),
    [
        ("botnet:mirai", UsageError, "there is no botnet"),
        ("botnet:region=XX", UsageError, "neither a continent nor a country"),
        ("botnet:region=JP", TopologyError, "no users there"),
        ("botnet:network=x", UsageError, "not an AS number"),
        ("botnet:network=64999", TopologyError, "not in this topology"),
    ],
)
def test_a_botnet_that_cannot_be_is_refused(spec: str, error: type[Exception], what: str) -> None:
    with pytest.raises(error, match=what):
        botnet(tiny_world.topology(), spec, gbps=1.0)
