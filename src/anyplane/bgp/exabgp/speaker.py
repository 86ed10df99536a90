"""ExabgpSpeaker: needs no daemon on the machine; it starts ExaBGP and tells it what to announce.

Nothing runs in the background: each call first makes sure that a living child is there (starting one, with a
growing pause between attempts), so a child that died is found at the next turn of the agent's loop, announces
nothing, and is told the whole set again. ExaBGP's own table (`show adj-rib out`) is read back after every
change. ExaBGP has no export policies, and each neighbour is told by commands of its own: a witness is told
the same as the session that it stands for, right after it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import anyio

from anyplane.bgp.exabgp import answers, child, succession
from anyplane.bgp.exabgp.conversation import DAEMON, Answer
from anyplane.bgp.exabgp.render import read_keys, render
from anyplane.bgp.router import RouterPlan, refuse_foreign
from anyplane.bgp.speaker import Capabilities, Observation, Route, routes_of
from anyplane.bgp.witness_sessions import witness_sessions
from anyplane.design.operation import Address
from anyplane.model.errors import AnyplaneError, SpeakerError, SpeakerRejected, SpeakerUnreachable
from anyplane.model.nouns import Announcement

_ANSWER_S = 2.0
_PANIC_S = 0.5
_MOST_SILENCES = 2
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0
_SHOW = "show adj-rib out extensive"


class ExabgpSpeaker:
    """Drives one ExaBGP, which lives at most as long as this process."""

    name = DAEMON
    capabilities = Capabilities(
        has_lease=False, has_bfd=False, has_roles=False, has_rtr=False, survives_agent=False
    )

    def __init__(self, plan: RouterPlan) -> None:
        self.plan = plan
        self._told = (*plan.sessions, *witness_sessions(plan))
        self._upstreams = frozenset(one.neighbor for one in plan.sessions)
        self._child: child.Child | None = None
        self._directory: child.Directory | None = None
        self._announced: frozenset[Route] = frozenset()
        """What ExaBGP's table held when it was last read; {} for a new child."""
        self._reasons: dict[Address, str] = {}
        self._pause_s = _FIRST_PAUSE_S
        self._began = 0.0
        self._silences = 0
        self._lock = anyio.Lock()

    @property
    def pid(self) -> int:
        """ExaBGP's process; 0 when there is none."""
        return self._child.pid if self._child is not None else 0

    async def apply(self, wanted: frozenset[Announcement]) -> None:
        """Withdraw, announce, and read back until the table holds exactly `wanted`."""
        refuse_foreign(self.plan, wanted)
        goal = routes_of(wanted, self._told)
        async with self._lock:
            refused: Answer | None = None
            for _ in range(2):
                changes = self._changes(self._announced, goal)
                refused = await self._tell(changes) or refused
                if self._announced == goal:
                    return
        raise _not_taken(goal, self._announced, refused)

    async def observe(self) -> Observation:
        """ExaBGP's Adj-RIB-Out and its sessions; starts it when there is none, which announces nothing."""
        async with self._lock:
            table, neighbors = await self._ask((_SHOW, "show neighbor json"))
            self._announced = answers.routes_in(table.lines)
            sessions = answers.sessions_in(neighbors.lines, self.plan.sessions, self._reasons)
            self._dir().trim()
        ours = frozenset(
            one for one in self._announced if one.neighbor in self._upstreams and self._is_ours(one)
        )
        return Observation(routes=ours, sessions=sessions)

    async def panic_withdraw(self) -> None:
        """Clear its table, or kill it when that is not confirmed within half a second."""
        async with self._lock:
            if self._child is None:
                return
            try:
                _, table = await self._ask(("clear adj-rib out", _SHOW), timeout=_PANIC_S)
                self._announced = answers.routes_in(table.lines)
            except AnyplaneError:
                await self._end()
            if self._announced:
                await self._end()

    def dead_mans_orders(self) -> tuple[tuple[str, ...], ...]:
        """Kill the child, whichever it then is; needed where the agent hangs, for it dies with the agent."""
        return (self._dir().end,)

    async def handover(self) -> dict[str, object]:
        """What `adopt` needs after execv; {} where there is no child, or none that answers.

        Nothing may be told to it afterwards, and so nothing is: every other call waits until the process has
        become another program.
        """
        await self._lock.acquire()
        try:
            if self._child is not None and self._child.is_alive:
                await self._child.conversation.ask((_SHOW,), timeout=_ANSWER_S)
                return succession.hand_over(self._child)
        except AnyplaneError:
            pass
        self._lock.release()
        return {}

    def adopt(self, facts: Mapping[str, object]) -> bool:
        """Take over the child of the program that this process was; one that does not fit is ended."""
        place = child.Directory(Path("DIRECTORY"))
        try:
            configuration = render(self.plan, helper=place.helper, keys=read_keys(self.plan))
        except AnyplaneError:
            configuration = ""
        found = succession.inherit(facts, configuration=configuration)
        if found is None:
            return False
        self._child, self._directory = found, found.directory
        self._began = time.monotonic()
        return True

    async def aclose(self) -> None:
        """End ExaBGP, and with it every session and route."""
        async with self._lock:
            await self._end()
            if self._directory is not None:
                self._directory.remove()
                self._directory = None

    async def _tell(self, commands: Sequence[str]) -> Answer | None:
        """Give the commands and read the table; the first answer that was not `done`."""
        *given, table = await self._ask((*commands, _SHOW))
        self._announced = answers.routes_in(table.lines)
        return next((one for one in given if not one.is_done), None)

    async def _ask(self, commands: Sequence[str], *, timeout: float = _ANSWER_S) -> list[Answer]:  # noqa: ASYNC109  # handed on
        """The answers of a living child. One that leaves two calls in a row unanswered is ended."""
        living = await self._living()
        try:
            answered = await living.conversation.ask(commands, timeout=timeout)
        except SpeakerUnreachable:
            self._silences += 1
            if self._silences >= _MOST_SILENCES or not living.is_alive:
                await self._end()
            raise
        self._silences = 0
        while living.conversation.events:
            answers.learn(self._reasons, living.conversation.events.popleft())
        return answered

    async def _living(self) -> child.Child:
        if self._child is not None and self._child.is_alive:
            return self._child
        now = time.monotonic()
        if self._child is not None:
            words = self._dir().last_words()
            await self._end()
            if now - self._began > 2 * _LONGEST_PAUSE_S:
                self._pause_s = _FIRST_PAUSE_S
            elif now - self._began < self._pause_s:
                raise SpeakerUnreachable(
                    DAEMON, f"it died; started again in {self._pause_s:g} s at the earliest", reply=words
                )
        elif self._began and now - self._began < self._pause_s:
            raise SpeakerUnreachable(
                DAEMON, f"not running; started again {self._pause_s:g} s after the last attempt"
            )
        self._pause_s = min(_LONGEST_PAUSE_S, 2 * self._pause_s) if self._began else _FIRST_PAUSE_S
        self._began = now
        keys = read_keys(self.plan)
        text = render(self.plan, helper=self._dir().helper, keys=keys)
        self._child = await child.spawn(self._dir(), text)
        return self._child

    async def _end(self) -> None:
        ending, self._child = self._child, None
        self._silences = 0
        self._announced = frozenset()
        if ending is not None:
            await ending.end()

    def _dir(self) -> child.Directory:
        if self._directory is None:
            self._directory = child.Directory.make(self.plan.daemon.settings.get("directory", ""))
        return self._directory

    def _is_ours(self, route: Route) -> bool:
        return any(
            one.version == route.prefix.version and route.prefix.subnet_of(one)  # type: ignore[arg-type]  # same version
            for one in self.plan.prefixes
        )

    def _changes(self, held: frozenset[Route], goal: frozenset[Route]) -> list[str]:
        """Withdrawals first, upstreams before the witness. What is announced again replaces what was."""
        kept = {(one.neighbor, one.prefix) for one in goal}
        gone = [one for one in held if (one.neighbor, one.prefix) not in kept]
        return [
            *(
                f"neighbor {one.neighbor} withdraw route {one.prefix} next-hop self"
                for one in sorted(gone, key=self._order)
            ),
            *(announcing(one, self.plan.asn) for one in sorted(goal - held, key=self._order)),
        ]

    def _order(self, route: Route) -> tuple[bool, str, str]:
        return route.neighbor not in self._upstreams, str(route.neighbor), str(route.prefix)


