"""BirdSpeaker: apply = the include and `configure`; observe = BIRD's own tables and protocols."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import anyio

from anyplane.bgp.bird import include, names, tables
from anyplane.bgp.bird.connection import DEFAULT_SOCKET, Connection
from anyplane.bgp.bird.protocol import Reply
from anyplane.bgp.router import RouterPlan, refuse_foreign
from anyplane.bgp.speaker import Capabilities, Observation, Route, SessionSeen, SessionState
from anyplane.design.operation import Session
from anyplane.model.errors import SpeakerRejected, SpeakerUnreachable
from anyplane.model.nouns import Announcement, Prefix

_SETTLE_S = 1.5
"""How long a reconfiguration that BIRD calls "in progress" or "queued" may take to be in force."""


class BirdSpeaker:
    """Drives a BIRD that has the pieces which `render` prints, in a configuration of whoever's making."""

    name = "bird"
    capabilities = Capabilities(
        has_lease=True, has_bfd=True, has_roles=True, has_rtr=True, survives_agent=True
    )

    def __init__(self, plan: RouterPlan) -> None:
        self.plan = plan
        self._include = Path(names.include_of(plan))
        self._connection = Connection(plan.daemon.control or DEFAULT_SOCKET)

    async def apply(self, wanted: frozenset[Announcement]) -> None:
        """Announce exactly this, as far as the anchors are on lo.

        Where the include is as it should be and BIRD runs it, nothing is loaded again, so that nobody else's
        half-edited configuration is.
        """
        refuse_foreign(self.plan, wanted)
        text = include.include(self.plan, wanted)
        before = self._write(text)
        if before != text or not await self._runs(text):
            await self._configure(text, before)
        await self._enable()

    async def observe(self) -> Observation:
        """Every session, and what BIRD's tables say it was sent."""
        reply = await self._ask("show protocols all")
        seen = {(one.neighbor, one.channel): one for one in tables.protocols(reply)}
        by_neighbor = {one.neighbor: one for one in seen.values()}
        routes: set[Route] = set()
        sessions: list[SessionSeen] = []
        warnings: list[str] = []
        is_exact = True
        for session in self.plan.sessions:
            one = seen.get((session.neighbor, f"ipv{session.family}"), by_neighbor.get(session.neighbor))
            if one is None:
                reason = f"BIRD has no session with {session.neighbor}: its configuration is another one"
                sessions.append(_seen(session, SessionState.DOWN, reason))
                continue
            state = SessionState.UP if one.is_up else SessionState.DOWN
            since = tables.uptime(one.since, now=datetime.now(UTC).astimezone()) if one.is_up else None
            reason = one.reason or ("" if one.is_up else "not established yet")
            sessions.append(_seen(session, state, reason, since))
            if one.is_up:
                warnings.extend(f"{one.name}: {limit}" for limit in one.limits)
                sent, is_shown = await self._sent(session, one)
                routes |= sent
                is_exact = is_exact and is_shown
        return Observation(
            routes=frozenset(routes),
            sessions=tuple(sessions),
            is_exact=is_exact,
            warnings=tuple(warnings),
        )

    async def panic_withdraw(self) -> None:
        """Cut the anchors off, which needs no configuration, and make the include say nothing.

        `disable` lasts until the next `configure`, by whomever; by then the include is empty. Each way is
        tried whatever became of the others; the error of one that was needed is raised at the end.
        """
        failure: Exception | None = None
        try:
            await self._disable()
        except (SpeakerRejected, SpeakerUnreachable) as error:
            failure = error
        try:
            include.erase(self._include)
        except OSError as error:
            failure = failure or _unwritable(self._include, error)
        if failure is not None:
            raise failure

    def dead_mans_orders(self) -> tuple[tuple[str, ...], ...]:
        """None: the kernel takes the anchors away, and the routes go with them."""
        return ()

    async def aclose(self) -> None:
        """Hang up; what is announced stays as long as its anchors."""
        await self._connection.aclose()

    def _write(self, text: str) -> str | None:
        try:
            return include.write(self._include, text)
        except OSError as error:
            raise _unwritable(self._include, error) from error

    async def _ask(self, command: str) -> Reply:
        reply = await self._connection.ask(command)
        if reply.is_refusal:
            raise SpeakerRejected("bird", "BIRD refused", command=command, reply=reply.text)
        return reply

    async def _runs(self, text: str) -> bool:
        """Is this the include that BIRD runs?"""
        reply = await self._connection.ask(f"eval {names.GENERATION}")
        return not reply.is_refusal and reply.text.strip() == include.generation_of(text)

    async def _configure(self, text: str, before: str | None) -> None:
        reply = await self._connection.ask("configure")
        if reply.is_refusal:
            if str(self._include) in reply.text and before is not None:
                self._write(before)  # ours is at fault: nobody else's reload shall stumble over it
            raise SpeakerRejected(
                "bird",
                "BIRD did not load its configuration, and goes on with the one it has",
                command="configure",
                reply=reply.text,
                hint="mend the line that it names, then: birdc configure check",
            )
        # "Reconfigured" is not taken as proof, less so "in progress" and "queued".
        with anyio.move_on_after(_SETTLE_S):
            while not await self._runs(text):
                if reply.code == 3:
                    break
                await anyio.sleep(0.02)
            else:
                return
        raise SpeakerRejected(
            "bird",
            f"BIRD loaded its configuration, but not what {self._include} says now",
            command="configure",
            reply=reply.text,
            hint=f'bird.conf needs the line: include "{names.include_pattern(self.plan)}";'
            if reply.code == 3
            else "another reconfiguration is in the way: birdc configure undo, or wait for it",
        )

    async def _enable(self) -> None:
        """Undo a panic; protocols that are enabled stay as they are."""
        reply = await self._connection.ask(f'enable "{names.DIRECT}*"')
        if reply.is_refusal:
            raise SpeakerRejected(
                "bird",
                f"BIRD has no protocol direct {names.DIRECT}, so no anchor is ever announced",
                command=f'enable "{names.DIRECT}*"',
                reply=reply.text,
                hint="compare bird.conf with what `anyplane render` prints",
            )

    async def _disable(self) -> None:
        """The anchors' protocol and the pipes; in a configuration that lacks them, the sessions."""
        command = f'disable "{names.DIRECT}*"'
        reply = await self._connection.ask(command)
        if not reply.is_refusal:
            return
        refused = reply
        for session in self.plan.sessions:
            reply = await self._connection.ask(f"disable {names.session(session)}")
            if not reply.is_refusal:
                refused = reply
        if refused.is_refusal:
            raise SpeakerRejected(
                "bird",
                "neither the anchors' protocol nor one of our sessions could be disabled",
                command=command,
                reply=refused.text,
                hint="is this the BIRD of this site? Compare bird.conf with what `anyplane render` prints",
            )

    async def _sent(self, session: Session, seen: tables.ProtocolSeen) -> tuple[frozenset[Route], bool]:
        """The session's Adj-RIB-Out in our space, and whether its attributes are those on the wire.

        `exported` is BIRD's record of what it sent; `export` shows each route after the export filter.
        (`show route export table` would be both at once, but BIRD 2.0.12 drops every MED where that table is
        on, and BIRD 3 shows an empty one where it is off.)
        """
        where = f"table {seen.table} " if seen.table else ""
        record = await self._ask(f"show route {where}exported {_quoted(seen.name)}")
        sent = tables.prefixes(record)
        if not sent:
            return frozenset(), True
        shown = await self._ask(f"show route {where}export {_quoted(seen.name)} all")
        routes = tables.routes(shown, neighbor=session.neighbor, asn=self.plan.asn)
        ours = frozenset(one for one in routes if one.prefix in sent and self._is_ours(one.prefix))
        listed = {one.prefix for one in routes}
        unshown = frozenset(
            Route(neighbor=session.neighbor, prefix=prefix)
            for prefix in sent
            if prefix not in listed and self._is_ours(prefix)
        )
        loses_med = any(one.med for one in ours) and await self._drops_med(seen)
        return ours | unshown, not unshown and not loses_med

    async def _drops_med(self, seen: tables.ProtocolSeen) -> bool:
        if self._connection.version != 2:
            return False
        reply = await self._connection.ask(
            f"show route 0.0.0.0/32 export table {_quoted(seen.name)}.{seen.channel}"
        )
        return "No export table" not in reply.text

    def _is_ours(self, prefix: Prefix) -> bool:
        return any(
            prefix.version == ours.version
            and prefix.prefixlen >= ours.prefixlen
            and prefix.network_address in ours
            for ours in self.plan.prefixes
        )


def open_speaker(plan: RouterPlan) -> BirdSpeaker:
    """The speaker of a BIRD that somebody else started; nothing is asked of it yet."""
    return BirdSpeaker(plan)


def _seen(session: Session, state: SessionState, reason: str, uptime_s: float | None = None) -> SessionSeen:
    return SessionSeen(
        neighbor=session.neighbor,
        upstream=session.upstream,
        state=state,
        reason=reason if state is SessionState.DOWN else "",
        uptime_s=uptime_s,
    )


def _quoted(name: str) -> str:
    return name if name.isidentifier() else f"'{name}'"


def _unwritable(path: Path, error: OSError) -> SpeakerRejected:
    return SpeakerRejected(
        "bird",
        f"the include cannot be written, so BIRD was told nothing new: {error.strerror or error}",
        command=f"write {path}",
        hint=f"a full disk, or no right to it: {path.parent} belongs to the agent (see the tmpfiles.d line)",
    )
