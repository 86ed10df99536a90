"""place_servers: which servers a place runs, from what the checks of its design ask, and where they stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from anyplane.design.operation import Address
from anyplane.lab import paths
from anyplane.lab.blueprint import LinkKind
from anyplane.lab.places.ground import Ground
from anyplane.lab.places.servers import knot, nsd, ntp, web
from anyplane.lab.places.servers.needs import Asked, SiteNeeds, merged
from anyplane.lab.places.servers.running import RunningServer
from anyplane.lab.places.servers.serving import ServerKind, Serving, program


@dataclass(frozen=True, slots=True, kw_only=True)
class HostBehind:
    """One node behind a site. names: in the design, one for each address; service: what it puts on its lo."""

    host: str
    names: tuple[str, ...]
    asked: Asked
    service: frozenset[Address]


def servers(ground: Ground, asked: Asked, host: str, *, identity: str) -> dict[ServerKind, RunningServer]:
    """Those of one host; the first one's process is in its server.pid."""
    kinds = set(ground.kinds)
    kinds |= {ServerKind.DNS} if asked.dns else set()
    kinds |= {ServerKind.WEB} if asked.web_ports() else set()
    kinds |= {ServerKind.NTP} if asked.has_ntp else set()
    run = paths.run_of(host)
    found = {}
    if ServerKind.DNS in kinds:
        found[ServerKind.DNS] = _dns(ground, asked, identity=identity, directory=run / "dns")
    if ServerKind.WEB in kinds:
        found[ServerKind.WEB] = web.serving(asked, identity=identity, directory=run / "web")
    if ServerKind.NTP in kinds:
        found[ServerKind.NTP] = ntp.serving(directory=run / "ntp")
    # Where no check asks for DNS, the other server is the service, and DNS only tells where one is.
    is_web_first = bool(asked.http) and not asked.dns
    order = (ServerKind.WEB, ServerKind.DNS) if is_web_first else (ServerKind.DNS, ServerKind.WEB)
    kept = [kind for kind in (*order, ServerKind.NTP) if kind in found]
    return {
        kind: running(
            ground, found[kind], host, pidfile=run / ("server.pid" if kind == kept[0] else f"{kind}.pid")
        )
        for kind in kept
    }


def stand_ins(ground: Ground, asked: Asked, host: str) -> tuple[RunningServer, ...]:
    """For what the checks of a site ask elsewhere, at that site alone."""
    made, run = [], paths.run_of(host)
    if asked.dns:
        made.append(
            _dns(ground, asked, identity="elsewhere", directory=run / "elsewhere-dns", label="elsewhere-dns")
        )
    if asked.web_ports():
        made.append(
            web.serving(asked, identity="elsewhere", directory=run / "elsewhere-web", label="elsewhere-web")
        )
    return tuple(running(ground, one, host) for one in made)


def _dns(ground: Ground, asked: Asked, *, identity: str, directory: Path, label: str = "dns") -> Serving:
    kind = ground.dns or ("knot" if program(knot.PROGRAM) else "nsd")
    serving = knot.serving if kind == "knot" else nsd.serving
    return serving(asked, identity=identity, directory=directory, label=label)


def running(ground: Ground, serving: Serving, host: str, *, pidfile: Path | None = None) -> RunningServer:
    """It will run at that host."""
    return RunningServer(
        serving,
        processes=ground.processes,
        namespace=ground.namespace(host),
        pidfile=pidfile,
    )


def hosts_behind(ground: Ground, node: str, asked: SiteNeeds) -> Iterator[HostBehind]:
    """The nodes behind that site node whose cable has an address that the design calls a backend."""
    blueprint = ground.blueprint
    for link in blueprint.links_of[node]:
        host = blueprint.by_name[link.far(node)]
        cable: set[Address] = {link.v4(host.name).ip, link.v6(host.name).ip}
        here = [asked.backends[one] for one in sorted(cable, key=str) if one in asked.backends]
        if link.kind is not LinkKind.BACKEND or not here:
            continue
        whole = merged(here)
        yield HostBehind(
            host=host.name,
            names=tuple(name for name, address in asked.names.items() if address in cable),
            asked=whole,
            service=frozenset(one for one in whole.addresses - cable if not one.is_loopback),
        )
