"""The shapes of a health check: exactly one kind of probe, and how often it runs."""

from __future__ import annotations

import difflib
import re
import shlex
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from anyplane.design import endpoints, quantities, timing
from anyplane.design.operation import Endpoint, Scope, Transport
from anyplane.design.quantities import Unfit, shown
from anyplane.design.shape_atoms import (
    FlagAtom,
    NameAtom,
    OneOrMany,
    Part,
    Shape,
    Short,
    TextAtom,
    atom,
    fault,
    listed,
    pattern,
    short,
)

KINDS = ("dns", "http", "tcp", "tls", "icmp", "ntp", "grpc", "process", "exec")
# fmt: off
DNS_TYPES = (
    "A", "AAAA", "ANY", "CAA", "CDNSKEY", "CDS", "CNAME", "DNAME", "DNSKEY", "DS", "HINFO", "HTTPS", "LOC",
    "MX", "NAPTR", "NS", "NSEC", "NSEC3", "NSEC3PARAM", "PTR", "RRSIG", "SMIMEA", "SOA", "SPF", "SRV",
    "SSHFP", "SVCB", "TLSA", "TXT", "URI", "ZONEMD",
)
# fmt: on
# fmt: off
RCODES = (
    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET",
    "NOTAUTH", "NOTZONE",
)
# fmt: on
METHODS = ("GET", "HEAD", "POST", "OPTIONS")
FAMILIES = {"v4": 4, "v6": 6, "both": 0}
COMM_MAX = 15
_TYPE = r"^\s*(?:[A-Za-z][A-Za-z0-9]*|[Tt][Yy][Pp][Ee][0-9]{1,5})\s*$"


def _one_of(value: object, known: tuple[str, ...] | list[str], *, what: str) -> str:
    word = value.strip() if isinstance(value, str) else ""
    for one in known:
        if word.lower() == one.lower():
            return one
    folded = {one.lower(): one for one in known}
    close = difflib.get_close_matches(word.lower()[:40], folded, n=1, cutoff=0.6)
    hint = f"did you mean {folded[close[0]]}?" if close else f"write {', '.join(known[:12])}"
    raise Unfit(f"{shown(value)} is not {what}", hint=hint)


def _dns_type(value: object) -> str:
    word = value.strip().upper() if isinstance(value, str) else ""
    if re.fullmatch(r"TYPE[0-9]{1,5}", word) and int(word[4:]) <= 65535:
        return word
    return _one_of(value, DNS_TYPES, what="a type of DNS record")


def _rcode(value: object) -> str:
    return _one_of(value, RCODES, what="a DNS response code")


def _transport(value: object) -> Transport:
    return Transport(_one_of(value, list(Transport), what="a transport of DNS"))


def _scope(value: object) -> Scope:
    word = value.strip() if isinstance(value, str) else ""
    if word in list(Scope):
        return Scope(word)
    hint = "write local (it speaks for this site) or dependency (all sites lean on it)"
    raise Unfit(f"{shown(value)} is not a scope", hint=hint)


def _family(value: object) -> int:
    word = str(value).strip().lower().replace("ipv", "v")
    if isinstance(value, str) and value.strip() in FAMILIES:
        return FAMILIES[value.strip()]
    meant = {"4": "v4", "6": "v6", "v4": "v4", "v6": "v6", "0": "both", "all": "both", "inet6": "v6"}.get(
        word
    )
    hint = f"did you mean {meant}?" if meant else "write v4, v6 or both"
    raise Unfit(f"{shown(value)} is not a family of addresses", hint=hint)


def _status(value: object) -> int:
    hint = "write for example 200, or [200, 204]"
    return quantities.whole(value, what="an HTTP status", low=100, high=599, hint=hint)


def _method(value: object) -> str:
    return _one_of(value, METHODS, what="an HTTP method of a check")


def _count(value: object) -> int:
    return quantities.whole(value, what="a number of results in a row", low=1, high=100)


def _jitter(value: object) -> float:
    result = quantities.share(value)
    if result > 0.5:
        raise Unfit(f"{shown(value)} is more than jitter may be (50 %)", hint="10 % keeps sites apart")
    return result


def _days(value: object) -> float:
    return float(quantities.whole(value, what="a number of days", low=0, high=3650))


def _stratum(value: object) -> int:
    return quantities.whole(value, what="a stratum", low=1, high=15)


def _comm(value: object) -> str:
    word = quantities.text(value)
    if len(word.encode()) > COMM_MAX:
        cut = word.encode()[:COMM_MAX].decode(errors="ignore")
        hint = f"write {cut}, as in /proc/PID/comm, or use pidfile: or unit:"
        raise Unfit(f"{shown(value)} is longer than the kernel keeps ({COMM_MAX} bytes)", hint=hint)
    return word


def absolute(value: object) -> str:
    """A path that does not hang on where a program was started."""
    word = quantities.text(value)
    if not word.startswith("/"):
        raise Unfit(f"{shown(value)} is not an absolute path", hint="begin it with /")
    return word


