"""fixes: the line to write, in each daemon's words."""

from __future__ import annotations

from anyplane.bgp.lint.facts import SessionFacts
from anyplane.design.operation import DaemonKind

_BIRD, _FRR, _GOBGP = DaemonKind.BIRD, DaemonKind.FRR, DaemonKind.GOBGP
_OPENBGPD, _EXABGP = DaemonKind.OPENBGPD, DaemonKind.EXABGP

# {n} is the neighbour's address.
_LINES: dict[tuple[DaemonKind, str], str] = {
    (_BIRD, "restart"): "graceful restart off;",
    (_BIRD, "long-lived"): "long lived graceful restart off;",
    (_BIRD, "import"): "import none; or: import where net = 0.0.0.0/0;",
    (_BIRD, "export"): "export where net ~ [ 198.51.100.0/24 ] && source = RTS_DEVICE;",
    (_BIRD, "limit"): "import limit 1000 action disable;",
    (_BIRD, "export table"): "export table off;",
    (_BIRD, "password"): 'password "..."; in a file that is included and not readable by others',
    (_BIRD, "gtsm"): "ttl security on;",
    (_BIRD, "bfd"): "bfd { interval 100 ms; multiplier 3; }; and protocol bfd { }",
    (_FRR, "restart"): "bgp graceful-restart-disable",
    (_FRR, "long-lived"): "no bgp long-lived-graceful-restart",
    (_FRR, "import"): "neighbor {n} route-map FROM-UPSTREAM in",
    (_FRR, "export"): "neighbor {n} prefix-list ANYCAST-ONLY out",
    (_FRR, "limit"): "neighbor {n} maximum-prefix 1000",
    (_FRR, "password"): "neighbor {n} password ...",
    (_FRR, "gtsm"): "neighbor {n} ttl-security hops 1",
    (_FRR, "bfd"): "neighbor {n} bfd 3 100 100",
    (_GOBGP, "restart"): "enabled = false under [neighbors.graceful-restart.config]",
    (_GOBGP, "long-lived"): "long-lived-enabled = false under [neighbors.graceful-restart.config]",
    (_GOBGP, "import"): 'default-import-policy = "reject-route" under [global.apply-policy.config]',
    (_GOBGP, "export"): 'export-policy-list = ["anycast-only"] and default-export-policy = "reject-route" '
    "under [global.apply-policy.config]",
    (_GOBGP, "limit"): "max-prefixes = 1000 under [neighbors.afi-safis.prefix-limit.config]",
    (_GOBGP, "password"): 'auth-password = "..." under [neighbors.config]',
    (_GOBGP, "gtsm"): "enabled = true and ttl-min = 255 under [neighbors.ttl-security.config]",
    (_GOBGP, "hold"): "hold-time = 9 and keepalive-interval = 3 under [neighbors.timers.config]",
    (_OPENBGPD, "import"): "allow from {n} prefix 0.0.0.0/0",
    (_OPENBGPD, "export"): "allow to {n} prefix 198.51.100.0/24",
    (_OPENBGPD, "limit"): "max-prefix 1000",
    (_OPENBGPD, "password"): 'tcp md5sig password "..."',
    (_OPENBGPD, "gtsm"): "ttl-security yes",
    (_OPENBGPD, "hold"): "holdtime 9",
    (_EXABGP, "restart"): "graceful-restart disable; in capability { }",
    (_EXABGP, "password"): 'md5-password "...";',
    (_EXABGP, "gtsm"): "outgoing-ttl 255; incoming-ttl 255;",
    (_EXABGP, "hold"): "hold-time 9;",
}


def fix(kind: DaemonKind, what: str, session: SessionFacts) -> str:
    """The hint of a finding: "write: ..."; empty where the daemon has no words for it."""
    line = _LINES.get((kind, what), "")
    neighbor = session.neighbor.text if session.neighbor else "ADDRESS"
    return f"write: {line.replace('{n}', neighbor)}" if line else ""
