"""certainty_explained: what `explain` adds with a calibration: probabilities, and what was learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from anyplane.calibration.calibration import Calibration
from anyplane.calibration.chance import Terrain
from anyplane.design.design import Design
from anyplane.planning.certainty import basis, likeliest, misfits
from anyplane.planning.certainty_report import SiteChance
from anyplane.planning.compile import Scenario
from anyplane.planning.forecasting import chances, unsettled
from anyplane.planning.learned import facts_about
from anyplane.topology import Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """The probabilities of one network in one metro, and what was learned of the networks on its way.

    probabilities: of each site from 0.5 % on, the likeliest first; none without a route.
    """

    scenario: str
    asn: int
    metro: str
    basis: str
    probabilities: tuple[SiteChance, ...]
    learned: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def stated_for(
    design: Design,
    scenario: Scenario,
    topology: Topology,
    calibration: Calibration,
    asked: Sequence[tuple[int, tuple[int, ...]]],
) -> tuple[Stated, ...]:
    """The Stated of each (pop, ASNs on its way), from one reckoning. UsageError as in `misfits`."""
    warnings = misfits(calibration, design, topology)
    found = chances(design, scenario, Terrain(topology), calibration) if scenario.seeds.seeds else None
    p = None if found is None else found.probability
    warnings += () if found is None else unsettled(found)
    return tuple(
        Stated(
            scenario=scenario.name,
            asn=int(topology.asn[topology.pop_network[pop]]),
            metro=topology.metros.code[topology.pop_metro[pop]],
            basis=basis(calibration),
            probabilities=() if p is None else likeliest(scenario.sites, p[pop], most=len(scenario.sites)),
            learned=tuple(
                dict.fromkeys(line for asn in dict.fromkeys(way) for line in facts_about(calibration, asn))
            ),
            warnings=warnings,
        )
        for pop, way in asked
    )
