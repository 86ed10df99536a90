"""responses: what can be done about an attack with BGP alone, prepared, one function for each kind.

A Response says what is set at which uplinks, which networks are asked to drop the attacked address, and which
network is poisoned. What each means, and what it cannot do, is in docs/reference/playbook.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial

from anyplane.design.design import Design
from anyplane.design.quantities import PREPEND_MAX
from anyplane.design.setting import (
    OFF,
    Setting,
    Uplink,
    actions_known,
    setting_of,
    uplink_name,
    uplinks,
    upstream_at,
)
from anyplane.model.nouns import UpstreamKind
from anyplane.planning.compile import Scenario

PREPENDS = (1, 2, 3)
CONCENTRATING = 3
"""Prepends of all other sites, where the attack is drawn to one."""
POISON_LENGTH = 2
"""A poisoned path is "origin, poisoned, origin": the origin stays last, so that it stays valid (RFC 6811)."""


class Kind(StrEnum):
    """What is done."""

    NOTHING = "do nothing"
    PREPEND = "prepend"
    WITHDRAW = "withdraw a site"
    WITHDRAW_UPSTREAM = "withdraw from one upstream"
    NO_EXPORT = "NO_EXPORT"
    COMMUNITY = "action community"
    CONCENTRATE = "concentrate on one site"
    POISON = "poison a path"
    BLACKHOLE = "blackhole the address"
    PAIR = "two at once"


@dataclass(frozen=True, slots=True, kw_only=True)
class Poison:
    """Paths announced at these sites contain this ASN, so that its network drops them (RFC 4271 9.1.2)."""

    asn: int
    sites: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One thing to do. sites: where something is to be done, by index. settings: what is set otherwise than
    in the design. droppers: ASNs of networks that are asked to drop the attacked address (RFC 7999)."""

    name: str
    kind: Kind
    sites: tuple[int, ...] = ()
    settings: Mapping[Uplink, Setting] = field(default_factory=dict)
    droppers: tuple[int, ...] = ()
    poison: Poison | None = None
    parts: tuple[Response, ...] = ()
    """Of a PAIR: the two."""


