"""WireError and the names of NOTIFICATION codes: what is wrong with a message, and what to tell the peer.

Registry: "Border Gateway Protocol (BGP) Parameters". RFC 4271 section 4.5 and 6; RFC 4486 (Cease), RFC 5492
(2/7), RFC 6608 (5/x), RFC 7313 (7/x), RFC 8538 (6/9), RFC 9234 (2/11), RFC 9384 (6/10).
"""

from __future__ import annotations

from anyplane.model.errors import AnyplaneError

HEADER, OPEN, UPDATE, HOLD, FSM, CEASE, REFRESH = 1, 2, 3, 4, 5, 6, 7

CODES = {
    HEADER: "Message Header Error",
    OPEN: "OPEN Message Error",
    UPDATE: "UPDATE Message Error",
    HOLD: "Hold Timer Expired",
    FSM: "Finite State Machine Error",
    CEASE: "Cease",
    REFRESH: "ROUTE-REFRESH Message Error",
}

SUBCODES = {
    (HEADER, 1): "Connection Not Synchronized",
    (HEADER, 2): "Bad Message Length",
    (HEADER, 3): "Bad Message Type",
    (OPEN, 1): "Unsupported Version Number",
    (OPEN, 2): "Bad Peer AS",
    (OPEN, 3): "Bad BGP Identifier",
    (OPEN, 4): "Unsupported Optional Parameter",
    (OPEN, 6): "Unacceptable Hold Time",
    (OPEN, 7): "Unsupported Capability",
    (OPEN, 11): "Role Mismatch",
    (UPDATE, 1): "Malformed Attribute List",
    (UPDATE, 2): "Unrecognized Well-known Attribute",
    (UPDATE, 3): "Missing Well-known Attribute",
    (UPDATE, 4): "Attribute Flags Error",
    (UPDATE, 5): "Attribute Length Error",
    (UPDATE, 6): "Invalid ORIGIN Attribute",
    (UPDATE, 8): "Invalid NEXT_HOP Attribute",
    (UPDATE, 9): "Optional Attribute Error",
    (UPDATE, 10): "Invalid Network Field",
    (UPDATE, 11): "Malformed AS_PATH",
    (FSM, 1): "Unexpected Message in OpenSent",
    (FSM, 2): "Unexpected Message in OpenConfirm",
    (FSM, 3): "Unexpected Message in Established",
    (CEASE, 1): "Maximum Number of Prefixes Reached",
    (CEASE, 2): "Administrative Shutdown",
    (CEASE, 3): "Peer De-configured",
    (CEASE, 4): "Administrative Reset",
    (CEASE, 5): "Connection Rejected",
    (CEASE, 6): "Other Configuration Change",
    (CEASE, 7): "Connection Collision Resolution",
    (CEASE, 8): "Out of Resources",
    (CEASE, 9): "Hard Reset",
    (CEASE, 10): "BFD Down",
    (REFRESH, 1): "Invalid Message Length",
}


def code_name(code: int, subcode: int) -> str:
    """ "Cease/Administrative Shutdown"; numbers where the registry has no name."""
    name = CODES.get(code, f"code {code}")
    detail = SUBCODES.get((code, subcode), f"subcode {subcode}" if subcode else "")
    return f"{name}/{detail}" if detail else name


class WireError(AnyplaneError):
    """A message that ends the session: the NOTIFICATION to send (code, subcode, data) and the RFC's place."""

    exit_code = 4

    def __init__(self, code: int, subcode: int, message: str, *, rfc: str, data: bytes = b"") -> None:
        self.code = code
        self.subcode = subcode
        self.message = message
        self.rfc = rfc
        self.data = data
        super().__init__(code, subcode, message)

    def __str__(self) -> str:
        return f"{self.message} ({self.rfc}; {code_name(self.code, self.subcode)})"
