"""plan: Design + Topology -> Report: who reaches which site, what that costs, and what a failure does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from anyplane.design.design import Audience, Design, Objectives
from anyplane.planning import figures
from anyplane.planning import report as results
from anyplane.planning.catchment import Catchment, Clients, catchment, has_metros
from anyplane.planning.compile import Scenario, blackhole_at
from anyplane.planning.compile import compile as compile_design
from anyplane.planning.failures import failure, loads_of
from anyplane.planning.ideal import ideal
from anyplane.planning.latency import FIBRE_KM_PER_MS, LatencyModel, km_to
from anyplane.planning.promises import is_under, objectives, residency
from anyplane.planning.report import Report, ScenarioReport
from anyplane.planning.rounding import part, people
from anyplane.planning.tables import places, site_results
from anyplane.planning.tally import Tally, rtt_of, tally
from anyplane.planning.weighted import Float64
from anyplane.routing import Routes, batch, expected, propagate
from anyplane.topology import Topology

Progress = Callable[[int, int], None]
"""Called with (runs done, runs in all)."""
WITHOUT_DISTANCES = "without metros there are no distances: RTT says nothing, its promises were not judged"
NO_USERS = "this topology knows no users, so every share is a share of nothing; give them with --users"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """All the routing of one scenario: the routes as they are, and a Tally of each variant asked for.

    without, alone: by site index; the sites that announce nothing in this scenario are absent.
    """

    scenario: Scenario
    routes: Routes
    found: Catchment
    base: Tally
    without: dict[int, Tally]
    alone: dict[int, Tally]


def plan(
    design: Design,
    topology: Topology,
    *,
    latency: LatencyModel | None = None,
    group: str = "",
    failures: bool = True,
    threads: int = 2,
    progress: Progress | None = None,
) -> Report:
    """The whole Report. A TopologyError says which upstreams the topology lacks.

    failures: reckon N-1 and each site alone too (two more runs of routing for each site). threads and
    progress change nothing in the result.
    """
    model = latency or LatencyModel()
    scenarios = compile_design(design, topology, group=group)
    clients = {audience: Clients.of(topology, audience) for audience in {s.audience for s in scenarios}}
    alike: dict[int, list[Scenario]] = {}
    for scenario in scenarios:
        alike.setdefault(scenario.routing, []).append(scenario)
    runs = sum(1 + (2 * len(members[0].announcing) if failures else 0) for members in alike.values())
    done = 0

    def finished(count: int) -> None:
        nonlocal done
        done += count
        if progress is not None:
            progress(done, runs)

    found: dict[str, Outcome] = {}
    for members in alike.values():
        for outcome in _outcomes(
            members, topology, clients, model, failures=failures, threads=threads, finished=finished
        ):
            found[outcome.scenario.name] = outcome
    outcomes = [found[scenario.name] for scenario in scenarios]
    return _report(design, topology, model, outcomes, has_failures=failures)


def base_outcome(scenario: Scenario, topology: Topology, model: LatencyModel) -> Outcome:
    """The Outcome without failures, for those who only compare catchments."""
    clients = {scenario.audience: Clients.of(topology, scenario.audience)}
    (outcome,) = _outcomes(
        [scenario], topology, clients, model, failures=False, threads=1, finished=lambda _: None
    )
    return outcome


def site_facts(design: Design, topology: Topology, names: Sequence[str]) -> tuple[results.Site, ...]:
    """The sites of a report: those of the design, then the virtual ones among `names`."""
    metros = topology.metros
    facts = []
    for site in design.sites:
        index = metros.code.index(site.metro) if site.metro in metros.code else -1
        facts.append(
            results.Site(
                name=str(site.name),
                metro=site.metro,
                city=metros.name[index] if index >= 0 else "",
                country=metros.country[index] if index >= 0 else "",
                lat=round(site.place.lat, 4),
                lon=round(site.place.lon, 4),
                capacity=site.capacity,
                is_enabled=site.is_enabled,
            )
        )
    real = {str(site.name) for site in design.sites}
    for name in names:
        if name not in real:
            asked = [
                site.place
                for site in design.sites
                if any(item.is_blackhole and blackhole_at(item.asn) == name for item in site.upstreams)
            ]
            facts.append(
                results.Site(
                    name=name,
                    metro="",
                    city="",
                    country="",
                    lat=round(asked[0].lat, 4) if asked else 0.0,
                    lon=round(asked[0].lon, 4) if asked else 0.0,
                    is_virtual=True,
                )
            )
    return tuple(facts)


def _outcomes(
    alike: Sequence[Scenario],
    topology: Topology,
    clients: Mapping[Audience | None, Clients],
    model: LatencyModel,
    *,
    failures: bool,
    threads: int,
    finished: Callable[[int], None],
) -> list[Outcome]:
    """The Outcomes of scenarios with the same seeds: routing is reckoned once, then counted by audience."""
    first, real = alike[0], alike[0].real_sites
    routes = propagate(topology, first.seeds)
    meant = [clients[scenario.audience] for scenario in alike]

    has_continents = has_metros(topology)

    def count(result: Routes, *, by_continent: bool) -> list[Tally]:
        return [
            tally(result, users, latency=model, real_sites=real, by_continent=by_continent and has_continents)
            for users in meant
        ]

    bases = count(routes, by_continent=True)
    finished(1)
    sites = first.announcing if failures else ()
    rows = [first.without(site) for site in sites] + [first.alone(site) for site in sites]
    tallies: list[list[Tally]] = []
    if rows:
        tallies = batch.run(
            topology,
            first.seeds,
            np.array(rows),
            lambda row, result: count(result, by_continent=row >= len(sites)),
            threads=threads,
            progress=finished,
        )
    return [
        Outcome(
            scenario=scenario,
            routes=routes,
            found=catchment(routes, meant[index], latency=model, real_sites=real),
            base=bases[index],
            without={site: row[index] for site, row in zip(sites, tallies[: len(sites)], strict=True)},
            alone={site: row[index] for site, row in zip(sites, tallies[len(sites) :], strict=True)},
        )
        for index, scenario in enumerate(alike)
    ]


def _report(
    design: Design,
    topology: Topology,
    model: LatencyModel,
    outcomes: Sequence[Outcome],
    *,
    has_failures: bool,
) -> Report:
    names = tuple(dict.fromkeys(name for outcome in outcomes for name in outcome.scenario.sites))
    all_users = float(topology.users.sum())
    warnings: list[str] = []
    if all_users == 0:
        warnings.append(NO_USERS)
    if not has_metros(topology):
        warnings.append(WITHOUT_DISTANCES)
    warnings += _unjudged_promises(design, has_failures=has_failures)
    if all_users > 0:
        warnings += [
            f"{item.scenario.name}: this topology has no users"
            + figures.whereabouts(results.audience_of(item.scenario.audience))
            for item in outcomes
            if item.scenario.audience is not None and item.found.clients.total == 0
        ]
    warnings += _unheard(design, topology, outcomes)
    warnings += [text for outcome in outcomes for text in outcome.scenario.warnings]
    return Report(
        service=design.name,
        design=design.file,
        origin_asn=int(design.origin),
        load_unit=design.load_unit.value,
        world=results.World(
            origin=topology.origin,
            networks=topology.networks,
            pops=topology.pops,
            links=len(topology.adj) // 2,
            users=people(all_users),
            rov_networks=int(topology.rov.sum()),
        ),
        latency=results.Latency(
            inflation=model.inflation,
            fibre_km_per_ms=FIBRE_KM_PER_MS,
            hop_ms=model.hop_ms,
            last_mile_ms=model.last_mile_ms,
        ),
        sites=site_facts(design, topology, names),
        scenarios=tuple(
            _scenario_report(design, topology, model, outcomes, which, has_failures=has_failures)
            for which in range(len(outcomes))
        ),
        warnings=tuple(dict.fromkeys(warnings)),
    )


def _scenario_report(
    design: Design,
    topology: Topology,
    model: LatencyModel,
    outcomes: Sequence[Outcome],
    which: int,
    *,
    has_failures: bool,
) -> ScenarioReport:
    outcome = outcomes[which]
    scenario, found = outcome.scenario, outcome.found
    clients, names, real = found.clients, scenario.sites, scenario.real_sites
    others = [item for index, item in enumerate(outcomes) if index != which]
    capacities: list[float | None] = [site.capacity for site in design.sites]
    capacities += [None] * (len(names) - real)
    announcing = scenario.announcing
    probability = expected(outcome.routes)[clients.pop]

    rows = site_results(
        found,
        topology,
        names=names,
        is_announced=[s in announcing or s >= real for s in range(len(names))],
        expected_users=outcome.base.users,
        load_per_user=scenario.load_per_user,
        capacities=capacities,
        other_loads=_padded(_base_loads(others, real), len(names)),
        other_loads_possible=_padded(_possible_loads(others, real), len(names)),
    )
    failed = tuple(
        failure(
            outcome.base,
            outcome.without[site],
            site,
            names=names,
            load_per_user=scenario.load_per_user,
            capacities=capacities,
            other_loads=_padded(_loads_without(others, site, real), len(names)),
        )
        for site in sorted(outcome.without)
    )
    km_to_site = np.stack(
        [km_to(topology.metros, site.metro, site.place.lat, site.place.lon) for site in design.sites], axis=1
    )
    open_sites = [s in announcing for s in range(real)]
    countries, metros = places(found, topology, probability, names)
    served = found.is_served
    certain = float(clients.users[found.choices == 1].sum())
    several = float(clients.users[found.choices > 1].sum())
    unreached = float(clients.users[~found.has_route].sum())
    load = (
        None
        if scenario.load_per_user is None
        else people((clients.total - unreached) * scenario.load_per_user)
    )
    rtt = rtt_of(found.rtt[served], clients.users[served])
    return ScenarioReport(
        name=scenario.name,
        groups=scenario.groups,
        audience=results.audience_of(scenario.audience),
        prefixes=tuple(str(prefix) for prefix in scenario.prefixes),
        users=people(clients.total),
        unreached=people(unreached),
        unreached_share=part(unreached, clients.total),
        certain=part(certain, clients.total),
        open=part(several, clients.total),
        load=load,
        rtt=rtt,
        sites=rows,
        ideal=ideal(
            found, outcome.routes, names=names, km_to_site=km_to_site, is_open=open_sites, latency=model
        ),
        medians=_continents(outcome.base),
        unicast=tuple(
            results.Unicast(
                site=names[site],
                rtt=alone.rtt,
                unreached=people(alone.unreached),
                medians=_continents(alone),
            )
            for site, alone in sorted(outcome.alone.items())
        ),
        failures=failed,
        objectives=objectives(
            design.objectives if has_metros(topology) else _without_rtt(design.objectives),
            base=outcome.base,
            sites=[rows[s] for s in announcing],
            failures=failed,
            after=[outcome.without[site] for site in sorted(outcome.without)],
        ),
        residency=tuple(
            residency(
                rule,
                found,
                topology,
                names=names,
                real_sites=real,
                probability=probability,
                scenario=scenario,
            )
            for rule in design.residency
            if is_under(rule, scenario)
        ),
        countries=countries,
        metros=metros,
        has_failures=has_failures,
    )


def _without_rtt(promised: Objectives) -> Objectives:
    return Objectives(
        largest_share=promised.largest_share,
        smallest_share=promised.smallest_share,
        worst_failure_load=promised.worst_failure_load,
    )


def _continents(found: Tally) -> tuple[results.ContinentMedian, ...]:
    return tuple(results.ContinentMedian(continent=name, p50=p50) for name, p50 in found.medians)


def _base_loads(others: Sequence[Outcome], real: int) -> Float64:
    return sum((loads_of(item.base, item.scenario.load_per_user, real) for item in others), np.zeros(real))


def _possible_loads(others: Sequence[Outcome], real: int) -> Float64:
    total = np.zeros(real)
    for item in others:
        if item.scenario.load_per_user is not None:
            total += item.found.shares()[1][:real] * item.scenario.load_per_user
    return total


def _loads_without(others: Sequence[Outcome], site: int, real: int) -> Float64:
    """The failure of a site hits every scenario; one that the site has no part in stays as it was."""
    total = np.zeros(real)
    for item in others:
        total += loads_of(item.without.get(site, item.base), item.scenario.load_per_user, real)
    return total


def _padded(loads: Float64, sites: int) -> Float64:
    return np.concatenate([loads, np.zeros(sites - len(loads))])


def _unheard(design: Design, topology: Topology, outcomes: Sequence[Outcome]) -> list[str]:
    """Why users are without a route although nothing is wrong with the Internet, in words."""
    warnings = []
    for item in outcomes:
        if not item.scenario.announcing:
            prefixes = ", ".join(str(prefix) for prefix in item.scenario.prefixes)
            warnings.append(f"{item.scenario.name}: no site announces {prefixes}, so nobody has a route")
    own = topology.index_of(int(design.origin))
    if own >= 0:
        users = float(topology.users[topology.pop_network == own].sum())
        taking_part = f"AS{int(design.origin)}, the origin, is a network of this topology too"
        if any(
            int(upstream.asn) == int(design.origin) for site in design.sites for upstream in site.upstreams
        ):
            warnings.append(f"{taking_part}: a session with itself is heard by nobody")
        if users > 0:
            whose = f"its own {figures.count(users)} users"
            warnings.append(f"{taking_part}: {whose} need no route and are counted without one")
    return warnings


def _unjudged_promises(design: Design, *, has_failures: bool) -> list[str]:
    """What was promised but cannot be judged, in words."""
    promised = design.objectives
    warnings = []
    about_failures = (promised.worst_failure_load, promised.worst_failure_p95_rtt_ms)
    if not has_failures and any(value is not None for value in about_failures):
        warnings.append("objectives about failures were not judged, because failures were not reckoned")
    has_load = any(item.load_per_user is not None for item in design.groups)
    has_capacity = any(site.capacity is not None for site in design.sites)
    if promised.worst_failure_load is not None and not (has_load and has_capacity):
        warnings.append("worst_failure_load was not judged: it needs load per user and the sites' capacities")
    for rule in design.residency:
        covered = [item for item in design.groups if rule.covers(item.name)]
        if not any(item.audience is None or item.audience.of(rule.countries) for item in covered):
            warnings.append(f"residency {rule.name} was not judged: none of its groups is for its users")
    return warnings