def _command(value: object) -> tuple[str, ...]:
    if isinstance(value, str) and value.strip():
        try:
            words = ", ".join(word if word.isidentifier() else f'"{word}"' for word in shlex.split(value))
        except ValueError:
            words = '"/usr/local/bin/check", "--fast"'
        raise Unfit(f"{shown(value)} is a line for a shell, and there is none", hint=f"write [{words}]")
    if isinstance(value, list) and value and all(isinstance(word, str | int) for word in value):
        words_ = tuple(str(word) for word in value if not isinstance(word, bool))
        if len(words_) == len(value) and words_[0].strip():
            return words_
    hint = "write for example [/usr/local/bin/check, --fast]"
    raise Unfit(f"{shown(value)} is not a command and its arguments", hint=hint)


def _text_schema(regex: str, *examples: str) -> dict[str, object]:
    return {"type": "string", "pattern": regex, "examples": list(examples)}


def _enum(known: tuple[str, ...] | list[str]) -> WithJsonSchema:
    cases = "|".join("".join(f"[{c.upper()}{c.lower()}]" if c.isalpha() else c for c in one) for one in known)
    return WithJsonSchema({"type": "string", "pattern": rf"^\s*(?:{cases})\s*$", "examples": list(known)[:4]})


def _count_schema(low: int, high: int) -> WithJsonSchema:
    return WithJsonSchema({"type": "integer", "minimum": low, "maximum": high})


HostAtom = Annotated[
    str, atom(endpoints.host), pattern(endpoints.HOST_PATTERN, "service", "192.0.2.254", "www.example.net")
]
EndpointAtom = Annotated[
    Endpoint,
    atom(endpoints.endpoint),
    pattern(endpoints.ENDPOINT_PATTERN, "service:443", "127.0.0.1:53", "[::1]:53"),
]
NtpAtom = Annotated[
    Endpoint,
    atom(lambda value: endpoints.endpoint_at(123, value)),
    pattern(endpoints.OPEN_ENDPOINT_PATTERN, "service", "service:123"),
]
PortAtom = Annotated[int, atom(endpoints.port), _count_schema(1, 65535)]
UrlAtom = Annotated[str, atom(endpoints.url), pattern(endpoints.URL_PATTERN, "http://service/health")]
TimeAtom = Annotated[float, atom(timing.seconds), pattern(timing.TIME_PATTERN, "500 ms", "3 s")]
IntervalAtom = Annotated[
    float, atom(timing.between(0.05, 3600, what="an interval")), pattern(timing.TIME_PATTERN, "1 s", "500 ms")
]
TimeoutAtom = Annotated[
    float, atom(timing.between(0.005, 300, what="a timeout")), pattern(timing.TIME_PATTERN, "500 ms")
]
JitterAtom = Annotated[float, atom(_jitter), pattern(quantities.SHARE_PATTERN, "10 %")]
CountAtom = Annotated[int, atom(_count), _count_schema(1, 100)]
PathAtom = Annotated[str, atom(absolute), pattern(r"^\s*/", "/run/unbound.pid")]


class DnsShape(Shape):
    """A DNS question."""

    name: TextAtom = Field(description="the name that is asked for")
    type: Annotated[str, atom(_dns_type), pattern(_TYPE, "A", "AAAA", "SOA")] = Field(
        default="A", description="the type of record"
    )
    expect: Annotated[list[TextAtom], BeforeValidator(listed), OneOrMany()] = Field(
        default=[], description="every one of these must be among the answers; none: the rcode suffices"
    )
    rcode: Annotated[str, atom(_rcode), _enum(RCODES)] = Field(
        default="NOERROR", description="the response code"
    )
    server: HostAtom = Field(default="service", description="who is asked; `service` is the service address")
    port: PortAtom = Field(default=53, description="53, or 853 over TLS, if absent")
    over: Annotated[Transport, atom(_transport), _enum(list(Transport))] = Field(
        default=Transport.UDP, description="udp, tcp or tls"
    )
    tls_name: TextAtom = Field(default="", description="what the certificate must say; absent: not verified")

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> DnsShape:
        if self.expect and self.rcode != "NOERROR":
            raise fault(f"{self.rcode} has no answers to expect", hint="leave one of expect and rcode out")
        if self.tls_name and self.over is not Transport.TLS:
            raise fault(f"tls_name needs TLS, but the question goes over {self.over}", hint="add over: tls")
        return self


class HttpShape(Shape):
    """An HTTP request."""

    url: UrlAtom = Field(description="http:// or https://; the host `service` is the service address")
    method: Annotated[str, atom(_method), _enum(METHODS)] = Field(default="GET", description="the method")
    status: Annotated[
        list[Annotated[int, atom(_status), _count_schema(100, 599)]],
        Field(min_length=1),
        BeforeValidator(listed),
        OneOrMany(),
    ] = Field(default=[200], description="the statuses that pass")
    body: TextAtom = Field(default="", description="a text that must be in the body")
    host: TextAtom = Field(default="", description="the Host header (and the name in TLS)")
    address: HostAtom = Field(default="", description="connect here instead of resolving the URL's host")
    verify: FlagAtom = Field(default=True, description="false: the certificate is not verified")
    latency: TimeAtom = Field(default=0.0, description="a slower answer fails")


