"""Client: GoBGP's gRPC interface as blocking calls with deadlines; finds out whether 3 or 4 answers.

grpc is imported with the first call, for it weighs more than the rest of the agent. The calls block and are
made from worker threads; none lasts longer than CALL_S.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

from anyplane.bgp.gobgp.messages import Dialect, dialect
from anyplane.bgp.gobgp.paths import Told, family, from_path, to_path
from anyplane.model.errors import SpeakerError, SpeakerRejected, SpeakerUnreachable, UsageError
from anyplane.model.nouns import Asn, Prefix

DAEMON = "gobgp"
DEFAULT_TARGET = "127.0.0.1:50051"
CALL_S = 2.0
_OPTIONS = (
    ("grpc.enable_http_proxy", 0),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 250),
)
_ADJ_OUT, _VRF = 3, 4


def target(control: str) -> str:
    """What gRPC calls the daemon's address: a path becomes unix:path."""
    if not control:
        return DEFAULT_TARGET
    return f"unix:{control}" if control.startswith("/") else control


def vrf(upstream: Asn) -> str:
    """The name of an upstream's VRF, here and in the rendered configuration."""
    return f"as{upstream}"


class Client:
    """Connects with the first call. Every call raises SpeakerUnreachable or SpeakerRejected."""

    def __init__(self, control: str, *, asn: Asn) -> None:
        self.target = target(control)
        self._asn = asn
        self._channel: Any = None
        self._dialect: Dialect | None = None

    @property
    def version(self) -> int:
        """3 or 4: which interface answers."""
        return self._found().version

    def peers(self) -> list[Any]:
        """Every neighbour, as a Peer message."""
        d = self._found()
        listed = self._stream("ListPeer", d("ListPeerRequest"), "ListPeerResponse")
        return [one.peer for one in listed]

    def told(self, upstream: Asn, version: int) -> frozenset[Told]:
        """What the upstream's VRF holds of our own making, in one address family."""
        d = self._found()
        rows = self._paths(_VRF, vrf(upstream), version)
        ours = ((prefix, one) for prefix, one in rows if not one.is_from_external and not _learned(one))
        return frozenset(from_path(d, _without_rd(prefix), one, sent=False) for prefix, one in ours)

    def sent(self, neighbor: str, version: int) -> frozenset[Told]:
        """The Adj-RIB-Out of one neighbour after the export policies."""
        d = self._found()
        rows = self._paths(_ADJ_OUT, neighbor, version)
        return frozenset(from_path(d, prefix, one, sent=True) for prefix, one in rows if not one.filtered)

    def announce(self, upstream: Asn, told: Told) -> None:
        """Put it into the upstream's VRF, in place of what was there of the prefix."""
        d = self._found()
        path = to_path(d, told, asn=self._asn)
        request = d("AddPathRequest", table_type=d.tables_from + _VRF, vrf_id=vrf(upstream), path=path)
        self._call("AddPath", request, "AddPathResponse", what=f"{told.prefix} in {vrf(upstream)}")

    def withdraw(self, upstream: Asn, told: Told) -> None:
        """Take the prefix out of the upstream's VRF."""
        d = self._found()
        path = to_path(d, told, asn=self._asn)
        request = d(
            "DeletePathRequest",
            table_type=d.tables_from + _VRF,
            vrf_id=vrf(upstream),
            family=family(d, told.prefix.version),
            path=path,
        )
        self._call("DeletePath", request, "Empty", what=f"{told.prefix} in {vrf(upstream)}")

    def disable(self, neighbor: str) -> None:
        """Shut the session down; its peer drops all that it was sent."""
        d = self._found()
        request = d("DisablePeerRequest", address=neighbor, communication="withdrawn by anyplane")
        self._call("DisablePeer", request, "Empty", what=neighbor)

    def enable(self, neighbor: str) -> None:
        """Undo `disable`."""
        d = self._found()
        self._call("EnablePeer", d("EnablePeerRequest", address=neighbor), "Empty", what=neighbor)

    def close(self) -> None:
        """Give the connection back; a later call opens another."""
        if self._channel is not None:
            self._channel.close()
        self._channel, self._dialect = None, None

    def _paths(self, table: int, name: str, version: int) -> Iterator[tuple[str, Any]]:
        d = self._found()
        request = d("ListPathRequest", table_type=d.tables_from + table, name=name, family=family(d, version))
        for row in self._stream("ListPath", request, "ListPathResponse", what=name):
            for path in row.destination.paths:
                if not path.is_withdraw:
                    yield row.destination.prefix, path

    def _found(self) -> Dialect:
        """The dialect that the daemon speaks; asked for once a connection."""
        if self._dialect is None:
            refused: SpeakerError | None = None
            for version in (4, 3):
                self._dialect = _dialect(version)
                try:
                    answer = self._call("GetBgp", self._dialect("GetBgpRequest"), "GetBgpResponse")
                except SpeakerRejected as error:
                    self._dialect, refused = None, error
                    continue
                except SpeakerUnreachable:
                    self._dialect = None
                    raise
                asn = getattr(answer, "global").asn
                if asn != self._asn:
                    self._dialect = None
                    raise SpeakerRejected(
                        DAEMON,
                        f"it runs as AS{asn}, not AS{self._asn}"
                        if asn
                        else "it runs without a configuration",
                        command="GetBgp",
                        hint="start gobgpd with what `anyplane render --daemon gobgp` prints",
                    )
                break
            else:
                raise SpeakerRejected(
                    DAEMON,
                    f"what answers at {self.target} speaks neither GoBGP 3's interface nor 4's",
                    command="GetBgp",
                    reply=refused.reply if refused else "",
                    hint="say under daemon: control: where gobgpd listens (--api-hosts)",
                )
        return self._dialect

    def _call(self, method: str, request: Any, answer: str, *, what: str = "") -> Any:
        grpc = _grpc()
        call = self._opened().unary_unary(*self._types(method, answer))
        try:
            return call(request, timeout=CALL_S)
        except (grpc.RpcError, ValueError) as error:
            raise self._error(error, f"{method} {what}".strip()) from None

    def _stream(self, method: str, request: Any, answer: str, *, what: str = "") -> list[Any]:
        grpc = _grpc()
        call = self._opened().unary_stream(*self._types(method, answer))
        try:
            return list(call(request, timeout=CALL_S))
        except (grpc.RpcError, ValueError) as error:
            raise self._error(error, f"{method} {what}".strip()) from None

    def _types(self, method: str, answer: str) -> tuple[str, Any, Any]:
        assert self._dialect is not None  # noqa: S101  # every caller has asked _found() first
        d = self._dialect
        return f"/{d.service}/{method}", lambda one: one.SerializeToString(), d.messages[answer].FromString

    def _opened(self) -> Any:
        if self._channel is None:
            self._channel = _grpc().insecure_channel(self.target, options=_OPTIONS)
        return self._channel

    def _error(self, error: Exception, command: str) -> SpeakerError:
        grpc = _grpc()
        code = error.code() if isinstance(error, grpc.Call) else None
        reply = (str(error.details()) if isinstance(error, grpc.Call) else str(error))[:300]
        if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
            self._dialect = None  # what answers next may be another version
            return SpeakerUnreachable(
                DAEMON,
                f"no answer from {self.target}",
                command=command,
                reply=reply,
                hint="does gobgpd run, and with --api-hosts at this address? may this user open the socket?",
            )
        if code is grpc.StatusCode.UNIMPLEMENTED and command != "GetBgp":
            self._dialect = None
        hint = (
            "start gobgpd with what `anyplane render --daemon gobgp` prints" if "vrf" in reply.lower() else ""
        )
        return SpeakerRejected(DAEMON, "it refused", command=command, reply=reply, hint=hint)


def within(prefix: Prefix, owned: tuple[Prefix, ...]) -> bool:
    """Is the prefix inside one of ours?"""
    return any(one.version == prefix.version and prefix.subnet_of(one) for one in owned)  # type: ignore[arg-type]  # same version


def _without_rd(text: str) -> str:
    """ "64500:1:198.51.100.0/24" -> "198.51.100.0/24"; a text without route distinguisher as it is."""
    try:
        ip_network(text)
    except ValueError:
        return text.split(":", 2)[-1]
    return text


def _learned(path: Any) -> bool:
    return path.neighbor_ip not in ("", "<nil>", "invalid IP")


def _dialect(version: int) -> Dialect:
    try:
        return dialect(version)
    except ImportError:
        raise _not_installed() from None


def _grpc() -> Any:
    try:
        import grpc
    except ImportError:
        raise _not_installed() from None
    return grpc


def _not_installed() -> UsageError:
    return UsageError(
        "driving GoBGP needs grpcio and protobuf, which are not installed",
        hint="install anyplane[gobgp], or let the site run another daemon",
    )
