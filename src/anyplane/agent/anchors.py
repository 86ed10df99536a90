"""Anchors: prefixes on lo whose kernel lifetime the loop renews; and the keeper where a daemon heeds none.

This is the lease of the site's announcements: each wanted prefix hangs on an address on lo that the kernel
ends unless the loop, having just evaluated the checks, renews it. Where the daemon does not follow addresses,
a keeper (agent/keeper.py) is told in the same breath that the loop is alive. Nothing here waits for the BGP
daemon.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from anyplane.agent.record import Recorder
from anyplane.kernel.lease import Holding
from anyplane.model.errors import KernelError
from anyplane.model.nouns import Prefix

RENEWALS_IN_A_LEASE = 10
KEEPER_SHARE = 0.9
"""Of a lease, when a keeper acts: its orders need some tenths of a second to start and to be carried out."""


class Loopback(Protocol):
    """Anchors on lo (kernel.lease.Lease); each call is a few microseconds of netlink."""

    def hold(
        self, prefixes: frozenset[Prefix], *, lifetime_s: float, forwarded: frozenset[Prefix] = ...
    ) -> Holding:
        """They are there for so long from now."""

    def release(self, prefixes: Iterable[Prefix]) -> None:
        """They are not."""

    def held(self) -> Mapping[Prefix, float | None]:
        """Those that are there, with the seconds left; None: forever, and so none of ours."""


class Watcher(Protocol):
    """A keeper, as far as the loop is concerned."""

    def renew(self, deadline_s: float) -> bool:
        """It acts in so many seconds unless renewed; False: it is dead."""


class Anchors:
    """`follow` is called at the end of each turn; `renewed_at` says when the lease was last renewed."""

    def __init__(
        self, loopback: Loopback | None, recorder: Recorder, *, now: Callable[[], float], lease_s: float
    ) -> None:
        self.lease_s = lease_s
        self.renewed_at: float | None = None
        self.held: frozenset[Prefix] = frozenset()
        self.keeper: Watcher | None = None
        self.confirmed_at: float | None = None
        """When the keeper was last renewed on evidence, by us or by the predecessor that we are heir to."""
        self.forwarded: frozenset[Prefix] = frozenset()
        """Prefixes that are routed to backends as a whole, and must not end at this host."""
        self._loopback = loopback
        self._recorder = recorder
        self._now = now

    @property
    def is_on(self) -> bool:
        """Would somebody withdraw if this process fell silent now?"""
        return self._loopback is not None or self.keeper is not None

    def adopt(self, ours: Callable[[Prefix], bool]) -> frozenset[Prefix]:
        """What a predecessor left on lo and the kernel still leases; unwanted ones go with the first turn."""
        if self._loopback is not None:
            try:
                found = self._loopback.held()
                self.held = frozenset(one for one, left in found.items() if left is not None and ours(one))
            except KernelError as error:
                self._recorder.alarm("lease", str(error), is_error=True)
        return self.held

    def lost(self, prefix: Prefix) -> bool:
        """Somebody took an anchor from lo; True where the next turn will put it back."""
        was_held = prefix in self.held
        self.held -= {prefix}
        return was_held

    def let_go(self, leased: frozenset[Prefix], announced: frozenset[Prefix]) -> None:
        """Take from lo what is neither; the withdrawal itself, and so before anybody is told of it.

        What the kernel refuses `follow` tries again, and says.
        """
        gone = self.held - announced - leased
        if self._loopback is not None and gone:
            with contextlib.suppress(KernelError):
                self._loopback.release(gone)
                self.held -= gone

    def follow(self, leased: frozenset[Prefix], announced: frozenset[Prefix]) -> None:
        """Renew `leased`, let go of all that is not even `announced`; what is between runs out by itself."""
        now = self._now()
        is_due = self.renewed_at is None or now - self.renewed_at >= self.lease_s / RENEWALS_IN_A_LEASE
        if self._loopback is not None:
            self._hang(self._loopback, leased, announced, is_due=is_due)
        # A keeper knows all or nothing: while a predecessor's word is not confirmed it hears nothing of us.
        if self.keeper is not None and is_due and announced <= leased:
            self.confirmed_at = now
            if self.keeper.renew(self.lease_s * KEEPER_SHARE):
                self._recorder.calm("keeper")
            else:
                self._recorder.alarm(
                    "keeper", "it is dead; nobody would withdraw if the agent hung", is_error=True
                )
        if is_due:
            self.renewed_at = now
            if leased:
                self._recorder.metrics.renewals.inc()

    def prolong(self, lifetime_s: float, leased: frozenset[Prefix], announced: frozenset[Prefix]) -> None:
        """One long breath for what the checks have confirmed, before the process replaces itself.

        What a predecessor left and no check has confirmed gets none: else one upgrade after another could
        keep a dead service announced.
        """
        confirmed = self.held & leased
        if self._loopback is not None and confirmed:
            try:
                self._loopback.hold(confirmed, lifetime_s=lifetime_s, forwarded=self.forwarded)
            except KernelError as error:
                self._recorder.log.error("the lease was not prolonged", reason=str(error))
        if self.keeper is not None and announced <= leased:
            self.keeper.renew(lifetime_s)
            self.confirmed_at = self._now() + lifetime_s - self.lease_s

    def _hang(
        self, loopback: Loopback, leased: frozenset[Prefix], announced: frozenset[Prefix], *, is_due: bool
    ) -> None:
        trouble = ""
        gone = self.held - announced - leased
        try:
            if gone:
                loopback.release(gone)
                self.held -= gone
        except KernelError as error:
            # It is not renewed any more, so the kernel ends it within the lease; the next turn tries again.
            trouble = str(error)
        if is_due or not leased <= self.held:
            try:
                holding = loopback.hold(leased, lifetime_s=self.lease_s, forwarded=self.forwarded)
                self.held = (self.held | leased) - holding.refused.keys()
                trouble = trouble or next((str(one) for one in holding.refused.values()), "")
                for hazard in holding.hazards:
                    self._recorder.alarm(f"lease of {hazard.prefix}", hazard.text)
            except KernelError as error:
                trouble = str(error)
        elif not gone:
            return
        if trouble:
            self._recorder.alarm("lease", trouble, is_error=True)
        else:
            self._recorder.calm("lease")
