"""Knot DNS of one host: the zones of the checks, CHAOS identity and NSID; no limit on the rate of answers.

It runs as whoever starts it, keeps everything in one directory, and may listen on an address before that is
on lo (IP_FREEBIND), since the agent puts the service addresses there after it.
"""

from __future__ import annotations

from pathlib import Path

from anyplane.lab.places.servers import zone
from anyplane.lab.places.servers.needs import Asked
from anyplane.lab.places.servers.serving import (
    ServerKind,
    Serving,
    asked_at,
    program,
    quoted,
    sorted_addresses,
)

PROGRAM = "knotd"


def serving(asked: Asked, *, identity: str, directory: Path, label: str = "dns") -> Serving:
    """Knot that answers what is asked, as `identity`."""
    good = zone.zones(asked.dns, identity=identity)
    bad = zone.zones(asked.dns, identity="wrong", is_wrong=True)
    configuration = directory / "knot.conf"
    return Serving(
        kind=ServerKind.DNS,
        label=label,
        argv=(program(PROGRAM) or PROGRAM, "-c", str(configuration)),
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


def file_of(name: str) -> str:
    """The file of a zone."""
    return f"{quoted(name.rstrip('.')) or 'root'}.zone".replace("/", "_")


def _configuration(asked: Asked, zones: dict[str, str], *, identity: str, directory: Path) -> str:
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
