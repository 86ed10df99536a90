"""nameserver: what Knot and NSD have in common: the checks' zones as files, once true and once wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from anyplane.lab.places.servers import zone
from anyplane.lab.places.servers.needs import Asked
from anyplane.lab.places.servers.serving import ServerKind, Serving, asked_at, program, quoted

Configuration = Callable[[Asked, Mapping[str, str], str, Path], str]
"""Of what is asked, the zones, the identity ("": none) and the directory: the server's own file."""


def serving(
    asked: Asked,
    *,
    command: tuple[str, ...],
    file: Path,
    configuration: Configuration,
    identity: str,
    label: str,
) -> Serving:
    """`command` reads `file`, with which it answers what is asked as `identity`; wrongly, it has none."""

    def files(said: str, zones: Mapping[str, str]) -> dict[Path, str]:
        texts = {file.parent / file_of(name): text for name, text in zones.items()}
        return {file: configuration(asked, zones, said, file.parent), **texts}

    name, *options = command
    return Serving(
        kind=ServerKind.DNS,
        label=label,
        argv=(program(name) or name, *options, str(file)),
        directory=file.parent,
        files=files(identity, zone.zones(asked.dns, identity=identity)),
        wrong=files("", zone.zones(asked.dns, identity="wrong", is_wrong=True)),
        answers_at=asked_at(asked.addresses, asked.dns_ports()[0]),
    )


def file_of(name: str) -> str:
    """The file of a zone."""
    return f"{quoted(name.rstrip('.')) or 'root'}.zone".replace("/", "_")
