"""`health:` as shapes -> Health: defaults merged, checks named, a probe of the service one per family."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import TYPE_CHECKING

from anyplane.design import endpoints
from anyplane.design.naming import names
from anyplane.design.operation import (
    SERVICE,
    Address,
    Backend,
    Check,
    Degradation,
    DnsProbe,
    Endpoint,
    ExecProbe,
    GrpcProbe,
    Health,
    HttpProbe,
    IcmpProbe,
    NtpProbe,
    Probe,
    ProcessProbe,
    TcpProbe,
    TlsProbe,
    Transport,
)
from anyplane.model.nouns import Prefix

if TYPE_CHECKING:
    from anyplane.design.shape_health import HealthShape
    from anyplane.design.shape_probes import CheckItemShape

TIMEOUT_S = 0.5
DNS_OVER_TLS_PORT = 853


def health(group: str, shape: HealthShape, *, prefixes: tuple[Prefix, ...], path: str) -> Health:
    """How one group is judged; `prefixes` are the group's own."""
    addresses = service_addresses(shape.addresses, prefixes)
    first: dict[int, Address] = {one.version: one for one in reversed(addresses)}
    backends = tuple(
        Backend(
            name=one.name,
            address=one.address,
            interface=one.interface,
            weight=one.weight,
            checks=_of_backend(one.checks, shape, address=one.address, path=f"{path}.backends.{number}"),
        )
        for number, one in enumerate(shape.backends)
    )
    return Health(
        group=group,
        checks=tuple(
            check
            for name, number, item in _named(shape.checks)
            for check in expanded(
                _check(name, item, shape, path=f"{path}.checks.{number}"), first, prefixes=prefixes
            )
        ),
        need=shape.need,
        is_together=shape.together,
        degraded=Degradation(
            prepend=shape.degraded.prepend,
            med=shape.degraded.med,
            is_graceful_shutdown=shape.degraded.graceful_shutdown,
            communities=tuple(shape.degraded.communities),
        ),
        addresses=addresses,
        backends=backends,
        need_backends=shape.need_backends,
        path=path,
    )


def service_addresses(listed: Iterable[Address], prefixes: tuple[Prefix, ...]) -> tuple[Address, ...]:
    """The addresses written, and for a family without one the first host of its first prefix."""
    found = list(dict.fromkeys(listed))
    for prefix in prefixes:
        if prefix.version not in {one.version for one in found}:
            found.append(_first_host(prefix))
    return tuple(found)


def expanded(
    check: Check, first: Mapping[int, Address], *, prefixes: tuple[Prefix, ...]
) -> tuple[Check, ...]:
    """The check itself; or, where it asks SERVICE, one for each family with its own address in place."""
    host = asked(check.probe)
    if host == SERVICE:
        return tuple(
            replace(
                check,
                name=f"{check.name}/v{version}",
                probe=asking(check.probe, address),
                family=version,
            )
            for version, address in sorted(first.items())
            if check.family in (0, version)
        )
    version = _own_version(host, prefixes)
    return (replace(check, family=check.family or version),)


def asked(probe: Probe) -> str:
    """The host that a probe asks; "" where it asks none."""
    match probe:
        case DnsProbe() | NtpProbe():
            return probe.server.host
        case HttpProbe():
            return probe.address or endpoints.url_host(probe.url)
        case TcpProbe() | TlsProbe() | GrpcProbe():
            return probe.to.host
        case IcmpProbe():
            return probe.host
    return ""


def asking(probe: Probe, address: Address) -> Probe:
    """The probe, asking this address."""
    text = str(address)
    match probe:
        case DnsProbe() | NtpProbe():
            return replace(probe, server=replace(probe.server, host=text))
        case HttpProbe():
            is_url = endpoints.url_host(probe.url) == SERVICE
            url = endpoints.with_host(probe.url, address) if is_url else probe.url
            return replace(probe, url=url, address=text if probe.address else "")
        case TcpProbe() | TlsProbe() | GrpcProbe():
            return replace(probe, to=replace(probe.to, host=text))
        case IcmpProbe():
            return replace(probe, host=text)
    return probe


