"""Scene: sites as they run in production, in namespaces: a DNS server, a BGP daemon, the agent, an upstream.

Everything is real: the configuration is what `anyplane render` prints, the agent is the program itself in a
process of its own, and the upstream is a BIRD whose table is polled (`watch`) faster than 500 times a second.
"""

from __future__ import annotations

import contextlib
import json
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Self

from namespaces import Network, wait_until
from receiver import Neighbor, Receiver
from scene_site import Site, case_named

from anyplane.model.nouns import Prefix

V4 = ip_network("198.51.100.0/24")
V6 = ip_network("2001:db8:53::/48")
BOTH = frozenset((V4, V6))
ASN = 64500
UPSTREAM = 64510
DESIGN = """\
version: 1
service:
  name: faults
  origin: {asn}
  prefixes:
    dns: [{prefixes}]
health:
  dns:
    addresses: [{addresses}]
    together: true
    interval: 1 s
    timeout: 500 ms
    rise: 1
    fall: 2
    checks:
{checks}
safety:
  lease: {lease}
  quarantine: {quarantine}
{safety}
sites:
{sites}
check:
  silence:
    AP002: documentation prefixes
    AP003: documentation ASN
"""
ANSWERS = "      - {name: answers, dns: {name: up.example, type: A, expect: [192.0.2.7], server: 127.0.0.1}}"
FORGIVING = "{first: 100 ms, longest: 200 ms}"
"""A quarantine so short that the next turn need not wait for it."""


@dataclass
class Polls:
    """How often the upstream's table was looked at while something was measured."""

    count: int = 0
    seconds: float = 0.0
    longest_gap: float = 0.0

    @property
    def per_second(self) -> float:
        """The rate."""
        return self.count / self.seconds if self.seconds else 0.0

    def __str__(self) -> str:
        return f"{self.per_second:.0f} a second, {self.longest_gap * 1000:.0f} ms the longest gap"


POLLS = Polls()


