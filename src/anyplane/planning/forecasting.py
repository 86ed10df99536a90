"""forecasting: Design + Topology + Calibration -> the probability of each site at each network.

`plan` says what the rules give; this says how sure that is: links that may not carry, preferences that nobody
publishes, ties. Without a calibration the chances of `calibration.willingness` stand for what was never seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyplane.calibration.calibration import NOTHING, Calibration, SiteFacts
from anyplane.calibration.chance import ROUNDS, TOLERANCE, Float64, Offers, SiteModel, Terrain
from anyplane.calibration.preferences import log_odds
from anyplane.calibration.site_models import entries_of, pooled, restricted, seen_entries, site_model
from anyplane.calibration.willingness import Willingness
from anyplane.design.design import Design
from anyplane.model.errors import UsageError
from anyplane.model.forecast import Forecast
from anyplane.planning.compile import Scenario
from anyplane.planning.compile import compile as compile_design
from anyplane.planning.latency import km_to
from anyplane.routing.seeds import Seed
from anyplane.routing.state import admit, lengths_of
from anyplane.topology import Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class Chances:
    """One scenario's probabilities. probability: (P, S) by pop and site, the virtual sites too.

    columns: the site index of each site of the offers.
    """

    scenario: Scenario
    offers: Offers
    columns: tuple[int, ...]
    probability: Float64


def chances(
    design: Design,
    scenario: Scenario,
    terrain: Terrain,
    calibration: Calibration = NOTHING,
    *,
    sites: Sequence[int] | None = None,
) -> Chances:
    """The Chances of a scenario; `sites`: only these announce (indices), as in a failure or an experiment."""
    offers, columns = offers_of(design, scenario, terrain, calibration, sites=sites)
    if calibration.preferences:
        offers.prefer(log_odds(terrain, calibration.preferences))
    settled = offers.settle()
    probability = np.zeros((terrain.topology.pops, len(scenario.sites)))
    probability[:, columns] = honest(settled, calibration.certainty)
    return Chances(scenario=scenario, offers=offers, columns=tuple(columns), probability=probability)


def unsettled(found: Chances) -> tuple[str, ...]:
    """A warning where the probabilities had not come to rest after all rounds."""
    if found.offers.moved <= TOLERANCE:
        return ()
    said = f"{found.scenario.name}: the probabilities had not come to rest after {ROUNDS} rounds"
    return (
        f"{said}; some still moved by {found.offers.moved:.0%} in the last one, so take them as that rough",
    )


def offers_of(
    design: Design,
    scenario: Scenario,
    terrain: Terrain,
    calibration: Calibration,
    *,
    sites: Sequence[int] | None = None,
) -> tuple[Offers, list[int]]:
    """(Offers, the site index of each of its columns); preferences are not applied yet."""
    columns = [
        site
        for site in range(len(scenario.sites))
        if (sites is None or site in sites) and any(seed.site == site for seed in scenario.seeds.seeds)
    ]
    if not columns:
        raise UsageError("nothing is announced", hint="enable a site with an upstream")
    elsewhere = pooled(calibration, terrain.topology)
    silent = silent_networks(terrain.topology, scenario)
    models = [
        model_of(design, scenario, terrain, site, calibration, silent=silent, elsewhere=elsewhere)
        for site in columns
    ]
    return Offers(terrain, models, silent=silent), columns


def model_of(
    design: Design,
    scenario: Scenario,
    terrain: Terrain,
    site: int,
    calibration: Calibration,
    *,
    silent: NDArray[np.bool_],
    elsewhere: Willingness,
) -> SiteModel:
    """The SiteModel of one site of a scenario."""
    facts = calibration.facts(scenario.sites[site])
    own = site_seeds(scenario, site)
    metro = metro_of(design, terrain.topology, scenario, site)
    entries = entries_of(terrain.topology, own, facts=facts)
    if facts is not None:
        entries += seen_entries(terrain.topology, facts, known=entries, metro=metro)
    return site_model(
        terrain,
        metro=metro,
        entries=entries,
        added=restricted(terrain, own, is_invalid=bool(own) and all(seed.is_invalid for seed in own)),
        silent=silent,
        facts=facts,
        elsewhere=elsewhere,
    )


def site_seeds(scenario: Scenario, site: int) -> tuple[Seed, ...]:
    """The seeds of one site."""
    return tuple(seed for seed in scenario.seeds.seeds if seed.site == site)


def silent_networks(topology: Topology, scenario: Scenario) -> NDArray[np.bool_]:
    """(N,) the networks that take no part; see routing.state.admit."""
    _, silent = admit(topology, scenario.seeds, lengths_of(scenario.seeds))
    return silent


def metro_of(design: Design, topology: Topology, scenario: Scenario, site: int) -> int:
    """The metro nearest to a site; for a virtual one, that of its first seed."""
    if site < len(design.sites):
        place = design.sites[site]
        return int(np.argmin(km_to(topology.metros, place.metro, place.place.lat, place.place.lon)))
    return int(topology.pop_metro[site_seeds(scenario, site)[0].pop])


def honest(probability: Float64, exponent: float) -> Float64:
    """The probabilities made modest or bold: p ** exponent, normalised; a pop without a route stays so."""
    if exponent == 1.0:
        return probability.copy()
    powered = np.where(probability > 0, probability, 0.0) ** exponent
    total = powered.sum(axis=1, keepdims=True)
    modest: Float64 = np.divide(powered, total, out=np.zeros_like(powered), where=total > 0)
    return modest


def forecast_of(
    design: Design, topology: Topology, calibration: Calibration | None = None, *, group: str = ""
) -> Forecast:
    """The Forecast of a design's first scenario, or of that of a group, network by network."""
    scenarios = compile_design(design, topology, group=group)
    found = chances(design, scenarios[0], Terrain(topology), calibration or NOTHING)
    return by_network(found, topology)


def by_network(found: Chances, topology: Topology, terrain: Terrain | None = None) -> Forecast:
    """The Chances as a Forecast of all networks; pops count by their users."""
    where = terrain or found.offers.terrain
    return Forecast.of(
        topology.asn,
        np.minimum(where.of_networks(found.probability), 1.0),
        sites=found.scenario.sites,
        users=np.bincount(topology.pop_network, topology.users, topology.networks),
        country=topology.country,
    )


__all__ = [
    "Chances",
    "SiteFacts",
    "by_network",
    "chances",
    "forecast_of",
    "honest",
    "model_of",
    "offers_of",
    "unsettled",
]