def probe_of(item: CheckItemShape) -> Probe:
    """The one probe of a check."""
    if item.dns:
        is_tls = item.dns.over is Transport.TLS and "port" not in item.dns.model_fields_set
        port = DNS_OVER_TLS_PORT if is_tls else item.dns.port
        return DnsProbe(
            server=Endpoint(host=item.dns.server, port=port),
            name=item.dns.name,
            type=item.dns.type,
            expect=tuple(item.dns.expect),
            rcode=item.dns.rcode,
            transport=item.dns.over,
            tls_name=item.dns.tls_name,
        )
    if item.http:
        return HttpProbe(
            url=item.http.url,
            method=item.http.method,
            status=frozenset(item.http.status),
            body=item.http.body,
            host_header=item.http.host,
            address=item.http.address,
            is_verified=item.http.verify,
            latency_s=item.http.latency or None,
        )
    if item.tcp:
        return TcpProbe(to=item.tcp)
    if item.tls:
        return TlsProbe(to=item.tls.to, server_name=item.tls.name, days=item.tls.days)
    if item.icmp:
        return IcmpProbe(host=item.icmp)
    if item.ntp:
        offset = item.ntp.offset or None
        return NtpProbe(server=item.ntp.server, stratum=item.ntp.stratum, offset_s=offset)
    if item.grpc:
        return GrpcProbe(to=item.grpc.to, service=item.grpc.service, is_tls=item.grpc.tls)
    if item.process:
        return ProcessProbe(pidfile=item.process.pidfile, name=item.process.name, unit=item.process.unit)
    return ExecProbe(command=item.exec)


def kind_of(item: CheckItemShape) -> str:
    """The kind of a check's probe."""
    from anyplane.design.shape_probes import KINDS

    return next(kind for kind in KINDS if kind in item.model_fields_set)


def _named(items: list[CheckItemShape]) -> Iterator[tuple[str, int, CheckItemShape]]:
    chosen = names(((item.name, kind_of(item)) for item in items), joint="-")
    for number, (name, item) in enumerate(zip(chosen, items, strict=True)):
        yield name, number, item


def _of_backend(
    items: list[CheckItemShape], defaults: HealthShape, *, address: Address, path: str
) -> tuple[Check, ...]:
    made = [
        _check(name, item, defaults, path=f"{path}.checks.{number}") for name, number, item in _named(items)
    ]
    return tuple(
        replace(one, probe=asking(one.probe, address)) if asked(one.probe) == SERVICE else one for one in made
    )


def _check(name: str, item: CheckItemShape, defaults: HealthShape, *, path: str) -> Check:
    def said(key: str) -> CheckItemShape | HealthShape:
        return item if key in item.model_fields_set or key not in defaults.model_fields_set else defaults

    interval_s = said("interval").interval
    written = item.model_fields_set | defaults.model_fields_set
    probe = probe_of(item)
    # The kernel's word that a process is dead needs no second opinion.
    is_sure = isinstance(probe, ProcessProbe) and "fall" not in written
    return Check(
        name=name,
        probe=probe,
        scope=item.scope,
        family=item.family,
        interval_s=interval_s,
        timeout_s=said("timeout").timeout if "timeout" in written else min(TIMEOUT_S, interval_s),
        jitter=said("jitter").jitter,
        rise=said("rise").rise,
        fall=1 if is_sure else said("fall").fall,
        path=path,
    )


def _first_host(prefix: IPv4Network | IPv6Network) -> Address:
    return prefix[1] if prefix.prefixlen < prefix.max_prefixlen - 1 else prefix[0]


def _own_version(host: str, prefixes: tuple[Prefix, ...]) -> int:
    """The family of a literal address inside the prefixes, else 0."""
    try:
        address = ip_address(host)
    except ValueError:
        return 0
    return address.version if any(address in prefix for prefix in prefixes) else 0