class TlsShape(Shape):
    """A TLS handshake."""

    to: EndpointAtom = Field(description="host and port; the host `service` is the service address")
    name: TextAtom = Field(default="", description="what the certificate must say; absent: not verified")
    days: Annotated[float, atom(_days), _count_schema(0, 3650)] = Field(
        default=0.0, description="the certificate must be good for so many days more"
    )


class NtpShape(Shape):
    """A question for the time."""

    server: NtpAtom = Field(description="host, and port if not 123")
    stratum: Annotated[int, atom(_stratum), _count_schema(1, 15)] = Field(
        default=15, description="this stratum or a better one passes"
    )
    offset: TimeAtom = Field(default=0.0, description="a clock further away fails")


class GrpcShape(Shape):
    """The standard health service of gRPC."""

    to: EndpointAtom = Field(description="host and port")
    service: TextAtom = Field(default="", description="the name of the service; absent: the whole server")
    tls: FlagAtom = Field(default=False, description="true: over TLS")


class ProcessShape(Shape):
    """A process that must live; one of the keys."""

    name: Annotated[str, atom(_comm), pattern(r"\S", "unbound")] = Field(
        default="", description="its name as in /proc/PID/comm, 15 bytes at most"
    )
    pidfile: PathAtom = Field(default="", description="a file with its process id")
    unit: TextAtom = Field(default="", description="a systemd unit")

    @model_validator(mode="after")
    def _is_one(self) -> ProcessShape:
        if len(self.model_fields_set) != 1:
            said = "more than one way" if self.model_fields_set else "no way"
            raise fault(f"{said} to find the process", hint="give one of name, pidfile and unit")
        return self


class TimedShape(Shape):
    """How often a check runs and what counts as a change."""

    interval: IntervalAtom = Field(default=1.0, description="from one start to the next")
    timeout: TimeoutAtom = Field(default=0.5, description="500 ms, or the interval where that is shorter")
    jitter: JitterAtom = Field(default=0.1, description="the share by which each interval varies at most")
    rise: CountAtom = Field(default=3, description="successes in a row until it passes")
    fall: CountAtom = Field(default=2, description="failures in a row until it fails")


class CheckItemShape(TimedShape):
    """One check: exactly one of the kinds, and how often it runs."""

    name: NameAtom = Field(default="", description="the kind if absent, numbered where it repeats")
    scope: Annotated[Scope, atom(_scope), WithJsonSchema({"enum": [str(one) for one in Scope]})] = Field(
        default=Scope.LOCAL,
        description="local: its failure takes the site down; dependency: it degrades the site at most",
    )
    family: Annotated[int, atom(_family), WithJsonSchema({"enum": list(FAMILIES)})] = Field(
        default=0, description="v4, v6 or both: the addresses that it speaks for"
    )
    dns: Annotated[Part[DnsShape], short("name"), Short(_text_schema(r"\S", "www.example.net"))] = Field(
        default=None, description="a DNS question, or the name alone"
    )
    http: Annotated[
        Part[HttpShape], short("url"), Short(_text_schema(endpoints.URL_PATTERN, "http://service/health"))
    ] = Field(default=None, description="an HTTP request, or the URL alone")
    tcp: Annotated[
        Endpoint | None, atom(endpoints.endpoint), pattern(endpoints.ENDPOINT_PATTERN, "127.0.0.1:53")
    ] = Field(default=None, description="a TCP handshake with host:port")
    tls: Annotated[
        Part[TlsShape], short("to"), Short(_text_schema(endpoints.ENDPOINT_PATTERN, "service:443"))
    ] = Field(default=None, description="a TLS handshake, or host:port alone")
    icmp: HostAtom = Field(default="", description="an echo request to a host")
    ntp: Annotated[
        Part[NtpShape], short("server"), Short(_text_schema(endpoints.OPEN_ENDPOINT_PATTERN, "service"))
    ] = Field(default=None, description="a question for the time, or the server alone")
    grpc: Annotated[
        Part[GrpcShape], short("to"), Short(_text_schema(endpoints.ENDPOINT_PATTERN, "127.0.0.1:9000"))
    ] = Field(default=None, description="the health service of gRPC, or host:port alone")
    process: Annotated[Part[ProcessShape], short("name"), Short(_text_schema(r"\S", "unbound"))] = Field(
        default=None, description="a process that must live, or its name alone"
    )
    exec: Annotated[
        tuple[str, ...],
        atom(_command),
        WithJsonSchema(
            {
                "type": "array",
                "items": {"type": ["string", "integer"]},
                "minItems": 1,
                "examples": [["/usr/local/bin/check", "--fast"]],
            }
        ),
    ] = Field(default=(), description="a command and its arguments, without a shell; status 0 passes")
