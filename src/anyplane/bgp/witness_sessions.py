"""witness_sessions: the extra sessions over which a site's router shows a witness what each upstream gets.

For every session of the plan there is one to the witness, with the upstream's AS number and, in the rendered
configuration, the upstream's export policy. Daemons tell neighbours apart by address alone (FRR, GoBGP,
OpenBGPD) or by address and port (BIRD), so each gets an address of its own:

- IPv4: 127.90.0.N, all of 127.0.0.0/8 being local on Linux without any setting;
- IPv6: only ::1 is. BIRD is content with ::1 and a port of its own for each session. For the others the
  addresses are fd5a:6e79:706c::N, which are local once `ip -6 route replace local fd5a:6e79:706c::/64 dev lo`
  was said (`IPV6_BLOCK`; a route of type local makes a whole block ours).

FRR connects to a neighbour over several hops only when zebra knows a way there, and zebra sees neither
table local nor 127.0.0.0/8. So both blocks need a route in the main table as well, which carries no packet.
`needed_routes` says which routes a plan needs; the agent puts them up.

The daemon connects, from 127.0.0.1 or ::1; the witness only listens. FRR closes a connection whose own end
is an address that zebra does not know (which 127.0.0.1 and ::1 are), so it connects from the address that it
has towards the upstream. `render` of a daemon renders each
result as one more neighbour: multihop, no import, the export policy of `plan.sessions[i]`, no MD5, GTSM, BFD
or role. One trap: with ::1 at both ends the next hop would be the neighbour's own address, which RFC 4271
section 5.1.3 forbids. BIRD 2.0.12 then sends a withdrawal, while its `show protocols all` counts the route as
exported. So BIRD's IPv6 channels to the witness say `next hop address NEXT_HOP`.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from anyplane.bgp.router import RouterPlan
from anyplane.design.operation import Address, DaemonKind, Session
from anyplane.model.errors import UsageError
from anyplane.model.nouns import Prefix

IPV4_BLOCK = IPv4Network("127.90.0.0/16")
IPV4_FIRST = IPV4_BLOCK[1]
IPV6_BLOCK = IPv6Network("fd5a:6e79:706c::/64")
NEXT_HOP = IPV6_BLOCK[0xFFFF]
"""Stands in routes to the witness only, and need be nobody's."""
HOLD_S = 9


def witness_sessions(plan: RouterPlan) -> tuple[Session, ...]:
    """One session to the witness for each of `plan.sessions`, in their order; empty where none is wanted.

    UsageError where `daemon: witness:` is not a loopback address: what leaves the machine proves less.
    """
    witness = plan.daemon.witness
    if witness is None:
        return ()
    try:
        is_loopback = witness.host == "localhost" or ip_address(witness.host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise UsageError(
            f"the witness at {witness.host} is not on this machine", hint='say witness: "127.0.0.1:1790"'
        )
    # The port itself and those after it: one for each session that shares ::1.
    ports = range(witness.port, witness.port + len(plan.sessions))
    if ports and ports[-1] > 65535:
        raise UsageError(f"there are no {len(ports)} ports from {witness.port} on", hint="take 1790")
    return tuple(
        _session(plan.daemon.kind, session, number=number, port=witness.port)
        for number, session in enumerate(plan.sessions)
    )


def needed_routes(plan: RouterPlan) -> tuple[tuple[Prefix, bool], ...]:
    """Routes on lo without which the daemon cannot reach the witness; each with: is it a local one?"""
    families = {one.family for one in witness_sessions(plan)}
    blocks: tuple[Prefix, ...] = tuple(one for one in (IPV4_BLOCK, IPV6_BLOCK) if one.version in families)
    match plan.daemon.kind:
        case DaemonKind.BIRD:
            return ()
        case DaemonKind.FRR:
            # The local one first, of IPv4 too: Linux looks tables local and main through as one, and a longer
            # prefix in main would win over 127.0.0.0/8 in local.
            return tuple((block, is_local) for block in blocks for is_local in (True, False))
        case _:
            return tuple((block, True) for block in blocks if block.version == 6)


def _session(kind: DaemonKind, session: Session, *, number: int, port: int) -> Session:
    neighbor: Address
    local: Address
    if session.family == 4:
        neighbor, local = IPV4_FIRST + number, IPv4Address("127.0.0.1")
    elif kind is DaemonKind.BIRD:
        neighbor = local = IPv6Address("::1")
        port += number
    else:
        neighbor, local = IPV6_BLOCK[number + 1], IPv6Address("::1")
    if kind is DaemonKind.FRR:
        if session.local is None:
            raise UsageError(
                f"session {session.name}: FRR connects to a witness only from an address that it is told",
                hint="say session: local: the router's own address on that session",
            )
        local = session.local
    return replace(
        session,
        name=f"witness_{session.name}",
        neighbor=neighbor,
        local=local,
        port=port,
        password_file="",
        is_gtsm=False,
        multihop=2,
        bfd=None,
        role=None,
        max_prefix=None,
        hold_s=HOLD_S,
        is_passive=False,
        imports="none",
    )
