"""harm: loads against capacities -> which sites drown, what is lost there, and how many users that hurts.

A site whose load is beyond its capacity drops what it cannot carry, of users and attack alike: of load L over
capacity C the part 1 - C/L is lost. That is a queue that is full: nobody sorts the good from the bad there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from anyplane.design.design import Design, LoadUnit
from anyplane.model.errors import UsageError
from anyplane.planning.attack.sweep import Landing
from anyplane.planning.compile import Scenario
from anyplane.planning.weighted import Float64

GBPS = 1e9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Capacities:
    """gbps: (S,) of the real sites, infinite where none is known. per_user: Gbit/s of one user, 0 where it is
    not known. others: (S,) Gbit/s of users of the design's other prefixes, which goes where it went."""

    gbps: Float64
    per_user: float
    others: Float64

    @property
    def is_known(self) -> bool:
        """Has any site a capacity?"""
        return bool(np.isfinite(self.gbps).any())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Harm:
    """S real sites. legit, attack: (S,) Gbit/s; load: their sum and the others'. loss: (S,) of 1.

    hurt: users whose packets are lost, by expectation (a user at a site that loses 30 % counts 0.3), those
    who are cut off included. touched: users at drowned sites, and those cut off. cut: users that reach a
    site as things are now, and none with the response.
    """

    legit: Float64
    attack: Float64
    load: Float64
    loss: Float64
    drowned: tuple[int, ...]
    hurt: float
    touched: float
    cut: float


def harm(landing: Landing, capacities: Capacities, *, served: float, attack: int = 1) -> Harm:
    """The Harm of a landing. served: users that reach a real site as things are now; attack: its row."""
    real = len(capacities.gbps)
    users = landing.by_site[0, :real]
    legit = users * capacities.per_user
    arriving = landing.by_site[attack, :real]
    load = legit + arriving + capacities.others
    with np.errstate(divide="ignore", invalid="ignore"):
        loss = np.where(load > capacities.gbps, 1.0 - capacities.gbps / load, 0.0)
    drowned = np.flatnonzero(loss > 0)
    # Below a hundredth of a user it is the noise of sums.
    cut = max(0.0, served - float(users.sum()))
    cut = cut if cut >= 0.01 else 0.0
    return Harm(
        legit=legit,
        attack=arriving,
        load=load,
        loss=loss,
        drowned=tuple(drowned.tolist()),
        hurt=float((users * loss).sum()) + cut,
        touched=float(users[drowned].sum()) + cut,
        cut=cut,
    )


def capacities(
    design: Design,
    scenario: Scenario,
    *,
    given: Mapping[str, float],
    bits_per_query: float | None,
    others: Float64,
) -> Capacities:
    """The capacity of each site in Gbit/s: as given (by site, "" for every other), else the design's.

    A design in queries per second needs bits_per_query, on the wire; without it only what is given counts.
    others: (S,) load of other scenarios in the design's unit.
    """
    names = [str(site.name) for site in design.sites]
    for name in given:
        if name and name not in names:
            raise UsageError(
                f"--capacity-gbps {name}=…: the design has no site {name!r}",
                hint="it has " + ", ".join(names[:12]),
            )
    unit = _gbps_of_one(design, bits_per_query)
    found = np.full(len(names), np.inf)
    for s, site in enumerate(design.sites):
        own = given.get(names[s], given.get(""))
        if own is not None:
            found[s] = own
        elif site.capacity is not None and unit is not None:
            found[s] = site.capacity * unit
    per_user = 0.0 if unit is None or scenario.load_per_user is None else scenario.load_per_user * unit
    return Capacities(gbps=found, per_user=per_user, others=others * (unit or 0.0))


def _gbps_of_one(design: Design, bits_per_query: float | None) -> float | None:
    """Gbit/s of one unit of the design's load."""
    if design.load_unit == LoadUnit.BPS:
        return 1.0 / GBPS
    return None if bits_per_query is None else bits_per_query / GBPS
