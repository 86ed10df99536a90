"""certainty: Report + Calibration -> the same Report that also says how sure each scenario is.

What `plan` calls certain is so if every rule of the routing model holds. Here links carry with a chance and
preferences are known in part (`forecasting`), so that a share has an interval and a network a probability.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from anyplane.calibration.calibration import NOTHING, Calibration
from anyplane.calibration.chance import Terrain
from anyplane.design.design import Design
from anyplane.model.errors import UsageError
from anyplane.planning.catchment import Clients
from anyplane.planning.certainty_report import Certainty, SiteChance, StatedShare, Unsure
from anyplane.planning.compile import Scenario
from anyplane.planning.compile import compile as compile_design
from anyplane.planning.deciding import deciding, measurements
from anyplane.planning.forecasting import Chances, chances, unsettled
from anyplane.planning.intervals import Followed, doubts, followed, interval
from anyplane.planning.report import Report
from anyplane.planning.rounding import fraction, part, people
from anyplane.planning.weighted import Float64
from anyplane.topology import Topology

SURE, DOUBTFUL = 0.9, 0.6
UNCALIBRATED_SPREAD = 1.2
"""The spread without a calibration: root mean square over six experiments of the PEERING testbed."""
NO_MEASUREMENT = "no measurement: only chances by class of link"
MOST = 10
LEAST = 1e-3
"""A network with a smaller part of the users is not worth a line."""


def with_certainty(
    report: Report,
    design: Design,
    topology: Topology,
    calibration: Calibration = NOTHING,
    *,
    group: str = "",
    keep: Callable[[Chances], None] | None = None,
) -> Report:
    """The report of `plan` for the same design, topology and group, with a Certainty in each scenario.

    A scenario that announces nothing gets none. keep: called with the Chances of each other one, which are
    large and given up afterwards. UsageError where the calibration is of other sites; another graph only
    warns.
    """
    warnings = misfits(calibration, design, topology)
    terrain = Terrain(topology)
    swinging: list[str] = []
    scenarios = {scenario.name: scenario for scenario in compile_design(design, topology, group=group)}
    found: dict[str, Certainty] = {}
    last: Chances | None = None
    for scenario in sorted(scenarios.values(), key=lambda one: one.routing):
        if not scenario.seeds.seeds:
            continue
        if last is None or last.scenario.routing != scenario.routing:
            last = chances(design, scenario, terrain, calibration)
            swinging += unsettled(last)
        last = replace(last, scenario=scenario)
        found[scenario.name] = certainty(last, calibration)
        if keep is not None:
            keep(last)
    return replace(
        report,
        scenarios=tuple(replace(one, certainty=found.get(one.name)) for one in report.scenarios),
        warnings=report.warnings + warnings + tuple(swinging),
    )


def certainty(found: Chances, calibration: Calibration = NOTHING) -> Certainty:
    """The Certainty of one scenario's Chances."""
    topology = found.offers.terrain.topology
    users = users_of(found.scenario, topology)
    p = found.probability
    most = p.max(axis=1)
    unsure = (most > 0) & (most < SURE)
    total = float(users.sum())
    torn_users = np.where(unsure, users, 0.0)
    way = followed(found.offers, np.stack([users, torn_users], axis=1))
    by = deciding(found, way, kind=1)
    open_users = np.where(most > 0, users * (1.0 - most), 0.0)
    return Certainty(
        basis=basis(calibration),
        is_calibrated=calibration != NOTHING,
        spread=fraction(spread_of(calibration)),
        sure=part(float(users[most >= SURE].sum()), total),
        doubtful=part(float(users[(most > 0) & (most < DOUBTFUL)].sum()), total),
        unsettled=people(float(open_users.sum())),
        sites=stated_shares(found, users, calibration, way),
        least_sure=_unsure(found, users, np.where(unsure, open_users, 0.0)),
        torn=_unsure(found, by.carried, by.unsettled),
        measurements=measurements(found, calibration, users, unsure, by),
    )