def announcing(route: Route, asn: int) -> str:
    """The command that announces it."""
    words = [f"neighbor {route.neighbor} announce route {route.prefix} next-hop self"]
    words.append(f"as-path [ {' '.join([str(asn)] * (1 + route.prepend))} ]")
    if route.med:
        words.append(f"med {route.med}")
    plain = sorted(text for text in route.communities if text.count(":") == 1)
    large = sorted(text for text in route.communities if text.count(":") == 2)
    if plain:
        words.append(f"community [ {' '.join(plain)} ]")
    if large:
        words.append(f"large-community [ {' '.join(large)} ]")
    return " ".join(words)


def _not_taken(goal: frozenset[Route], held: frozenset[Route], refused: Answer | None) -> SpeakerError:
    def listed(routes: Iterable[Route]) -> str:
        return ", ".join(sorted(f"{one.prefix} to {one.neighbor}" for one in routes)[:5])

    parts = [f"not announced as told: {listed(goal - held)}" if goal - held else ""]
    parts.append(f"still announced: {listed(held - goal)}" if held - goal else "")
    return SpeakerRejected(
        DAEMON,
        "; ".join(part for part in parts if part) or "it refused a command",
        command=refused.command if refused else "",
        reply=" ".join(refused.lines)[:300] or "error" if refused else "",
    )


def open_speaker(plan: RouterPlan) -> ExabgpSpeaker:
    """A speaker whose ExaBGP starts with the first `apply` or `observe`."""
    return ExabgpSpeaker(plan)
