"""NSD of one host, where Knot is not installed: the same zones, identity and NSID, and no rate limit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from anyplane.lab.places.servers import nameserver
from anyplane.lab.places.servers.nameserver import file_of
from anyplane.lab.places.servers.needs import Asked
from anyplane.lab.places.servers.serving import Serving, quoted, sorted_addresses

PROGRAM = "nsd"


def serving(asked: Asked, *, identity: str, directory: Path, label: str = "dns") -> Serving:
    """NSD that answers what is asked, as `identity`."""
    return nameserver.serving(
        asked,
        command=(PROGRAM, "-d", "-c"),
        file=directory / "nsd.conf",
        configuration=_configuration,
        identity=identity,
        label=label,
    )


def _configuration(asked: Asked, zones: Mapping[str, str], identity: str, directory: Path) -> str:
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