class Scene:
    """`count` sites and one upstream that hears them all; the other arguments fill the design's blanks.

    `upstreams`: more of them, as text; `daemon_extra`: what else stands in the daemon's configuration.
    """

    def __init__(
        self,
        daemon: str = "bird2",
        *,
        count: int = 1,
        checks: str = ANSWERS,
        safety: str = "",
        lease: str = "3 s",
        quarantine: str = FORGIVING,
        prefixes: str = '198.51.100.0/24, "2001:db8:53::/48"',
        addresses: str = '198.51.100.53, "2001:db8:53::53"',
        session: str = "",
        peer: str = "",
        upstreams: str = "",
        daemon_extra: str = "",
        upstream_channel: str = "import all; export none;",
        upstream_extra: str = "",
    ) -> None:
        self.network = Network()
        self.upstream = self.network.host("upstream")
        self.sites = {
            name: Site(name, number, self.network.host(name), case_named(daemon), daemon_extra=daemon_extra)
            for number, name in enumerate(("fra", "nyc", "lon", "sin", "ams")[:count])
        }
        self.fleet_file = self.network.directory / "fleet.json"
        for site in self.sites.values():
            self.network.link(
                site.host,
                [f"{site.v4[0]}/31", f"{site.v6[0]}/127"],
                self.upstream,
                [f"{site.v4[1]}/31", f"{site.v6[1]}/127"],
            )
        listed = "\n".join(self._site(site, session) + upstreams for site in self.sites.values())
        for site in self.sites.values():
            site.design = site.host.directory / "design.yaml"
            site.design.write_text(
                DESIGN.format(
                    asn=ASN,
                    prefixes=prefixes,
                    addresses=addresses,
                    checks=checks.replace("PIDFILE", str(site.pidfile)),
                    lease=lease,
                    quarantine=quarantine,
                    safety=safety.replace("FLEET", str(self.fleet_file)),
                    sites=listed,
                )
            )
        neighbors = [
            Neighbor(ours, theirs, ASN, extra=f"error wait time 1, 1; {peer}", channel=upstream_channel)
            for site in self.sites.values()
            for theirs, ours in (site.v4, site.v6)
        ]
        self.receiver = Receiver(self.upstream, UPSTREAM, neighbors, extra=upstream_extra)

    def _site(self, site: Site, session: str) -> str:
        daemon = site.case.daemon(site.host)
        words = [f"kind: {daemon.kind}", f"router_id: {site.v4[0]}"]
        words += [f'control: "{daemon.control}"'] if daemon.control else []
        words += [f'include: "{daemon.include}"'] if daemon.include else []
        if daemon.settings:
            words.append("settings: " + json.dumps(dict(daemon.settings)))
        extra = f", {session}" if session else ""
        sessions = ", ".join(
            f'{{neighbor: "{theirs}", local: "{ours}"{extra}}}' for ours, theirs in (site.v4, site.v6)
        )
        return (
            f"  {site.name}:\n    metro: {site.name.upper()}\n    daemon: {{{', '.join(words)}}}\n"
            f"    upstreams:\n      - asn: {UPSTREAM}\n        session: [{sessions}]"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.receiver.close()
        for site in self.sites.values():
            with contextlib.suppress(Exception):
                site.case.stop(site.host)
        self.network.__exit__()

    @property
    def fra(self) -> Site:
        """The first site."""
        return self.sites["fra"]

    def start(self, *, prefixes: frozenset[Prefix] = BOTH) -> Self:
        """Everything runs and is announced."""
        try:
            for site in self.sites.values():
                site.start_daemon()
                site.start_server()
                site.start_agent()
            self.wait_announced(prefixes, timeout=60)
        except BaseException:
            self.__exit__()
            raise
        return self

    def again(self) -> None:
        """The service is back and announced, and it is a random moment of its check's second.

        What is waited for here depends on the checks, so the pause must be uniform over a whole interval.
        """
        if self.fra.server is None:
            self.fra.start_server()
        if self.fra.agent is None:
            self.fra.start_agent()
        self.wait_announced(timeout=120)
        time.sleep(0.3 + random.uniform(0, 1))

    def wait_announced(self, prefixes: frozenset[Prefix] = BOTH, *, timeout: float = 30) -> None:
        """The upstream holds all the prefixes."""
        try:
            wait_until(lambda: self.receiver.prefixes() >= prefixes, timeout=timeout)
        except AssertionError as error:
            logs = "\n".join(site.log[-3000:] for site in self.sites.values())
            raise AssertionError(f"{error}\nheld: {self.receiver.prefixes()}\n{logs}") from None

    def watch(self, condition: Callable[[frozenset[Prefix]], bool], *, timeout: float = 20) -> float:
        """Poll the upstream's table until it is so; when (monotonic). AssertionError after `timeout`."""
        began = before = time.monotonic()
        while True:
            held = self.receiver.prefixes()
            now = time.monotonic()
            POLLS.count += 1
            POLLS.longest_gap = max(POLLS.longest_gap, now - before)
            before = now
            if condition(held):
                POLLS.seconds += now - began
                return now
            assert now - began < timeout, (
                f"after {now - began:.1f} s it still holds {sorted(map(str, held))}\n{self.fra.log[-2000:]}"
            )
            time.sleep(0.0005)

    def seconds_to_empty(self, since: float, *, timeout: float = 20) -> float:
        """Seconds from `since` until the upstream's table is empty."""
        return self.watch(lambda held: not held, timeout=timeout) - since

    def seconds_to_both(self, since: float, *, timeout: float = 60) -> float:
        """Seconds from `since` until the upstream's table holds both prefixes."""
        return self.watch(lambda held: held >= BOTH, timeout=timeout) - since

    def polls_that_saw(self, seen: Callable[[frozenset[Prefix]], bool], *, for_s: float) -> int:
        """Poll for so long and count the polls that saw it."""
        end = time.monotonic() + for_s
        found = 0

        def is_over(held: frozenset[Prefix]) -> bool:
            nonlocal found
            found += seen(held)
            return time.monotonic() >= end

        self.watch(is_over, timeout=for_s + 5)
        return found

    def withdrawals(self) -> int:
        """All withdrawals that the upstream's sessions were sent, by its own counters.

        A session that was lost counts as one more, since the counters of the session begin anew.
        """
        told = self.receiver.ask("show protocols all")
        return sum(int(one) for one in re.findall(r"Import withdraws:\s+(\d+)", told))

    def sessions(self) -> dict[str, float]:
        """Since when (seconds of the day) each of the upstream's sessions is established."""
        return {
            name: 3600 * int(hours) + 60 * int(minutes) + float(seconds)
            for name, hours, minutes, seconds in re.findall(
                r"\b(n\d+)\s+BGP\s+\S+\s+up\s+(\d+):(\d+):([\d.]+)\s+Established",
                self.receiver.ask("show protocols"),
            )
        }

    def sessions_lost(self, before: dict[str, float]) -> int:
        """How many of these are not what they were; BIRD's reckoning of the time wavers by a millisecond."""
        now = self.sessions()
        return sum(abs(now.get(name, -1.0) - since) > 0.05 for name, since in before.items())

    def updates(self) -> int:
        """All announcements and withdrawals that the upstream was sent, by its own counters."""
        told = self.receiver.ask("show protocols all")
        return sum(int(one) for one in re.findall(r"Import (?:updates|withdraws):\s+(\d+)", told))

    def gone(self, site: Site) -> bool:
        """Does the upstream hold nothing from this site?"""
        return not any(f"[n{2 * site.number + half} " in self.receiver.ask("show route") for half in (0, 1))
