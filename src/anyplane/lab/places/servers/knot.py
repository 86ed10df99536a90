"""Knot DNS of one host: the zones of the checks, CHAOS identity and NSID; no limit on the rate of answers.

It runs as whoever starts it, keeps everything in one directory, and may listen on an address before that is
on lo (IP_FREEBIND), since the agent puts the service addresses there after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from anyplane.lab.places.servers import nameserver
from anyplane.lab.places.servers.nameserver import file_of
from anyplane.lab.places.servers.needs import Asked
from anyplane.lab.places.servers.serving import Serving, quoted, sorted_addresses

PROGRAM = "knotd"


def serving(asked: Asked, *, identity: str, directory: Path, label: str = "dns") -> Serving:
    """Knot that answers what is asked, as `identity`."""
    return nameserver.serving(
        asked,
        command=(PROGRAM, "-c"),
        file=directory / "knot.conf",
        configuration=_configuration,
        identity=identity,
        label=label,
    )


def _configuration(asked: Asked, zones: Mapping[str, str], identity: str, directory: Path) -> str:
    listening = ", ".join(
        f"{address}@{port}" for address in sorted_addresses(asked.addresses) for port in asked.dns_ports()
    )
    # An empty identity is none; without these lines it would be the machine's name.
    said = [f'  identity: "{quoted(identity)}"', f'  nsid: "{quoted(identity)}"']
    lines = [
        "server:",
        f"  listen: [ {listening} ]",
        f'  rundir: "{directory}"',
        f'  pidfile: "{directory}/knot.pid"',
        '  version: "Anyplane lab"',
        *said,
        "  udp-workers: 1",
        "  tcp-workers: 1",
        "  background-workers: 1",
        "log:",
        "  - target: stderr",
        "    any: warning",
        "database:",
        f'  storage: "{directory}"',
        "control:",
        f'  listen: "{directory}/knot.sock"',
        "template:",
        "  - id: default",
        f'    storage: "{directory}"',
        "    zonefile-sync: -1",
        "    zonefile-load: whole",
        "    journal-content: none",
        "    semantic-checks: off",
        "zone:",
    ]
    for name in zones:
        lines += [f'  - domain: "{name}"', f'    file: "{file_of(name)}"']
    return "\n".join(lines) + "\n"
