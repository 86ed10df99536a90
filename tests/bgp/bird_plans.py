"""Router plans for the tests of BIRD: one with every option, and any that hypothesis thinks of."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from hypothesis import strategies as st

from anyplane.bgp.router import RouterPlan
from anyplane.design.operation import Bfd, Daemon, DaemonKind, Endpoint, Role, Rtr, Safety, Session
from anyplane.model.nouns import Announcement, Asn, Prefix, SiteName, UpstreamKind

OURS = Asn(64500)
V4, V6 = ip_network("198.51.100.0/24"), ip_network("2001:db8:53::/48")


def plan(*sessions: Session, **changes: Any) -> RouterPlan:
    """A router with these sessions."""
    given: dict[str, Any] = {
        "site": SiteName("fra"),
        "asn": OURS,
        "router_id": IPv4Address("192.0.2.1"),
        "daemon": Daemon(kind=DaemonKind.BIRD),
        "sessions": sessions,
        "kinds": {one.upstream: UpstreamKind.TRANSIT for one in sessions},
        "prefixes": (V4, V6),
        "announcements": (),
        "safety": Safety(),
    }
    return RouterPlan(**{**given, **changes})


def session(name: str = "as64510_v4", neighbor: str = "192.0.2.0", **changes: Any) -> Session:
    """A session with AS 64510 and nothing special."""
    return Session(**{"name": name, "upstream": Asn(64510), "neighbor": ip_address(neighbor), **changes})


def announcement(prefix: Prefix = V4, upstream: int = 64510, **changes: Any) -> Announcement:
    """`prefix` to one upstream."""
    given: dict[str, Any] = {
        "prefix": prefix,
        "site": SiteName("fra"),
        "upstream": Asn(upstream),
        "kind": UpstreamKind.TRANSIT,
        "origin": OURS,
    }
    return Announcement(**{**given, **changes})


def full(*, secrets: str = "/etc/anyplane") -> RouterPlan:
    """Every option there is, on one session or another."""
    return plan(
        session(
            local=ip_address("192.0.2.1"),
            password_file=f"{secrets}/as64510.key",
            is_gtsm=True,
            bfd=Bfd(),
            role=Role.CUSTOMER,
            max_prefix=10,
            hold_s=9,
        ),
        session("as64510_v6", "2001:db8:ffff::", local=ip_address("2001:db8:ffff::1"), role=Role.CUSTOMER),
        session(
            "as64520_v4",
            "203.0.113.9",
            upstream=Asn(64520),
            multihop=2,
            imports="all",
            max_prefix=1_200_000,
            port=1179,
        ),
        session("as64530_v6", "2001:db8:1::30", upstream=Asn(64530), imports="all", is_passive=True),
        session("as64540_v4", "198.51.100.254", upstream=Asn(64540), imports="none", role=Role.RS_CLIENT),
        kinds={
            Asn(64510): UpstreamKind.TRANSIT,
            Asn(64520): UpstreamKind.TRANSIT,
            Asn(64530): UpstreamKind.PEER,
            Asn(64540): UpstreamKind.ROUTE_SERVER,
        },
        daemon=Daemon(
            kind=DaemonKind.BIRD,
            rtr=(Rtr(host="127.0.0.1", port=3323), Rtr(host="rpki.example.net")),
            witness=Endpoint(host="127.0.0.1", port=1790),
        ),
    )


_V4 = st.integers(0x01000000, 0xDF000000).map(IPv4Address)
_V6 = st.integers(0x2000 << 112, (0x4000 << 112) - 1).map(IPv6Address)
_NAMES = st.one_of(
    st.from_regex(r"as[0-9]{1,10}_v[46](_[0-9])?", fullmatch=True),
    st.sampled_from(
        ("export", "protocol", "ipv4", "fra-1", "1st", "a b", 'x"y', "bgp_path", "anyplane", "é")
    ),
)


@st.composite
def sessions(draw: st.DrawFn, name: str) -> Session:
    """Any session that a design could say."""
    neighbor = draw(st.one_of(_V4, _V6))
    own = _V4 if neighbor.version == 4 else _V6
    multihop = draw(st.sampled_from((0, 0, 1, 2, 255)))
    bfd = draw(
        st.one_of(st.none(), st.builds(Bfd, interval_ms=st.integers(10, 5000), multiplier=st.integers(1, 50)))
    )
    return Session(
        name=name,
        upstream=draw(st.sampled_from((Asn(64510), Asn(4_200_000_001)))),
        neighbor=neighbor,
        local=draw(own if bfd and multihop else st.one_of(st.none(), own)),
        port=draw(st.integers(1, 65535)),
        is_gtsm=draw(st.booleans()),
        multihop=multihop,
        bfd=bfd,
        role=draw(st.one_of(st.none(), st.sampled_from(Role))),
        max_prefix=draw(st.one_of(st.none(), st.integers(1, 2_000_000))),
        hold_s=draw(st.sampled_from((0, 3, 9, 90, 65535))),
        is_passive=draw(st.booleans()),
        imports=draw(st.sampled_from(("default", "all", "none"))),
    )


_PREFIXES = st.one_of(
    st.tuples(_V4, st.integers(8, 32)).map(lambda pair: ip_network(pair, strict=False)),
    st.tuples(_V6, st.integers(16, 128)).map(lambda pair: ip_network(pair, strict=False)),
)


@st.composite
def plans(draw: st.DrawFn) -> RouterPlan:
    """Any router."""
    names = draw(st.lists(_NAMES, min_size=1, max_size=4, unique=True))
    listed = tuple(draw(sessions(name)) for name in names)
    kinds = st.sampled_from(UpstreamKind)
    rtr = st.builds(
        Rtr, host=st.sampled_from(("127.0.0.1", "::1", "rpki.example.net")), port=st.integers(1, 65535)
    )
    return plan(
        *listed,
        site=SiteName(draw(st.text(min_size=1, max_size=12))),
        kinds={one.upstream: draw(kinds) for one in listed},
        prefixes=tuple(draw(st.lists(_PREFIXES, max_size=4, unique=True))),
        daemon=Daemon(kind=DaemonKind.BIRD, rtr=tuple(draw(st.lists(rtr, max_size=2)))),
    )
