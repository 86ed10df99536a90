"""playbook: Design + Topology + attacks -> PlaybookReport: each response's load at each site, and back.

After Rizvi et al., "Anycast Agility: Network Playbooks to Fight DDoS" (USENIX Security 2022), who measure the
table with probes after each change of routing; here it is reckoned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from anyplane.design.design import Design
from anyplane.model.errors import TopologyError, UsageError
from anyplane.planning.attack.kept import Resume
from anyplane.planning.attack.orders import orders
from anyplane.planning.attack.origins import NAMES
from anyplane.planning.attack.responses import Ground, Kind, Response, responses
from anyplane.planning.attack.scenario_choice import chosen
from anyplane.planning.attack.sources import Attack, botnet, continents
from anyplane.planning.attack.sweep import Landing, Sweep
from anyplane.planning.latency import LatencyModel
from anyplane.planning.plan import NO_USERS
from anyplane.planning.playbook.report import (
    Lookup,
    Play,
    PlaybookReport,
    Population,
    Relief,
)
from anyplane.planning.rounding import part, people
from anyplane.planning.weighted import Float64
from anyplane.topology import Topology

LEAST_RELIEF = 0.01
"""Of what is at the site: less is not worth a line."""
LEAST_SHARE = 0.0005
LEAST_CHANGE = 5e-7
"""Of a share, which is rounded to a millionth."""
TAKERS = 4
Progress = Callable[[int, int], None]


def usual_attacks(topology: Topology, *, networks: int, seed: int) -> tuple[Attack, ...]:
    """botnet:global, and one of each continent that has users."""
    present = {str(code) for code in np.unique(continents(topology)[topology.users > 0])}
    specs = ["botnet:global", *(f"botnet:region={code}" for code in sorted(present & set(NAMES)))]
    if len(specs) == 2:
        del specs[1]  # of one continent alone the two would be the same
    return tuple(botnet(topology, spec, gbps=1.0, networks=networks, seed=seed) for spec in specs)


def playbook(
    design: Design,
    topology: Topology,
    attacks: Sequence[Attack],
    *,
    group: str = "",
    site: str = "",
    poison: Sequence[int] = (),
    seed: int = 1,
    latency: LatencyModel | None = None,
    threads: int = 2,
    resume: Resume | None = None,
    progress: Progress | None = None,
) -> PlaybookReport:
    """The whole report. site: only what turns something there, or takes load off it."""
    scenario, _ = chosen(design, topology, group)
    names = [str(one.name) for one in design.sites]
    announcing = tuple(names[s] for s in scenario.announcing)
    if site and site not in announcing:
        why = "announces nothing here" if site in names else "is not in the design"
        raise UsageError(f"--site {site}: it {why}", hint="it has " + ", ".join(announcing[:12]))
    for asn in poison:
        if topology.index_of(asn) < 0:
            raise TopologyError(f"--poison: AS{asn} is not in this topology")
    ground = Ground.of(design, scenario)
    prepared = responses(ground, poison=poison)
    sweep = Sweep(
        design,
        topology,
        scenario,
        prepared,
        weights=np.array([attack.weight for attack in attacks]),
        latency=latency or LatencyModel(),
    )
    landings = sweep.land(
        prepared,
        threads=threads,
        known=resume.known(sweep) if resume else {},
        keep=partial(resume.keep, sweep) if resume else None,
        progress=progress,
    )
    shares = np.array([_shares(sweep, landing) for landing in landings])
    shown = [r for r in range(len(prepared)) if r == 0 or not site or _concerns(shares, r, names.index(site))]
    served = [float(landing.by_site[0, : sweep.scenario.real_sites].sum()) for landing in landings]
    costs = [
        (people(max(0.0, served[0] - left)), people(one.moved))
        for one, left in zip(landings, served, strict=True)
    ]
    asked = (site,) if site else announcing
    lookups = [_lookup(sweep, prepared, shares, costs, names.index(one)) for one in asked]
    return PlaybookReport(
        service=design.name,
        design=design.file,
        origin_asn=int(design.origin),
        internet=topology.origin,
        internet_networks=topology.networks,
        scenario=scenario.name,
        prefixes=tuple(map(str, scenario.prefixes)),
        total_users=people(sweep.clients.total),
        seed=seed,
        site=site,
        sites=announcing,
        populations=(
            Population(
                name="users", words="users", networks=len(np.unique(sweep.clients.network)), is_attack=False
            ),
            *(
                Population(name=one.name, words=_words(one.name), networks=len(one.network), is_attack=True)
                for one in attacks
            ),
        ),
        plays=tuple(
            _play(sweep, ground, r, prepared[r], landings[r], shares[r], shares[0], scenario.announcing)
            for r in shown
        ),
        lookups=tuple(lookups),
        warnings=(*(() if topology.users.any() else (NO_USERS,)), *sweep.scenario.warnings),
    )


def _shares(sweep: Sweep, landing: Landing) -> Float64:
    """(W, real sites + 1) of each population; the last column is what reaches none of them."""
    real = sweep.scenario.real_sites
    totals = np.where(sweep.totals > 0, sweep.totals, 1.0)[:, np.newaxis]
    at_sites = landing.by_site[:, :real] / totals
    rest = np.where(sweep.totals > 0, np.maximum(0.0, 1.0 - at_sites.sum(axis=1)), 0.0)
    return np.hstack([at_sites, np.where(rest < 1e-9, 0.0, rest)[:, np.newaxis]])


def _concerns(shares: Float64, response: int, site: int) -> bool:
    """Does a response change what the site gets?"""
    return bool((np.abs(shares[response, :, site] - shares[0, :, site]) >= LEAST_SHARE).any())


def _play(
    sweep: Sweep,
    ground: Ground,
    number: int,
    response: Response,
    landing: Landing,
    shares: Float64,
    now: Float64,
    announcing: Sequence[int],
) -> Play:
    served = float(sweep.now.by_site[0, : sweep.scenario.real_sites].sum())
    changed = [
        s for s in announcing if number == 0 or (np.abs(shares[:, s] - now[:, s]) >= LEAST_CHANGE).any()
    ]
    return Play(
        number=number,
        name=response.name,
        kind=response.kind,
        sites=tuple(sweep.scenario.sites[s] for s in changed),
        shares=tuple(tuple(part(v, 1.0) for v in shares[:, s]) for s in changed),
        nowhere=tuple(part(v, 1.0) for v in shares[:, -1]),
        users_moved=people(landing.moved),
        users_cut=people(max(0.0, served - float(landing.by_site[0, : sweep.scenario.real_sites].sum()))),
        p50_ms=landing.rtt[0],
        p95_ms=landing.rtt[2],
        orders=orders(ground, response, sweep.scenario.prefixes),
    )


def _lookup(
    sweep: Sweep,
    prepared: Sequence[Response],
    shares: Float64,
    costs: Sequence[tuple[float, float]],
    site: int,
) -> Lookup:
    """What sheds a site. shares: (R, W, sites + 1). costs: users cut off and moved, by response."""
    users, attack = shares[0, 0, site], shares[0, 1, site]
    reliefs = []
    for r in range(1, len(shares)):
        less_attack = part(attack - shares[r, 1, site], attack)
        less_users = part(users - shares[r, 0, site], users)
        if max(less_attack, less_users) < LEAST_RELIEF:
            continue
        gained = shares[r, 1] - shares[0, 1]
        order = np.lexsort((np.arange(len(gained)), -gained))
        takers = [s for s in order[:TAKERS] if gained[s] >= LEAST_SHARE]
        names = (*sweep.scenario.sites[: sweep.scenario.real_sites], "")
        reliefs.append(
            Relief(
                play=r,
                attack=less_attack,
                users=less_users,
                to=tuple(names[s] for s in takers),
                to_shares=tuple(part(gained[s], 1.0) for s in takers),
            )
        )

    def key(one: Relief) -> tuple[bool, float, tuple[float, float], int]:
        """What is done here first; of what sheds as much, what cuts off, then what moves fewest users."""
        response = prepared[one.play]
        is_here = site in response.sites and response.kind not in (Kind.CONCENTRATE, Kind.POISON)
        return (not is_here, -round(one.attack, 2), costs[one.play], one.play)

    reliefs.sort(key=key)
    return Lookup(
        site=sweep.scenario.sites[site],
        attack_share=part(attack, 1.0),
        users_share=part(users, 1.0),
        reliefs=tuple(reliefs),
    )


def _words(name: str) -> str:
    kind, _, which = name.removeprefix("botnet:").partition("=")
    if kind == "global":
        return "attack from everywhere"
    if kind == "region":
        return f"attack from {NAMES.get(which, which)}"
    return f"attack from AS{which.upper().removeprefix('AS')}" if kind == "network" else f"attack of {name}"
