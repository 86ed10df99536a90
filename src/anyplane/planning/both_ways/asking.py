"""asking: one client and one site, both ways (a Round)."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anyplane.design.design import Design
from anyplane.model.errors import TopologyError, UsageError
from anyplane.model.nouns import RouteClass, UpstreamKind
from anyplane.planning.both_ways.halves import halves, has_same_metros, has_same_networks, ladder
from anyplane.planning.both_ways.report import Chance, Heard, Round, Told
from anyplane.planning.both_ways.returning import Prefer, best_sessions, classes, client_seeds, is_told, ranks
from anyplane.planning.both_ways.uplinks import KIND_NAMES, Uplinks, uplinks_of_seeds
from anyplane.planning.both_ways.users import LEAST_CHANCE
from anyplane.planning.both_ways.walks import Walker
from anyplane.planning.both_ways.ways import round_trip, trips_back, trips_in, way_back, way_in
from anyplane.planning.candidates import possible_sites
from anyplane.planning.catchment import country_of
from anyplane.planning.compile import Scenario
from anyplane.planning.latency import LatencyModel
from anyplane.planning.reasons import CLASS_NAMES
from anyplane.planning.report import audience_of
from anyplane.planning.rounding import fraction, people
from anyplane.planning.sessions import label
from anyplane.planning.weighted import Float64
from anyplane.routing import NO_SITE, Routes, Seeds, expected, propagate
from anyplane.topology import Topology

MOST_HEARD = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Who asks: a pop; `site`: as if he reached this one, "" for the one that he reaches."""

    pop: int
    site: str = ""


def ask(
    design: Design,
    topology: Topology,
    scenario: Scenario,
    uplinks: Uplinks,
    question: Question,
    *,
    prefer: Prefer = Prefer.PEER,
    latency: LatencyModel,
    probability: Float64 | None = None,
) -> Round:
    """The Round; errors where there is no such site, it announces nothing, or the client has no route.

    probability: (S,) of each site at this pop, from a calibration; then the likeliest is meant.
    """
    pop = question.pop
    network = int(topology.pop_network[pop])
    client = f"{label(topology, network)} in {topology.metros.code[int(topology.pop_metro[pop])]}"
    if int(topology.asn[network]) == int(design.origin):
        raise UsageError(
            f"AS{int(design.origin)} is the design's own origin, not a client", hint="name another network"
        )
    asked = wanted_site(design, scenario, question.site)
    routes = propagate(topology, scenario.seeds)
    reached = int(routes.site[pop])
    owners = uplinks_of_seeds(design, scenario, uplinks)
    site = reached if asked < 0 else asked
    chances = _chances(routes, scenario, pop)
    if probability is not None and bool(probability.any()):
        ranked = np.argsort(-probability, kind="stable")
        site = int(ranked[0]) if asked < 0 else asked
        likely = [s for s in ranked.tolist() if probability[s] >= LEAST_CHANCE]
        chances = tuple(Chance(site=scenario.sites[s], probability=fraction(probability[s])) for s in likely)
    if site == NO_SITE:
        raise TopologyError(
            f"{client} has no route to {scenario.prefixes[0]}",
            hint="anyplane explain says what its neighbours offer; --site asks as if a site announced alone",
        )
    if site >= scenario.real_sites:
        raise UsageError(
            f"{client} reaches no site: its packets are dropped, {scenario.sites[site]}",
            hint="--site asks as if a site announced alone",
        )
    is_alone = site != reached
    if is_alone:
        kept = [k for k, owner in enumerate(scenario.owners) if owner == site]
        owners = tuple(owners[k] for k in kept)
        seeds = tuple(scenario.seeds.seeds[k] for k in kept)
        routes = propagate(topology, Seeds.of(seeds, sites=scenario.seeds.sites))
        if int(routes.site[pop]) != site:
            raise TopologyError(
                f"{client} has no route to {scenario.sites[site]}, even if it announces alone",
                hint="NO_EXPORT or an upstream that exports to few may be the reason",
            )
    walker = Walker(routes)
    there = trips_in(routes, walker, pop, site)
    in_way = way_in(
        routes,
        walker,
        there,
        latency=latency,
        origin=int(design.origin),
        is_certain=len(possible_sites(routes, pop)) == 1,
    )
    plan_rtt = float(latency.rtt(routes.km[pop : pop + 1], routes.hops[pop : pop + 1])[0])

    edge = uplinks.edges[site]
    back_routes = propagate(topology, client_seeds(topology, network, origin=int(design.origin)))
    sessions = best_sessions(back_routes, edge, prefer)
    if not len(sessions):
        # The way in turned round is valley-free too, so somebody tells the site a route.
        raise AssertionError("a way in without a way back")
    back_walker = Walker(back_routes)
    back = trips_back(back_routes, back_walker, edge, tuple(sessions.tolist()), pop)
    back_way = way_back(back_routes, back_walker, edge, back, latency=latency, origin=int(design.origin))
    listed, unlisted = _heard(back_routes, uplinks, site, prefer, sessions.tolist())
    return Round(
        scenario=scenario.name,
        prefixes=tuple(str(prefix) for prefix in scenario.prefixes),
        audience=audience_of(scenario.audience),
        is_in_audience=scenario.audience is None or scenario.audience.has(country_of(topology, pop)),
        asn=int(topology.asn[network]),
        network=label(topology, network),
        metro=topology.metros.code[int(topology.pop_metro[pop])],
        users=people(topology.users[pop]),
        site=scenario.sites[site],
        reached="" if reached == NO_SITE else scenario.sites[reached],
        chances=chances,
        is_alone=is_alone,
        way_in=in_way,
        way_back=back_way,
        uplink_in=uplinks.all[owners[there.chosen.door]].name,
        uplink_out=uplinks.all[int(edge.uplink[back.chosen.door])].name,
        has_same_networks=has_same_networks(topology, there.chosen, back.chosen),
        has_same_metros=has_same_metros(topology, there.chosen, back.chosen),
        plan_rtt_ms=round(plan_rtt, 2),
        rtt_ms=round_trip(plan_rtt, back_way.one_way_ms * 2),
        heard=listed,
        unlisted=unlisted,
        halves=halves(
            topology,
            there,
            back,
            site=scenario.sites[site],
            uplinks=uplinks.all,
            uplink_in=owners,
            uplink_out=edge.uplink.tolist(),
        ),
        ladder=ladder(in_way.hops, back_way.hops),
    )


