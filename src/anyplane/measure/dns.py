"""A DNS question over UDP, TCP or TLS, and what must be in its answer.

The message is made once and only its ID is drawn anew. An answer counts when ID and question are ours (the
address is the kernel's business: the socket is connected). An answer that is byte for byte one that was
judged before is not parsed again, which is the rule for a server that is asked the same every second.
"""

from __future__ import annotations

import secrets

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from anyplane.design.operation import DnsProbe, Transport
from anyplane.measure.datagrams import exchange
from anyplane.measure.names import SocketAddress, Target
from anyplane.measure.outcome import Outcome, Unhealthy, good
from anyplane.measure.shared import Shared
from anyplane.measure.streams import Stream, TlsStream, connect, connect_tls

PAYLOAD = 1232
"""The UDP payload that fits everywhere (DNS flag day 2020)."""
HEADER = 12
_REMEMBERED = 8
_ANY = dns.rdatatype.ANY


class DnsProber:
    """Asks one question."""

    doing = "waiting for the answer"

    def __init__(self, spec: DnsProbe, *, family: int, shared: Shared) -> None:
        self._transport, self._tls_name = spec.transport, spec.tls_name
        self._judge = Judge(spec)
        self._target = Target(spec.server.host, spec.server.port, family=family, names=shared.names)
        self._trust = shared.trust
        self._judged: dict[bytes, Outcome] = {}

    async def probe(self) -> Outcome:
        """Good when the answer is as wanted; a truncated one is asked for again over TCP (RFC 7766)."""
        identity = secrets.token_bytes(2)
        query = identity + self._judge.query
        address = await self._target.address()
        if self._transport is Transport.UDP:
            self.doing = "waiting for the answer over UDP"
            answer = await exchange(address, query, lambda data: self._judge.is_answer(data, identity))
            if is_truncated(answer):
                answer = await self._over_stream(address, query, is_tls=False)
        else:
            answer = await self._over_stream(address, query, is_tls=self._transport is Transport.TLS)
        if (outcome := self._judged.get(answer[2:])) is None:
            outcome = self._judge.outcome(answer)
            if len(self._judged) >= _REMEMBERED:
                self._judged.clear()
            self._judged[answer[2:]] = outcome
        return outcome

    def close(self) -> None:
        """Nothing is held."""

    async def _over_stream(self, address: SocketAddress, query: bytes, *, is_tls: bool) -> bytes:
        self.doing = "connecting over TLS" if is_tls else "connecting over TCP"
        stream: Stream | TlsStream
        if is_tls:
            context = self._trust.context(is_verified=bool(self._tls_name), alpn="dot")
            stream = await connect_tls(address, context, self._tls_name or None)
        else:
            stream = await connect(address)
        try:
            self.doing = f"waiting for the answer over {'TLS' if is_tls else 'TCP'}"
            await stream.send(len(query).to_bytes(2, "big") + query)
            answer = await _framed(stream)
        finally:
            stream.close()
        if not self._judge.is_answer(answer, query[:2]):
            raise Unhealthy("answered another question than the one asked")
        return answer


class Judge:
    """One question: its message without the ID, and what is made of answers. Unhealthy: there is none."""

    def __init__(self, spec: DnsProbe) -> None:
        try:
            name = dns.name.from_text(spec.name)
            self._type = dns.rdatatype.from_text(spec.type)
            self._rcode = dns.rcode.from_text(spec.rcode)
        except dns.exception.DNSException as error:
            raise Unhealthy(f"the question makes no sense: {error}") from error
        self._expected = tuple(_canonical(text, self._type) for text in spec.expect)
        self.query = dns.message.make_query(name, self._type, use_edns=0, payload=PAYLOAD).to_wire()[2:]
        self._name = name.to_wire() or b"\0"
        self._type_and_class = self.query[HEADER - 2 + len(self._name) :][:4]

    def is_answer(self, data: bytes, identity: bytes) -> bool:
        """Is this a response with our ID and our question? (RFC 5452 section 3)

        A server that could not read the question may leave it out of its error.
        """
        if len(data) < HEADER or data[:2] != identity or not data[2] & 0x80:
            return False
        if data[4:6] == b"\0\0":
            return data[3] & 0x0F != 0
        end = HEADER + len(self._name)
        return (
            data[4:6] == b"\0\1"
            and data[HEADER:end].lower() == self._name.lower()
            and data[end : end + 4] == self._type_and_class
        )

    def outcome(self, answer: bytes) -> Outcome:
        """What an answer says; Unhealthy when it is not what is wanted."""
        try:
            message = dns.message.from_wire(answer)
        except (dns.exception.DNSException, ValueError, UnicodeError) as error:
            raise Unhealthy(f"the answer cannot be read: {type(error).__name__}") from error
        rcode = dns.rcode.to_text(message.rcode())
        if message.rcode() != self._rcode:
            raise Unhealthy(f"answered {rcode}, not {dns.rcode.to_text(self._rcode)}")
        found = [
            one.to_text() for rrset in message.answer if self._type in (rrset.rdtype, _ANY) for one in rrset
        ]
        if missing := [text for text in self._expected if text not in found]:
            shown = ", ".join(found[:4]) or "nothing"
            raise Unhealthy(f"answered {shown}, not {', '.join(missing)}")
        return good(f"{rcode}, {', '.join(found[:4])}" if found else rcode)


def is_truncated(answer: bytes) -> bool:
    """Is the TC bit set?"""
    return bool(answer[2] & 0x02)


async def _framed(stream: Stream | TlsStream) -> bytes:
    """One message after its length (RFC 1035 section 4.2.2)."""
    data = b""
    while len(data) < 2 or len(data) < 2 + int.from_bytes(data[:2], "big"):
        more = await stream.receive()
        if not more:
            raise Unhealthy(f"the connection ended after {len(data)} bytes of the answer")
        data += more
    return data[2 : 2 + int.from_bytes(data[:2], "big")]


def _canonical(text: str, rdtype: dns.rdatatype.RdataType) -> str:
    """An expected answer as an answer would be written: "2001:DB8::1" is 2001:db8::1."""
    try:
        return dns.rdata.from_text(dns.rdataclass.IN, rdtype, text, origin=dns.name.root).to_text()
    except (dns.exception.DNSException, ValueError):
        return text
