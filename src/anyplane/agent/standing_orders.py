"""StandingOrders: what operators asked for (drains, a freeze, blackholes), kept over restarts and reboots.

On disk an expiry is wall-clock time, for a reboot ends all others; here it is turned into monotonic seconds
once, when it is read or given, so that a clock that jumps later moves nothing.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path

from anyplane.agent.files import read_whole
from anyplane.control.orders import Blackhole, Orders
from anyplane.control.site_plan import SitePlan
from anyplane.design.operation import Address
from anyplane.model.errors import UsageError
from anyplane.model.nouns import Prefix

VERSION = 1
LONGEST_BLACKHOLE_S = 86_400.0
BLACKHOLES = 256
BYTES = 1_000_000
NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingOrders:
    """`expiries`: wall-clock end of each blackhole; `orders` is what control reads."""

    orders: Orders = field(default_factory=Orders)
    expiries: dict[Prefix, float] = field(default_factory=dict)

    def drained(self, services: frozenset[str], *, is_forced: bool) -> StandingOrders:
        """With these services drained too."""
        forced = self.orders.forced | services if is_forced else self.orders.forced
        return self._with(drained=self.orders.drained | services, forced=forced)

    def undrained(self, services: frozenset[str]) -> StandingOrders:
        """Without a drain of these services."""
        return self._with(drained=self.orders.drained - services, forced=self.orders.forced - services)

    def frozen(self, *, is_frozen: bool) -> StandingOrders:
        """Frozen or not."""
        return self._with(is_frozen=is_frozen)

    def blackholed(self, host: Prefix, *, for_s: float, now: float, wall: float) -> StandingOrders:
        """With `host` blackholed for `for_s` seconds from now; one that is there takes the new expiry."""
        kept = tuple(one for one in self.orders.blackholes if one.host != host and one.expires_at > now)
        if len(kept) >= BLACKHOLES:
            raise UsageError(f"{BLACKHOLES} hosts are blackholed already", hint="delete some of them first")
        added = Blackhole(host=host, expires_at=now + for_s)
        return self._with(blackholes=(*kept, added), expiries={**self.expiries, host: wall + for_s})

    def without_blackhole(self, host: Prefix) -> StandingOrders:
        """Without a blackhole of `host`."""
        return self._with(blackholes=tuple(one for one in self.orders.blackholes if one.host != host))

    def current(self, *, now: float) -> StandingOrders:
        """Without what has expired; the same object where nothing has."""
        live = tuple(one for one in self.orders.blackholes if one.expires_at > now)
        return self if len(live) == len(self.orders.blackholes) else self._with(blackholes=live)

    def _with(
        self,
        *,
        drained: frozenset[str] | None = None,
        forced: frozenset[str] | None = None,
        is_frozen: bool | None = None,
        blackholes: tuple[Blackhole, ...] | None = None,
        expiries: dict[Prefix, float] | None = None,
    ) -> StandingOrders:
        before = self.orders
        holes = before.blackholes if blackholes is None else blackholes
        known = self.expiries if expiries is None else expiries
        return StandingOrders(
            orders=Orders(
                drained=before.drained if drained is None else drained,
                forced=before.forced if forced is None else forced,
                is_frozen=before.is_frozen if is_frozen is None else is_frozen,
                blackholes=holes,
            ),
            expiries={one.host: known[one.host] for one in holes},
        )


def to_text(standing: StandingOrders) -> str:
    """As JSON."""
    return json.dumps(
        {
            "version": VERSION,
            "drained": sorted(standing.orders.drained),
            "forced": sorted(standing.orders.forced),
            "is_frozen": standing.orders.is_frozen,
            "blackholes": {str(host): at for host, at in standing.expiries.items()},
        }
    )


def from_text(text: str, *, now: float, wall: float) -> StandingOrders:
    """What `to_text` wrote, without the blackholes that have expired; ValueError for anything else."""
    try:
        plain = json.loads(text)
        if plain["version"] != VERSION:
            raise ValueError(f"version {plain['version']!r}")
        ends: dict[Prefix, float] = {ip_network(host): float(at) for host, at in plain["blackholes"].items()}
        if any(host.prefixlen != host.max_prefixlen for host in ends):
            raise ValueError("a blackhole that is not one address")
        live = {host: at for host, at in ends.items() if at > wall}
        return StandingOrders(
            orders=Orders(
                drained=_names(plain["drained"]),
                forced=_names(plain["forced"]),
                is_frozen=_truth(plain["is_frozen"]),
                # A wall clock that was set back while we were away must not lengthen what was promised.
                blackholes=tuple(
                    Blackhole(host=host, expires_at=now + min(at - wall, LONGEST_BLACKHOLE_S))
                    for host, at in live.items()
                ),
            ),
            expiries=live,
        )
    except (KeyError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise ValueError(f"not a file of orders: {error!r}") from None


def read(paths: Iterable[Path], *, now: float, wall: float) -> tuple[StandingOrders, tuple[str, ...]]:
    """The orders in the first of `paths` (copies of one another) that is whole, and what is wrong with them.

    None of them there: nobody ever gave an order. Some there and none whole: nobody knows what was drained,
    so the site is frozen until an operator says `thaw`: what a live lease announces stays, and nothing comes.
    """
    troubles: list[str] = []
    absent: list[str] = []
    found: StandingOrders | None = None
    for path in paths:
        try:
            found = from_text(read_whole(path, limit=BYTES).decode(), now=now, wall=wall)
        except FileNotFoundError:
            absent.append(f"{path} is missing")
        except (OSError, ValueError) as error:
            troubles.append(f"{path}: {error}")
        else:
            break
    if found is not None:
        return found, (*absent, *troubles)
    if not troubles:
        return StandingOrders(), ()
    return StandingOrders().frozen(is_frozen=True), tuple(troubles)


def _names(value: object) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise TypeError("names are expected")
    return frozenset(value)


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError("true or false is expected")
    return value


def services_meant(plan: SitePlan, text: str) -> frozenset[str]:
    """The services that an operator's word means: a key, a group (all its families), or "" for all."""
    keys = frozenset(one.key for one in plan.services)
    meant = frozenset(one.key for one in plan.services if text in ("", one.key, one.group))
    if not meant:
        names = sorted(keys)
        near = difflib.get_close_matches(text, [*names, *(one.group for one in plan.services)], n=1)
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(names[:NAMED])}{more}"
        raise UsageError(f"there is no service {text} at {plan.site}", hint=hint)
    return meant


