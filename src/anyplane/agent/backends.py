"""Backends: the kernel's nexthop groups hold the live backends of each service, and no others.

Theory of operation. The groups outlive the agent, and so do the flows in them. A successor therefore takes no
backend out of a group before its checks have spoken: what it finds there stays until then.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from ipaddress import ip_network

import anyio
import anyio.to_thread

from anyplane.agent.designs import Accepted
from anyplane.agent.record import Recorder
from anyplane.control.health import CheckState, Verdict
from anyplane.control.site import Turn
from anyplane.control.site_plan import ServicePlan
from anyplane.design.operation import Address, DaemonKind
from anyplane.kernel.forwarding import forwarding_problems
from anyplane.kernel.nexthops import Group, Hop, NexthopGroups
from anyplane.model.errors import KernelError
from anyplane.model.nouns import Prefix

AGAIN_S = 5.0


class Backends:
    """`taken` after each turn of the loop; `run` does the work beside it, in a thread: dumps take time."""

    def __init__(self, accepted: Accepted, recorder: Recorder, groups: NexthopGroups) -> None:
        self._accepted = accepted
        self._recorder = recorder
        self._groups = groups
        self._live: Mapping[str, tuple[str, ...]] | None = None
        self._undecided: frozenset[tuple[str, str]] = frozenset()
        self._found: Mapping[Prefix, Collection[Address]] = {}
        """What a predecessor's groups held when we began."""
        self._rebalance = anyio.Event()

    def taken(self, turn: Turn) -> None:
        """Go by this turn."""
        checks = turn.state.checks
        undecided = frozenset(
            (service.key, name)
            for service in self._accepted.plan.services
            for name, asked in service.backends.items()
            if Verdict.UNKNOWN in (said := {_verdict(checks.get(one)) for one in asked})
            and Verdict.FAIL not in said
        )
        if (turn.backends, undecided) != (self._live, self._undecided):
            self._live, self._undecided = turn.backends, undecided
            self._rebalance.set()

    def follow_design(self, accepted: Accepted) -> None:
        """Go by this design."""
        self._accepted = accepted
        self._rebalance.set()

    async def run(self) -> None:
        """Until cancelled."""
        has_some = await self._look()
        while True:
            self._rebalance = anyio.Event()
            wanted = () if self._live is None else self._wanted(self._live)
            has_some = has_some or bool(wanted)
            if has_some and self._live is not None:
                await self._apply(wanted)
            with anyio.move_on_after(AGAIN_S):
                await self._rebalance.wait()

    async def _look(self) -> bool:
        """Are there groups of a predecessor?"""
        try:
            seen = await anyio.to_thread.run_sync(self._groups.observe)
        except KernelError as error:
            if any(self._accepted.backends.values()):
                self._recorder.alarm("backends", str(error), is_error=True)
            return False
        self._found = {prefix: frozenset(group.weights) for prefix, group in seen.items()}
        return bool(seen)

    async def _apply(self, wanted: tuple[Group, ...]) -> None:
        try:
            await anyio.to_thread.run_sync(self._groups.apply, wanted)
        except KernelError as error:
            self._recorder.alarm("backends", str(error), is_error=True)
        else:
            self._recorder.calm("backends")
        self._say_local(wanted)
        families = sorted({group.prefix.version for group in wanted})
        problems = await anyio.to_thread.run_sync(lambda: forwarding_problems(families=families))
        if problems:
            self._recorder.alarm("forwarding to backends", "; ".join(problems), is_error=True)
        else:
            self._recorder.calm("forwarding to backends")

    def _say_local(self, wanted: tuple[Group, ...]) -> None:
        """An anchor on lo takes its own address for this host, whatever route there is beside it."""
        has_anchors = self._accepted.router.daemon.kind in (DaemonKind.BIRD, DaemonKind.FRR)
        announced = {one for one in self._accepted.router.prefixes if one.prefixlen == one.max_prefixlen}
        hosts = sorted(str(group.prefix) for group in wanted if group.prefix in announced)
        if hosts and has_anchors:
            text = f"{', '.join(hosts)} hangs on lo while it is announced, and so ends here, not at a backend"
            self._recorder.alarm("backends of a host", f"{text}; announce a shorter prefix", is_error=True)
        else:
            self._recorder.calm("backends of a host")

    def _wanted(self, live: Mapping[str, tuple[str, ...]]) -> tuple[Group, ...]:
        groups = []
        for service in self._accepted.plan.services:
            known = self._accepted.backends[service.group]
            addresses = [ip_network(one) for one in self._accepted.addresses[service.group]]
            families = {prefix.version for prefix in service.prefixes}
            for prefix in addresses or service.prefixes:
                if not known or prefix.version not in families:
                    continue
                names = [*live.get(service.key, ()), *self._inherited(service, prefix)]
                hops = tuple(
                    Hop(address=one.address, interface=one.interface, weight=one.weight)
                    for name, one in known.items()
                    if name in names and one.address.version == prefix.version
                )
                groups.append(Group(prefix=prefix, hops=hops))
        return tuple(groups)

    def _inherited(self, service: ServicePlan, prefix: Prefix) -> list[str]:
        """Backends that were in the group when we began, and of which no check has said anything bad yet."""
        known, there = self._accepted.backends[service.group], self._found.get(prefix, ())
        return [
            name
            for name in service.backends
            if (service.key, name) in self._undecided and name in known and known[name].address in there
        ]


def _verdict(state: CheckState | None) -> Verdict:
    return Verdict.UNKNOWN if state is None else state.verdict
