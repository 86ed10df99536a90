"""Public files become a topology that says what it was made of."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from anyplane.datasets import cache, manifest
from anyplane.datasets.assemble import Inputs, assemble
from anyplane.model.errors import DataError

FIXTURES = Path(__file__).parent / "fixtures"
GRAPH = FIXTURES / "small.as-rel.txt"


def peeringdb_file(directory: Path) -> Path:
    """AS100 is in Tokyo by coordinates and peers with a route server in Frankfurt; so does AS666."""
    place = {"city": "Tokyo", "country": "JP", "latitude": 35.68, "longitude": 139.76, "clli": ""}
    document = {
        "net": [{"id": 1, "asn": 100, "name": "Gamma of PeeringDB", "info_type": ""}],
        "fac": [{"id": 7, **place}],
        "netfac": [{"id": 1, "net_id": 1, "fac_id": 7, "local_asn": 100}],
        "ix": [{"id": 5, "name": "Made-IX", "city": "Frankfurt", "country": "DE", "proto_unicast": True}],
        "ixlan": [{"id": 5, "ix_id": 5, "rs_asn": 64500}],
        "netixlan": [
            {"id": 1, "net_id": 1, "ix_id": 5, "ixlan_id": 5, "asn": 100, "is_rs_peer": True},
            {"id": 2, "net_id": 9, "ix_id": 5, "ixlan_id": 5, "asn": 666, "is_rs_peer": True},
        ],
    }
    path = directory / "peeringdb.json"
    path.write_text(json.dumps({name: {"data": rows} for name, rows in document.items()}))
    return path


def test_the_graph_alone_is_enough() -> None:
    topology, provenance = assemble(Inputs(as_rel=GRAPH))

    assert topology.asn.tolist() == [10, 20, 100, 200, 4200000000]
    assert len(topology.adj) == 12
    assert topology.pops >= 5
    assert topology.users.sum() > 0
    assert topology.origin == "small.as-rel.txt"
    assert provenance["clique"] == [10, 20]
    assert provenance["inputs"] == [
        {
            "role": "as-rel",
            "file": "small.as-rel.txt",
            "sha256": hashlib.sha256(GRAPH.read_bytes()).hexdigest(),
            "size": GRAPH.stat().st_size,
        }
    ]


def test_every_extra_file_is_used(tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("asn,users\n200,1234567\n999,5\n")
    (tmp_path / "rov.txt").write_text("20\n999\n")
    inputs = Inputs(
        as_rel=GRAPH,
        as_org=(FIXTURES / "small.as-org2info.txt",),
        as_names=(FIXTURES / "small.asnames.txt",),
        peeringdb=(peeringdb_file(tmp_path),),
        users=tmp_path / "users.csv",
        rov=tmp_path / "rov.txt",
    )

    topology, provenance = assemble(inputs)

    assert topology.country.tolist() == ["DE", "US", "NL", "JP", ""]
    assert topology.name[0] == "Alpha Transit"
    assert topology.name[2] == "Gamma of PeeringDB"
    assert topology.rov.tolist() == [False, True, False, False, False]
    delta = slice(topology.pop_start[3], topology.pop_start[4])
    assert topology.users[delta].sum() == pytest.approx(1_234_567)
    metros = topology.metros.code
    gamma = {metros[m] for m in topology.pop_metro[topology.pop_start[2] : topology.pop_start[3]]}
    assert gamma == {"TYO", "FRA"}
    assert topology.ixp_name == ("Made-IX",)
    assert (topology.ixp_asn.tolist(), topology.ixp_member.tolist()) == ([64500], [2])
    assert metros[topology.ixp_metro[0]] == "FRA"
    facts = provenance["facts"]
    assert isinstance(facts, dict)
    assert (facts["users_given"], facts["exchanges"]) == (1, "PeeringDB")


def test_peeringdb_without_exchanges_leaves_the_well_known_ones(tmp_path: Path) -> None:
    path = tmp_path / "net.json"
    path.write_text('{"data": [{"id": 1, "asn": 100, "name": "Only a name", "info_type": ""}]}')

    topology, provenance = assemble(Inputs(as_rel=GRAPH, peeringdb=(path,)))

    facts = provenance["facts"]
    assert isinstance(facts, dict)
    assert "members estimated" in facts["exchanges"]
    assert "DE-CIX Frankfurt" in topology.ixp_name
    assert topology.name[2] == "Only a name"


def test_a_list_that_names_networks_which_do_not_validate_is_read_for_those_that_do(tmp_path: Path) -> None:
    path = tmp_path / "operators.csv"
    path.write_text("name,type,details,status,asn,rank\nA,ISP,,safe,20,1\nB,ISP,started,unsafe,100,2\n")

    topology, _ = assemble(Inputs(as_rel=GRAPH, rov=path))

    assert topology.asn[topology.rov].tolist() == [20]


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        topology, provenance = assemble(Inputs(as_rel=GRAPH, as_names=(FIXTURES / "small.asnames.txt",)))
        cache.write(tmp_path / name, topology, provenance=provenance)

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_download_that_changed_since_is_refused_and_its_terms_are_kept_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "links.txt"
    path.write_bytes(GRAPH.read_bytes())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    entry = manifest.Entry(source="as-rel", url="http://x/", sha256=digest, size=1, licence="ask first")
    manifest.record(tmp_path, "links.txt", entry)

    _, provenance = assemble(Inputs(as_rel=path))
    inputs = provenance["inputs"]
    assert isinstance(inputs, list)
    assert (inputs[0]["url"], inputs[0]["licence"]) == ("http://x/", "ask first")

    path.write_bytes(GRAPH.read_bytes() + b"1|2|-1\n")
    with pytest.raises(DataError, match="differs from the manifest"):
        assemble(Inputs(as_rel=path))


def test_well_known_exchanges_get_members_that_peer_and_are_no_tier_1(shared_data: Path) -> None:
    topology, _ = assemble(Inputs(as_rel=shared_data / "as-rel" / "20250901.as-rel2.txt.bz2"))

    frankfurt = next(x for x, name in enumerate(topology.ixp_name) if "DE-CIX Frankfurt" in name)
    members = topology.ixp_member[topology.ixp_start[frankfurt] : topology.ixp_start[frankfurt + 1]]
    asns = set(topology.asn[members].tolist())
    assert 6939 in asns
    assert not asns & {174, 1299, 3356, 2914}
    assert ((topology.adj_customers - topology.adj_peers)[members] > 0).all()


def test_the_real_internet_with_all_that_is_known_of_it(shared_data: Path) -> None:
    info = shared_data / "as-info"
    inputs = Inputs(
        as_rel=shared_data / "as-rel" / "20250901.as-rel2.txt.bz2",
        as_org=(info / "20200701.as-org2info.txt.gz",),
        as_names=(info / "ripe_asnames_asn.20180706.txt.xz", info / "country_as_list.csv.xz"),
        peeringdb=(shared_data / "peeringdb-sample",),
        rov=info / "isbgpsafeyet_20220327.csv",
    )

    topology, _ = assemble(inputs)

    assert topology.networks == 78_643
    assert (topology.country != "").mean() > 0.82
    assert sum(1 for name in topology.name if name) > 65_000
    assert 100 < topology.rov.sum() < 200, "of more than 300 operators in the list, the others do not filter"
    akamai = topology.index_of(20940)
    metros = topology.pop_metro[topology.pop_start[akamai] : topology.pop_start[akamai + 1]]
    assert {"WAS", "CHI", "SEA"} <= {topology.metros.code[metro] for metro in metros}
    frankfurt = topology.ixp_name.index("DE-CIX Frankfurt")
    assert topology.ixp_asn[frankfurt] == 6695
    assert topology.metros.code[topology.ixp_metro[frankfurt]] == "FRA"
