"""certainty_difference: two designs' stated shares side by side, and whose likeliest site changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anyplane.calibration.calibration import Calibration
from anyplane.calibration.chance import Terrain
from anyplane.design.design import Design
from anyplane.planning.certainty import basis, misfits, stated_shares, users_of
from anyplane.planning.certainty_report import StatedShare
from anyplane.planning.compile import compile as compile_design
from anyplane.planning.difference import NO_ROUTE
from anyplane.planning.forecasting import Chances, chances, unsettled
from anyplane.planning.rounding import people
from anyplane.planning.weighted import Float64
from anyplane.topology import Topology

MOST = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareChange:
    """One site's stated share before and after; None where it does not announce."""

    site: str
    before: StatedShare | None
    after: StatedShare | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LikelyMove:
    """Users whose likeliest site was `start` and is `end`."""

    start: str
    end: str
    users: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CertaintyDifference:
    """Two scenarios' probabilities side by side. moved: users whose likeliest site changes.

    expected: users who move in expectation, the least that turns the probabilities before into those after.
    """

    before: str
    after: str
    basis: str
    users: float
    moved: float
    expected: float
    shares: tuple[ShareChange, ...]
    moves: tuple[LikelyMove, ...]


def certainty_difference(
    designs: tuple[Design, Design],
    topology: Topology,
    calibration: Calibration,
    *,
    pairs: Sequence[tuple[str, str]],
    group: str = "",
) -> tuple[tuple[CertaintyDifference, ...], tuple[str, ...]]:
    """(a CertaintyDifference for each pair of scenario names that both announce something, warnings)."""
    warnings = [text for design in designs for text in misfits(calibration, design, topology)]
    terrain = Terrain(topology)
    scenarios = [
        {scenario.name: scenario for scenario in compile_design(design, topology, group=group)}
        for design in designs
    ]
    found = []
    for before, after in pairs:
        both = (scenarios[0][before], scenarios[1][after])
        if not all(scenario.seeds.seeds for scenario in both):
            continue
        sides = [
            chances(design, scenario, terrain, calibration)
            for design, scenario in zip(designs, both, strict=True)
        ]
        warnings += [text for side in sides for text in unsettled(side)]
        found.append(_compared(sides[0], sides[1], topology, calibration))
    return tuple(found), tuple(dict.fromkeys(warnings))


def _compared(
    before: Chances, after: Chances, topology: Topology, calibration: Calibration
) -> CertaintyDifference:
    users = [users_of(side.scenario, topology) for side in (before, after)]
    both = np.minimum(users[0], users[1])
    names = tuple(dict.fromkeys((*before.scenario.sites, *after.scenario.sites)))
    p = [_aligned(side, names) for side in (before, after)]
    likeliest = [np.where(side.max(axis=1) > 0, side.argmax(axis=1), len(names)) for side in p]
    has_moved = (likeliest[0] != likeliest[1]) & (both > 0)
    moves: Float64 = np.zeros((len(names) + 1, len(names) + 1))
    np.add.at(moves, (likeliest[0][has_moved], likeliest[1][has_moved]), both[has_moved])
    labels = (*names, NO_ROUTE)
    ranked = sorted(np.argwhere(moves > 0).tolist(), key=lambda at: (-moves[at[0], at[1]], at))
    shares = [
        {row.site: row for row in stated_shares(side, own, calibration)}
        for side, own in zip((before, after), users, strict=True)
    ]
    # Half of all differences, with the probability of no route as one more column.
    apart = np.abs(p[1] - p[0]).sum(axis=1) + np.abs(p[1].sum(axis=1) - p[0].sum(axis=1))
    return CertaintyDifference(
        before=before.scenario.name,
        after=after.scenario.name,
        basis=basis(calibration),
        users=people(float(both.sum())),
        moved=people(float(both[has_moved].sum())),
        expected=people(float(both @ apart) / 2),
        shares=tuple(
            ShareChange(site=name, before=shares[0].get(name), after=shares[1].get(name))
            for name in names
            if name in shares[0] or name in shares[1]
        ),
        moves=tuple(
            LikelyMove(start=labels[a], end=labels[b], users=people(float(moves[a, b])))
            for a, b in ranked[:MOST]
        ),
    )


def _aligned(side: Chances, names: tuple[str, ...]) -> Float64:
    """(P, len(names)) the probabilities in this order of the sites."""
    wide: Float64 = np.zeros((len(side.probability), len(names)))
    wide[:, [names.index(name) for name in side.scenario.sites]] = side.probability
    return wide
