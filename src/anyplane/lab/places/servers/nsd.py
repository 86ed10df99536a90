"""NSD of one host, where Knot is not installed: the same zones, identity and NSID, and no rate limit."""

from __future__ import annotations

from pathlib import Path

from anyplane.lab.places.servers import zone
from anyplane.lab.places.servers.knot import file_of
from anyplane.lab.places.servers.needs import Asked
from anyplane.lab.places.servers.serving import (
    ServerKind,
    Serving,
    asked_at,
    program,
    quoted,
    sorted_addresses,
)

PROGRAM = "nsd"


def serving(asked: Asked, *, identity: str, directory: Path, label: str = "dns") -> Serving:
    """NSD that answers what is asked, as `identity`."""
    good = zone.zones(asked.dns, identity=identity)
    bad = zone.zones(asked.dns, identity="wrong", is_wrong=True)
    configuration = directory / "nsd.conf"
    return Serving(
        kind=ServerKind.DNS,
        label=label,
        argv=(program(PROGRAM) or PROGRAM, "-d", "-c", str(configuration)),
        directory=directory,
        files={
            configuration: _configuration(asked, good, identity=identity, directory=directory),
            **{directory / file_of(name): text for name, text in good.items()},
        },
        wrong={
            configuration: _configuration(asked, bad, identity="", directory=directory),
            **{directory / file_of(name): text for name, text in bad.items()},
        },
        answers_at=asked_at(asked.addresses, asked.dns_ports()[0]),
    )


def _configuration(asked: Asked, zones: dict[str, str], *, identity: str, directory: Path) -> str:
    said = (
        [f'  identity: "{quoted(identity)}"', f'  nsid: "ascii_{quoted(identity)}"']
        if identity
        else ["  hide-identity: yes"]
    )
    lines = [
        "server:",
        *(
            f"  ip-address: {address}@{port}"
            for address in sorted_addresses(asked.addresses)
            for port in asked.dns_ports()
        ),
        "  ip-freebind: yes",
        '  username: ""',
        f'  zonesdir: "{directory}"',
        '  pidfile: ""',
        f'  xfrdfile: "{directory}/xfrd.state"',
        f'  xfrdir: "{directory}"',
        f'  zonelistfile: "{directory}/zone.list"',
        '  database: ""',
        "  server-count: 1",
        "  rrl-ratelimit: 0",
        "  rrl-whitelist-ratelimit: 0",
        '  version: "Anyplane lab"',
        *said,
        "remote-control:",
        "  control-enable: no",
    ]
    for name in zones:
        lines += ["zone:", f'  name: "{name}"', f'  zonefile: "{file_of(name)}"']
    return "\n".join(lines) + "\n"
