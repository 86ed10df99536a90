"""recalibrated: finalists under the expected catchment of a calibration, which the search does not see."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from anyplane.calibration.calibration import Calibration
from anyplane.calibration.chance import Terrain
from anyplane.design.design import Design
from anyplane.design.setting import Setting, Uplink, with_settings
from anyplane.planning.catchment import Clients
from anyplane.planning.compile import compile as compile_design
from anyplane.planning.forecasting import chances
from anyplane.planning.latency import LatencyModel
from anyplane.planning.rounding import fraction, ms
from anyplane.planning.search.report import Calibrated
from anyplane.planning.weighted import Float64, quantiles
from anyplane.routing.frontier import Engine
from anyplane.topology import Topology


def recalibrated(
    design: Design,
    topology: Topology,
    turned: Sequence[Mapping[Uplink, Setting]],
    calibration: Calibration,
    *,
    latency: LatencyModel,
    group: str,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> tuple[Calibrated, ...]:
    """One Calibrated for each mapping of settings; scenarios are weighed by their users."""
    terrain = Terrain(topology)
    found = []
    for number, settings in enumerate(turned):
        found.append(
            _one(
                with_settings(design, settings), topology, terrain, calibration, latency=latency, group=group
            )
        )
        progress(number + 1, len(turned))
    return tuple(found)


def _one(
    design: Design,
    topology: Topology,
    terrain: Terrain,
    calibration: Calibration,
    *,
    latency: LatencyModel,
    group: str,
) -> Calibrated:
    loads = np.zeros(len(design.sites))
    waits: list[Float64] = []
    weights: list[Float64] = []
    for scenario in compile_design(design, topology, group=group):
        if not scenario.seeds.seeds:
            continue
        clients = Clients.of(topology, scenario.audience)
        share = chances(design, scenario, terrain, calibration).probability[clients.pop]
        users = share * clients.users[:, np.newaxis]
        loads += users[:, : len(loads)].sum(axis=0) * (scenario.load_per_user or 0.0)
        engine = Engine(topology, scenario.seeds)
        for site in scenario.announcing:
            alone = engine.run(scenario.alone(site), reuse=True)
            rtt = latency.rtt(alone.km[clients.pop], alone.hops[clients.pop])
            here = np.isfinite(rtt) & (users[:, site] > 0)
            waits.append(rtt[here])
            weights.append(users[here, site])
    wait = np.concatenate(waits) if waits else np.zeros(0)
    weight = np.concatenate(weights) if weights else np.zeros(0)
    used = [
        (load / site.capacity, str(site.name))
        for load, site in zip(loads.tolist(), design.sites, strict=True)
        if site.capacity
    ]
    fullest = max(used, default=None) if loads.any() else None
    return Calibrated(
        rtt_ms=ms(float((wait * weight).sum() / weight.sum())) if weight.sum() else None,
        p95_ms=ms(float(quantiles(wait, weight, (0.95,))[0])) if weight.sum() else None,
        fullest="" if fullest is None else fullest[1],
        utilisation=None if fullest is None else fraction(fullest[0]),
    )
