"""A namespace with a netlink socket, for the tests of what lives on lo."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_network

from namespaces import Host, Network

from anyplane.kernel.lease import Lease
from anyplane.kernel.netlink import Netlink
from anyplane.kernel.service_addresses import ServiceAddresses
from anyplane.model.nouns import Prefix


@dataclass(frozen=True)
class Place:
    """One host, its socket, and what works with it."""

    host: Host
    netlink: Netlink
    lease: Lease
    service: ServiceAddresses

    def on_lo(self) -> str:
        return self.host.run("ip", "-o", "address", "show", "dev", "lo")


@contextmanager
def place() -> Iterator[Place]:
    """A namespace of its own, gone afterwards."""
    with Network() as network:
        host = network.host("site")
        with host.call(Netlink) as netlink:
            yield Place(host, netlink, Lease(netlink), ServiceAddresses(netlink))


def prefixes(*texts: str) -> frozenset[Prefix]:
    return frozenset(ip_network(text) for text in texts)
