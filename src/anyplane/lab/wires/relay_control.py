"""What the relay can be told: one connection on a Unix socket, a JSON object on each line, an answer each.

    {"do": "shape", "cable": "l7", "direction": "from_a", "loss": 0.3, ...}    the whole Shape
    {"do": "stats", "cables": ["l7"], "is_reset": false}

The answer is {"result": ...} or {"error": text}. Nothing here waits: the relay has frames to send.
"""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from anyplane.lab.wires.schedule import Pipe, Shape

DIRECTIONS = ("both", "from_a", "from_b")
_WAIT_FOR_ENGINE_S = 10.0
_PIECE = 1 << 16


class Totals(Protocol):
    """What the relay says of itself."""

    def __call__(self, *, is_reset: bool) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class PipePair:
    """Both directions of a cable; end b of an exchange's port is the exchange."""

    name: str
    from_a: Pipe
    from_b: Pipe

    def pipes(self, direction: str) -> tuple[Pipe, ...]:
        """The pipes that a direction means."""
        if direction not in DIRECTIONS:
            raise ValueError(f"direction is one of {', '.join(DIRECTIONS)}, not {direction}")
        chosen = {"from_a": (self.from_a,), "from_b": (self.from_b,)}
        return chosen.get(direction, (self.from_a, self.from_b))


class RelayControl:
    """The listening socket, then the one connection; `turn` does what has come in."""

    def __init__(self, path: str, cables: dict[str, PipePair], totals: Totals) -> None:
        self.is_over = False
        self._cables = cables
        self._totals = totals
        self._until = time.monotonic() + _WAIT_FOR_ENGINE_S
        self._connection: socket.socket | None = None
        self._received = bytearray()
        self._unsent = bytearray()
        Path(path).unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._listener.bind(path)
            self._listener.listen(1)
            self._listener.settimeout(0)
        except OSError:
            self._listener.close()
            raise

    @property
    def is_connected(self) -> bool:
        """The engine has come."""
        return self._connection is not None

    @property
    def descriptor(self) -> int:
        """What to read from: somebody who connects, or a request."""
        return (self._connection or self._listener).fileno()

    @property
    def writers(self) -> list[int]:
        """What to wait for while an answer is not out yet."""
        return [self.descriptor] if self._unsent else []

    @property
    def patience_s(self) -> float | None:
        """How long to sleep at most when no frame is on its way."""
        return None if self._connection else 1.0

    def turn(self) -> None:
        """Read, do, answer; sets `is_over` when the engine has gone."""
        if self._connection is None:
            with contextlib.suppress(BlockingIOError):
                self._connection, _ = self._listener.accept()
                self._connection.settimeout(0)
                self._listener.close()
            self.is_over = self._connection is None and time.monotonic() > self._until
            return
        try:
            piece = self._connection.recv(_PIECE)
            self.is_over = not piece
            self._received += piece
        except BlockingIOError:
            pass
        except OSError:
            self.is_over = True
        while b"\n" in self._received:
            line, _, rest = bytes(self._received).partition(b"\n")
            self._received = bytearray(rest)
            self._unsent += json.dumps(self._answer(line)).encode() + b"\n"
        with contextlib.suppress(OSError):
            while self._unsent:
                del self._unsent[: self._connection.send(self._unsent)]

    def close(self) -> None:
        """Give both sockets back."""
        self._listener.close()
        if self._connection is not None:
            self._connection.close()

    def _answer(self, line: bytes) -> dict[str, Any]:
        operations: dict[str, Callable[..., Any]] = {
            "shape": self._shape,
            "stats": self._stats,
        }
        try:
            request = json.loads(line)
            operation = operations[request.pop("do")]
        except (ValueError, KeyError, AttributeError, TypeError):
            return {"error": f"a request is an object with one of {', '.join(operations)} under do"}
        try:
            return {"result": operation(**request)}
        except KeyError as error:
            return {"error": f"no cable is called {error.args[0]}"}
        except (ValueError, TypeError, OSError) as error:
            return {"error": str(error)}

    def _shape(self, cable: str, direction: str = "both", **shape: Any) -> None:
        wanted = Shape(**shape)
        for pipe in self._cables[cable].pipes(direction):
            pipe.reshape(wanted)

    def _stats(self, cables: list[str] | None = None, is_reset: bool = False) -> dict[str, Any]:
        chosen = {name: self._cables[name] for name in cables or ()}
        return {
            **self._totals(is_reset=is_reset),
            "cables": {
                name: {end: _counts(getattr(cable, end)) for end in ("from_a", "from_b")}
                for name, cable in chosen.items()
            },
        }


def _counts(pipe: Pipe) -> dict[str, int]:
    return {name: getattr(pipe, name) for name in ("frames", "octets", "lost", "cut", "full")}
