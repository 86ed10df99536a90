"""The dead man's order for GoBGP: withdraw everything of ours, as a program.

    python -m anyplane.bgp.gobgp.withdraw CONTROL ASN UPSTREAM,NEIGHBOR... -- PREFIX...

CONTROL is daemon.control of the design, or "-" for the usual address. Ends with 0 when nothing of ours is
left; anything else asks for another try.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from ipaddress import IPv4Address, ip_address, ip_network

from anyplane.bgp.gobgp.speaker import GobgpSpeaker
from anyplane.bgp.router import RouterPlan
from anyplane.design.operation import Daemon, DaemonKind, Safety, Session
from anyplane.model.errors import AnyplaneError
from anyplane.model.nouns import Asn, SiteName


def main(words: Sequence[str]) -> int:
    """0: done."""
    control, asn, *rest = words
    middle = rest.index("--")
    sessions = []
    for word in rest[:middle]:
        upstream, neighbor = word.split(",")
        sessions.append(Session(name=word, upstream=Asn(int(upstream)), neighbor=ip_address(neighbor)))
    speaker = GobgpSpeaker(
        RouterPlan(
            site=SiteName("here"),
            asn=Asn(int(asn)),
            router_id=IPv4Address("0.0.0.0"),  # noqa: S104  # it is not used
            daemon=Daemon(kind=DaemonKind.GOBGP, control="" if control == "-" else control),
            sessions=tuple(sessions),
            kinds={},
            prefixes=tuple(ip_network(one) for one in rest[middle + 1 :]),
            announcements=(),
            safety=Safety(),
        )
    )
    try:
        speaker.withdraw_all()
    except AnyplaneError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