def wanted_site(design: Design, scenario: Scenario, name: str) -> int:
    """The index of a site that is asked for, -1 for none; a UsageError where it cannot be."""
    if not name:
        return -1
    names = [str(site.name) for site in design.sites]
    if name not in names:
        close = difflib.get_close_matches(name, names, n=3) or names[:6]
        raise UsageError(f"the design has no site {name!r}", hint=f"near it: {', '.join(close)}")
    index = names.index(name)
    if not design.sites[index].is_enabled:
        raise UsageError(f"{name} is not enabled: it announces nothing", hint="enable it, or name another")
    if not any(seed.site == index for seed in scenario.seeds.seeds):
        raise UsageError(
            f"{name} announces nothing of {scenario.name}", hint="--group names the prefixes that are meant"
        )
    return index


def _chances(routes: Routes, scenario: Scenario, pop: int) -> tuple[Chance, ...]:
    if int(routes.site[pop]) == NO_SITE:
        return ()
    chance = expected(routes)[pop]
    ranked = sorted(possible_sites(routes, pop), key=lambda site: (-float(chance[site]), site))
    return tuple(Chance(site=scenario.sites[s], probability=fraction(chance[s])) for s in ranked)


def _heard(
    routes: Routes, uplinks: Uplinks, site: int, prefer: Prefer, best: Sequence[int]
) -> tuple[tuple[Heard, ...], int]:
    """What the neighbours tell, the chosen route first, and how many routes are left out of the list.

    Of a route server's members those that tell nothing are not listed.
    """
    topology, edge = routes.topology, uplinks.edges[site]
    told, rank, preferred = is_told(routes, edge), ranks(routes, edge, prefer), classes(edge, prefer)
    rows: list[tuple[tuple[int, int, int, int], Heard]] = []
    for session in range(len(edge.pop)):
        uplink = uplinks.all[int(edge.uplink[session])]
        if not told[session] and uplink.kind == UpstreamKind.ROUTE_SERVER:
            continue
        pop, network = int(edge.pop[session]), int(edge.network[session])
        held = RouteClass(int(routes.route_class[network]))
        if session in best:
            decision = Told.CHOSEN if session == best[0] else Told.TIE
        elif not told[session]:
            decision = Told.NO_ROUTE if int(routes.site[pop]) == NO_SITE else Told.NOT_EXPORTED
        elif preferred[session] != preferred[best[0]]:
            decision = Told.PREFERENCE
        else:
            decision = Told.PATH_LENGTH
        path = routes.as_path(pop) if told[session] else ()
        order = list(Told).index(decision)
        key = (0 if session in best else 1 + int(not told[session]), order if session in best else 0)
        rows.append(
            (
                (*key, int(rank[session]), pop),
                Heard(
                    uplink=uplink.name,
                    neighbour=label(topology, network),
                    kind=KIND_NAMES[uplink.kind],
                    held_as=CLASS_NAMES.get(held, ""),
                    as_path=path,
                    length=int(routes.length[network]) + 1 if told[session] else 0,
                    km=round(float(edge.km[session]), 1),
                    decision=decision,
                ),
            )
        )
    rows.sort(key=lambda row: row[0])
    # Those that tell nothing are of direct neighbours and few; of the others the best are enough.
    telling = [row for _, row in rows if row.length]
    mute = [row for _, row in rows if not row.length]
    return (*telling[:MOST_HEARD], *mute), max(0, len(telling) - MOST_HEARD)
