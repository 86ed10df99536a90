"""A TCP handshake, and nothing else."""

from __future__ import annotations

from anyplane.design.operation import TcpProbe
from anyplane.measure.names import Target
from anyplane.measure.outcome import Outcome, good
from anyplane.measure.shared import Shared
from anyplane.measure.streams import connect

_CONNECTED = good("connected")


class TcpProber:
    """Connects and closes again."""

    doing = "connecting"

    def __init__(self, spec: TcpProbe, *, family: int, shared: Shared) -> None:
        self._target = Target(spec.to.host, spec.to.port, family=family, names=shared.names)

    async def probe(self) -> Outcome:
        """Good when the connection is there."""
        (await connect(await self._target.address())).close()
        return _CONNECTED

    def close(self) -> None:
        """Nothing is held."""
