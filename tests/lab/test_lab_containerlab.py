"""What is exported to containerlab: a file that its model accepts, and every file that it names."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml
from lab_worlds import exchange, two_sites
from pydantic import ValidationError

from anyplane.lab.blueprint import Node
from anyplane.lab.containerlab import export as containerlab
from anyplane.lab.containerlab.export import Clab, Equipment
from anyplane.model.errors import DataError


def equipped(node: Node) -> Equipment:
    """A stand-in: one file, one command."""
    return Equipment(
        files={"bird.conf": f"router id {node.router_id};\n"},
        commands=(("bird", ("bird", "-f", "-c", "/lab/bird.conf", "-s", f"/run/{node.name}/bird.ctl")),),
    )


def exported(directory: Path, name: str = "two") -> dict[str, str]:
    """A written export."""
    blueprint = two_sites(has_delays=True) if name == "two" else exchange(has_delays=True)
    files = containerlab.export(blueprint, equipped)
    containerlab.write(files, directory)
    return files


@pytest.mark.parametrize("name", ["two", "exchange"])
def test_an_export_is_a_topology_whose_every_file_is_there(name: str, tmp_path: Path) -> None:
    files = exported(tmp_path, name)

    found = containerlab.checked(tmp_path)
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()} == set(
        files
    )
    for node, settings in found.topology.nodes.items():
        assert settings.binds == (f"nodes/{node}:/lab",)
        assert f"nodes/{node}/setup.sh" in files


@pytest.mark.parametrize("name", ["two", "exchange"])
def test_every_script_is_one_that_a_shell_reads(name: str, tmp_path: Path) -> None:
    exported(tmp_path, name)

    scripts = sorted(tmp_path.rglob("*.sh"))
    for script in scripts:
        subprocess.run(["sh", "-n", str(script)], check=True, timeout=10)
        assert script.stat().st_mode & 0o111
    assert len(scripts) > 6


def test_a_cable_has_its_two_ends_and_an_exchange_is_a_container_with_a_bridge(tmp_path: Path) -> None:
    files = exported(tmp_path, "exchange")

    plain = yaml.safe_load(files["clab.yml"])
    ends = [link["endpoints"] for link in plain["topology"]["links"]]
    assert ["as300-ams:l0", "as300-fra:l0"] in ends
    assert ["rs-ams:x0", "lan-0:p1"] in ends
    assert "ip link set p4 master br0 up" in files["nodes/lan-0/setup.sh"]
    assert plain["topology"]["kinds"]["linux"] == {"image": "anyplane-lab:latest", "network-mode": "none"}


def test_a_node_has_the_addresses_of_the_blueprint_and_knows_its_neighbours(tmp_path: Path) -> None:
    files = exported(tmp_path)

    blueprint = two_sites(has_delays=True)
    link = next(link for link in blueprint.links if {link.a, link.b} == {"as200-mad", "as100-lis"})
    setup = files["nodes/as100-lis/setup.sh"]
    assert f"ip address replace {link.v4('as100-lis')} dev {link.device}" in setup
    assert f"{link.v6('as200-mad').ip} lladdr {link.mac('as200-mad')}" in setup
    assert f"{blueprint.by_name['as100-lis'].client_address(4)}/32 dev lo" in setup


def test_each_end_of_a_cable_delays_what_it_sends(tmp_path: Path) -> None:
    files = exported(tmp_path)

    assert "netem set -n clab-two-as200-mad -i l0 --delay 14000us" in files["delays.sh"]
    assert "netem set -n clab-two-as300-fra -i l0 --delay 14000us" in files["delays.sh"]
    assert "netem" not in containerlab.export(two_sites(), equipped)["delays.sh"]


def test_start_runs_each_command_with_a_log(tmp_path: Path) -> None:
    files = exported(tmp_path)

    assert "bird -f -c /lab/bird.conf" in files["nodes/site-mad/start.sh"]
    assert ">/var/log/bird.log" in files["nodes/site-mad/start.sh"]


@pytest.mark.parametrize(
    ("links", "said"),
    [
        ([["a:l0", "c:l0"]], "there is no node c"),
        ([["a:l0", "b:l0"], ["a:l0", "b:l1"]], "a:l0 is the end of two links"),
        ([["a:interface-too-long", "b:l0"]], "15 letters at most"),
        ([["a", "b:l0"]], "string_pattern_mismatch"),
    ],
)
def test_a_topology_that_containerlab_would_refuse_is_refused(links: list[list[str]], said: str) -> None:
    plain = {
        "name": "x",
        "topology": {"nodes": {"a": {}, "b": {}}, "links": [{"endpoints": e} for e in links]},
    }

    with pytest.raises(ValidationError, match=said) as refused:
        Clab.model_validate(plain)
    assert refused.value.error_count() == 1


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    exported(tmp_path)
    (tmp_path / "nodes/site-mad/start.sh").unlink()

    with pytest.raises(DataError, match=r"site-mad runs start\.sh, which is not in"):
        containerlab.checked(tmp_path)
