"""Names: hosts to socket addresses, without ever waiting in the event loop.

A literal address is never looked up. A name is asked of the system's resolver in a thread of its own, once
for all who want it, and remembered: after FRESH_S it is asked again while the old answer still serves, so a
slow resolver delays no check that has run before, and one that hangs holds one thread for each name.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from anyplane.design.operation import SERVICE
from anyplane.measure.outcome import Unhealthy

FRESH_S = 30.0

Lookup = Callable[[str, int], list[tuple[int, str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketAddress:
    """What a socket is made and connected with."""

    family: socket.AddressFamily
    to: tuple[str, int] | tuple[str, int, int, int]

    def __str__(self) -> str:
        host, port = self.to[0], self.to[1]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@dataclass(slots=True)
class _Known:
    found: tuple[int, str]
    at: float


class Names:
    """The names that the checks of one runner use."""

    def __init__(self, lookup: Lookup | None = None) -> None:
        self._lookup = lookup or _system
        self._known: dict[tuple[str, int], _Known] = {}
        self._asked: dict[tuple[str, int], asyncio.Future[tuple[int, str]]] = {}

    async def resolve(self, host: str, family: int) -> tuple[int, str]:
        """(socket family, literal address) of a name; `family` 4, 6, or 0 for whichever comes first."""
        key = host, family
        known = self._known.get(key)
        if known is not None:
            if time.monotonic() - known.at > FRESH_S:
                self._ask(key)
            return known.found
        return await asyncio.shield(self._ask(key))

    def _ask(self, key: tuple[str, int]) -> asyncio.Future[tuple[int, str]]:
        if (asked := self._asked.get(key)) is not None:
            return asked
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[tuple[int, str]] = loop.create_future()
        self._asked[key] = answer

        def settle(found: tuple[int, str] | None, why: str) -> None:
            self._asked.pop(key, None)
            if found is not None:
                self._known[key] = _Known(found, time.monotonic())
            if answer.done():
                return
            if found is not None:
                answer.set_result(found)
            else:
                answer.set_exception(Unhealthy(f"{key[0]} cannot be resolved: {why}"))
                answer.exception()  # a refresh that nobody awaits is no error

        def look() -> None:
            found, why = None, "it has no address"
            try:
                found = next(iter(self._lookup(*key)), None)
            except OSError as error:
                why = error.strerror or str(error)
            try:
                loop.call_soon_threadsafe(settle, found, why)
            except RuntimeError:
                return  # the loop has ended meanwhile, and nobody waits

        # Not the loop's executor: its threads are joined at the end, and a hung resolver would hold that up.
        threading.Thread(target=look, name=f"resolve {key[0]}", daemon=True).start()
        return answer


class Target:
    """A host and a port, as a check names them: `address` is there at once for a literal."""

    def __init__(self, host: str, port: int, *, family: int, names: Names) -> None:
        self.host, self.port = host, port
        self._family, self._names = family, names
        self._literal = literal(host, port)

    async def address(self) -> SocketAddress:
        """Where to connect; Unhealthy when the name has no address."""
        if self._literal is not None:
            return self._literal
        if self.host == SERVICE:
            raise Unhealthy("the host is `service`, and no service address is known")
        found = literal((await self._names.resolve(self.host, self._family))[1], self.port)
        if found is None:
            raise Unhealthy(f"{self.host} resolves to what is no address")
        return found

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def literal(host: str, port: int) -> SocketAddress | None:
    """The socket address of a literal IPv4 or IPv6 address (a zone is allowed), None for a name."""
    if not host or not (":" in host or host[-1].isdigit()):
        return None
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return None
    return SocketAddress(family=found[0][0], to=found[0][4])  # type: ignore[arg-type]  # str, int in both


def _system(host: str, family: int) -> list[tuple[int, str]]:
    wanted = {4: socket.AF_INET, 6: socket.AF_INET6}.get(family, socket.AF_UNSPEC)
    try:
        found = socket.getaddrinfo(host, None, family=wanted, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(0, str(error)) from error
    return [(int(one[0]), str(one[4][0])) for one in found]
