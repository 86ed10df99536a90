"""What a design says about running its sites: checks, safety, the daemon and its sessions, as values.

Times are seconds, shares fractions of 1. A *group* is a PrefixGroup of the design; a *service* of a site is
one group, or one address family of it where v4 and v6 may part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address

from anyplane.model.nouns import Asn, SiteName

Address = IPv4Address | IPv6Address

SERVICE = "service"
"""As the host of a probe: the service's own address, so that the check speaks for one address family."""


class Scope(StrEnum):
    """What a failing check says: about this site alone, or about something that all sites lean on."""

    LOCAL = "local"
    DEPENDENCY = "dependency"


class Transport(StrEnum):
    """How a DNS question travels (RFC 1035, RFC 7766, RFC 7858)."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A host (an address literal, a name, or SERVICE) and a port."""

    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsProbe:
    """A DNS question. Every text of `expect` must be among the answers; empty: `rcode` suffices."""

    server: Endpoint
    name: str
    type: str = "A"
    expect: tuple[str, ...] = ()
    rcode: str = "NOERROR"
    transport: Transport = Transport.UDP
    tls_name: str = ""
    """What the certificate must say over TLS; empty: it is not verified."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpProbe:
    """GET (or `method`) of `url`; passes on a status in `status`, `body` in the body, within `latency_s`."""

    url: str
    method: str = "GET"
    status: frozenset[int] = frozenset((200,))
    body: str = ""
    host_header: str = ""
    address: str = ""
    """Connect here instead of resolving the URL's host; may be SERVICE."""
    is_verified: bool = True
    latency_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpProbe:
    """A TCP handshake."""

    to: Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsProbe:
    """A TLS handshake, its certificate good for `days` more; verified for `server_name` unless empty."""

    to: Endpoint
    server_name: str = ""
    days: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class IcmpProbe:
    """An echo request (RFC 792, RFC 4443)."""

    host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NtpProbe:
    """A client request (RFC 5905); passes at `stratum` or better and |offset| under `offset_s`."""

    server: Endpoint
    stratum: int = 15
    offset_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GrpcProbe:
    """grpc.health.v1.Health/Check answers SERVING."""

    to: Endpoint
    service: str = ""
    is_tls: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessProbe:
    """A process lives; exactly one of pidfile, name (as in /proc/PID/comm) and systemd unit is set."""

    pidfile: str = ""
    name: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecProbe:
    """A command ends with status 0; it runs in a process group of its own, without a shell."""

    command: tuple[str, ...]


