"""The routers' configurations: held to golden texts, and to the parsers of BIRD and FRR."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest
from namespaces import needs_program
from router_parts import parts

from anyplane.lab.blueprint import Blueprint, NodeKind, RouterKind
from anyplane.lab.proof.random_worlds import random_world
from anyplane.lab.routers import Injection, commands, configuration
from anyplane.lab.world.build import build
from anyplane.model.errors import LabError
from anyplane.model.nouns import Asn

GOLDEN = Path(__file__).parents[1] / "golden" / "routers"
WRITTEN = [
    ("as10-fra", "bird.conf"),
    ("as30-ams", "bird.conf"),
    ("rs-ams", "bird.conf"),
    ("as20-ams", "bgpd.conf"),
]


@pytest.mark.parametrize(("node", "file"), WRITTEN, ids=[f"{node}-{file}" for node, file in WRITTEN])
def test_the_golden_configurations_are_what_is_written(node: str, file: str) -> None:
    blueprint = parts()

    text = configuration(blueprint, blueprint.by_name[node])[file]

    assert text == (GOLDEN / f"{node}.{file}").read_text()


def test_the_daemons_accept_every_configuration(tmp_path: Path) -> None:
    needs_program("bird", "vtysh")
    world = random_world(3)
    whole = build(world.design, world.topology, frr=4, has_delays=False)

    for blueprint in (parts(), parts(frr=("as10-fra", "as30-ams")), whole):
        _accepted(blueprint, tmp_path)


def test_an_rtr_cache_stands_in_for_the_built_in_roas(tmp_path: Path) -> None:
    blueprint = parts()
    node = blueprint.by_name["as30-ams"]

    text = configuration(blueprint, node, rtr=("100.72.0.9", 3323))["bird.conf"]

    assert "protocol static roas4" in configuration(blueprint, node)["bird.conf"]
    assert "protocol static roas4" not in text
    assert "remote 100.72.0.9 port 3323" in text


def test_an_injection_is_written_at_its_own_node_alone() -> None:
    blueprint = parts()
    forged = Injection(prefix=ip_network("198.51.100.0/25"), node="as30-ams", as_path=(Asn(64500),))

    at_home = configuration(blueprint, blueprint.by_name["as30-ams"], injections=[forged])["bird.conf"]
    elsewhere = configuration(blueprint, blueprint.by_name["as10-fra"], injections=[forged])["bird.conf"]

    assert "route 198.51.100.0/25 blackhole { bgp_path.prepend(64500);" in at_home
    assert "198.51.100.0/25" not in elsewhere


def test_frr_refuses_a_session_whose_key_is_in_a_file_of_its_own() -> None:
    text = parts().design_text.replace("gtsm: true", "gtsm: true, password_file: /etc/anyplane/key")
    blueprint = parts(design_text=text)
    node = blueprint.by_name["as10-fra"]

    assert 'include "/etc/anyplane/key.bird";' in configuration(blueprint, node)["bird.conf"]
    with pytest.raises(LabError, match="runs FRR"):
        configuration(blueprint, replace(node, daemon=RouterKind.FRR))


def test_frr_refuses_a_session_at_another_port() -> None:
    text = parts().design_text.replace("gtsm: true", "gtsm: true, port: 1179")
    blueprint = parts(design_text=text)
    node = blueprint.by_name["as10-fra"]

    assert "port 1179 as OWN_AS" in configuration(blueprint, node)["bird.conf"]
    with pytest.raises(LabError, match="listens on one port for all"):
        configuration(blueprint, replace(node, daemon=RouterKind.FRR))


def test_frr_is_told_of_an_rtr_cache_before_its_sessions(tmp_path: Path) -> None:
    needs_program("vtysh")
    blueprint = parts(frr=("as30-ams",))
    node = blueprint.by_name["as30-ams"]

    text = configuration(blueprint, node, rtr=("100.72.0.9", 3323))["bgpd.conf"]

    assert "match rpki invalid" in text
    assert "match as-path INVALID" not in text
    assert text.index("rpki cache 100.72.0.9 3323") < text.index("router bgp")
    (tmp_path / "bgpd.conf").write_text(text)
    subprocess.run(["vtysh", "-C", "-f", str(tmp_path / "bgpd.conf")], check=True, timeout=20)


def test_frr_drops_a_longer_prefix_whoever_the_path_names() -> None:
    node = parts(frr=("as30-ams",)).by_name["as30-ams"]

    text = configuration(parts(frr=("as30-ams",)), node)["bgpd.conf"]

    longer = text.split("match ip address prefix-list ORIGIN_LONGER\n", 1)[1]
    assert longer.startswith("exit\n")


def test_plain_ibgp_has_neither_all_paths_nor_identified_routes() -> None:
    world = random_world(2)
    plain, seeing = (
        build(world.design, world.topology, has_delays=False, is_plain_ibgp=is_plain)
        for is_plain in (True, False)
    )

    def written(blueprint: Blueprint) -> str:
        routers = [node for node in blueprint.nodes if node.kind == NodeKind.ROUTER]
        return "".join(configuration(blueprint, node)["bird.conf"] for node in routers)

    assert "add paths on" in written(seeing)
    assert "bgp_originator_id = " in written(seeing)
    assert "add paths on" not in written(plain)
    assert "bgp_originator_id = " not in written(plain)


def test_deterministic_med_is_asked_for_where_meds_may_meet_alone() -> None:
    world = random_world(2)
    blueprint = build(world.design, world.topology, has_delays=False)

    for node in blueprint.nodes:
        if node.kind == NodeKind.ROUTER:
            heard = sum(
                node.asn == link.upstream
                or (link.exchange >= 0 and _is_member(blueprint, link.exchange, int(node.asn)))
                for link in blueprint.sites
            )
            text = configuration(blueprint, node)["bird.conf"]
            assert ("deterministic med on" in text) == (heard > 1), node.name


def _is_member(blueprint: Blueprint, exchange: int, asn: int) -> bool:
    ports = blueprint.exchanges[exchange].ports
    return any(blueprint.by_name[port.node].asn == asn for port in ports)


def test_each_daemon_has_its_sockets_in_the_nodes_own_folder() -> None:
    blueprint = parts()
    labels = {
        name: dict(commands(blueprint, blueprint.by_name[name], Path("/lab/nodes") / name))
        for name in ("as10-fra", "as20-ams")
    }

    assert list(labels["as10-fra"]) == ["bird"]
    assert "/run/as10-fra/bird.ctl" in labels["as10-fra"]["bird"]
    assert list(labels["as20-ams"]) == ["zebra", "bgpd"]
    assert "/run/as20-ams/frr" in labels["as20-ams"]["bgpd"]


def _accepted(blueprint: Blueprint, folder: Path) -> None:
    for node in blueprint.nodes:
        if node.kind not in (NodeKind.ROUTER, NodeKind.ROUTE_SERVER):
            continue
        for file, text in configuration(blueprint, node).items():
            path = folder / f"{node.name}.{file}"
            path.write_text(text)
            check = ("bird", "-p", "-c") if file == "bird.conf" else ("vtysh", "-C", "-f")
            done = subprocess.run([*check, str(path)], capture_output=True, text=True, timeout=20)
            assert done.returncode == 0, f"{path}: {done.stdout}{done.stderr}"
