"""explain: the decision behind one pop's site, network by network, like a looking glass on each of them."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anyplane.model.errors import TopologyError, UsageError
from anyplane.planning.candidates import Candidate, Rule, candidates, judged, possible_sites
from anyplane.planning.catchment import country_of
from anyplane.planning.compile import Scenario
from anyplane.planning.latency import LatencyModel
from anyplane.planning.reasons import CLASS_NAMES
from anyplane.planning.report import Audience, audience_of
from anyplane.planning.rounding import fraction, ms, people
from anyplane.planning.sessions import label
from anyplane.routing import NO_SITE, Routes, expected
from anyplane.topology import Topology

LARGEST_AT_METRO = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One candidate route at a network. neighbour: "AS174 COGENT-174" or "session with fra".

    length: of the AS path. exit_km: to where it leaves the network. km: from there to the site. sites: where
    it may lead. removed_by: the rule that removed it; "chosen", or "tie" when it is as good.
    """

    neighbour: str
    route_class: str
    length: int
    med: int
    exit_metro: str
    exit_km: float
    km: float
    site: str
    sites: tuple[str, ...]
    removed_by: Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One network on the way, in the metro where the traffic enters it; offers: the chosen one first."""

    asn: int
    network: str
    metro: str
    offers: tuple[Offer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A stretch of the way between two places. carrier: the network that hauls it, or the link it crosses."""

    start: str
    end: str
    km: float
    carrier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chance:
    """A possible site and its probability when every tie on the way is an even draw."""

    site: str
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Where the users of one network in one metro go, and by which decisions; no steps without a route.

    other_metros: the site that the same network reaches from its other metros, as "MUC fra". audience: whom
    the scenario is for; when not is_in_audience, these users are given other addresses, and the rest says
    where those of this scenario would lead them. without: the sites that are taken to have failed.
    """

    scenario: str
    prefixes: tuple[str, ...]
    asn: int
    network: str
    metro: str
    users: float
    site: str | None
    chances: tuple[Chance, ...]
    as_path: tuple[int, ...]
    km: float | None
    rtt_ms: float | None
    steps: tuple[Step, ...]
    legs: tuple[Leg, ...]
    other_metros: tuple[str, ...]
    audience: Audience | None = None
    is_in_audience: bool = True
    without: tuple[str, ...] = ()


def explain(
    routes: Routes, scenario: Scenario, pop: int, *, latency: LatencyModel, without: tuple[str, ...] = ()
) -> Explanation:
    """The Explanation for one pop in the stable state; without: what `failing` took out of the scenario."""
    topology = routes.topology
    network = int(topology.pop_network[pop])
    path = routes.pop_path(pop)
    has_route = bool(path)
    chances = expected(routes)[pop] if has_route else np.zeros(0, np.float32)
    ranked = sorted(possible_sites(routes, pop), key=lambda site: (-float(chances[site]), site))
    chosen_at = [judged(routes, here, candidates(routes, int(topology.pop_network[here]))) for here in path]
    rtt = latency.rtt(routes.km[pop : pop + 1], routes.hops[pop : pop + 1])
    return Explanation(
        scenario=scenario.name,
        prefixes=tuple(str(prefix) for prefix in scenario.prefixes),
        asn=int(topology.asn[network]),
        network=label(topology, network),
        metro=_code(topology, pop),
        users=people(topology.users[pop]),
        site=scenario.sites[int(routes.site[pop])] if has_route else None,
        chances=tuple(Chance(site=scenario.sites[s], probability=fraction(chances[s])) for s in ranked),
        as_path=routes.as_path(pop),
        km=round(float(routes.km[pop]), 1) if has_route else None,
        rtt_ms=ms(float(rtt[0])),
        steps=tuple(
            _step(routes, scenario, here, offers) for here, offers in zip(path, chosen_at, strict=True)
        ),
        legs=_legs(routes, scenario, path, [offers[0] for offers in chosen_at]),
        other_metros=_other_metros(routes, scenario, pop),
        audience=audience_of(scenario.audience),
        is_in_audience=scenario.audience is None or scenario.audience.has(country_of(topology, pop)),
        without=without,
    )


def failing(scenario: Scenario, failed: Sequence[str]) -> Scenario:
    """The scenario after the failure of these sites; a UsageError names those that the design lacks."""
    real = scenario.sites[: scenario.real_sites]
    for name in failed:
        if name not in real:
            close = difflib.get_close_matches(name, real, n=3) or real[:6]
            raise UsageError(f"the design has no site {name!r}", hint=f"near it: {', '.join(close)}")
        scenario = scenario.failing(real.index(name))
    return scenario


def pops_from(topology: Topology, text: str) -> list[int]:
    """The pops that "AS3320", "3320", "AS3320@FRA" or "@FRA" names.

    A network alone: its pop with the most users. A metro alone: the pops of the networks with the most users.
    """
    who, at, where = text.strip().partition("@")
    metro = _metro(topology, where) if at else -1
    if not who:
        if metro < 0:
            raise UsageError(f"{text!r} names no network", hint="write AS3320, AS3320@FRA or @FRA")
        here = np.flatnonzero(topology.pop_metro == metro)
        if not len(here):
            raise TopologyError(f"no network of this topology is in {where.upper()}")
        order = np.lexsort((here, -topology.users[here]))[:LARGEST_AT_METRO]
        return [int(pop) for pop in here[order]]
    network = _network(topology, who)
    start, end = int(topology.pop_start[network]), int(topology.pop_start[network + 1])
    if metro < 0:
        return [start + int(topology.users[start:end].argmax())]
    pop = topology.pop_at(network, metro)
    if pop < 0:
        away = topology.metros.km[metro, topology.pop_metro[start:end]]
        near = [_code(topology, start + int(i)) for i in np.argsort(away, kind="stable")[:6]]
        raise TopologyError(
            f"{label(topology, network)} is not known to be in {topology.metros.code[metro]}",
            hint=f"it is in {', '.join(near)}" + (f" and {end - start - 6} more" if end - start > 6 else ""),
        )
    return [pop]


def _network(topology: Topology, who: str) -> int:
    digits = who.upper().removeprefix("AS")
    if not digits.isdecimal():
        raise UsageError(f"{who!r} is not an AS number", hint="write AS3320, AS3320@FRA or @FRA")
    network = topology.index_of(int(digits)) if int(digits) < 1 << 32 else -1
    if network < 0:
        # What was meant usually differs by one digit, so compare as text and prefer large networks.
        size = np.diff(topology.adj_start)
        largest = np.argsort(-size, kind="stable")[:4000]
        known = [str(int(topology.asn[n])) for n in largest]
        close = difflib.get_close_matches(digits, known, n=3)
        near = [label(topology, topology.index_of(int(asn))) for asn in close]
        raise TopologyError(
            f"AS{digits} is not in this topology",
            hint="near it: " + ", ".join(near) if near else f"it has {topology.networks:,} networks",
        )
    return network


def _metro(topology: Topology, where: str) -> int:
    metros = topology.metros
    code = where.strip().upper()
    if code in metros.code:
        return metros.code.index(code)
    by_name = {name.lower(): index for index, name in reversed(list(enumerate(metros.name)))}
    if code.lower() in by_name:
        return by_name[code.lower()]
    close = [by_name[name] for name in difflib.get_close_matches(code.lower(), list(by_name), n=2)]
    close += [metros.code.index(near) for near in difflib.get_close_matches(code, metros.code, n=3)]
    near = ", ".join(f"{metros.code[index]} {metros.name[index]}" for index in dict.fromkeys(close))
    hint = f"did you mean {near}?" if near else "metros are named by IATA code, for example FRA"
    raise TopologyError(f"{where!r} is not a metro of this topology", hint=hint)


def _step(routes: Routes, scenario: Scenario, pop: int, offers: list[Candidate]) -> Step:
    topology = routes.topology
    network = int(topology.pop_network[pop])
    return Step(
        asn=int(topology.asn[network]),
        network=label(topology, network),
        metro=_code(topology, pop),
        offers=tuple(_offer(routes, scenario, offer) for offer in offers),
    )


def _offer(routes: Routes, scenario: Scenario, offer: Candidate) -> Offer:
    topology = routes.topology
    site = scenario.sites[offer.site]
    return Offer(
        neighbour=label(topology, offer.neighbour) if offer.neighbour >= 0 else f"session with {site}",
        route_class=CLASS_NAMES[offer.route_class],
        length=offer.length,
        med=offer.med,
        exit_metro=_code(topology, offer.exit_pop),
        exit_km=round(offer.exit_km, 1),
        km=round(offer.km, 1),
        site=site,
        sites=tuple(scenario.sites[s] for s in offer.sites),
        removed_by=offer.removed_by,
    )


def _legs(routes: Routes, scenario: Scenario, path: list[int], chosen: list[Candidate]) -> tuple[Leg, ...]:
    topology = routes.topology
    km = topology.metros.km
    legs: list[Leg] = []
    for here, offer in zip(path, chosen, strict=True):
        name = f"AS{int(topology.asn[topology.pop_network[here]])}"
        here_code, exit_code = _code(topology, here), _code(topology, offer.exit_pop)
        if offer.exit_pop != here:
            legs.append(Leg(start=here_code, end=exit_code, km=round(offer.exit_km, 1), carrier=name))
        if offer.neighbour >= 0:
            apart = float(km[topology.pop_metro[offer.exit_pop], topology.pop_metro[offer.next_hop]])
            far = f"AS{int(topology.asn[offer.neighbour])}"
            legs.append(
                Leg(
                    start=exit_code,
                    end=_code(topology, offer.next_hop),
                    km=round(apart, 1),
                    carrier=f"{name} to {far}",
                )
            )
        else:
            site = scenario.sites[offer.site]
            legs.append(Leg(start=exit_code, end=site, km=round(offer.km, 1), carrier=f"{name} to {site}"))
    return tuple(legs)


def _other_metros(routes: Routes, scenario: Scenario, pop: int) -> tuple[str, ...]:
    topology = routes.topology
    network = int(topology.pop_network[pop])
    others = []
    for other in range(int(topology.pop_start[network]), int(topology.pop_start[network + 1])):
        if other != pop and int(routes.site[other]) != NO_SITE:
            others.append(f"{_code(topology, other)} {scenario.sites[int(routes.site[other])]}")
    return tuple(others)


def _code(topology: Topology, pop: int) -> str:
    return topology.metros.code[int(topology.pop_metro[pop])]
