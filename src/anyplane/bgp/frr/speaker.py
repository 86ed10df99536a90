"""FrrSpeaker: the Speaker for FRR's bgpd, over its vty socket.

Every call opens a conversation of its own, reads what bgpd's configuration holds now (0.2 ms), and goes from
there: nothing is remembered between calls, so a bgpd that was restarted or changed by hand is taken as it is.
Withdrawals come first. What is announced hangs on two things: a `network` line, which `apply` writes, and, by
`bgp network import-check`, the anchor on lo, which zebra reports as a connected route and the kernel expires.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import zip_longest
from pathlib import Path

import anyio

from anyplane.bgp.frr import steering
from anyplane.bgp.frr.running import Running, parse
from anyplane.bgp.frr.steering import SEEN_ANY, Steering, out_map
from anyplane.bgp.frr.tables import sent, sessions_seen
from anyplane.bgp.frr.vty import Shell, SocketClosed, Vty, Vtysh
from anyplane.bgp.router import RouterPlan, refuse_foreign
from anyplane.bgp.speaker import Capabilities, Observation, Route, SessionSeen, SessionState
from anyplane.bgp.witness_sessions import witness_sessions
from anyplane.model.errors import SpeakerRejected, SpeakerUnreachable
from anyplane.model.nouns import Announcement, Asn, Prefix

RUN = "/var/run/frr"
CAPABILITIES = Capabilities(has_lease=True, has_bfd=True, has_roles=True, has_rtr=True, survives_agent=True)
_PANIC = "anyplane: panic withdrawal"
_RENDER = "`anyplane render DESIGN --site SITE --daemon frr` prints the configuration that bgpd should have"


class FrrSpeaker:
    """`control` of the plan's daemon is bgpd.vty; settings: `vty_directory`, and `vtysh`, a command."""

    name = "frr"
    capabilities = CAPABILITIES

    def __init__(self, plan: RouterPlan) -> None:
        settings = plan.daemon.settings
        directory = Path(settings.get("vty_directory", RUN))
        self.plan = plan
        self.socket = Path(plan.daemon.control) if plan.daemon.control else directory / "bgpd.vty"
        self._vtysh = Vtysh(settings.get("vtysh", "vtysh"), self.socket.parent)
        self._turn = anyio.Lock()

    async def apply(self, wanted: frozenset[Announcement]) -> None:
        """Make bgpd's `network` lines and policies exactly those of `wanted`; withdrawals first."""
        refuse_foreign(self.plan, wanted)
        goal = steering.steering(wanted, self.plan.sessions)
        async with self._turn, self._shell() as shell:
            running = parse(await shell.show("show running-config"))
            self._own_asn(running, is_needed=bool(goal.networks))
            removed = [prefix for prefix in self._ours(running) if prefix not in goal.networks]
            await shell.configure(steering.network_commands(self.plan.asn, removed, {}))
            if running.asn is not None:
                await shell.configure(self._session_commands(running))
            if goal.networks:
                self._own_policy(running)
                await self._announce(shell, running, goal)
            await shell.configure(steering.leftovers(goal, running))

    async def observe(self) -> Observation:
        """bgpd's sessions and its Adj-RIB-Out, attributes after the out route-maps included."""
        async with self._shell() as shell:
            running = parse(await shell.show("show running-config"))
            if running.asn is None:
                sessions = sessions_seen("{}", self.plan.sessions, command="")
                return Observation(
                    routes=frozenset(), sessions=sessions, warnings=(f"bgpd has no `router bgp`; {_RENDER}",)
                )
            command = "show bgp neighbors json"
            sessions = sessions_seen(await shell.show(command), self.plan.sessions, command=command)
            shown = steering.witnesses(running)
            is_exact = any(name == SEEN_ANY for name, _ in running.route_maps)
            routes: set[Route] = set()
            for session in sessions:
                if session.state is SessionState.UP:
                    routes |= await self._routes(shell, session, shown)
            return Observation(
                routes=frozenset(routes),
                sessions=sessions,
                is_exact=is_exact or not routes,
                warnings=self._warnings(running),
            )

    async def panic_withdraw(self) -> None:
        """No `network` line inside our space; else the sessions are shut down, until `apply` opens them."""
        try:
            async with self._shell() as shell:
                running = parse(await shell.show("show running-config"))
                if running.asn is not None:
                    await self._withdraw(shell, running)
        except SpeakerUnreachable:
            await self._vtysh_panic()

    def dead_mans_orders(self) -> tuple[tuple[str, ...], ...]:
        """None: zebra sees the anchor go when its lease ends, and bgpd follows."""
        return ()

    async def aclose(self) -> None:
        """Nothing stays open between calls."""

    @asynccontextmanager
    async def _shell(self) -> AsyncIterator[Shell]:
        """The socket; vtysh where the socket does not open but vtysh gets through."""
        vty = Vty(self.socket)
        try:
            await vty.__aenter__()
        except SocketClosed as unreachable:
            try:
                await self._vtysh.show("show bgp summary json")
            except (SpeakerRejected, SpeakerUnreachable):
                raise unreachable from None
            yield self._vtysh
            return
        try:
            yield vty
        finally:
            await vty.__aexit__()

    async def _announce(self, shell: Shell, running: Running, goal: Steering) -> None:
        commands, mended = steering.additions(goal, running)
        await shell.configure(commands)
        added = {prefix: how for prefix, how in goal.networks.items() if running.networks.get(prefix) != how}
        await shell.configure(steering.network_commands(self.plan.asn, (), added))
        for session, witness in zip_longest(self.plan.sessions, witness_sessions(self.plan)):
            if out_map(session) in mended and session.neighbor in running.neighbors:
                family = "ipv4" if session.family == 4 else "ipv6"
                await shell.show(f"clear bgp {family} unicast {session.neighbor} soft out")
                if witness is not None and witness.neighbor in running.neighbors:
                    await shell.show(f"clear bgp {family} unicast {witness.neighbor} soft out")

    async def _routes(
        self, shell: Shell, session: SessionSeen, shown: dict[str, frozenset[str]]
    ) -> set[Route]:
        family = "ipv4" if session.neighbor.version == 4 else "ipv6"
        base = f"show bgp {family} unicast neighbors {session.neighbor} advertised-routes"
        routes = sent(await shell.show(f"{base} json"), asn=self.plan.asn, command=base)
        communities: dict[Prefix, frozenset[str]] = {}
        if any(self._is_ours(prefix) for prefix in routes):
            for name, carried in ((SEEN_ANY, frozenset(("unknown",))), *shown.items()):
                command = f"{base} route-map {name} json"
                for prefix in sent(await shell.show(command), asn=self.plan.asn, command=command):
                    communities[prefix] = carried
        return {
            Route(
                neighbor=session.neighbor,
                prefix=prefix,
                prepend=one.prepend,
                med=one.med,
                communities=communities.get(prefix, frozenset()),
            )
            for prefix, one in routes.items()
            if self._is_ours(prefix)
        }

    async def _withdraw(self, shell: Shell, running: Running) -> None:
        asn = running.asn or self.plan.asn
        commands = steering.network_commands(Asn(asn), self._ours(running), {})
        try:
            await shell.configure(commands)
        except SpeakerRejected:
            for session in (*self.plan.sessions, *witness_sessions(self.plan)):
                if session.neighbor in running.neighbors:
                    await shell.configure(
                        (
                            f"router bgp {asn}",
                            f"neighbor {session.neighbor} shutdown message {_PANIC}",
                            "exit",
                        )
                    )

    async def _vtysh_panic(self) -> None:
        """The socket does not answer: another process may get through, and says so when it does not."""
        running = parse(await self._vtysh.show("show running-config"))
        if running.asn is not None:
            await self._withdraw(self._vtysh, running)

    def _session_commands(self, running: Running) -> tuple[str, ...]:
        """TCP MD5 keys, which the rendered file does not hold, and sessions that a panic shut down."""
        lines: list[str] = []
        for session in (*self.plan.sessions, *witness_sessions(self.plan)):
            there = running.neighbors.get(session.neighbor)
            if there is None:
                continue
            if there.shutdown == _PANIC:
                lines.append(f"no neighbor {session.neighbor} shutdown")
            key = _key(session.password_file)
            if key and key != there.password:
                lines.append(f"neighbor {session.neighbor} password {key}")
        return (f"router bgp {self.plan.asn}", *lines, "exit") if lines else ()

    def _ours(self, running: Running) -> list[Prefix]:
        return [
            prefix
            for prefix, how in running.networks.items()
            if self._is_ours(prefix) or re.fullmatch(steering.NETWORK + r"\d+", how)
        ]

    def _is_ours(self, prefix: Prefix) -> bool:
        return any(
            prefix.version == own.version
            and prefix.network_address in own
            and prefix.prefixlen >= own.prefixlen
            for own in self.plan.prefixes
        )

    def _own_asn(self, running: Running, *, is_needed: bool) -> None:
        if running.asn == self.plan.asn or (running.asn is None and not is_needed):
            return
        has = f"runs AS{running.asn}" if running.asn is not None else "has no `router bgp`"
        raise SpeakerRejected("frr", f"bgpd {has}, and the design says AS{self.plan.asn}", hint=_RENDER)

    def _own_policy(self, running: Running) -> None:
        """Nothing may leave through a policy that is not ours: it would carry the wrong attributes."""
        for session in self.plan.sessions:
            there = running.neighbors.get(session.neighbor)
            if there is None or there.route_map_out == out_map(session):
                continue
            calls = f"call {out_map(session)}"
            if any(
                name == there.route_map_out and calls in lines
                for (name, _), (_, lines) in running.route_maps.items()
            ):
                continue
            raise SpeakerRejected(
                "frr",
                f"neighbor {session.neighbor} does not send through route-map {out_map(session)}",
                command=f"neighbor {session.neighbor} route-map {out_map(session)} out",
                reply=f"its out route-map is {there.route_map_out or 'none'}",
                hint=_RENDER,
            )

    def _warnings(self, running: Running) -> tuple[str, ...]:
        found: list[str] = []
        if not running.is_restart_disabled:
            found.append(
                "graceful restart is on: a neighbor may keep a dead route; bgp graceful-restart-disable"
            )
        if not running.has_import_check:
            found.append("routes do not follow the lease on lo; bgp network import-check")
        for session in self.plan.sessions:
            if session.neighbor not in running.neighbors:
                found.append(f"bgpd has no neighbor {session.neighbor}")
            if session.password_file and not _key(session.password_file):
                found.append(f"the TCP MD5 key of {session.neighbor} cannot be read: {session.password_file}")
        return tuple(found)


def _key(file: str) -> str:
    """The key in the file, or "" where there is none that bgpd could be given."""
    if not file:
        return ""
    try:
        text = Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return text if re.fullmatch(r"[!->@-~]{1,80}", text) else ""
