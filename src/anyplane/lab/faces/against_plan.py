"""against_plan: the plan's catchment and the lab's through the one diff: who goes elsewhere than planned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from anyplane.lab.blueprint import Blueprint
from anyplane.lab.faces.catchment import Answer, Expected, measured
from anyplane.model.errors import UsageError

if TYPE_CHECKING:
    from anyplane.design.design import Design
    from anyplane.planning.catchment import Catchment
    from anyplane.planning.difference import Difference
    from anyplane.planning.report import Rtt
    from anyplane.topology import Topology


def difference(
    design: Design,
    topology: Topology,
    blueprint: Blueprint,
    *,
    prefix: str,
    planned: Mapping[str, Expected],
    answers: Mapping[str, Answer],
) -> Difference:
    """What `anyplane diff` says from the plan to the lab, of the prefix that the answers are about.

    design: as given, not the lab's edition. planned: of the nodes, for the RTT alone, as the planner's own
    counts the last mile, which is not on the wire; the sites are those that the planner itself finds.
    """
    from anyplane.planning.compile import compile as compile_design
    from anyplane.planning.difference import of_outcomes
    from anyplane.planning.latency import LatencyModel
    from anyplane.planning.plan import base_outcome, plan

    report = plan(design, topology, failures=False)
    found = [one for one in compile_design(design, topology) if prefix in map(str, one.prefixes)]
    if not found:
        raise UsageError(f"the design announces no {prefix}", hint="was it changed since the lab came up?")
    outcome = base_outcome(found[0], topology, LatencyModel())
    names = found[0].sites
    lab = measured(topology, names, blueprint, answers)
    wire = measured(
        topology,
        names,
        blueprint,
        {node: Answer(site=one.site, rtt_ms=one.rtt_ms) for node, one in planned.items()},
    )
    (said,) = (one for one in report.scenarios if one.name == found[0].name)
    before = replace(report, scenarios=(replace(said, rtt=_rtt(wire)),), design=f"{blueprint.name}, planned")
    after = replace(before, scenarios=(replace(said, rtt=_rtt(lab)),), design=f"{blueprint.name}, in the lab")
    return of_outcomes(before, after, [outcome], [replace(outcome, found=lab)], topology)


def _rtt(found: Catchment) -> Rtt:
    """Of those who were answered in a time that is known."""
    from anyplane.planning.tally import rtt_of

    known = np.isfinite(found.rtt)
    return rtt_of(found.rtt[known], found.clients.users[known])
