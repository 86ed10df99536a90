"""Inside: what is kept true on this machine beside the leases: service addresses, backends, the witness."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from ipaddress import ip_address

import anyio

from anyplane.agent.backends import Backends
from anyplane.agent.designs import Accepted
from anyplane.agent.record import Recorder
from anyplane.bgp.witness import Witness, stands_of
from anyplane.bgp.witness_sessions import needed_routes
from anyplane.control.site import Turn
from anyplane.design.operation import Address
from anyplane.kernel.address_watch import AddressWatch
from anyplane.kernel.lease import Lease
from anyplane.kernel.lease_test import self_test
from anyplane.kernel.loopback_routes import LoopbackRoute, LoopbackRoutes
from anyplane.kernel.netlink import Netlink
from anyplane.kernel.nexthops import NexthopGroups
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
        self._anchors: frozenset[Prefix] | None = None
        self._backends: Backends | None = None
        self._ways: LoopbackRoutes | None = None
        """Over which the daemon reaches the witness."""
        self._netlinks: list[Netlink] = []
        if is_on:
            self.loopback = Lease(self._netlink())
            self._addresses = ServiceAddresses(self._netlink())
            self._backends = Backends(accepted, recorder, NexthopGroups(self._netlink()))
            if accepted.router.daemon.witness is not None:
                self.witness = Witness(stands_of(accepted.router))
                self._ways = LoopbackRoutes(
                    self._netlink(),
                    (
                        LoopbackRoute(prefix=prefix, is_local=is_local)
                        for prefix, is_local in needed_routes(accepted.router)
                    ),
                )

    def close(self) -> None:
        """Give the sockets back, and the way to a witness that is gone."""
        if self._ways is not None:
            with contextlib.suppress(KernelError):
                self._ways.forget()
        for one in self._netlinks:
            one.close()

    async def run(self) -> None:
        """Until cancelled."""
        async with anyio.create_task_group() as group:
            if self.loopback is not None:
                group.start_soon(self._test)
                group.start_soon(self._watch)
            if self._backends is not None:
                group.start_soon(self._backends.run)
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
        if self._backends is not None:
            self._backends.taken(turn)

    def follow_design(self, accepted: Accepted) -> None:
        """Go by this design."""
        self._accepted = accepted
        self.keep_addresses()
        if self._backends is not None:
            self._backends.follow_design(accepted)

    def keep_addresses(self) -> None:
        """The service addresses are on lo; put there again if somebody took them away.

        Not before the first turn: one may hang on the lease of a predecessor, which must not end here.
        """
        if self._addresses is None or self._anchors is None:
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
        """An anchor that somebody removed is put there again by the next turn, which comes at once.

        One that was let go may have been the address that a service is bound to.
        """
        watch = AddressWatch()
        with contextlib.closing(watch):
            async for change in watch:
                if change.is_added or self.on_lost is None or not self._accepted.owns(change.prefix):
                    continue
                self.on_lost(change.prefix)
                if change.prefix.prefixlen == change.prefix.max_prefixlen:
                    self.keep_addresses()

    async def _witness(self, witness: Witness) -> None:
        while True:
            try:
                async with anyio.create_task_group() as group:
                    self._reach()
                    await group.start(witness.serve)
                    self._recorder.calm("witness")
                    while True:
                        await anyio.sleep(AGAIN_S)
                        # Somebody may have taken the routes away; the witness's sessions would be next.
                        self._reach()
            except* KernelError as errors:
                self._recorder.alarm("witness", str(errors.exceptions[0]))
            await anyio.sleep(AGAIN_S)

    def _reach(self) -> None:
        if self._ways is not None:
            self._ways.ensure()

    def _netlink(self) -> Netlink:
        opened = Netlink()
        self._netlinks.append(opened)
        return opened
