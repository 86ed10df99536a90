"""asking: any DNS question from any node, with NSID; a program that reads its errands on standard input.

`python -m anyplane.lab.probes.asking` reads {"errands": [...]} and writes a JSON list with an outcome for
each. An errand names the namespace that it starts from; each runs in a thread of its own that has entered it,
all at once. The probers ask one question over and over; this is for a person who asks another one.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TextIO

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype

from anyplane.lab.container.libc import CLONE_NEWNET, setns

TRIES = 3
TIMEOUT_S = 1.5
PORT = 53
PAYLOAD = 1232
CHAOS_NAMES = ("id.server", "hostname.bind", "version.bind", "version.server")
_REASONS = {
    errno.ECONNREFUSED: "refused: nothing listens there",
    errno.EHOSTUNREACH: "no route on the way (host unreachable)",
    errno.ENETUNREACH: "no route to it",
    errno.EADDRNOTAVAIL: "the node lacks the address that it should ask from",
    errno.EACCES: "forbidden on the way",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """namespace: a path that setns takes, "" for the own one. source: "" leaves it to the kernel."""

    namespace: str
    source: str
    server: str
    name: str = "id.server"
    type: str = "TXT"
    tries: int = TRIES
    timeout_s: float = TIMEOUT_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of an errand; rtt_ms is the shortest of all tries."""

    rcode: str = ""
    texts: tuple[str, ...] = ()
    """The answers of the type that was asked for; TXT without its quotes."""
    nsid: str = ""
    rtt_ms: float | None = None
    error: str = ""


def main() -> None:
    """Run the errands of standard input."""
    run(sys.stdin, sys.stdout)


def run(source: TextIO, target: TextIO) -> None:
    """Read errands, run all at once, write their outcomes in the same order."""
    errands = [Errand(**one) for one in json.load(source)["errands"]]
    outcomes: list[Outcome] = [Outcome(error="was not done")] * len(errands)

    def do(index: int) -> None:
        outcomes[index] = done(errands[index])

    threads = [threading.Thread(target=do, args=(index,), daemon=True) for index in range(len(errands))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    json.dump([asdict(outcome) for outcome in outcomes], target)
    target.write("\n")


def outcome(plain: Mapping[str, Any]) -> Outcome:
    """One of the outcomes that were written, as a value."""
    return Outcome(**{**plain, "texts": tuple(plain["texts"])})


def done(errand: Errand) -> Outcome:
    """The outcome; the calling thread stays in the namespace that it names."""
    try:
        if errand.namespace:
            _enter(errand.namespace)
        return ask(errand)
    except dns.exception.DNSException as error:
        return Outcome(error=f"the question makes no sense: {error}")
    except OSError as error:
        return Outcome(error=_reason(error))


def ask(errand: Errand) -> Outcome:
    """Ask so many times, one after the other; the last answer, the shortest time."""
    query = _query(errand)
    best: float | None = None
    found = Outcome(error=f"no answer within {errand.timeout_s:g} s")
    with _socket(errand) as place:
        for number in range(errand.tries):
            query.id = (query.id + number) & 0xFFFF
            wire = query.to_wire()
            began = time.perf_counter()
            try:
                place.send(wire)
                heard = _answer(place, query, began + errand.timeout_s)
            except OSError as error:
                found = Outcome(error=_reason(error))
                continue
            if heard is None:
                continue
            answer, at = heard
            took = (at - began) * 1000
            best = took if best is None else min(best, took)
            found = _judged(answer, errand)
    return Outcome(rcode=found.rcode, texts=found.texts, nsid=found.nsid, error=found.error, rtt_ms=best)


def _query(errand: Errand) -> dns.message.QueryMessage:
    is_chaos = errand.name.rstrip(".").lower() in CHAOS_NAMES
    return dns.message.make_query(
        errand.name,
        errand.type,
        dns.rdataclass.CH if is_chaos else dns.rdataclass.IN,
        use_edns=0,
        payload=PAYLOAD,
        options=[dns.edns.GenericOption(dns.edns.OptionType.NSID, b"")],
    )


def _answer(
    place: socket.socket, query: dns.message.Message, until: float
) -> tuple[dns.message.Message, float] | None:
    """The answer and when it came: before it is read, which takes as long as a short way."""
    while (left := until - time.perf_counter()) > 0:
        place.settimeout(left)
        try:
            data = place.recv(65_535)
        except TimeoutError:
            return None
        at = time.perf_counter()
        try:
            message = dns.message.from_wire(data)
        except (dns.exception.DNSException, ValueError):
            continue
        if query.is_response(message):
            return message, at
    return None


def _judged(answer: dns.message.Message, errand: Errand) -> Outcome:
    wanted = dns.rdatatype.from_text(errand.type)
    texts = [one.to_text() for rrset in answer.answer if rrset.rdtype == wanted for one in rrset]
    nsid = next((option for option in answer.options if option.otype == dns.edns.OptionType.NSID), None)
    data = nsid.to_wire() if nsid is not None else b""
    return Outcome(
        rcode=dns.rcode.to_text(answer.rcode()),
        texts=tuple(text.strip('"') for text in texts),
        nsid=(data or b"").decode("utf-8", "replace"),
    )


def _socket(errand: Errand) -> socket.socket:
    """Connected, so that only the server's answers come in, and what went wrong on the way is told."""
    is_v4 = ":" not in errand.server
    place = socket.socket(socket.AF_INET if is_v4 else socket.AF_INET6, socket.SOCK_DGRAM)
    try:
        if errand.source:
            place.bind((errand.source, 0))
        place.connect((errand.server, PORT))
    except BaseException:
        place.close()
        raise
    return place


def _enter(namespace: str) -> None:
    descriptor = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
    try:
        setns(descriptor, CLONE_NEWNET)
    finally:
        os.close(descriptor)


def _reason(error: OSError) -> str:
    number = error.errno or 0
    return _REASONS.get(number) or (error.strerror or str(error)).lower()


if __name__ == "__main__":
    main()
