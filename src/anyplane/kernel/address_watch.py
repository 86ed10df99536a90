"""AddressWatch: the kernel tells at once when an anchor appears on lo or vanishes from it, whoever did it."""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import anyio

from anyplane.kernel.addresses import RTM_DELADDR, RTM_NEWADDR, lo_addresses, parse_lo_address
from anyplane.kernel.links import find_link
from anyplane.kernel.messages import Refused
from anyplane.kernel.netlink import Netlink
from anyplane.model.nouns import Prefix

_RTMGRP_IPV4_IFADDR, _RTMGRP_IPV6_IFADDR = 0x10, 0x100


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressChange:
    """An address on lo that has the form of an anchor came or went."""

    prefix: Prefix
    is_added: bool


class AddressWatch:
    """`async for change in watch`, without end; renewals are no changes.

    Made inside the namespace that it watches. What was lost when the kernel had more to say than the socket
    holds is found by reading lo anew.
    """

    def __init__(self, open_netlink: Callable[..., Netlink] = Netlink) -> None:
        self._questions = open_netlink()
        try:
            self._index = find_link(self._questions, "lo").index
            self._news = open_netlink(groups=_RTMGRP_IPV4_IFADDR | _RTMGRP_IPV6_IFADDR)
        except BaseException:
            self._questions.close()
            raise
        # Subscribed first, then read: nothing falls between the two.
        self._known = self._on_lo()
        self._changes: deque[AddressChange] = deque()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> AddressChange:
        """The next change; waits for as long as nothing changes, so its deadline is the caller's."""
        while not self._changes:
            await anyio.wait_readable(self._news.fileno())
            self._take_in()
        return self._changes.popleft()

    def close(self) -> None:
        """Give the sockets back; twice is fine."""
        self._news.close()
        self._questions.close()

    def _take_in(self) -> None:
        try:
            messages = self._news.notifications()
        except Refused as refused:
            self._skip(refused)
            now = self._on_lo()
            for prefix in sorted(self._known ^ now, key=str):
                self._note(prefix, is_added=prefix in now)
            return
        for message in messages:
            if message.kind not in (RTM_NEWADDR, RTM_DELADDR):
                continue
            found = parse_lo_address(message.body, self._index)
            if found is not None and found.is_anchor:
                self._note(found.network, is_added=message.kind == RTM_NEWADDR)

    def _skip(self, refused: Refused) -> None:
        """Throw away what is still queued: it is older than what a reading of lo says now."""
        while True:
            if refused.errno != errno.ENOBUFS:
                raise refused
            try:
                self._news.notifications()
            except Refused as again:
                refused = again
            else:
                return

    def _note(self, prefix: Prefix, *, is_added: bool) -> None:
        if (prefix in self._known) == is_added:
            return
        (self._known.add if is_added else self._known.discard)(prefix)
        self._changes.append(AddressChange(prefix=prefix, is_added=is_added))

    def _on_lo(self) -> set[Prefix]:
        return {one.network for one in lo_addresses(self._questions, self._index) if one.is_anchor}
