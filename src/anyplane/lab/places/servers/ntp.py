"""chrony of one host as an NTP server that leans on nothing: its own clock, which it never touches (-x)."""

from __future__ import annotations

from pathlib import Path

from anyplane.lab.places.servers.needs import NTP_PORT
from anyplane.lab.places.servers.serving import ServerKind, Serving, program

PROGRAM = "chronyd"
STRATUM = 10


def serving(*, directory: Path, user: str = "root", stratum: int = STRATUM, label: str = "ntp") -> Serving:
    """chrony as a server of that stratum, at every address; replies leave from the one that was asked."""
    configuration = directory / "chrony.conf"
    lines = [
        f"port {NTP_PORT}",
        "allow",
        "cmdport 0",
        "bindcmdaddress /",
        f"pidfile {directory}/chronyd.pid",
        f"driftfile {directory}/drift",
    ]
    good = "\n".join([*lines, f"local stratum {stratum}"]) + "\n"
    bad = "\n".join(lines) + "\n"  # it says that it is not synchronised (RFC 5905, leap indicator 3)
    return Serving(
        kind=ServerKind.NTP,
        label=label,
        argv=(
            program(PROGRAM) or PROGRAM,
            *("-d", "-x", "-u", user, "-f", str(configuration)),
        ),
        directory=directory,
        files={configuration: good},
        wrong={configuration: bad},
    )
