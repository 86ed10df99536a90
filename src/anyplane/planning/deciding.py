"""deciding: on whose choice do unsettled users depend, and which measurement would show that choice.

The users of a pop that is not sure are handed along the offers that they came by, hop by hop
(`intervals.followed`). At each network on the way its own doubt is what would be gone if one knew which
of its links it uses; the rest of its doubt is that of its neighbours, and is counted there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyplane.calibration.calibration import Calibration
from anyplane.planning.certainty_report import Kind, Measurement
from anyplane.planning.forecasting import Chances
from anyplane.planning.intervals import Followed
from anyplane.planning.rounding import people
from anyplane.planning.weighted import Float64

MOST = 5
LEAST = 1e-3
"""A measurement that settles less than this part of the users is not worth an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deciding:
    """carried: (P,) unsure users who choose through each pop, its own too. unsettled: (P,) by its choice."""

    carried: Float64
    unsettled: Float64


def deciding(found: Chances, way: Followed, *, kind: int = 0) -> Deciding:
    """The Deciding of the unsure users, who are this `kind` of those that were followed."""
    raw, carried = found.offers.probability, way.carried[:, kind]
    # The kernel sees probabilities before they were made honest; the parts of the doubt stay as they are.
    doubt = 1.0 - raw.max(axis=1)
    stated = 1.0 - found.probability.max(axis=1)
    scale = np.divide(stated, doubt, out=np.zeros_like(doubt), where=doubt > 1e-9)
    # A fixed point that was left before it stood still could give more than there is.
    return Deciding(carried=carried, unsettled=carried * np.minimum(way.own, doubt) * scale)


def measurements(
    found: Chances, calibration: Calibration, users: Float64, unsure: NDArray[np.bool_], by: Deciding
) -> tuple[Measurement, ...]:
    """What nobody has measured yet and would settle most users, at most MOST, most first.

    Both figures are upper bounds. A site alone with collector paths: collectors see transit networks, so it
    counts what the own choices of networks with customers leave open, as far as this site is in question
    (the chance of guessing wrong whether it is this site, over that of guessing the wrong site). Two sites
    together with pings: the users who may be wrong at unsure pops (P,) whose two likeliest sites these are;
    a ping does not reach all networks.
    """
    scenario = found.scenario
    sites = [s for s in scenario.announcing if s < scenario.real_sites]
    if len(sites) < 2:
        return ()
    p = found.probability
    topology = found.offers.terrain.topology
    is_transit = (topology.adj_start[1:] > topology.adj_customers)[topology.pop_network]
    at = np.flatnonzero(is_transit & (by.unsettled > 0))
    wanted = [_alone(found, by, at, s) for s in sites if not _has_paths(calibration, scenario.sites[s])]
    held = [set(used.sites) for used in calibration.used if used.is_used]
    order = np.argsort(-p, axis=1, kind="stable")[:, :2]
    low, high = order.min(axis=1), order.max(axis=1)
    open_users = np.where(unsure, users * (1.0 - p.max(axis=1)), 0.0)
    pairs = np.zeros((len(scenario.sites), len(scenario.sites)))
    np.add.at(pairs, (low, high), open_users)
    for a in sites:
        for b in sites:
            names = (scenario.sites[a], scenario.sites[b])
            if a < b and not any(set(names) <= group for group in held):
                wanted.append(_together(names, float(pairs[a, b]), is_all=len(sites) == 2))
    worth = LEAST * float(users.sum())
    ranked = sorted((item for item in wanted if item.users > worth), key=lambda m: (-m.users, m.sites))
    return tuple(ranked[:MOST])


def _alone(found: Chances, by: Deciding, at: NDArray[np.int64], site: int) -> Measurement:
    """The measurement of one site alone; `at`: the pops of transit networks that leave users unsettled."""
    chance = found.probability[at, site]
    doubt = 1.0 - found.probability[at].max(axis=1)
    part = np.divide(np.minimum(chance, 1.0 - chance), doubt, out=np.zeros_like(doubt), where=doubt > 1e-9)
    users = float(by.unsettled[at] @ part)
    name = found.scenario.sites[site]
    return Measurement(
        kind=Kind.PATHS,
        sites=(name,),
        users=people(users),
        action=f"announce {name} alone for an hour and import collector paths",
        reason=f"no path to {name} alone is known; transit networks choose between it and others",
    )


def _together(names: tuple[str, str], users: float, *, is_all: bool) -> Measurement:
    pair = " and ".join(names)
    where = f"announce {pair} as planned" if is_all else f"announce {pair} alone together"
    return Measurement(
        kind=Kind.PING,
        sites=names,
        users=people(users),
        action=f"{where} and ping (anyplane measure import)",
        reason="no announcement of both was learned from; they are these users' two likeliest sites",
    )


def _has_paths(calibration: Calibration, site: str) -> bool:
    facts = calibration.facts(site)
    return facts is not None and facts.paths > 0
