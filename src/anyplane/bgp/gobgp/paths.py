"""Paths: what is announced of a prefix <-> GoBGP's Path message, in either dialect."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from anyplane.bgp.gobgp.messages import Dialect
from anyplane.model.errors import SpeakerRejected
from anyplane.model.nouns import Asn, Prefix

IGP = 0  # RFC 4271, ORIGIN
AS_SEQUENCE = 2
UNICAST = 1
_TYPE_URL = "type.googleapis.com/apipb."
# GoBGP 3 names an attribute by its message, GoBGP 4 by its place in the oneof.
_ATTRIBUTES = {
    "OriginAttribute": "origin",
    "AsPathAttribute": "as_path",
    "NextHopAttribute": "next_hop",
    "MultiExitDiscAttribute": "multi_exit_disc",
    "CommunitiesAttribute": "communities",
    "LargeCommunitiesAttribute": "large_communities",
    "MpReachNLRIAttribute": "mp_reach",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one VRF is told of one prefix; Route without the neighbour."""

    prefix: Prefix
    prepend: int = 0
    med: int = 0
    communities: frozenset[str] = frozenset()


def family(dialect: Dialect, version: int) -> Any:
    """IPv4 or IPv6 unicast."""
    return dialect("Family", afi=1 if version == 4 else 2, safi=UNICAST)


def to_path(dialect: Dialect, told: Told, *, asn: Asn) -> Any:
    """The message that announces it, or withdraws it in a DeletePathRequest."""
    nlri = dialect(
        "IPAddressPrefix", prefix=str(told.prefix.network_address), prefix_len=told.prefix.prefixlen
    )
    which = family(dialect, told.prefix.version)
    attributes = [("OriginAttribute", dialect("OriginAttribute", origin=IGP))]
    if told.prefix.version == 4:
        attributes.append(("NextHopAttribute", dialect("NextHopAttribute", next_hop="0.0.0.0")))  # noqa: S104  # "self"
    else:
        reach = dialect("MpReachNLRIAttribute", family=which, next_hops=["::"], nlris=[_nlri(dialect, nlri)])
        attributes.append(("MpReachNLRIAttribute", reach))
    if told.prepend:  # GoBGP adds our ASN once itself when it sends
        segment = dialect("AsSegment", type=AS_SEQUENCE, numbers=[asn] * told.prepend)
        attributes.append(("AsPathAttribute", dialect("AsPathAttribute", segments=[segment])))
    if told.med:
        attributes.append(("MultiExitDiscAttribute", dialect("MultiExitDiscAttribute", med=told.med)))
    parts = [tuple(int(part) for part in text.split(":")) for text in sorted(told.communities)]
    plain = [one[0] << 16 | one[1] for one in parts if len(one) == 2]
    large = [
        dialect("LargeCommunity", global_admin=one[0], local_data1=one[1], local_data2=one[2])
        for one in parts
        if len(one) == 3
    ]
    if plain:
        attributes.append(("CommunitiesAttribute", dialect("CommunitiesAttribute", communities=plain)))
    if large:
        attributes.append(
            ("LargeCommunitiesAttribute", dialect("LargeCommunitiesAttribute", communities=large))
        )
    return dialect(
        "Path",
        nlri=_nlri(dialect, nlri),
        pattrs=[_attribute(dialect, name, one) for name, one in attributes],
        family=which,
    )


def from_path(dialect: Dialect, prefix: str, path: Any, *, sent: bool) -> Told:
    """What a path says. `sent`: it is from an Adj-RIB-Out, where our own ASN stands in front.

    SpeakerRejected where it makes no sense.
    """
    try:
        facts = dict(_facts(dialect, path))
        segments = facts["AsPathAttribute"].segments if "AsPathAttribute" in facts else ()
        hops = sum(len(one.numbers) for one in segments)
        plain = facts["CommunitiesAttribute"].communities if "CommunitiesAttribute" in facts else ()
        large = facts["LargeCommunitiesAttribute"].communities if "LargeCommunitiesAttribute" in facts else ()
        return Told(
            # In a VRF's table the route distinguisher stands in front of a prefix: 64500:1:198.51.100.0/24.
            prefix=ip_network(prefix),
            prepend=max(0, hops - 1) if sent else hops,
            med=facts["MultiExitDiscAttribute"].med if "MultiExitDiscAttribute" in facts else 0,
            communities=frozenset(
                [f"{one >> 16}:{one & 0xFFFF}" for one in plain]
                + [f"{one.global_admin}:{one.local_data1}:{one.local_data2}" for one in large]
            ),
        )
    except ValueError as error:
        raise SpeakerRejected(
            "gobgp", f"a path that makes no sense ({error})", command="ListPath", reply=prefix[:100]
        ) from None


def _facts(dialect: Dialect, path: Any) -> Iterable[tuple[str, Any]]:
    from google.protobuf.message import DecodeError

    for one in path.pattrs:
        if dialect.version == 3:
            name = one.type_url.rpartition(".")[2]
            if name in _ATTRIBUTES:
                try:
                    yield name, dialect.messages[name].FromString(one.value)
                except DecodeError as error:
                    raise ValueError(f"{name}: {error}") from None
        else:
            for name, field in _ATTRIBUTES.items():
                if one.HasField(field):
                    yield name, getattr(one, field)


def _nlri(dialect: Dialect, prefix: Any) -> Any:
    if dialect.version == 3:
        return dialect("Any", type_url=f"{_TYPE_URL}IPAddressPrefix", value=prefix.SerializeToString())
    return dialect("NLRI", prefix=prefix)


def _attribute(dialect: Dialect, name: str, attribute: Any) -> Any:
    if dialect.version == 3:
        return dialect("Any", type_url=f"{_TYPE_URL}{name}", value=attribute.SerializeToString())
    return dialect("Attribute", **{_ATTRIBUTES[name]: attribute})
