"""What a blueprint says of cables and addresses is what the kernel says inside the lab."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

import pytest
from lab_here import needs_lab
from lab_worlds import everything, line
from namespaces import wait_until

from anyplane.lab.blueprint import Blueprint, NodeKind
from anyplane.lab.container.client import Lab
from anyplane.lab.wires.links_netlink import link_local
from anyplane.lab.wires.wiring import loopback_routes, near_index
from anyplane.model.errors import LabError


@dataclass(frozen=True, slots=True, kw_only=True)
class Wired:
    """A lab of every kind of node."""

    lab: Lab
    blueprint: Blueprint

    def ip(self, node: str, *words: str) -> Any:
        """What `ip -json` says there."""
        return json.loads(self.lab.run(node, "ip", "-json", *words) or "[]")

    def addresses(self, node: str, device: str) -> set[str]:
        """As text, with their lengths, link-local ones left out."""
        (shown,) = self.ip(node, "address", "show", "dev", device)
        listed = [f"{one['local']}/{one['prefixlen']}" for one in shown["addr_info"]]
        return {one for one in listed if not one.startswith(("fe80", "127.", "::1/"))}


@pytest.fixture(scope="module", params=[False, True], ids=["direct", "relayed"])
def wired(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wired]:
    needs_lab()
    blueprint = everything(has_delays=request.param)
    with Lab.up(blueprint, directory=tmp_path_factory.mktemp("lab")) as lab:
        yield Wired(lab=lab, blueprint=blueprint)


def test_lo_has_the_loopbacks_and_the_clients_addresses(wired: Wired) -> None:
    for node in wired.blueprint.nodes:
        wanted = {f"{node.loopback4}/32", f"{node.loopback6}/128"}
        if node.is_client:
            wanted |= {f"{node.client_address(4)}/32", f"{node.client_address(6)}/128"}

        assert wired.addresses(node.name, "lo") == wanted


def test_every_end_of_a_link_has_its_addresses_and_hardware_address(wired: Wired) -> None:
    for link in wired.blueprint.links:
        for node in (link.a, link.b):
            (shown,) = wired.ip(node, "link", "show", "dev", link.device)

            assert wired.addresses(node, link.device) == {str(link.v4(node)), str(link.v6(node))}
            assert shown["address"] == link.mac(node)
            assert shown["ifindex"] == near_index(link, node)
            assert "LOWER_UP" in shown["flags"]


def test_every_port_of_an_exchange_has_its_addresses(wired: Wired) -> None:
    (exchange,) = wired.blueprint.exchanges
    for port in exchange.ports:
        wanted = {str(exchange.v4(port.node)), str(exchange.v6(port.node))}

        assert wired.addresses(port.node, "x0") == wanted


def test_all_neighbours_are_known_for_ever(wired: Wired) -> None:
    for node in wired.blueprint.nodes:
        wanted = set()
        for link in wired.blueprint.links_of[node.name]:
            far, mac = link.far(node.name), link.mac(link.far(node.name))
            addresses = (link.v4(far).ip, link.v6(far).ip, link_local(mac))
            wanted |= {(link.device, str(one), mac) for one in addresses}
        for exchange in wired.blueprint.exchanges_of[node.name]:
            for port in exchange.ports:
                if port.node != node.name:
                    mac = exchange.mac(port.node)
                    addresses = (exchange.v4(port.node).ip, exchange.v6(port.node).ip, link_local(mac))
                    wanted |= {("x0", str(one), mac) for one in addresses}

        shown = wired.ip(node.name, "neigh", "show", "nud", "permanent")

        assert {(one["dev"], one["dst"], one["lladdr"]) for one in shown if one["dev"] != "lo"} == wanted


def test_neighbours_reach_each_other_over_every_cable(wired: Wired) -> None:
    for link in wired.blueprint.links:
        for address in (
            link.v4(link.b).ip,
            link.v6(link.b).ip,
            f"{link_local(link.mac(link.b))}%l{link.index}",
        ):
            wired.lab.run(link.a, "ping", "-c1", "-W2", str(address))
    (exchange,) = wired.blueprint.exchanges
    first, *others = exchange.ports
    for port in others:
        for address in (exchange.v4(port.node).ip, exchange.v6(port.node).ip):
            wired.lab.run(first.node, "ping", "-c1", "-W2", str(address))


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("net.ipv4.ip_forward", "1"),
        ("net.ipv6.conf.all.forwarding", "1"),
        ("net.ipv4.conf.all.rp_filter", "0"),
        ("net.ipv4.conf.l0.rp_filter", "0"),
        ("net.ipv4.conf.l0.send_redirects", "0"),
        ("net.ipv6.conf.l0.accept_dad", "0"),
        ("net.ipv4.fib_multipath_hash_policy", "1"),
        ("net.ipv4.icmp_ratelimit", "0"),
    ],
)
def test_every_node_is_set_up_as_a_router(wired: Wired, setting: str, value: str) -> None:
    assert wired.lab.run("as300-ams", "sysctl", "-n", setting).strip() == value


def test_a_backend_reaches_the_world_through_its_site(wired: Wired) -> None:
    backend = next(node for node in wired.blueprint.nodes if node.kind == NodeKind.BACKEND)
    (link,) = wired.blueprint.links_of[backend.name]

    (route,) = wired.ip(backend.name, "route", "show", "default")

    assert (route["gateway"], route["protocol"]) == (str(link.v4(link.a).ip), "static")


def test_a_link_loses_its_carrier_and_comes_back_whole(wired: Wired) -> None:
    link = wired.blueprint.links[1]
    before = wired.addresses(link.a, link.device)

    def has_carrier(node: str) -> bool:
        (shown,) = wired.ip(node, "link", "show", "dev", link.device)
        return "LOWER_UP" in shown["flags"]

    wired.lab.call("link_down", device=link.device)
    wait_until(lambda: not has_carrier(link.a) and not has_carrier(link.b))
    assert wired.lab.call("status")["links_down"] == [link.device]
    with pytest.raises(LabError):
        wired.lab.run(link.a, "ping", "-c1", "-W0.2", str(link.v4(link.b).ip))
    wired.lab.call("link_up", device=link.device)
    wait_until(lambda: has_carrier(link.a) and has_carrier(link.b))

    assert wired.lab.call("status")["links_down"] == []
    assert wired.addresses(link.a, link.device) == before
    for address in (link.v4(link.b).ip, link.v6(link.b).ip):
        wired.lab.run(link.a, "ping", "-c1", "-W2", str(address))


def test_the_wire_says_nothing_of_its_own(wired: Wired) -> None:
    shown = wired.ip("wire", "-6", "address", "show")

    assert [one["ifname"] for one in shown] in ([], ["lo"])


def test_a_shell_in_a_node_sees_that_node(wired: Wired) -> None:
    done = subprocess.run(
        wired.lab.shell("site-ams", "sh", "-c", "ip -o link; ls /run"),
        capture_output=True,
        text=True,
        timeout=10,
    )

    assert done.returncode == 0, done.stderr
    assert " l2@" in done.stdout
    assert "site-ams" in done.stdout


def test_the_way_to_other_pops_costs_decametres() -> None:
    blueprint = everything()
    link = blueprint.links[0]
    far = blueprint.by_name["as300-fra"]

    four, six = loopback_routes(blueprint, "as300-ams")

    assert four.prefix == ip_network(far.loopback4)
    assert four.gateway == link.v4("as300-fra").ip
    assert four.metric == six.metric == 36_000
    assert six.prefix == ip_network(far.loopback6)
    assert loopback_routes(line(), "as100-lis") == ()
