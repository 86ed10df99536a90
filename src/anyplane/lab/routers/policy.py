"""Policy: what a router does with routes, whichever daemon it runs; pure values, made from the blueprint.

Theory of operation. Whoever hears a route marks it: with its class (rule 1 of the routing model), and with
the number of every ExportRule that the site asked for, by a community on the wire or by `actions`. The marks
are large communities (RFC 8092) of the ASN 4294967295, which RFC 7300 keeps from everybody. They travel over
iBGP to all pops of the network, and from a route server to its members, and nowhere else: every route that
leaves over eBGP is stripped of all communities. So which rules bind a route is known wherever it may leave;
whether a rule means a neighbour is settled here, once, for each neighbour.

    4294967295:1:c   class: 0 own, 1 a customer's, 2 a peer's, 3 a provider's
    4294967295:2:r   rule number r of `rules(blueprint)` binds it
    4294967295:3:0   it stays inside: NO_EXPORT (RFC 1997), BLACKHOLE (RFC 7999)
    4294967295:4:0   its traffic is discarded: BLACKHOLE
    4294967295:5:i   a site announced it (at route servers: members hear these alone); i: the router id that
                     it counts as when members break ties, 0 for that of the route server
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from anyplane.design import communities as words
from anyplane.lab.blueprint import Blueprint, Node, NodeKind, SiteLink
from anyplane.model.nouns import Asn, Effect, ExportRule, Prefix, RouteClass

MARK = 4_294_967_295
CLASS, RULE, KEEP, DISCARD, FROM_SITE = 1, 2, 3, 4, 5
LOCAL_PREF = {
    RouteClass.ORIGIN: 400,
    RouteClass.CUSTOMER: 300,
    RouteClass.PEER: 200,
    RouteClass.PROVIDER: 100,
}
BACKUP_LOCAL_PREF = 0
"""GRACEFUL_SHUTDOWN (RFC 8326): below a provider's, so that any other route is preferred."""
CONTINENTS = frozenset({"AF", "AN", "AS", "EU", "NA", "OC", "SA"})
"""As in the planner: where a code is a country's too (Namibia is NA), the continent is meant."""
_ALL = frozenset({RouteClass.ORIGIN, RouteClass.CUSTOMER, RouteClass.PEER, RouteClass.PROVIDER})
_EARNING = frozenset({RouteClass.ORIGIN, RouteClass.CUSTOMER})


@dataclass(frozen=True, slots=True, kw_only=True)
class Injection:
    """A route that a router originates though it is not its own: a hijack, or a leak with a forged path.

    node: where. as_path: what stands behind the router's own ASN, the pretended origin last; () when the
    router claims to be the origin itself.
    """

    prefix: Prefix
    node: str
    as_path: tuple[Asn, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What may go to one neighbour.

    classes: routes of these. blocked_by: numbers of the rules that forbid it. prepends: (times, numbers of
    the rules that ask for so many), the largest first: the first that binds the route counts alone.
    """

    classes: frozenset[RouteClass]
    blocked_by: tuple[int, ...] = ()
    prepends: tuple[tuple[int, tuple[int, ...]], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """What is made of the routes of one site on arrival.

    communities: text form -> numbers of the rules that it asks for. rules: prefix -> numbers of the rules
    that hold without any community (`actions` of the design). prefixes: all that is accepted, and single
    hosts inside them when they are to be blackholed.
    """

    prefixes: tuple[Prefix, ...]
    communities: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    rules: Mapping[Prefix, tuple[int, ...]] = field(default_factory=dict)


def rules(blueprint: Blueprint) -> tuple[ExportRule, ...]:
    """Every rule of the blueprint once, in an order of its own; the index is the number on the wire."""
    listed = {rule for asked in blueprint.communities.values() for rule in asked}
    listed |= {rule for link in blueprint.sites for asked in link.rules.values() for rule in asked}
    return tuple(sorted(listed, key=_sorted_by))


def export(blueprint: Blueprint, node: Node, *, to: Asn, neighbour_is: RouteClass) -> Export:
    """What `node` exports to a neighbour; `neighbour_is`: what that is to it (CUSTOMER, PEER, PROVIDER)."""
    matching = [
        (number, rule)
        for number, rule in enumerate(rules(blueprint))
        if _means(rule, node, to=to, neighbour_is=neighbour_is)
    ]
    by_times: dict[int, list[int]] = {}
    for number, rule in matching:
        if rule.effect == Effect.PREPEND and rule.times > 0:
            by_times.setdefault(rule.times, []).append(number)
    return Export(
        classes=_ALL if neighbour_is == RouteClass.CUSTOMER else _EARNING,
        blocked_by=tuple(number for number, rule in matching if rule.effect == Effect.NO_EXPORT),
        prepends=tuple((times, tuple(by_times[times])) for times in sorted(by_times, reverse=True)),
    )


def hearing(blueprint: Blueprint, link: SiteLink) -> Hearing:
    """How the upstream of `link` reads what the site announces to it.

    A community is obeyed by the network that owns its number, and by all when it is nobody's.
    """
    number_of = {rule: number for number, rule in enumerate(rules(blueprint))}
    by_text = {str(prefix): prefix for prefix in blueprint.prefixes}
    silent = {by_text[text]: sorted(number_of[rule] for rule in asked) for text, asked in link.rules.items()}
    return Hearing(
        prefixes=blueprint.prefixes,
        communities={
            text: tuple(sorted(number_of[rule] for rule in asked))
            for text, asked in sorted(blueprint.communities.items())
            if words.owner(text) in (None, link.upstream) and asked
        },
        rules={prefix: tuple(numbers) for prefix, numbers in silent.items() if numbers},
    )


def validity(blueprint: Blueprint) -> tuple[tuple[Prefix, int, Asn], ...]:
    """(prefix, longest length, origin) of the ROAs that the origin would have signed (RFC 6482)."""
    return tuple((prefix, prefix.prefixlen, blueprint.origin) for prefix in blueprint.prefixes)


def own_networks(blueprint: Blueprint, node: Node) -> tuple[Prefix, ...]:
    """What a router originates: its users' networks, in the families that the design announces."""
    if node.kind != NodeKind.ROUTER or not node.is_client:
        return ()
    both: dict[int, Prefix] = {4: node.client4, 6: node.client6}
    return tuple(both[family] for family in blueprint.families)


def interior_cost(km: float) -> int:
    """Decametres, at least 1: rule 4 of the model, as an IGP metric."""
    return max(1, round(float(km) * 100))


def _means(rule: ExportRule, node: Node, *, to: Asn, neighbour_is: RouteClass) -> bool:
    here = {node.location.continent} & CONTINENTS | ({node.location.country} - CONTINENTS)
    return (
        (not rule.to_asns or to in rule.to_asns)
        and (not rule.to_regions or bool(rule.to_regions & here))
        and (not rule.to_classes or neighbour_is in rule.to_classes)
    )


def _sorted_by(rule: ExportRule) -> tuple[str, int, list[int], list[str], list[int]]:
    asns, regions, classes = sorted(rule.to_asns), sorted(rule.to_regions), sorted(rule.to_classes)
    return rule.effect.value, rule.times, [int(asn) for asn in asns], regions, [int(c) for c in classes]
