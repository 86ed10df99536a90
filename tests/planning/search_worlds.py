"""Random worlds with a design whose choices can be counted, and what a search on them needs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import random_worlds

from anyplane.design.design import Design, Objectives, Residency
from anyplane.model.nouns import SiteName
from anyplane.planning.compile import compile as compile_design
from anyplane.planning.search.marks import Ground
from anyplane.planning.search.order import Order
from anyplane.planning.search.space import Limits, Space, settings_to_try
from anyplane.planning.variants import variants
from anyplane.topology import Topology


def world(
    seed: int,
    *,
    sites: int,
    uplinks: int = 1,
    networks: int = 60,
    objectives: Objectives | None = None,
    residency: bool = False,
) -> tuple[Design, Topology]:
    """Sites with a capacity between a tenth and half of everybody; nothing is prepended or withheld today."""
    rng = np.random.default_rng(seed)
    topology = random_worlds.topology(rng, networks=networks)
    plain = random_worlds.design(rng, topology, sites=sites)
    users = float(topology.users.sum())
    made = tuple(
        replace(
            site,
            capacity=float(users * rng.uniform(0.1, 0.5)),
            upstreams=tuple(
                replace(
                    upstream,
                    prefixes=random_worlds.PREFIXES,
                    prepend=0,
                    is_backup=False,
                    is_blackhole=False,
                    is_no_export=False,
                )
                for upstream in site.upstreams[:uplinks]
            ),
        )
        for site in plain.sites
    )
    rules = (Residency(name="german", countries=frozenset({"DE"}), sites=frozenset({SiteName("s0")})),)
    return (
        replace(
            plain,
            groups=(replace(plain.groups[0], load_per_user=1.0),),
            sites=made,
            objectives=objectives or Objectives(),
            residency=rules if residency else (),
        ),
        topology,
    )


def ground(design: Design, topology: Topology, limits: Limits) -> tuple[Ground, Space, Order]:
    """What the search itself works on; each change costs 0.05 ms."""
    made = variants(design, topology, compile_design(design, topology), settings_to_try(design, limits))
    found = Ground(design, topology, made, threads=1)
    return found, Space(made, limits), Order(change_cost=0.05, bound=found.promised_load)
