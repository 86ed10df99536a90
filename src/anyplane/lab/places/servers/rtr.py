"""StayRTR as an RPKI-to-Router cache (RFC 8210): tells routers who may originate the design's prefixes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from anyplane.lab.places.servers.serving import RTR_PORT, ServerKind, Serving, program
from anyplane.model.nouns import Asn, Prefix

PROGRAM = "stayrtr"
REFRESH_S = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Roa:
    """A validated origin: `asn` may announce `prefix`, and parts of it down to `max_length`."""

    prefix: Prefix
    asn: Asn
    max_length: int = 0

    @property
    def longest(self) -> int:
        """The longest prefix that it allows."""
        return self.max_length or self.prefix.prefixlen


def roas_of(prefixes: Iterable[Prefix], origin: Asn) -> tuple[Roa, ...]:
    """A ROA for each prefix of a design, as long as it is announced and no longer."""
    return tuple(Roa(prefix=one, asn=origin) for one in prefixes)


def serving(
    roas: Iterable[Roa], *, directory: Path, address: str = "", port: int = RTR_PORT, label: str = "rtr"
) -> Serving:
    """The cache, at every address unless one is given."""
    file = directory / "roas.json"
    host = f"[{address}]" if ":" in address else address
    return Serving(
        kind=ServerKind.RTR,
        label=label,
        argv=(
            program(PROGRAM) or PROGRAM,
            *("-bind", f"{host}:{port}", "-metrics.addr", ""),
            *("-cache", str(file), "-checktime=false", "-refresh", str(REFRESH_S)),
            # BIRD 2.0.12 speaks version 1; it may ask for less than it is offered, and waits for as long.
            *("-protocol", "1", "-rtr.refresh", str(REFRESH_S), "-rtr.retry", str(REFRESH_S)),
            *("-loglevel", "warning"),
        ),
        directory=directory,
        files={file: to_text(roas)},
    )


def to_text(roas: Iterable[Roa]) -> str:
    """The file that it reads again every `REFRESH_S` seconds."""
    listed = [
        {"asn": one.asn, "prefix": str(one.prefix), "maxLength": one.longest, "ta": "lab"} for one in roas
    ]
    return json.dumps(
        {"metadata": {"counts": len(listed), "buildtime": "2020-01-01T00:00:00Z"}, "roas": listed}
    )
