"""Wiring: a blueprint's namespaces, cables and addresses, built in one go by rtnetlink.

Every node has lo with its loopbacks (and its clients' addresses), and for each link and exchange a device
with fixed hardware address, addresses, and permanent neighbours: nothing is ever looked up on a wire.

With delays the other end of each cable is in the *wire* namespace, where the relay hands frames on: `l7a` and
`l7b` for link 7, `x0p3` for position 3 of exchange 0. Without, a link is one veth pair from node to node, and
an exchange a bridge `x0` in the wire namespace.

Losing carrier. With delays the far half in the wire namespace goes down, and the node's device keeps
addresses and neighbours. Without, both ends go down themselves, and get back what that took from them.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_interface, ip_network

from anyplane.kernel.messages import Refused, Request
from anyplane.kernel.netlink import Netlink
from anyplane.lab.blueprint import Blueprint, Exchange, Link, LinkKind, NodeKind
from anyplane.lab.container.namespaces import Namespace, in_new_thread
from anyplane.lab.wires import links_netlink as wanted
from anyplane.lab.wires.links_netlink import LO, Half, Route
from anyplane.model.errors import KernelError, LabError

WIRE = "wire"
"""The name of the namespace where the cables run; no node is called so (nodes' names have a dash)."""
_FIRST, _FAR, _EXCHANGES = 10, 1 << 19, 1 << 20
"""Interface indexes begin there: of nodes' ends, of their partners in the wire namespace, of exchanges."""
_KERNEL_S = 30.0
_METRES = 100
"""Decametres in a kilometre."""
ROUTER_SETTINGS: Mapping[str, str] = {
    # ip_forward first: it resets what follows.
    "ipv4/ip_forward": "1",
    "ipv6/conf/all/forwarding": "1",
    "ipv6/conf/default/forwarding": "1",
    "ipv4/conf/all/rp_filter": "0",
    "ipv4/conf/default/rp_filter": "0",
    "ipv4/conf/all/send_redirects": "0",
    "ipv4/conf/default/send_redirects": "0",
    "ipv4/conf/default/ignore_routes_with_linkdown": "1",
    "ipv6/conf/default/ignore_routes_with_linkdown": "1",
    "ipv6/conf/all/accept_dad": "0",
    "ipv6/conf/default/accept_dad": "0",
    "ipv6/conf/default/accept_ra": "0",
    # An address outlives its device going down, as it does on a router.
    "ipv6/conf/all/keep_addr_on_down": "1",
    "ipv6/conf/default/keep_addr_on_down": "1",
    "ipv4/fib_multipath_hash_policy": "1",
    "ipv6/fib_multipath_hash_policy": "1",
    # Traces and many probers at once must not meet the limits that protect a host on the Internet.
    "ipv4/icmp_ratelimit": "0",
    "ipv6/icmp/ratelimit": "0",
    "ipv4/icmp_msgs_per_sec": "1000000",
    "ipv4/icmp_msgs_burst": "1000000",
    "ipv4/ip_unprivileged_port_start": "0",
    "ipv4/ping_group_range": "0 0",
}
WIRE_SETTINGS: Mapping[str, str] = {
    # The far halves carry the nodes' frames and say nothing themselves.
    "ipv6/conf/all/disable_ipv6": "1",
    "ipv6/conf/default/disable_ipv6": "1",
}


class Wiring:
    """The namespaces of a blueprint and what connects them. `namespaces` has WIRE too."""

    def __init__(self, blueprint: Blueprint) -> None:
        self.blueprint = blueprint
        self.is_relayed = blueprint.has_delays
        """Do the cables run through the wire namespace?"""
        self.namespaces: dict[str, Namespace] = {}
        self.down: set[str] = set()
        """The cables without carrier."""
        self._sockets: dict[str, Netlink] = {}
        self._turn = threading.Lock()
        """Faults come from several threads; a socket serves one at a time."""
        self._routes = {node.name: self._static_routes(node.name) for node in blueprint.nodes}

    def build(self) -> None:
        """All of it is there; LabError says which piece the kernel refused. Blocks."""
        self.prepare()
        self.lay(is_relayed=self.is_relayed)

    def prepare(self) -> None:
        """The namespaces are there, with nothing between them."""
        try:
            for name in (WIRE, *(node.name for node in self.blueprint.nodes)):
                self.namespaces[name] = Namespace.made(name)
            in_new_thread(self._settle)
        except KernelError as error:
            raise LabError(f"wiring: {error.message}", hint=error.hint) from error

    def lay(self, *, is_relayed: bool) -> None:
        """The cables are there, through the wire namespace or from node to node, and the nodes know them."""
        self.is_relayed = is_relayed
        try:
            self._send(WIRE, self._cables())
            names = [node.name for node in self.blueprint.nodes]
            with ThreadPoolExecutor(1) as ahead:
                # While the kernel does what one node asks for, the next one's requests are made.
                for name, requests in zip(names, ahead.map(self._of_node, names), strict=True):
                    self._send(name, requests)
        except KernelError as error:
            raise LabError(f"wiring: {error.message}", hint=error.hint) from error

    def close(self) -> None:
        """Nothing is held any more; the kernel removes namespaces that nobody is in."""
        for netlink in self._sockets.values():
            netlink.close()
        for namespace in self.namespaces.values():
            namespace.close()
        self._sockets.clear()

    def set_link(self, index: int, *, is_up: bool) -> None:
        """Both ends of the link have carrier, or have lost it. Idempotent."""
        try:
            link = self.blueprint.links[index]
        except IndexError:
            raise LabError(
                f"there is no link {index}", hint=f"links count from 0 to {len(self.blueprint.links) - 1}"
            ) from None
        (self.down.discard if is_up else self.down.add)(link.device)
        if self.is_relayed:
            self._send(
                WIRE,
                [wanted.set_up(far_index(link, end), is_up=is_up, name=f"l{index}{end}") for end in "ab"],
            )
            return
        for node in (link.a, link.b):
            if is_up:
                routes = [route for route in self._routes[node] if route.index == near_index(link, node)]
                self._send(node, [*_end(link, node), *map(wanted.route, routes)])
            else:
                self._send(node, [wanted.set_up(near_index(link, node), is_up=False, name=link.device)])

    def set_port(self, exchange: int, node: str, *, is_up: bool) -> None:
        """The node's port on the exchange has carrier, or has lost it."""
        found = self._exchange(exchange)
        try:
            position = found.port(node).position
        except KeyError:
            raise LabError(f"{node} has no port on {found.name}") from None
        name = f"{found.device}p{position}"
        (self.down.discard if is_up else self.down.add)(name)
        self._send(WIRE, [wanted.set_up(port_index(found, position), is_up=is_up, name=name)])

    def add_routes(self, node: str, routes: Sequence[Route]) -> None:
        """They are in the node's main table, `proto static`."""
        self._send(node, [wanted.route(one) for one in routes])
        self._routes[node] = (*self._routes[node], *routes)

    def _exchange(self, index: int) -> Exchange:
        try:
            return self.blueprint.exchanges[index]
        except IndexError:
            raise LabError(f"there is no exchange {index}") from None

    def _settle(self) -> None:
        """Settings and a netlink socket in each namespace, by one thread that goes from one to the next."""
        for name, namespace in self.namespaces.items():
            namespace.enter()
            for setting, value in (WIRE_SETTINGS if name == WIRE else ROUTER_SETTINGS).items():
                _set(setting, value)
            self._sockets[name] = Netlink(timeout_s=_KERNEL_S)

    def _cables(self) -> list[Request]:
        blueprint, fd = self.blueprint, {name: one.fd for name, one in self.namespaces.items()}
        made = []
        for link in blueprint.links:
            a, b = (
                Half(name=link.device, index=near_index(link, node), namespace=fd[node], mac=link.mac(node))
                for node in (link.a, link.b)
            )
            if not self.is_relayed:
                made.append(wanted.veth(a, b))
                continue
            for half, end in ((a, "a"), (b, "b")):
                far = Half(name=f"{link.device}{end}", index=far_index(link, end), namespace=fd[WIRE])
                made.append(wanted.veth(far, half))
        for exchange in blueprint.exchanges:
            at = 0
            if not self.is_relayed:
                at = port_index(exchange, 0)
                made.append(wanted.bridge(Half(name=exchange.device, index=at, namespace=fd[WIRE])))
            for port in exchange.ports:
                near = Half(
                    name=exchange.device,
                    index=_EXCHANGES + exchange.index,
                    namespace=fd[port.node],
                    mac=exchange.mac(port.node),
                )
                far = Half(
                    name=f"{exchange.device}p{port.position}",
                    index=port_index(exchange, port.position),
                    namespace=fd[WIRE],
                    bridge=at,
                )
                made.append(wanted.veth(far, near))
        return made

    def _of_node(self, name: str) -> list[Request]:
        node = self.blueprint.by_name[name]
        made = [wanted.set_up(LO, is_up=True, name="lo")]
        made += [wanted.address(LO, ip_interface(one)) for one in (node.loopback4, node.loopback6)]
        if node.is_client:
            made += [wanted.address(LO, ip_interface(node.client_address(family))) for family in (4, 6)]
        for link in self.blueprint.links_of[name]:
            made += _end(link, name)
        for exchange in self.blueprint.exchanges_of[name]:
            made += _port(exchange, name)
        return made + [wanted.route(route) for route in self._routes[name]]

    def _static_routes(self, name: str) -> tuple[Route, ...]:
        """A backend reaches the world through its site."""
        if self.blueprint.by_name[name].kind != NodeKind.BACKEND:
            return ()
        return tuple(
            route
            for link in self.blueprint.links_of[name]
            if link.kind == LinkKind.BACKEND
            for route in default_routes(link, name)
        )

    def _send(self, name: str, requests: Iterable[Request]) -> None:
        try:
            with self._turn:
                answers = self._sockets[name].send(tuple(requests))
        except KeyError:
            raise LabError(f"the lab has no node {name}", hint="see `lab status`") from None
        refused: list[Refused] = [answer for answer in answers if answer is not None]
        if refused:
            raise LabError(f"{name}: {refused[0].message}", hint=refused[0].hint)


def near_index(link: Link, node: str) -> int:
    """The interface index of a link's device in that node.

    The two ends of a pair never have the same: the kernel would take them for one, and tell of a lost carrier
    up to a second late (linkwatch).
    """
    return _FIRST + 2 * link.index + (node == link.b)


def far_index(link: Link, end: str) -> int:
    """That of the far half (`l7a`: end "a") in the wire namespace.

    They leave no gaps: the kernel finds a device by the last byte of its index, for every frame of the relay.
    """
    return _FAR + 2 * link.index + (end == "b")


def port_index(exchange: Exchange, position: int) -> int:
    """That of an exchange's port in the wire namespace; position 0 is the bridge, if there is one."""
    return _EXCHANGES + 2048 * exchange.index + position


def loopback_routes(blueprint: Blueprint, node: str) -> tuple[Route, ...]:
    """The way to each other pop of the same network: its loopbacks, at a metric of decametres.

    For daemons that read them from the kernel (FRR); BIRD has them in its configuration.
    """
    found = []
    for link in blueprint.links_of[node]:
        if link.kind != LinkKind.INTERNAL:
            continue
        far = blueprint.by_name[link.far(node)]
        metric = max(1, round(link.km * _METRES))
        for loopback, gateway in ((far.loopback4, link.v4(far.name)), (far.loopback6, link.v6(far.name))):
            found.append(
                Route(
                    prefix=ip_network(loopback),
                    gateway=gateway.ip,
                    index=near_index(link, node),
                    metric=metric,
                )
            )
    return tuple(found)


def default_routes(link: Link, node: str) -> tuple[Route, ...]:
    """Everything goes to the far end of that link."""
    far = link.far(node)
    return tuple(
        Route(prefix=ip_network(everything), gateway=gateway.ip, index=near_index(link, node))
        for everything, gateway in (("0.0.0.0/0", link.v4(far)), ("::/0", link.v6(far)))
    )


def default_routes_at(exchange: Exchange, *, via: str) -> tuple[Route, ...]:
    """Everything goes to that member of the exchange."""
    return tuple(
        Route(prefix=ip_network(everything), gateway=gateway.ip, index=_EXCHANGES + exchange.index)
        for everything, gateway in (("0.0.0.0/0", exchange.v4(via)), ("::/0", exchange.v6(via)))
    )


def _end(link: Link, node: str) -> list[Request]:
    far, index = link.far(node), near_index(link, node)
    mac = link.mac(far)
    made = [wanted.set_up(index, is_up=True, name=link.device)]
    made += [wanted.address(index, one) for one in (link.v4(node), link.v6(node))]
    for at in (link.v4(far).ip, link.v6(far).ip, wanted.link_local(mac)):
        made.append(wanted.neighbour(index, at, mac))
    return made


def _port(exchange: Exchange, node: str) -> list[Request]:
    index = _EXCHANGES + exchange.index
    made = [wanted.set_up(index, is_up=True, name=exchange.device)]
    made += [wanted.address(index, one) for one in (exchange.v4(node), exchange.v6(node))]
    for port in exchange.ports:
        if port.node != node:
            mac = exchange.mac(port.node)
            for at in (exchange.v4(port.node).ip, exchange.v6(port.node).ip, wanted.link_local(mac)):
                made.append(wanted.neighbour(index, at, mac))
    return made


def _set(setting: str, value: str) -> None:
    # What a kernel does not have, or keeps for the machine as a whole, the lab does without.
    with contextlib.suppress(OSError):
        fd = os.open(f"/proc/sys/net/{setting}", os.O_WRONLY)
        try:
            os.write(fd, value.encode())
        finally:
            os.close(fd)