def stated_shares(
    found: Chances, users: Float64, calibration: Calibration, way: Followed | None = None
) -> tuple[StatedShare, ...]:
    """The share of the users (P,) of each site that announces or takes users, in the scenario's order.

    way: where they were followed already, as the first kind.
    """
    names, total = found.scenario.sites, float(users.sum())
    share = users @ found.probability / total if total else np.zeros(len(names))
    reached = float(share.sum())
    shown = {*found.scenario.announcing, *np.flatnonzero(share > 0).tolist()}
    way = way or followed(found.offers, users[:, None])
    columns = list(found.columns)
    about = doubts(found.probability[:, columns], users, way, raw=found.offers.probability)
    below, above, lowest, highest = np.zeros((4, len(names)))
    below[columns], above[columns] = (side * spread_of(calibration) for side in (about.below, about.above))
    lowest[columns], highest[columns] = about.lowest * reached, about.highest * reached
    rows = []
    for site in sorted(shown):
        mine = float(share[site])
        low = min(mine, max(interval(mine, of=reached, spread=float(below[site]))[0], float(lowest[site])))
        high = max(mine, min(interval(mine, of=reached, spread=float(above[site]))[1], float(highest[site])))
        rows.append(
            StatedShare(site=names[site], share=fraction(share[site]), low=fraction(low), high=fraction(high))
        )
    return tuple(rows)


def spread_of(calibration: Calibration) -> float:
    """How many times the deviation that the doubts alone would give; see `intervals`."""
    return UNCALIBRATED_SPREAD if calibration == NOTHING else calibration.spread


def basis(calibration: Calibration) -> str:
    """What probabilities rest on, in one line."""
    return NO_MEASUREMENT if calibration == NOTHING else calibration.origin


def users_of(scenario: Scenario, topology: Topology) -> Float64:
    """(P,) the users whom a scenario is for."""
    clients = Clients.of(topology, scenario.audience)
    users = np.zeros(topology.pops)
    users[clients.pop] = clients.users
    return users


def misfits(calibration: Calibration, design: Design, topology: Topology) -> tuple[str, ...]:
    """Warnings where a calibration is of another graph; UsageError where it is of other sites altogether."""
    known = {facts.site for facts in calibration.sites}
    known |= {site for used in calibration.used for site in used.sites}
    own = {str(site.name) for site in design.sites}
    if known and not known & own:
        raise UsageError(
            f"the calibration knows none of the sites of {design.name}: it is of "
            + ", ".join(sorted(known)[:6])
            + (f" and {len(known) - 6} more" if len(known) > 6 else ""),
            hint="sites are matched by name; the design has " + ", ".join(sorted(own)[:6]),
        )
    if calibration == NOTHING or calibration.graph == topology.origin:
        return ()
    return (f"the calibration was learned on {calibration.graph}, this plan is made on {topology.origin}",)


def likeliest(names: tuple[str, ...], probability: Float64, *, most: int = 2) -> tuple[SiteChance, ...]:
    """The likeliest sites of one row (S,), the likeliest first; those below 0.5 % are left out."""
    order = np.argsort(-probability, kind="stable")[:most]
    return tuple(
        SiteChance(site=names[site], probability=fraction(probability[site]))
        for site in order.tolist()
        if probability[site] >= 0.005
    )


def _unsure(found: Chances, users: Float64, unsettled: Float64) -> tuple[Unsure, ...]:
    """The networks with most unsettled users (P,); users: (P,) whom their probabilities are the mean of."""
    topology = found.offers.terrain.topology
    by_network = np.bincount(topology.pop_network, unsettled, topology.networks)
    worth = LEAST * float(users_of(found.scenario, topology).sum())
    rows = []
    for network in np.argsort(-by_network, kind="stable")[:MOST].tolist():
        if by_network[network] <= worth:
            break
        pops = slice(int(topology.pop_start[network]), int(topology.pop_start[network + 1]))
        own = float(users[pops].sum())
        rows.append(
            Unsure(
                asn=int(topology.asn[network]),
                name=topology.name[network] if topology.name else "",
                users=people(own),
                unsettled=people(float(by_network[network])),
                likeliest=likeliest(found.scenario.sites, users[pops] @ found.probability[pops] / own),
            )
        )
    return tuple(rows)