def blackhole_host(
    plan: SitePlan, text: str, *, addresses: frozenset[Address], is_forced: bool = False
) -> Prefix:
    """The host that an operator wants blackholed; UsageError where it is none of ours or serves somebody."""
    try:
        host: Prefix = ip_network(text)
    except ValueError:
        raise UsageError(
            f"{text} is not an address", hint="write one address of ours, such as 192.0.2.7"
        ) from None
    if host.prefixlen != host.max_prefixlen:
        raise UsageError(f"{host} is not one address", hint=f"only a /{host.max_prefixlen} is blackholed")
    ours = [prefix for service in plan.services for prefix in service.prefixes]
    if not any(one.version == host.version and host.network_address in one for one in ours):
        listed = ", ".join(str(one) for one in ours[:NAMED])
        more = f" and {len(ours) - NAMED} more" if len(ours) > NAMED else ""
        raise UsageError(
            f"{host.network_address} is not in our own space at {plan.site}",
            hint=f"only hosts in {listed}{more} can be blackholed here",
        )
    if not is_forced and (host in ours or host.network_address in addresses):
        raise UsageError(
            f"{host.network_address} is a service address: to blackhole it is to end the service",
            hint="say --force if that is what you want",
        )
    return host


def fitted(standing: StandingOrders, plan: SitePlan, *, before: SitePlan | None = None) -> StandingOrders:
    """The same orders for a design that groups families otherwise: "dns" holds for "dns/v4" too.

    `before`: the design that they were given under; a service that has another name now keeps its orders. An
    old name that was understood is forgotten: it would drain anew what is undrained under the new one.
    """
    known = {one.key for one in plan.services}
    drained, forced = standing.orders.drained, standing.orders.forced
    heirs = {key: _heirs(key, plan, before) for key in (drained | forced) - known}

    def meant(keys: frozenset[str]) -> frozenset[str]:
        found = {now for key in keys for now in heirs.get(key, ())}
        return frozenset(key for key in keys if not heirs.get(key)) | found

    if not any(heirs.values()):
        return standing
    without = standing.undrained(drained | forced)
    return without.drained(meant(drained), is_forced=False).drained(meant(forced), is_forced=True)


def _heirs(key: str, plan: SitePlan, before: SitePlan | None) -> frozenset[str]:
    """What a service that was called `key` is called in `plan`."""
    old = [] if before is None else [one for one in before.services if key in (one.key, one.group)]
    prefixes = {prefix for one in old for prefix in one.prefixes}
    group = key.removesuffix("/v4").removesuffix("/v6")
    return frozenset(
        one.key for one in plan.services if (prefixes & set(one.prefixes) if old else one.group == group)
    )
