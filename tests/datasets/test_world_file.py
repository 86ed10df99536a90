"""Worlds written by hand: what is written is there, what is not is not, and every fault has its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from anyplane.datasets import load
from anyplane.datasets.world_file import parse_world, read_world
from anyplane.design import parse
from anyplane.model.errors import DataError, DesignError, UsageError
from anyplane.planning.compile import compile as compile_design
from anyplane.planning.plan import plan
from anyplane.routing import NO_SITE, propagate
from anyplane.topology import Topology

EXAMPLES = Path(__file__).parents[2] / "examples"
SMALL = """\
version: 1
world: small
networks:
  - {asn: 20, name: Transit, metros: [FRA, NYC], peers: [30], rov: true}
  - {asn: 30, metros: [LHR]}
  - {asn: 10, users: {LIS: 2.5M, OPO: 20k}, metros: [MAD], providers: [20, AS30]}
  - {asn: 40, metros: FRA, users: 7, providers: 20}
exchanges:
  - {name: IX, asn: 64900, metro: FRA, members: [20, 40]}
"""


def problems(text: str) -> list[str]:
    with pytest.raises(DesignError) as caught:
        parse_world(text, file="w.yaml")
    return [str(problem) for problem in caught.value.problems]


def changed(old: str, new: str) -> str:
    assert old in SMALL
    return SMALL.replace(old, new, 1)


def code(world: Topology, pop: int) -> str:
    return world.metros.code[int(world.pop_metro[pop])]


def test_networks_are_where_they_are_written_with_the_users_written() -> None:
    world = parse_world(SMALL)

    assert world.asn.tolist() == [10, 20, 30, 40]
    pops = {
        (int(world.asn[world.pop_network[pop]]), code(world, pop)): float(world.users[pop])
        for pop in range(world.pops)
    }
    assert pops == {
        (10, "LIS"): 2.5e6,
        (10, "MAD"): 0.0,
        (10, "OPO"): 20e3,
        (20, "FRA"): 0.0,
        (20, "NYC"): 0.0,
        (30, "LON"): 0.0,
        (40, "FRA"): 7.0,
    }
    assert world.rov.tolist() == [False, True, False, False]
    assert list(world.name) == ["", "Transit", "", ""]
    assert world.origin == "small, written by hand"


def test_links_and_exchanges_are_those_written() -> None:
    world = parse_world(SMALL)

    providers = [
        [int(world.asn[n]) for n in world.adj[int(world.adj_start[i]) : int(world.adj_peers[i])]]
        for i in range(world.networks)
    ]
    peers = [
        [int(world.asn[n]) for n in world.adj[int(world.adj_peers[i]) : int(world.adj_customers[i])]]
        for i in range(world.networks)
    ]
    assert providers == [[20, 30], [], [], [20]]
    assert peers == [[], [30], [20], []]
    assert world.ixp_asn.tolist() == [64900]
    assert world.ixp_member.tolist() == [1, 3]


@pytest.mark.parametrize(
    ("text", "at", "said"),
    [
        (changed("version: 1", "version: 2"), "2\n", "not a version that this program reads"),
        (changed("version: 1\n", ""), "world", "a world needs version"),
        (changed("world: small", "wrold: small"), "wrold", "did you mean world?"),
        (changed("asn: 20", "asn: 70000000000"), "70000000000", "is not an AS number"),
        (changed("asn: 30", "asn: 20"), "20, metros: [LHR", "AS20 is listed already, on line 4"),
        (changed("[LHR]", "[XXX]"), "XXX", "XXX is not a metro"),
        (changed("[LHR]", "[London]"), "London", "did you mean LON?"),
        (changed("[LHR]", "[LHR, LON]"), "LON", "LON is listed twice"),
        (changed(", metros: [LHR]", ""), "{asn: 30", "the network is in no metro"),
        (changed("2.5M", "many"), "many", "many is not a number of users"),
        (changed("2.5M", "-1"), "-1", "-1 is not a number of users"),
        (changed("rov: true", "rov: yes"), "yes", "yes is not true or false"),
        (changed("[20, AS30]", "[20, 31]"), "31", "there is no network AS31"),
        (changed("[20, AS30]", "[020, 20]"), "20]}\n  - {asn: 40", "AS20 is listed twice"),
        (changed("[20, AS30]", "[20, AS10]"), "AS10", "AS10 cannot be its own provider"),
        (changed("peers: [30]", "peers: [10]"), "10]", "customer and provider"),
        (changed("peers: [30]", "providers: [10]"), "20, AS30", "AS20 buys from AS10 buys from AS20"),
        (changed("members: [20, 40]", "members: [20, 41]"), "41", "there is no network AS41"),
        (changed("asn: 64900", "asn: 040"), "040", "a route server has its own number"),
        (changed("metro: FRA, ", ""), "{name: IX", "an exchange needs metro"),
        (changed("  - {asn: 30, metros: [LHR]}", "  - 31"), "31", "a network is a mapping, not 31"),
        (changed("asn: 30", "asn: 30, asn: 31"), "asn: 31", "the key appears twice"),
    ],
)
def test_every_fault_is_told_with_its_place(text: str, at: str, said: str) -> None:
    before = text[: text.index(at)]
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")

    found = problems(text)

    assert any(one.startswith(f"w.yaml:{line}:{column} ") and said in one for one in found), found
    assert len(found) == 1 or "circle" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        ("[]", "a world is a mapping"),
        ("version: 1\nnetworks: []\n", "there is no network"),
        ("version: 1\nnetworks: 3\n", "this must be a list"),
        ("version: 1\nnetworks: [\n", "this is not YAML"),
    ],
)
def test_a_file_without_a_world_says_so(text: str, said: str) -> None:
    assert said in problems(text)[0]


def test_all_faults_are_told_at_once_in_the_order_of_the_file() -> None:
    found = problems(changed("[LHR]", "[XXX]").replace("2.5M", "many").replace("rov: true", "rov: on"))

    assert [one.split(":")[1] for one in found] == ["4", "5", "6"]


def test_one_number_of_users_needs_one_metro() -> None:
    (found,) = problems(changed("metros: [FRA, NYC]", "metros: [FRA, NYC], users: 5"))

    assert "one number of users needs one metro" in found
    assert "users: {LIS: 2M, MAD: 4M}" in found


def test_a_file_that_is_not_text_or_not_there_is_a_data_error(tmp_path: Path) -> None:
    path = tmp_path / "w.yaml"
    path.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(DataError, match="not a text in UTF-8"):
        read_world(path)
    with pytest.raises(DataError, match="no such file"):
        load(tmp_path / "none.yaml", cache=tmp_path)


def test_the_planner_takes_a_world_by_its_file_name(tmp_path: Path) -> None:
    path = tmp_path / "w.yaml"
    path.write_text(SMALL, encoding="utf-8")

    assert load(path, cache=tmp_path / "cache").asn.tolist() == [10, 20, 30, 40]
    with pytest.raises(UsageError, match="a whole world"):
        load(path, cache=tmp_path / "cache", users=tmp_path / "users.csv")
    assert not (tmp_path / "cache").exists()


def test_the_world_in_the_reference_is_one() -> None:
    page = (EXAMPLES.parent / "docs/reference/world-file.md").read_text(encoding="utf-8")
    text = page.split("```yaml\n")[1].split("```")[0]

    assert parse_world(text).asn.tolist() == [174, 1299, 3243]


def test_in_the_example_everybody_reaches_the_site_that_the_file_promises() -> None:
    world = read_world(EXAMPLES / "dozen-cities.world.yaml")
    design = parse((EXAMPLES / "dozen-cities.yaml").read_text(encoding="utf-8"))

    report = plan(design, world)

    (scenario,) = report.scenarios
    (compiled,) = compile_design(design, world)
    routes = propagate(world, compiled.seeds)
    sites = {
        (code(world, pop), compiled.sites[int(routes.site[pop])])
        for pop in range(world.pops)
        if world.users[pop] > 0 and int(routes.site[pop]) != NO_SITE
    }
    assert {("LIS", "mad"), ("MAD", "mad"), ("TYO", "tyo"), ("CHI", "chi"), ("NYC", "chi")} <= sites
    assert len({city for city, _ in sites}) == len(sites) == 12
    assert 40 <= world.pops <= 52
    assert scenario.certain == 1.0
    assert [item.state.value for item in scenario.objectives] == ["kept"] * 3
    assert report.warnings == ()
