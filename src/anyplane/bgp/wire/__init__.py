"""wire: BGP-4 as bytes and values, without a socket or a clock (RFC 4271 and what grew on it)."""

from anyplane.bgp.wire.attributes import Attributes, Segment, SegmentKind, Unknown
from anyplane.bgp.wire.capabilities import Capabilities, Family, WireRole
from anyplane.bgp.wire.connection import (
    Closed,
    Connection,
    Established,
    Event,
    Local,
    Opened,
    Received,
    State,
)
from anyplane.bgp.wire.fault import WireError
from anyplane.bgp.wire.messages import (
    Keepalive,
    Message,
    Notification,
    Open,
    RouteRefresh,
    parse,
    render,
)
from anyplane.bgp.wire.update import Update

__all__ = [
    "Attributes",
    "Capabilities",
    "Closed",
    "Connection",
    "Established",
    "Event",
    "Family",
    "Keepalive",
    "Local",
    "Message",
    "Notification",
    "Open",
    "Opened",
    "Received",
    "RouteRefresh",
    "Segment",
    "SegmentKind",
    "State",
    "Unknown",
    "Update",
    "WireError",
    "WireRole",
    "parse",
    "render",
]