NOTHING = Response(name="do nothing", kind=Kind.NOTHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What responses are made of: the uplinks that carry the scenario's prefixes, by site."""

    design: Design
    uplinks: Mapping[int, tuple[Uplink, ...]]

    @staticmethod
    def of(design: Design, scenario: Scenario) -> Ground:
        """The uplinks of a scenario; those that announce a blackhole already are left alone."""
        carried = set(scenario.prefixes)
        found: dict[int, list[Uplink]] = {}
        for uplink in uplinks(design):
            upstream = upstream_at(design, uplink)
            if carried & set(upstream.prefixes) and not upstream.is_blackhole:
                found.setdefault(uplink.site, []).append(uplink)
        return Ground(design=design, uplinks={site: tuple(mine) for site, mine in found.items()})

    def name(self, site: int) -> str:
        """The name of a site."""
        return str(self.design.sites[site].name)

    def now(self, uplink: Uplink) -> Setting:
        """How an uplink is announced to as designed."""
        return setting_of(self.design, upstream_at(self.design, uplink))

    def each(self, chosen: Sequence[Uplink], turn: Callable[[Setting], Setting]) -> dict[Uplink, Setting]:
        """The settings of these uplinks, turned; those that stay as they are left out."""
        return {
            uplink: turn(self.now(uplink)) for uplink in chosen if turn(self.now(uplink)) != self.now(uplink)
        }


def responses(ground: Ground, *, poison: Sequence[int] = ()) -> tuple[Response, ...]:
    """Every response, site by site in the design's order, doing nothing first. poison: ASNs."""
    found = [NOTHING]
    for site in ground.uplinks:
        found += prepending(ground, site)
        found += withdrawing(ground, site)
        found += no_export(ground, site)
        found += communities(ground, site)
        found += concentrating(ground, site)
    found += blackholes(ground)
    for asn in poison:
        found += poisoning(ground, asn)
    return tuple(one for one in found if one is NOTHING or one.settings or one.droppers or one.poison)


def prepending(ground: Ground, site: int) -> Iterator[Response]:
    """All uplinks of a site one, two, three prepends longer than now."""
    more = " more" if any(ground.now(uplink).prepend for uplink in ground.uplinks[site]) else ""
    for times in PREPENDS:
        yield Response(
            name=f"{ground.name(site)}: prepend {times}{more}",
            kind=Kind.PREPEND,
            sites=(site,),
            settings=ground.each(ground.uplinks[site], partial(_longer, times=times)),
        )


def withdrawing(ground: Ground, site: int) -> Iterator[Response]:
    """The site withdrawn, unless it is the only one; and each of its upstreams, where there are several."""
    mine = ground.uplinks[site]
    if len(ground.uplinks) > 1:
        yield Response(
            name=f"{ground.name(site)}: withdraw",
            kind=Kind.WITHDRAW,
            sites=(site,),
            settings=dict.fromkeys(mine, OFF),
        )
    if len(mine) > 1:
        for uplink in mine:
            yield Response(
                name=f"{uplink_name(ground.design, uplink)}: withdraw",
                kind=Kind.WITHDRAW_UPSTREAM,
                sites=(site,),
                settings={uplink: OFF},
            )


def no_export(ground: Ground, site: int) -> Iterator[Response]:
    """NO_EXPORT at all uplinks of a site (only its upstreams' own users stay), and at each of several."""
    mine = ground.uplinks[site]
    chosen = [(ground.name(site), mine)]
    if len(mine) > 1:
        chosen += [(uplink_name(ground.design, uplink), (uplink,)) for uplink in mine]
    for name, which in chosen:
        yield Response(
            name=f"{name}: no-export",
            kind=Kind.NO_EXPORT,
            sites=(site,),
            settings=ground.each(which, partial(replace, is_no_export=True)),
        )


def communities(ground: Ground, site: int) -> Iterator[Response]:
    """Each action community that the design knows, sent to the upstream that acts on it."""
    for uplink in ground.uplinks[site]:
        now = ground.now(uplink)
        for text in actions_known(ground.design, upstream_at(ground.design, uplink)):
            if text not in now.actions:
                yield Response(
                    name=f"{uplink_name(ground.design, uplink)}: send {text}",
                    kind=Kind.COMMUNITY,
                    sites=(site,),
                    settings={uplink: replace(now, actions=tuple(sorted((*now.actions, text))))},
                )


def concentrating(ground: Ground, site: int) -> Iterator[Response]:
    """One site takes what it can get, the attack with it: all others three prepends longer."""
    others = [uplink for other, mine in ground.uplinks.items() if other != site for uplink in mine]
    if others:
        yield Response(
            name=f"concentrate on {ground.name(site)}",
            kind=Kind.CONCENTRATE,
            sites=tuple(other for other in ground.uplinks if other != site),
            settings=ground.each(others, partial(_longer, times=CONCENTRATING)),
        )


def blackholes(ground: Ground) -> Iterator[Response]:
    """The attacked address dropped by one upstream, by all of a site (as `site blackhole` asks), by all."""
    everywhere: set[int] = set().union(*(droppers_at(ground, site) for site in ground.uplinks))
    wanted = [{asn} for asn in sorted(everywhere)]
    wanted += [droppers_at(ground, site) for site in ground.uplinks]
    chosen = dict.fromkeys(tuple(sorted(one)) for one in (*wanted, everywhere) if one)
    for asns in chosen:
        where = ", ".join(f"AS{asn}" for asn in asns)
        yield Response(
            name="blackhole everywhere" if set(asns) == everywhere else f"blackhole at {where}",
            kind=Kind.BLACKHOLE,
            sites=tuple(site for site in ground.uplinks if droppers_at(ground, site) & set(asns)),
            droppers=asns,
        )


def droppers_at(ground: Ground, site: int) -> set[int]:
    """The ASNs that a site may ask to drop an address. A route server's members heed that each as they like,
    so it counts for nothing here."""
    upstreams = [upstream_at(ground.design, uplink) for uplink in ground.uplinks[site]]
    return {int(one.asn) for one in upstreams if one.kind != UpstreamKind.ROUTE_SERVER}


def poisoning(ground: Ground, asn: int) -> Iterator[Response]:
    """A network's ASN in the paths: of all sites (it has no route), of each (it goes elsewhere)."""
    everywhere = tuple(ground.uplinks)
    yield Response(
        name=f"poison AS{asn}",
        kind=Kind.POISON,
        sites=everywhere,
        poison=Poison(asn=asn, sites=everywhere),
    )
    if len(everywhere) > 1:
        for site in everywhere:
            yield Response(
                name=f"{ground.name(site)}: poison AS{asn}",
                kind=Kind.POISON,
                sites=(site,),
                poison=Poison(asn=asn, sites=(site,)),
            )


def pair(first: Response, second: Response) -> Response | None:
    """Both at once; None where they turn the same uplink, or cannot be reckoned together."""
    if set(first.settings) & set(second.settings) or (first.droppers and second.droppers):
        return None
    if first.poison or second.poison or Kind.NOTHING in (first.kind, second.kind):
        return None
    return Response(
        name=f"{first.name} + {second.name}",
        kind=Kind.PAIR,
        sites=tuple(sorted({*first.sites, *second.sites})),
        settings={**first.settings, **second.settings},
        droppers=first.droppers or second.droppers,
        parts=(first, second),
    )


def _longer(now: Setting, times: int) -> Setting:
    return replace(now, prepend=min(PREPEND_MAX, now.prepend + times))
