"""State: a design as it stands between two steps of the search for new sites, failures and all."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from anyplane.design.design import Design
from anyplane.planning.assess import Assessor
from anyplane.planning.assess_rows import RowAssessor
from anyplane.planning.compile import Scenario
from anyplane.planning.rounding import fraction
from anyplane.planning.search.new_sites import Search
from anyplane.planning.search.new_sites_report import Load
from anyplane.planning.tally import Tally, tally
from anyplane.planning.weighted import Float64, Int64
from anyplane.routing import Routes, propagate


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The design as it is at one moment. rtt, site: (U,) of each client by its chosen route, infinite and -1
    where it is not served. astray: (rules, 3) as in Figures. after: (F, sites) as in _failures."""

    design: Design
    scenario: Scenario
    tally: Tally
    unserved: float
    rtt: Float64
    site: Int64
    rules: tuple[str, ...]
    astray: Float64
    load: Load
    after: Float64


def state_of(search: Search) -> State:
    """How the search's design stands now, failures and all."""
    design, scenario, clients = search.design, search.scenario, search.clients
    routes: Routes = propagate(search.topology, scenario.seeds)
    counted = tally(routes, clients, latency=search.latency, real_sites=scenario.real_sites)
    assessor = Assessor(design, search.topology, scenario, search.latency)
    figures = assessor.figures(routes, users=counted.users)
    after = _failures(search, assessor)
    site = routes.site[clients.pop].astype(np.int64)
    site[site >= scenario.real_sites] = -1
    rtt = search.latency.rtt(routes.km[clients.pop], routes.hops[clients.pop])
    return State(
        design=design,
        scenario=scenario,
        tally=counted,
        unserved=figures.unserved,
        rtt=np.where(site >= 0, rtt, np.inf),
        site=site,
        rules=assessor.rules,
        astray=figures.astray,
        load=_load(search, counted.users, after),
        after=after,
    )


def _failures(search: Search, assessor: Assessor) -> Float64:
    """(F, sites) expected users of each site of the design after the failure of each that announces."""
    design, scenario = search.design, search.scenario
    failing = scenario.announcing if scenario.load_per_user else ()
    if len(failing) < 2:
        return np.zeros((0, len(design.sites)))
    reader = RowAssessor(search.topology, assessor, threads=search.threads)
    users = reader.table(np.array([scenario.without(site) for site in failing])).users
    search.progress(len(failing))
    return users[:, : len(design.sites)]


def _load(search: Search, users: Float64, after: Float64) -> Load:
    design, scenario = search.design, search.scenario
    capacity = np.array([site.capacity or np.nan for site in design.sites])
    if not scenario.load_per_user or not np.isfinite(capacity).any():
        return Load()
    names = [str(site.name) for site in design.sites]
    full = np.nan_to_num(users[: len(names)] * scenario.load_per_user / capacity)
    fullest = int(full.argmax())
    load = Load(site=names[fullest], utilisation=fraction(full[fullest]))
    if not len(after):
        return load
    failing = scenario.announcing
    strained = np.nan_to_num(after * scenario.load_per_user / capacity)
    strained[np.arange(len(failing)), list(failing)] = 0.0
    row, worst = np.unravel_index(int(strained.argmax()), strained.shape)
    return replace(
        load,
        failed=names[failing[int(row)]],
        failed_site=names[int(worst)],
        failed_utilisation=fraction(strained[row, worst]),
    )
