"""Inside: what is kept true on this machine beside the leases: service addresses, backends, the witness."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from ipaddress import ip_address, ip_network

import anyio
import anyio.to_thread

from anyplane.agent.designs import Accepted
from anyplane.agent.record import Recorder
from anyplane.bgp.witness import Witness, stands_of
from anyplane.control.site import Turn
from anyplane.design.operation import Address
from anyplane.kernel.address_watch import AddressWatch
from anyplane.kernel.addresses import Lease
from anyplane.kernel.lease_test import self_test
from anyplane.kernel.netlink import Netlink
from anyplane.kernel.nexthops import Group, Hop, NexthopGroups
from anyplane.kernel.service_addresses import ServiceAddresses
from anyplane.model.errors import KernelError
from anyplane.model.nouns import Prefix

AGAIN_S = 5.0


class Inside:
    """`loopback` is the kernel's lease, None where nothing of this machine is touched.

    `on_lost` is called with an anchor that somebody else took from lo.
    """

    def __init__(self, accepted: Accepted, recorder: Recorder, *, is_on: bool) -> None:
        self.loopback: Lease | None = None
        self.witness: Witness | None = None
        self.on_lost: Callable[[Prefix], None] | None = None
        self._addresses: ServiceAddresses | None = None
        self._recorder = recorder
        self._accepted = accepted
        self._anchors: frozenset[Prefix] = frozenset()
        self._backends: Mapping[str, tuple[str, ...]] | None = None
        self._groups: NexthopGroups | None = None
        self._rebalance = anyio.Event()
        self._netlinks: list[Netlink] = []
        if is_on:
            self.loopback = Lease(self._netlink())
            self._addresses = ServiceAddresses(self._netlink())
            self._groups = NexthopGroups(self._netlink())
            if accepted.router.daemon.witness is not None:
                self.witness = Witness(stands_of(accepted.router))

    def close(self) -> None:
        """Give the sockets back."""
        for one in self._netlinks:
            one.close()

    async def run(self) -> None:
        """Until cancelled."""
        async with anyio.create_task_group() as group:
            if self.loopback is not None:
                group.start_soon(self._test)
                group.start_soon(self._watch)
            if self._groups is not None:
                group.start_soon(self._balance, self._groups)
            if self.witness is not None:
                group.start_soon(self._witness, self.witness)

    def taken(self, turn: Turn) -> None:
        """After each turn, before the lease is renewed: no address may hang on a lease and on us at once."""
        anchors = turn.standing | frozenset(
            one.prefix for one in turn.wanted if one.prefix.prefixlen == one.prefix.max_prefixlen
        )
        if anchors != self._anchors:
            self._anchors = anchors
            self.keep_addresses()
        if turn.backends != self._backends:
            self._backends = turn.backends
            self._rebalance.set()

    def follow_design(self, accepted: Accepted) -> None:
        """Go by this design."""
        self._accepted = accepted
        self.keep_addresses()
        self._rebalance.set()

    def keep_addresses(self) -> None:
        """The service addresses are on lo; put there again if somebody took them away."""
        if self._addresses is None:
            return
        try:
            self._addresses.ensure(self._served(), anchors=self._anchors)
        except KernelError as error:
            self._recorder.alarm("service addresses", str(error), is_error=True)
        else:
            self._recorder.calm("service addresses")

    def _served(self) -> frozenset[Address]:
        hosts = {
            ip_address(prefix.network_address)
            for service in self._accepted.plan.services
            if not service.backends
            for prefix in service.prefixes
            if prefix.prefixlen == prefix.max_prefixlen
        }
        return self._accepted.served_here | hosts

    async def _test(self) -> None:
        """Does this kernel end a lease? Asked once, while the checks begin."""
        with self._netlink() as netlink:
            found = await self_test(netlink)
        families = {prefix.version for prefix in self._accepted.router.prefixes}
        bad = [one for one in (found.v4, found.v6) if one.family in families and not one.is_ok]
        for one in bad:
            self._recorder.alarm(f"lease test v{one.family}", one.reason, is_error=True)
        if not bad:
            self._recorder.log.info(
                "the kernel ends leases", v4_s=found.v4.seconds or 0.0, v6_s=found.v6.seconds or 0.0
            )

    async def _watch(self) -> None:
        """An anchor that somebody removed is put there again by the next turn, which comes at once."""
        watch = AddressWatch()
        with contextlib.closing(watch):
            async for change in watch:
                if not change.is_added and self.on_lost is not None and self._accepted.owns(change.prefix):
                    self.on_lost(change.prefix)

    async def _balance(self, groups: NexthopGroups) -> None:
        """The kernel's nexthop groups hold the live backends and no others; in a thread: dumps take time."""
        has_some = False
        while True:
            self._rebalance = anyio.Event()
            wanted = self._wanted_groups()
            has_some = has_some or bool(wanted)
            if has_some and self._backends is not None:
                try:
                    await anyio.to_thread.run_sync(groups.apply, wanted)
                except KernelError as error:
                    self._recorder.alarm("backends", str(error), is_error=True)
                else:
                    self._recorder.calm("backends")
            with anyio.move_on_after(AGAIN_S):
                await self._rebalance.wait()

    def _wanted_groups(self) -> tuple[Group, ...]:
        groups = []
        for service in self._accepted.plan.services:
            known = self._accepted.backends[service.group]
            live = [known[name] for name in (self._backends or {}).get(service.key, ()) if name in known]
            addresses = [ip_network(one) for one in self._accepted.addresses[service.group]]
            families = {prefix.version for prefix in service.prefixes}
            for prefix in addresses or service.prefixes:
                hops = tuple(
                    Hop(address=one.address, interface=one.interface, weight=one.weight)
                    for one in live
                    if one.address.version == prefix.version
                )
                if known and prefix.version in families:
                    groups.append(Group(prefix=prefix, hops=hops))
        return tuple(groups)

    async def _witness(self, witness: Witness) -> None:
        while True:
            try:
                self._recorder.calm("witness")
                await witness.serve()
            except KernelError as error:
                self._recorder.alarm("witness", str(error))
            await anyio.sleep(AGAIN_S)

    def _netlink(self) -> Netlink:
        opened = Netlink()
        self._netlinks.append(opened)
        return opened
