"""Asked once: the same question from many clients, now, and what each was answered; a dig from everywhere."""

from __future__ import annotations

import select
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from anyplane.lab.probes.prober_sockets import (
    Doors,
    SocketAddress,
    destination,
    failure_of,
    now_us,
    queued_error,
)
from anyplane.lab.probes.queries import NO_SITE, Client, Failure, Kind, ProbeTarget
from anyplane.lab.probes.questions import ID_SERVER, identity_of, question, site_of
from anyplane.model.errors import LabError

APART_US = 300
"""Between two sendings, so that nobody's answer waits for another's."""


@dataclass(slots=True, kw_only=True)
class Answers:
    """What one client was answered. `sites`: one for each answer; error: why there is none, in words."""

    sites: list[str] = field(default_factory=list)
    rtts_ms: list[float] = field(default_factory=list)
    error: str = ""

    @property
    def site(self) -> str:
        """The last answer's, "" where nobody answered."""
        return self.sites[-1] if self.sites else NO_SITE

    @property
    def rtt_ms(self) -> float | None:
        """The shortest."""
        return min(self.rtts_ms, default=None)


def asked_once(
    clients: Sequence[Client],
    address: str,
    *,
    port: int = 53,
    name: str = ID_SERVER,
    tries: int = 1,
    timeout_s: float = 1.5,
) -> Mapping[str, Answers]:
    """By client. It moves through namespaces: call it in a thread of its own (`in_new_thread`)."""
    target = ProbeTarget(address=address, port=port, kind=Kind.UDP)
    found = {client.name: Answers() for client in clients}
    where = destination(target)
    doors = Doors(clients)
    asking: dict[int, tuple[str, socket.socket]] = {}
    try:
        with select.epoll() as epoll:
            for client in clients:
                if not client.source(target.family):
                    found[client.name].error = f"it has no IPv{target.family} address"
                    continue
                try:
                    made = doors.datagrams(client, target.family)
                except LabError as error:
                    found[client.name].error = error.message
                    continue
                asking[made.fileno()] = (client.name, made)
                epoll.register(made.fileno(), select.EPOLLIN)
            _ask(epoll, asking, where, found, name, tries, timeout_s)
    finally:
        for _, made in asking.values():
            made.close()
        doors.close()
    for answers in found.values():
        if not answers.sites and not answers.error:
            answers.error = f"no answer within {timeout_s:g} s"
    return found


_WORDS = {
    Failure.REFUSED: "refused: nothing listens there",
    Failure.UNREACHABLE: "no route to it",
}


def _ask(
    epoll: select.epoll,
    asking: Mapping[int, tuple[str, socket.socket]],
    where: SocketAddress,
    found: Mapping[str, Answers],
    name: str,
    tries: int,
    timeout_s: float,
) -> None:
    """Send in turns, `tries` rounds; a round that is answered whole does not wait for its end."""
    for number in range(1, tries + 1):
        due = list(asking.items())[::-1]
        sent: dict[int, int] = {}
        next_at = now_us()
        ends_at = next_at + int(timeout_s * 1e6) + APART_US * len(due)
        while (due or sent) and (now := now_us()) < ends_at:
            if due and now >= next_at:
                file, (client, made) = due.pop()
                next_at = max(next_at + APART_US, now)
                try:
                    sent[file] = now_us()
                    made.sendto(question(number, name), where)
                except OSError as error:
                    del sent[file]
                    found[client].error = _said(failure_of(error.errno or 0))
                continue
            wait = next_at if due else ends_at
            for file, events in epoll.poll(max(0, wait - now) / 1e6):
                client, made = asking[file]
                at = now_us()
                if events & select.EPOLLERR and (told := queued_error(made)) is not None:
                    found[client].error = _said(told[1])
                    sent.pop(file, None)
                elif events & select.EPOLLIN:
                    data, source = made.recvfrom(2048)
                    if source != where or identity_of(data) != number or file not in sent:
                        continue
                    took = (at - sent.pop(file)) / 1000
                    if site := site_of(data):
                        found[client].sites.append(site)
                        found[client].rtts_ms.append(took)
                    else:
                        found[client].error = "answered, but named no site"


def _said(failure: Failure) -> str:
    return _WORDS.get(failure, str(failure))
