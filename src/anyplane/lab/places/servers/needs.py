"""needs: what the checks of a site ask, and so what its servers must answer for the checks to pass.

A probe asks one of four: the service (or this host) itself, a backend behind it, something elsewhere (an
address that is none of ours: a *dependency*, for which the lab keeps a stand-in at each site), or a name that
nothing in the lab resolves. The last, and what the lab's servers do not speak, is `unmet`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from anyplane.agent.designs import narrowed
from anyplane.design.design import Design
from anyplane.design.operation import (
    Address,
    Check,
    DnsProbe,
    ExecProbe,
    GrpcProbe,
    HttpProbe,
    IcmpProbe,
    NtpProbe,
    Probe,
    ProcessProbe,
    TcpProbe,
    TlsProbe,
    Transport,
)
from anyplane.design.reading_health import asked
from anyplane.lab.places.servers.serving import HTTP_PORT

DNS_PORT, NTP_PORT = 53, 123
UNMET_HINT = "in a copy of the design for the lab, ask the same in plain DNS, HTTP or TCP"
HERE: tuple[Address, ...] = (IPv4Address("127.0.0.1"), IPv6Address("::1"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What one host is asked. `addresses`: where it answers; `ports`: TCP ports that only have to open."""

    addresses: frozenset[Address] = frozenset()
    dns: tuple[DnsProbe, ...] = ()
    http: tuple[HttpProbe, ...] = ()
    has_ntp: bool = False
    ports: frozenset[int] = frozenset()

    def dns_ports(self) -> tuple[int, ...]:
        """Where questions arrive."""
        return tuple(sorted({DNS_PORT, *(one.server.port for one in self.dns)}))

    def web_ports(self) -> tuple[int, ...]:
        """Where pages are asked for, and connections that only have to open."""
        pages = {urlsplit(one.url).port or HTTP_PORT for one in self.http}
        return tuple(sorted(pages | (self.ports - set(self.dns_ports()))))


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteNeeds:
    """One site: its own servers, its backends (by the address in the design), the stand-ins for dependencies.

    unmet         for each check that cannot pass in the lab: what it asks
    unmet_paths   where they stand in the design
    """

    own: Asked
    backends: Mapping[Address, Asked] = field(default_factory=dict)
    names: Mapping[str, Address] = field(default_factory=dict)
    """Of the backends."""
    dependencies: Asked = Asked()
    unmet: tuple[str, ...] = ()
    unmet_paths: tuple[str, ...] = ()


def needs(design: Design, site: str) -> SiteNeeds:
    """What `site` of this design needs; UsageError where it has no such site."""
    accepted = narrowed(design, site=site)
    plan = accepted.plan
    served = frozenset(one for listed in accepted.addresses.values() for one in listed)
    behind: dict[Address, frozenset[Address]] = {}
    for group, backends in accepted.backends.items():
        for backend in backends.values():
            behind[backend.address] = behind.get(backend.address, frozenset()) | frozenset(
                accepted.addresses[group]
            )
    forwarded = served - accepted.served_here
    own = _Sorted(accepted.served_here | (frozenset(HERE) if accepted.served_here else frozenset()))
    hosts = {address: _Sorted(frozenset((address, *given, *HERE))) for address, given in behind.items()}
    elsewhere = _Sorted(frozenset())
    unmet, unmet_paths = [], []
    for key, check in plan.checks.items():
        host = asked(check.probe)
        address = _address(host)
        is_elsewhere = address is not None and not _is_ours(address, served, hosts)
        if (reason := _unspoken(check, is_elsewhere=is_elsewhere)) or (host and address is None):
            unmet.append(f"{key}: {reason or f'nothing in a lab resolves {host}'}")
            unmet_paths.append(check.path)
        elif address is None or isinstance(check.probe, IcmpProbe):
            if address is not None and is_elsewhere:
                elsewhere.addresses |= {address}
        elif address in hosts:
            hosts[address].add(check.probe)
        elif address in forwarded:
            for one in hosts.values():
                if address in one.addresses:
                    one.add(check.probe)
        elif address in served or address.is_loopback:
            own.add(check.probe)
            own.addresses |= {address}
        else:
            elsewhere.add(check.probe)
            elsewhere.addresses |= {address}
    return SiteNeeds(
        own=own.whole(),
        backends={address: one.whole() for address, one in hosts.items()},
        names={one.name: one.address for listed in accepted.backends.values() for one in listed.values()},
        dependencies=elsewhere.whole(),
        unmet=tuple(unmet),
        unmet_paths=tuple(dict.fromkeys(unmet_paths)),
    )


def unmet(design: Design) -> tuple[str, ...]:
    """What no lab can answer, at any site: `check: reason`, each once."""
    return tuple(dict.fromkeys(one for site in design.sites for one in needs(design, site.name).unmet))


def merged(listed: Sequence[Asked]) -> Asked:
    """All that they are asked together."""
    return Asked(
        addresses=frozenset(address for one in listed for address in one.addresses),
        dns=tuple(probe for one in listed for probe in one.dns),
        http=tuple(probe for one in listed for probe in one.http),
        has_ntp=any(one.has_ntp for one in listed),
        ports=frozenset(port for one in listed for port in one.ports),
    )


def _address(host: str) -> Address | None:
    try:
        return ip_address(host) if host else None
    except ValueError:
        return None


def _is_ours(address: Address, served: frozenset[Address], hosts: Iterable[Address]) -> bool:
    return address.is_loopback or address in served or address in hosts


def _unspoken(check: Check, *, is_elsewhere: bool) -> str:
    """Why no server of the lab can satisfy it; empty where one can, or needs none."""
    probe = check.probe
    if isinstance(probe, DnsProbe) and probe.transport is Transport.TLS:
        return "DNS over TLS is not spoken here"
    if isinstance(probe, HttpProbe) and probe.url.startswith("https:"):
        return "HTTPS is not spoken here"
    if isinstance(probe, TlsProbe | GrpcProbe):
        return f"{type(probe).__name__.removesuffix('Probe')} is not spoken here"
    if isinstance(probe, NtpProbe) and is_elsewhere:
        return "no clock stands in for somebody else's"
    if isinstance(probe, ExecProbe):
        return f"the command {probe.command[0]} is this machine's, not the lab's"
    if isinstance(probe, ProcessProbe) and not probe.pidfile:
        return f"processes of all sites are called {probe.name or probe.unit}; name a pidfile"
    return ""


class _Sorted:
    """Probes of one host, as they come."""

    def __init__(self, addresses: frozenset[Address]) -> None:
        self.addresses = addresses
        self._dns: list[DnsProbe] = []
        self._http: list[HttpProbe] = []
        self._ports: set[int] = set()
        self._has_ntp = False

    def add(self, probe: Probe) -> None:
        """One more."""
        if isinstance(probe, DnsProbe):
            self._dns.append(probe)
        elif isinstance(probe, HttpProbe):
            self._http.append(probe)
        elif isinstance(probe, TcpProbe):
            self._ports.add(probe.to.port)
        elif isinstance(probe, NtpProbe):
            self._has_ntp = True

    def whole(self) -> Asked:
        """All of them."""
        return Asked(
            addresses=self.addresses,
            dns=tuple(self._dns),
            http=tuple(self._http),
            has_ntp=self._has_ntp,
            ports=frozenset(self._ports),
        )
