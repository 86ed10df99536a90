"""Witness: a passive BGP listener that takes the place of upstreams and says what really leaves.

It has one *stand* for each upstream session that is to be proven: an address and port to listen on, and the
AS number to be there. The site's daemon peers with it under the export policy of that upstream. The witness
sends OPEN, KEEPALIVE and NOTIFICATION, and no route, ever. What it holds is gone with the session: no
graceful restart, so that what is not announced now is not shown now.

A newer connection of the same peer replaces the older one as soon as its OPEN is accepted. As the witness
never connects, two connections are no collision in the sense of RFC 4271 section 6.8: the peer has forgotten
the older one, having restarted.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from ipaddress import IPv4Address, ip_address
from types import TracebackType
from typing import Self

import anyio
import anyio.abc

from anyplane.bgp.router import RouterPlan
from anyplane.bgp.speaker import Observation, SessionSeen
from anyplane.bgp.wire import Connection, Local
from anyplane.bgp.witness_sessions import witness_sessions
from anyplane.bgp.witness_table import Change, Stand, Table, Witnessed, prepends
from anyplane.model.errors import KernelError

__all__ = ["Change", "Changes", "Stand", "Witness", "Witnessed", "prepends", "stands_of"]

MAX_PREFIXES = 10_000
MAX_CONNECTIONS = 8
MAX_CHANGES = 10_000
SEND_WITHIN_S = 5.0
IDENTIFIER = IPv4Address("127.90.0.1")
_SHUTDOWN, _COLLISION = 2, 7
_IPV6_FREEBIND = 78  # linux/in6.h; Python does not name it


class Changes(AsyncIterator[Change]):
    """A stream of changes from its making on. `lost` counts what a slow reader missed: look at `routes()`."""

    def __init__(self, witness: Witness) -> None:
        self._witness = witness
        self._waiting: deque[Change] = deque(maxlen=MAX_CHANGES)
        self._arrived = anyio.Event()
        self.lost = 0

    def put(self, change: Change) -> None:
        """Take one in; the oldest goes when there are too many."""
        self.lost += len(self._waiting) == MAX_CHANGES
        self._waiting.append(change)
        self._arrived.set()

    async def __anext__(self) -> Change:
        """The next change; the caller sets the deadline."""
        while not self._waiting:
            self._arrived = anyio.Event()
            await self._arrived.wait()
        return self._waiting.popleft()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._witness.forget(self)


class Witness:
    """See the module's text. `serve` listens; everything else may be asked at any time."""

    def __init__(
        self,
        stands: Iterable[Stand],
        *,
        clock: Callable[[], float] = time.monotonic,
        max_prefixes: int = MAX_PREFIXES,
    ) -> None:
        self._tables = tuple(Table(stand=stand, max_prefixes=max_prefixes) for stand in stands)
        self._clock = clock
        self._readers: list[Changes] = []

    @property
    def stands(self) -> tuple[Stand, ...]:
        """As given; a port 0 is replaced by the one that `serve` got."""
        return tuple(table.stand for table in self._tables)

    def routes(self) -> frozenset[Witnessed]:
        """All that is announced now, on every stand."""
        return frozenset(one for table in self._tables for one in table.routes.values())

    def held(self) -> tuple[tuple[Stand, SessionSeen, tuple[Witnessed, ...]], ...]:
        """Each stand with its session and routes, in the order given."""
        now = self._clock()
        return tuple(
            (table.stand, table.session(now=now), tuple(table.routes.values())) for table in self._tables
        )

    def sessions(self) -> tuple[SessionSeen, ...]:
        """The session of every stand, under the upstream's address."""
        now = self._clock()
        return tuple(table.session(now=now) for table in self._tables)

    def observation(self) -> Observation:
        """The same in the form of a Speaker's `observe`, for `difference(wanted, ...)`."""
        return Observation(routes=frozenset(one.route for one in self.routes()), sessions=self.sessions())

    def changes(self) -> Changes:
        """Every change from now on; `with` ends it."""
        reader = Changes(self)
        self._readers.append(reader)
        return reader

    def forget(self, reader: Changes) -> None:
        """No more changes for this one."""
        if reader in self._readers:
            self._readers.remove(reader)

    async def serve(self, *, task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Listen on every stand until cancelled; KernelError where an address cannot be had."""
        async with contextlib.AsyncExitStack() as listening:
            listeners = []
            for table in self._tables:
                listener = await _listen(table)
                listeners.append((table, await listening.enter_async_context(listener)))
            async with anyio.create_task_group() as group:
                for table, listener in listeners:
                    group.start_soon(self._accept, table, listener)
                task_status.started()

    async def _accept(self, table: Table, listener: anyio.abc.SocketListener) -> None:
        async def handle(stream: anyio.abc.SocketStream) -> None:
            async with stream:
                await self._admit(table, stream)

        await listener.serve(handle)

    async def _admit(self, table: Table, stream: anyio.abc.SocketStream) -> None:
        """One connection, if its address is allowed and there are not too many of them."""
        try:
            remote = stream.extra(anyio.abc.SocketAttribute.remote_address)  # noqa: S610  # anyio's
        except (OSError, anyio.TypedAttributeLookupError):
            return  # it was gone before it was looked at
        peer = ip_address(str(remote[0]).partition("%")[0])
        peer = getattr(peer, "ipv4_mapped", None) or peer
        if not table.stand.admits(peer):
            self._tell(
                table.refused(f"refused a connection of {peer}, which is not allowed", now=self._clock())
            )
            return
        if table.connections >= MAX_CONNECTIONS:
            self._tell(
                table.refused(f"refused {peer}: {MAX_CONNECTIONS} connections are open", now=self._clock())
            )
            return
        table.connections += 1
        try:
            await self._converse(table, stream)
        finally:
            table.connections -= 1

    async def _converse(self, table: Table, stream: anyio.abc.SocketStream) -> None:
        """The session from its OPEN to its end."""
        stand = table.stand
        local = Local(asn=stand.asn, identifier=IDENTIFIER, peer_asn=stand.peer_asn, hold_s=stand.hold_s)
        connection = Connection(local, self._clock())
        try:
            while True:
                if not await _send(stream, connection) or connection.is_over:
                    break
                data = await self._receive(stream, connection)
                now = self._clock()
                events = connection.tick(now=now) if data is None else connection.feed(data, now=now)
                for event in events:
                    self._tell(table.on(connection, event, now=now))
                if table.connection is not connection and connection.peer is not None:
                    # A newer one took its place while this one waited.
                    connection.close(_COLLISION, "replaced")
        finally:
            # Also when cancelled: what is not connected is not announced.
            if table.connection is connection:
                self._tell(table.end("the witness ended", now=self._clock()))
            connection.close(_SHUTDOWN, "the witness ends")
            if leftover := connection.data_to_send():
                with anyio.move_on_after(0.2, shield=True):
                    await _try_send(stream, leftover)

    async def _receive(self, stream: anyio.abc.SocketStream, connection: Connection) -> bytes | None:
        """What arrived; empty at the end of the stream, None when only time has passed."""
        wake_at = connection.wake_at
        # Once a second, so that a connection that was replaced sees it.
        wait = 1.0 if wake_at is None else min(1.0, max(0.0, wake_at - self._clock()))
        with anyio.move_on_after(wait):
            try:
                return await stream.receive(65536)
            except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
                return b""
        return None

    def _tell(self, changes: Iterable[Change]) -> None:
        for change in changes:
            for reader in tuple(self._readers):
                reader.put(change)


def stands_of(plan: RouterPlan) -> tuple[Stand, ...]:
    """A stand for every session of the plan, as `witness_sessions` makes the daemon call."""
    return tuple(
        Stand(
            host=shown.neighbor,
            port=shown.port,
            asn=session.upstream,
            neighbor=session.neighbor,
            peer_asn=plan.asn,
            allowed=frozenset(one for one in (shown.local,) if one is not None and not one.is_loopback),
            hold_s=shown.hold_s,
        )
        for session, shown in zip(plan.sessions, witness_sessions(plan), strict=False)
    )


async def _listen(table: Table) -> anyio.abc.SocketListener:
    stand = table.stand
    listener = socket.socket(socket.AF_INET if stand.host.version == 4 else socket.AF_INET6)
    try:
        listener.settimeout(0)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if stand.host.version == 6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            if sys.platform == "linux":
                # An address that is ours by a route of type local, and stands on no interface.
                listener.setsockopt(socket.IPPROTO_IPV6, _IPV6_FREEBIND, 1)
        listener.bind((str(stand.host), stand.port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise KernelError(
            f"the witness cannot listen on {stand.host} port {stand.port}: {error.strerror or error}",
            hint="is another witness running, or is the address not of this machine?",
        ) from None
    table.stand = replace(stand, port=listener.getsockname()[1])
    return await anyio.abc.SocketListener.from_socket(listener)


async def _send(stream: anyio.abc.SocketStream, connection: Connection) -> bool:
    data = connection.data_to_send()
    return await _try_send(stream, data) if data else True


async def _try_send(stream: anyio.abc.SocketStream, data: bytes) -> bool:
    """Was it sent? A peer that takes nothing for seconds is as good as gone."""
    try:
        with anyio.fail_after(SEND_WITHIN_S):
            await stream.send(data)
    except (OSError, TimeoutError, anyio.BrokenResourceError, anyio.ClosedResourceError):
        return False
    return True
