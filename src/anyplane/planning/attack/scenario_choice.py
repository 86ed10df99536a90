"""chosen: which prefixes are attacked, and what the users of all others load the same sites with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from anyplane.design.design import Design
from anyplane.model.errors import UsageError
from anyplane.planning.catchment import Clients, chosen_sites
from anyplane.planning.compile import Scenario
from anyplane.planning.compile import compile as compile_design
from anyplane.planning.figures import listed
from anyplane.planning.tally import expected_users
from anyplane.planning.weighted import Float64
from anyplane.routing import propagate
from anyplane.topology import Topology


def chosen(design: Design, topology: Topology, group: str) -> tuple[Scenario, tuple[Scenario, ...]]:
    """(the scenario that --group names, or the only one; all others). A UsageError names them otherwise."""
    scenarios = compile_design(design, topology)
    names = [scenario.name for scenario in scenarios]
    hint = "name one with --group: " + listed(names, most=12)
    if group:
        meant = [one for one in scenarios if one.name == group] or [
            one for one in scenarios if group in one.groups
        ]
        if not meant:
            raise UsageError(f"the design has no group {group!r}", hint="it has " + listed(names, most=12))
        if len(meant) > 1:
            hint = "name one with --group: " + listed([one.name for one in meant], most=12)
            raise UsageError(f"the prefixes of group {group} are not announced alike", hint=hint)
        (scenario,) = meant
    elif len(scenarios) != 1:
        raise UsageError(
            f"this design announces {len(scenarios)} sets of prefixes apart; one of them is attacked",
            hint=hint,
        )
    else:
        (scenario,) = scenarios
    if not scenario.announcing:
        raise UsageError("nothing is announced", hint="enable a site with an upstream")
    return scenario, tuple(one for one in scenarios if one is not scenario)


def loads_of_others(design: Design, topology: Topology, others: Sequence[Scenario]) -> Float64:
    """(S,) what the users of these scenarios load each site of the design with, in the design's unit."""
    loads = np.zeros(len(design.sites))
    for scenario in others:
        if scenario.load_per_user is None or not scenario.announcing:
            continue
        routes = propagate(topology, scenario.seeds)
        clients = Clients.of(topology, scenario.audience)
        users = expected_users(routes, clients, chosen_sites(routes, clients))
        loads += users[: len(loads)] * scenario.load_per_user
    return loads
