"""LoopbackRoutes: whole prefixes that lead to this host without an address for each, for as long as we say.

Each is one of two routes: `ip route replace local PREFIX dev lo`, which makes the kernel deliver the prefix
here, or `ip route replace PREFIX dev lo`, which delivers nothing, but is in the main table, where zebra sees
it. Ours carry `proto 97 metric 97`: the same route by somebody else's hand is neither used nor touched.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from anyplane.kernel.links import find_link
from anyplane.kernel.messages import (
    NLM_F_CREATE,
    NLM_F_REPLACE,
    OUR_PROTOCOL,
    Refused,
    Request,
    render_attribute,
    render_u32,
)
from anyplane.kernel.netlink import Netlink
from anyplane.model.nouns import Prefix

_RTM_NEWROUTE, _RTM_DELROUTE = 24, 25
_RTA_DST, _RTA_OIF, _RTA_PRIORITY = 1, 4, 6
_TABLE_MAIN, _TABLE_LOCAL = 254, 255
_RTN_UNICAST, _RTN_LOCAL = 1, 2
_SCOPE_LINK, _SCOPE_HOST = 253, 254
_METRIC = 97
_AF = {4: 2, 6: 10}
_RTMSG = struct.Struct("=BBBBBBBBI")
_ABSENT = (errno.ESRCH, errno.ENOENT, errno.ENODEV)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopbackRoute:
    """One route; `is_local`: the kernel delivers the prefix here, else it only stands in the main table."""

    prefix: Prefix
    is_local: bool


class LoopbackRoutes:
    """See the module's text. One netlink socket, used by one task."""

    def __init__(self, netlink: Netlink, routes: Iterable[LoopbackRoute]) -> None:
        self._netlink = netlink
        self._routes = tuple(routes)

    def ensure(self) -> None:
        """All are there; idempotent. KernelError where one cannot be."""
        self._send(_RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE)

    def forget(self) -> None:
        """None of ours is there, of a predecessor's neither; KernelError where one stays."""
        self._send(_RTM_DELROUTE, 0)

    def _send(self, kind: int, flags: int) -> None:
        if not self._routes:
            return
        index = find_link(self._netlink, "lo").index
        requests = [_request(one, kind, flags, index) for one in self._routes]
        refused: list[Refused] = []
        for answer in self._netlink.send(requests):
            if answer is not None and not (kind == _RTM_DELROUTE and answer.errno in _ABSENT):
                refused.append(answer)
        if refused:
            raise refused[0]


def _request(one: LoopbackRoute, kind: int, flags: int, index: int) -> Request:
    prefix = one.prefix
    scope = (_SCOPE_HOST if one.is_local else _SCOPE_LINK) if prefix.version == 4 else 0
    table, what = (_TABLE_LOCAL, _RTN_LOCAL) if one.is_local else (_TABLE_MAIN, _RTN_UNICAST)
    body = _RTMSG.pack(_AF[prefix.version], prefix.prefixlen, 0, 0, table, OUR_PROTOCOL, scope, what, 0)
    body += render_attribute(_RTA_DST, prefix.network_address.packed)
    body += render_u32(_RTA_OIF, index) + render_u32(_RTA_PRIORITY, _METRIC)
    return Request(kind=kind, flags=flags, body=body, what=f"route of {prefix} on lo")
