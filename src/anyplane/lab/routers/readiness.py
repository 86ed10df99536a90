"""readiness: when the routers of a lab have found together, and when they have come to rest."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import anyio

from anyplane.lab.routers.neighbours import Neighbour, SessionKind
from anyplane.lab.routers.seen import SessionState
from anyplane.lab.routers.tables import Table
from anyplane.model.errors import AnyplaneError, LabError, SpeakerUnreachable

T = TypeVar("T")
AT_ONCE = 16
"""Routers asked at the same time: they share the machine's cores."""
SHORTEST_S, LONGEST_S = 0.05, 0.5
"""Between two rounds of questions; as long as a round takes, so that half of the time is the routers'."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Sessions up, of those configured, both ends counted; `missing`: (node, session) of the others."""

    up: int
    expected: int
    missing: tuple[tuple[str, SessionState], ...] = ()

    @property
    def is_ready(self) -> bool:
        """Is every session up?"""
        return not self.missing


async def readiness(tables: Iterable[Table], *, with_sites: bool = True) -> Readiness:
    """How far they are now; a daemon that does not answer yet has none up."""
    listed = tuple(tables)

    async def ask(table: Table) -> tuple[SessionState, ...]:
        try:
            return await table.missing(with_sites=with_sites)
        except SpeakerUnreachable as error:
            return tuple(
                SessionState(name=one.name, node=one.node, kind=one.kind, is_up=False, reason=error.message)
                for one in _wanted(table, with_sites=with_sites)
            )

    expected = sum(len(_wanted(table, with_sites=with_sites)) for table in listed)
    missing = tuple((name, state) for name, states in (await _all(listed, ask)).items() for state in states)
    return Readiness(up=expected - len(missing), expected=expected, missing=missing)


async def wait_until_ready(
    tables: Iterable[Table],
    *,
    deadline_s: float = 60.0,
    with_sites: bool = True,
    on_progress: Callable[[Readiness], None] | None = None,
) -> Readiness:
    """Returns when every session is up; LabError names those that are not when the deadline has passed.

    A router whose sessions are all up is not asked again, so that the last ones have the machine.
    """
    waiting = {table.node.name: table for table in tables}
    expected = sum(len(_wanted(table, with_sites=with_sites)) for table in waiting.values())
    now = Readiness(up=0, expected=expected)
    with anyio.move_on_after(deadline_s):
        while waiting:
            begin = anyio.current_time()
            asked = await readiness(waiting.values(), with_sites=with_sites)
            lacking = {name for name, _ in asked.missing}
            waiting = {name: table for name, table in waiting.items() if name in lacking}
            now = Readiness(up=expected - len(asked.missing), expected=expected, missing=asked.missing)
            if on_progress is not None:
                on_progress(now)
            if waiting:
                await anyio.sleep(min(max(SHORTEST_S, anyio.current_time() - begin), LONGEST_S))
    if waiting:
        name, state = now.missing[0] if now.missing else (next(iter(waiting)), None)
        said = f"{name} to {state.node}: {state.reason or 'no answer'}" if state else name
        raise LabError(
            f"{len(now.missing)} of {expected} BGP sessions are not up after {deadline_s:g} s: {said}",
            hint=f"the log of {name} in the lab's folder says why",
        )
    return now


async def wait_until_quiet(
    tables: Iterable[Table], *, quiet_s: float = 0.4, deadline_s: float = 60.0
) -> None:
    """Returns when no route of any router changed for `quiet_s`; LabError after the deadline.

    Where answers take longer than that, so may updates: then it is as long as all the answers took.
    """
    listed = tuple(tables)
    with anyio.move_on_after(deadline_s):
        begin = anyio.current_time()
        before = await _all(listed, lambda table: table.fingerprint())
        while True:
            await anyio.sleep(max(quiet_s, anyio.current_time() - begin))
            begin = anyio.current_time()
            after = await _all(listed, lambda table: table.fingerprint())
            if after == before:
                return
            before = after
    raise LabError(
        f"the routers still exchange updates after {deadline_s:g} s",
        hint="announcements with a lowered preference at several upstreams can go on for ever (RFC 4264)",
    )


def _wanted(table: Table, *, with_sites: bool) -> list[Neighbour]:
    return [one for one in table.neighbours if with_sites or one.kind != SessionKind.SITE]


async def _all(tables: Iterable[Table], ask: Callable[[Table], Awaitable[T]]) -> dict[str, T]:
    """The answers by node, a few routers at a time; the first failure ends it."""
    found: dict[str, T] = {}
    turn = anyio.Semaphore(AT_ONCE)
    failed: list[AnyplaneError] = []

    async def one(table: Table) -> None:
        async with turn:
            try:
                found[table.node.name] = await ask(table)
            except AnyplaneError as error:
                failed.append(error)

    async with anyio.create_task_group() as group:
        for table in tables:
            group.start_soon(one, table)
    if failed:
        raise failed[0]
    return found