Probe = (
    DnsProbe | HttpProbe | TcpProbe | TlsProbe | IcmpProbe | NtpProbe | GrpcProbe | ProcessProbe | ExecProbe
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One probe, how often it runs and what counts as a change.

    `rise` successes in a row make it pass, `fall` failures in a row make it fail. Each interval is stretched
    or shortened by a random share up to `jitter`. `family` 4 or 6: it speaks for that family only; 0: both.
    """

    name: str
    probe: Probe
    scope: Scope = Scope.LOCAL
    family: int = 0
    interval_s: float = 1.0
    timeout_s: float = 0.5
    jitter: float = 0.1
    rise: int = 3
    fall: int = 2
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Degradation:
    """How a service that is impaired is announced: less wanted, but there."""

    prepend: int = 3
    med: int | None = None
    is_graceful_shutdown: bool = False
    communities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """One server behind the service address: where the site's router reaches it, and its own checks."""

    name: str
    address: Address
    interface: str = ""
    weight: int = 1
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the health of one group is judged.

    `need` None: all local checks must pass, else so many of them. `is_together`: v4 and v6 move as one.
    `addresses`: service addresses that the agent keeps on lo (each inside a prefix of the group).
    `backends` and `need_backends`: with fewer live ones than that the site counts as dead.
    """

    group: str
    checks: tuple[Check, ...]
    need: int | None = None
    is_together: bool = False
    degraded: Degradation = field(default_factory=Degradation)
    addresses: tuple[Address, ...] = ()
    backends: tuple[Backend, ...] = ()
    need_backends: int = 1
    path: str = ""


class Isolation(StrEnum):
    """What a dead site does that hears nothing of the others."""

    HOLD = "hold"
    WITHDRAW = "withdraw"


@dataclass(frozen=True, slots=True, kw_only=True)
class Safety:
    """The guards between a failed check and a withdrawal, and the timers.

    floor             other sites that must be fresh and healthy before this one may withdraw
    headroom          load / capacity that the others may reach when they take over this site's load
    budget            withdrawals of sites allowed in any `budget_per_s` seconds
    same_check        share of the fresh sites failing one check since about the same time
                      (`same_check_within_s`) that makes it FROZEN
    fresh_s           older words of a site do not count
    patience_s        how long a failed site waits for words spoken since its check began to fail
    isolated          what to do when no other site is heard although a fleet is declared
    lease_s           lifetime of the service prefix on lo
    death_hold_s      0: on_agent_death: withdraw; else the lifetime that `hold: T` asks for
    flap_*            QUARANTINE: the first backoff, doubled up to the longest
    drain_*           prepends, seconds of GRACEFUL_SHUTDOWN before the withdrawal
    retired           what a new design may leave out: prefixes in text form, "AS64500" for an upstream
    fleet_file        where the words of other sites are read from; empty: `fleet_sites`
    fleet_sites       a static list of sites taken as fresh and healthy
    """

    floor: int = 1
    headroom: float = 1.0
    budget: int = 2
    budget_per_s: float = 600.0
    same_check: float = 0.5
    same_check_within_s: float = 60.0
    fresh_s: float = 30.0
    patience_s: float = 2.0
    isolated: Isolation = Isolation.HOLD
    lease_s: float = 3.0
    death_hold_s: float = 0.0
    flap_first_s: float = 10.0
    flap_longest_s: float = 600.0
    drain_prepend: int = 3
    drain_wait_s: float = 60.0
    retired: frozenset[str] = frozenset()
    fleet_file: str = ""
    fleet_sites: frozenset[SiteName] = frozenset()

    @property
    def has_fleet(self) -> bool:
        """Is anything said about where the words of other sites come from?"""
        return bool(self.fleet_file or self.fleet_sites)


class DaemonKind(StrEnum):
    """The BGP daemons that a site may run."""

    BIRD = "bird"
    FRR = "frr"
    EXABGP = "exabgp"
    GOBGP = "gobgp"
    OPENBGPD = "openbgpd"
    MEMORY = "memory"


class Role(StrEnum):
    """Our role on a session (RFC 9234)."""

    CUSTOMER = "customer"
    PEER = "peer"
    RS_CLIENT = "rs_client"
    PROVIDER = "provider"
    RS = "rs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bfd:
    """RFC 5880 timers, milliseconds."""

    interval_ms: int = 100
    multiplier: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One BGP session of a site with one address of an upstream.

    `name` is how the daemon's configuration calls it. `password_file` holds the TCP MD5 key (RFC 2385), which
    is never part of a design. `is_gtsm`: RFC 5082. `multihop` 0: directly connected. `max_prefix` None: no
    limit. `hold_s`: BGP hold time.
    """

    name: str
    upstream: Asn
    neighbor: Address
    local: Address | None = None
    port: int = 179
    password_file: str = ""
    is_gtsm: bool = False
    multihop: int = 0
    bfd: Bfd | None = None
    role: Role | None = None
    max_prefix: int | None = None
    hold_s: int = 90
    is_passive: bool = False
    imports: str = "default"
    """What is accepted: "default" (the default route only), "all" (filtered) or "none"."""
    path: str = ""

    @property
    def family(self) -> int:
        """4 or 6: the family of the transport, and of the prefixes announced over it."""
        return self.neighbor.version


@dataclass(frozen=True, slots=True, kw_only=True)
class Rtr:
    """An RPKI-to-Router cache (RFC 8210)."""

    host: str
    port: int = 323


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """The BGP daemon of a site and how the agent reaches it.

    `control`: its socket or API address; empty: the daemon's usual one. `include`: the file of routes that
    the agent owns (BIRD), in /run so that a reboot announces nothing. `witness`: the passive listener that
    proves what leaves. `settings`: what only one kind of daemon knows.
    """

    kind: DaemonKind = DaemonKind.EXABGP
    router_id: IPv4Address | None = None
    control: str = ""
    include: str = ""
    rtr: tuple[Rtr, ...] = ()
    witness: Endpoint | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    path: str = ""
