"""proposed: the sites to add and the report on them, out of the steps of the search."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from anyplane.design.design import Design
from anyplane.design.editing_sites import NewSite, site_line
from anyplane.planning.figures import whole
from anyplane.planning.latency import LatencyModel
from anyplane.planning.plan import NO_USERS
from anyplane.planning.rounding import part, people
from anyplane.planning.search.new_sites import UNSERVED_MS, Search
from anyplane.planning.search.new_sites_ground import LEAST_MS, changes, spots
from anyplane.planning.search.new_sites_places import Candidate
from anyplane.planning.search.new_sites_report import (
    Astray,
    NewSitesReport,
    Other,
    Pick,
    Proposal,
    Shift,
    Worse,
)
from anyplane.planning.search.new_sites_state import State, state_of
from anyplane.planning.search.new_sites_wish import Step, Try, Wish
from anyplane.planning.weighted import Float64, Int64
from anyplane.topology import Topology

LEAST_USERS = 0.05
PLACES = 5
OTHERS = 10
SMALL = 10
"""A network with fewer customers below it may have them for another reason than that it sells transit."""


def proposed(
    design: Design,
    topology: Topology,
    wish: Wish,
    *,
    latency: LatencyModel | None = None,
    threads: int = 2,
    progress: Callable[[int], None] = lambda _rows: None,
) -> tuple[NewSitesReport, tuple[NewSite, ...]]:
    """The report, and the sites as they are to be written into the design's file, in their order.

    progress is told how many announcement sets were just reckoned. UsageError where the design has several
    scenarios, announces nothing, or the topology has no metros.
    """
    search = Search(
        design, topology, wish, latency=latency or LatencyModel(), threads=threads, progress=progress
    )
    state = today = state_of(search)
    sites: list[NewSite] = []
    proposals: list[Proposal] = []
    first: Step | None = None
    sets = 0
    while len(proposals) < wish.count:
        step = search.step()
        first = first or step
        sets += step.sets
        if step.best is None:
            break
        alone = step.best.gain if not proposals else _alone(design, search, step.best)
        new = search.take(step.best)
        after = state_of(search)
        proposals.append(_proposal(search, step.best, new, alone=alone, before=state, after=after))
        sites.append(new)
        state = after
    if first is None:
        first = Step(best=None, by_metro=(), metros=0, sets=0)
    report = NewSitesReport(
        service=design.name,
        design=design.file,
        origin_asn=int(design.origin),
        group=wish.group,
        internet=topology.origin,
        networks=topology.networks,
        total_users=people(search.clients.total),
        load_unit=design.load_unit.value,
        aim=wish.aim,
        asked=wish.count,
        only_used=wish.only_used,
        metros=first.metros,
        looked_at=len(first.by_metro),
        sets=sets,
        rtt_today=today.tally.rtt,
        load_today=today.load,
        proposals=tuple(proposals),
        others=tuple(_other(topology, one) for one in first.by_metro if one.gain > 0)[:OTHERS],
        sites=spots(today, state),
        changes=changes(search, today, state),
        warnings=_warnings(design, search, first, proposals),
    )
    return report, tuple(sites)


def _warnings(design: Design, search: Search, first: Step, proposals: Sequence[Proposal]) -> tuple[str, ...]:
    wish = search.wish
    warnings: list[str] = []
    if search.clients.total == 0:
        warnings.append(NO_USERS)
    for item in proposals:
        before, after = item.load_before.utilisation or 0.0, item.load_after.utilisation or 0.0
        if after > max(1.0, before):
            warnings.append(f"with {item.site}, {item.load_after.site} is at {whole(after)} of its capacity")
        warnings += thin(item)
    found = len(proposals)
    if found < wish.count:
        warnings.append(
            f"{found} of {wish.count} sites: no further metro makes the {wish.aim.value} better without "
            "leaving users unserved or breaking a residency rule"
        )
    astray = [one.candidate.code for one in first.by_metro if one.safety > 0 and one.gain > 0]
    if astray and search.design.residency:
        listed = ", ".join(astray[:6]) + (", …" if len(astray) > 6 else "")
        warnings.append(
            f"{len(astray)} metros were passed over, since users under a residency rule would reach a site "
            f"there that the rule does not name ({listed})"
        )
    if wish.group and len(design.groups) > 1:
        warnings.append(f"loads are those of {wish.group} alone; the other groups are left out")
    return tuple(dict.fromkeys((*warnings, *search.scenario.warnings)))


def thin(item: Proposal) -> list[str]:
    """What is to be asked about upstreams that hardly are some."""
    transits = [one for one in item.upstreams if one.kind == "transit"]
    if not transits:
        return [f"{item.site} has no transit: only who peers there, and their customers, would reach it"]
    small = [one for one in transits if one.customers < SMALL and not one.is_used]
    return [
        f"{item.site}: AS{one.asn} has only {one.customers} in its customer cone; ask if it sells transit"
        for one in small
    ]


def _alone(design: Design, search: Search, best: Try) -> float:
    """What the site would bring with none of those before it."""
    only = Search(design, search.topology, search.wish, latency=search.latency, threads=search.threads)
    (found,) = only.tried([best.candidate], [(best.candidate, best.offers)])
    return found.gain


def _proposal(
    search: Search, best: Try, new: NewSite, *, alone: float, before: State, after: State
) -> Proposal:
    topology, clients = search.topology, search.clients
    code, metro = best.candidate.code, best.candidate.metro
    names = [str(site.name) for site in after.design.sites]
    mine = names.index(new.name)
    moved = after.tally.users[: len(names)].copy()
    moved[: len(names) - 1] -= before.tally.users[: len(names) - 1]
    others = [s for s in range(len(names)) if s != mine and abs(float(moved[s])) >= LEAST_USERS]
    others.sort(key=lambda s: (float(moved[s]), s))
    longer = np.minimum(after.rtt, UNSERVED_MS) - np.minimum(before.rtt, UNSERVED_MS)
    is_worse, is_better = longer >= LEAST_MS, longer <= -LEAST_MS
    per_user = after.scenario.load_per_user
    worst = max([float(after.tally.users[mine]), *after.after[:, mine].tolist()])
    return Proposal(
        site=new.name,
        metro=code,
        city=topology.metros.name[metro],
        country=topology.metros.country[metro],
        upstreams=_picks(best.candidate, best.offers),
        gain=_gain(best.gain),
        gain_alone=_gain(alone),
        users=people(after.tally.users[mine]),
        share=part(float(after.tally.users[mine]), clients.total),
        unserved_before=people(before.unserved),
        unserved_after=people(after.unserved),
        rtt_before=before.tally.rtt,
        rtt_after=after.tally.rtt,
        shifts=tuple(Shift(site=names[s], users=people(moved[s])) for s in others),
        better_users=people(clients.users[is_better].sum()),
        worse_users=people(clients.users[is_worse].sum()),
        worse=_worse(search, longer, is_worse.nonzero()[0]),
        residency=_residency(before, after),
        load_before=before.load,
        load_after=after.load,
        carries=None if per_user is None else people(float(after.tally.users[mine]) * per_user),
        carries_at_worst=None if per_user is None else people(worst * per_user),
        line=site_line(new),
    )


def _worse(search: Search, longer: Float64, who: Int64) -> tuple[Worse, ...]:
    clients = search.clients
    users = np.bincount(
        clients.metro[who], weights=clients.users[who], minlength=len(search.topology.metros.code)
    )
    lost = np.bincount(clients.metro[who], weights=(clients.users * longer)[who], minlength=len(users))
    order = [m for m in np.lexsort((np.arange(len(lost)), -lost)).tolist() if users[m] > 0]
    return tuple(
        Worse(
            metro=search.topology.metros.code[m],
            users=people(users[m]),
            ms=round(float(lost[m] / users[m]), 2),
        )
        for m in order[:PLACES]
    )


def _residency(before: State, after: State) -> tuple[Astray, ...]:
    return tuple(
        Astray(
            rule=rule,
            certain_before=people(before.astray[r, 0]),
            certain_after=people(after.astray[r, 0]),
            possible_before=people(before.astray[r, 2]),
            possible_after=people(after.astray[r, 2]),
        )
        for r, rule in enumerate(after.rules)
    )


def _other(topology: Topology, one: Try) -> Other:
    return Other(
        metro=one.candidate.code,
        city=topology.metros.name[one.candidate.metro],
        country=topology.metros.country[one.candidate.metro],
        upstreams=_picks(one.candidate, one.offers),
        gain=_gain(one.gain),
        astray=people(one.safety),
    )


def _picks(candidate: Candidate, offers: tuple[int, ...]) -> tuple[Pick, ...]:
    return tuple(
        Pick(asn=one.asn, name=one.name, kind=one.kind.value, customers=one.customers, is_used=one.is_used)
        for one in (candidate.offers[i] for i in offers)
    )


def _gain(value: float) -> float:
    """ms, or utilisation, to four digits behind the point."""
    return round(float(value), 4)
