"""The messages of GoBGP's gRPC interface, in its two versions, built from a table when first needed.

GoBGP 3 (package apipb, service GobgpApi) and GoBGP 4 (package api, service GoBgpService) number their fields
alike, but wrap prefixes and attributes differently (Any against oneof) and count the tables from 0 and from
1. The table below names each field that we read or write: name, number, type; `*` is repeated. An enum is an
int32 on the wire, and written so here. protobuf passes over fields that it does not know.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

_COMMON = """
Empty
Time: seconds 1 int64, nanos 2 int32
Family: afi 1 int32, safi 2 int32
IPAddressPrefix: prefix_len 1 uint32, prefix 2 string
OriginAttribute: origin 1 uint32
AsSegment: type 1 int32, numbers 2 uint32*
AsPathAttribute: segments 1 AsSegment*
NextHopAttribute: next_hop 1 string
MultiExitDiscAttribute: med 1 uint32
CommunitiesAttribute: communities 1 uint32*
LargeCommunity: global_admin 1 uint32, local_data1 2 uint32, local_data2 3 uint32
LargeCommunitiesAttribute: communities 1 LargeCommunity*
GetBgpRequest
GetBgpResponse: global 1 Global
Global: asn 1 uint32, router_id 2 string
ListPeerRequest: address 1 string
ListPeerResponse: peer 1 Peer
Peer: conf 2 PeerConf, state 5 PeerState, timers 6 Timers
PeerConf: neighbor_address 4 string, peer_asn 5 uint32, vrf 12 string
PeerState: messages 4 Messages, neighbor_address 5 string, session_state 13 int32, admin_state 15 int32, \
disconnect_reason 21 int32, disconnect_message 22 string
Messages: received 1 Message, sent 2 Message
Message: notification 1 uint64
Timers: state 2 TimersState
TimersState: uptime 6 Time, downtime 7 Time
EnablePeerRequest: address 1 string
DisablePeerRequest: address 1 string, communication 2 string
AddPathRequest: table_type 1 int32, vrf_id 2 string, path 3 Path
AddPathResponse: uuid 1 bytes
DeletePathRequest: table_type 1 int32, vrf_id 2 string, family 3 Family, path 4 Path, uuid 5 bytes
ListPathRequest: table_type 1 int32, name 2 string, family 3 Family
ListPathResponse: destination 1 Destination
Destination: prefix 1 string, paths 2 Path*
"""
_PATH = (
    "Path: nlri 1 {nlri}, pattrs 2 {attribute}*, is_withdraw 5 bool, family 9 Family, source_id 11 string, "
    "filtered 12 bool, is_from_external 14 bool, neighbor_ip 15 string, uuid 16 bytes\n"
)
_V3 = """
Any: type_url 1 string, value 2 bytes
MpReachNLRIAttribute: family 1 Family, next_hops 2 string*, nlris 3 Any*
"""
_V4 = """
NLRI: prefix 1 IPAddressPrefix
Attribute: origin 2 OriginAttribute, as_path 3 AsPathAttribute, next_hop 4 NextHopAttribute, \
multi_exit_disc 5 MultiExitDiscAttribute, communities 9 CommunitiesAttribute, \
mp_reach 12 MpReachNLRIAttribute, large_communities 21 LargeCommunitiesAttribute
MpReachNLRIAttribute: family 1 Family, next_hops 2 string*, nlris 3 NLRI*
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One version of the interface: its messages by name, where its service is, and what it counts from."""

    version: int
    service: str
    messages: dict[str, Any]
    tables_from: int
    """The number of the GLOBAL table; LOCAL, ADJ_IN and ADJ_OUT follow it."""
    down: int
    """The number of the admin state DOWN."""

    def __call__(self, name: str, /, **fields: Any) -> Any:
        """A new message."""
        return self.messages[name](**fields)


@cache
def dialect(version: int) -> Dialect:
    """GoBGP 3's or 4's. ImportError where protobuf is not installed."""
    if version == 3:
        text = _COMMON + _V3 + _PATH.format(nlri="Any", attribute="Any")
        return Dialect(
            version=3, service="apipb.GobgpApi", messages=_built("apipb", text), tables_from=0, down=1
        )
    text = _COMMON + _V4 + _PATH.format(nlri="NLRI", attribute="Attribute")
    return Dialect(version=4, service="api.GoBgpService", messages=_built("api", text), tables_from=1, down=2)


def _built(package: str, table: str) -> dict[str, Any]:
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    kinds = descriptor_pb2.FieldDescriptorProto
    for line in filter(None, table.splitlines()):
        name, _, listed = line.partition(":")
        message = file.message_type.add(name=name.strip())
        for field in filter(None, (one.strip() for one in listed.split(","))):
            label, number, kind = field.split()
            plain = kind.rstrip("*")
            message.field.add(
                name=label,
                number=int(number),
                label=kinds.LABEL_REPEATED if kind.endswith("*") else kinds.LABEL_OPTIONAL,
                type=kinds.Type.Value(f"TYPE_{plain.upper()}") if plain.islower() else kinds.TYPE_MESSAGE,
                type_name=None if plain.islower() else f".{package}.{plain}",
            )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        one.name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{one.name}"))
        for one in file.message_type
    }
