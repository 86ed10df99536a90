"""trust: Design + VRPs (+ Topology) -> TrustReport: are our routes valid, and what would a hijack take?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_network

import numpy as np
from numpy.typing import NDArray

from anyplane.design import announcements
from anyplane.design.design import Design
from anyplane.model.nouns import Asn, Prefix
from anyplane.model.rpki import Vrp, VrpSet
from anyplane.planning.catchment import Clients
from anyplane.planning.compile import Scenario
from anyplane.planning.compile import compile as compile_design
from anyplane.planning.trust import exposure as hijacks
from anyplane.planning.trust import single_site
from anyplane.planning.trust.asking import Asking
from anyplane.planning.trust.attackers import Attackers, drawn, named
from anyplane.planning.trust.cases import case_of, shadowed
from anyplane.planning.trust.exposure import Subject
from anyplane.planning.trust.remarks import remarks
from anyplane.planning.trust.report import (
    Exposure,
    Level,
    Purpose,
    Question,
    Source,
    TrustReport,
    World,
)
from anyplane.planning.trust.roas import loose, wanted
from anyplane.planning.trust.states import moment, state_of, to_check
from anyplane.planning.trust.sweep import Sweep, Taken
from anyplane.planning.trust.validity import State, living
from anyplane.topology import Topology

Done = dict[tuple[str, int], Taken]


@dataclass(slots=True, kw_only=True)
class Work:
    """The sweeps of a design, one for each scenario with something to hijack, and the subjects of each."""

    sweeps: list[tuple[Sweep, tuple[Subject, ...]]]
    rov_source: str
    asking: Asking
    is_partial: bool = False
    warnings: list[str] = field(default_factory=list)

    def fingerprints(self) -> dict[str, str]:
        """By scenario."""
        return {sweep.scenario.name: sweep.fingerprint() for sweep, _ in self.sweeps}

    def resume(self, known: Mapping[str, Mapping[tuple[str, int], Taken]]) -> None:
        """Take over runs that were done before."""
        for sweep, _ in self.sweeps:
            sweep.done.update(known.get(sweep.scenario.name, {}))

    def runs(self) -> dict[str, Done]:
        """All that is done, by scenario."""
        return {sweep.scenario.name: sweep.done for sweep, _ in self.sweeps}


def about(design: Design, asking: Asking) -> tuple[Prefix, ...]:
    """The prefixes whose VRPs are needed; a UsageError for more-specifics of nothing."""
    checked = to_check(
        design, group=asking.group, scrubbers=asking.scrubbers, more_specifics=asking.more_specifics
    )
    return tuple(dict.fromkeys(item.prefix for item in checked))


def prepare(
    design: Design,
    topology: Topology,
    vrps: VrpSet,
    asking: Asking,
    *,
    rov: NDArray[np.bool_] | None = None,
    rov_source: str = "",
    threads: int = 2,
) -> Work:
    """The Work to do; rov: (N,) today's list, the topology's own by default."""
    today = topology.rov if rov is None else rov
    worlds = {
        World.NOBODY: np.zeros(topology.networks, bool),
        World.LIST: today,
        World.EVERYBODY: np.ones(topology.networks, bool),
    }
    origin = int(design.origin)
    chosen = (
        named(topology, asking.attackers, origin=origin)
        if asking.attackers
        else drawn(topology, asking.sample, seed=asking.seed, origin=origin)
    )
    asns = [int(asn) for asn in topology.asn[chosen]]
    alive = living(vrps.vrps, asking.now)
    advised = _as_advised(design, asking, alive)
    # Of all groups, the one that is asked for or not: packets follow the longest match.
    announced = tuple({item.prefix for item in announcements(design) if not item.is_blackhole})
    work = Work(sweeps=[], rov_source=rov_source or "of the topology", asking=asking)
    for scenario in compile_design(design, topology, group=asking.group):
        work.warnings += scenario.warnings
        work.warnings += shadowed(scenario.prefixes, announced)
        if not scenario.announcing:
            prefixes = ", ".join(map(str, scenario.prefixes))
            work.warnings.append(f"{scenario.name}: no site announces {prefixes}, so nothing can be hijacked")
            continue
        clients = Clients.of(topology, scenario.audience)
        sweep = Sweep(
            scenario=scenario,
            topology=topology,
            clients=clients,
            attackers=Attackers.of(topology, chosen, scenario, clients),
            rov=worlds,
            threads=threads,
        )
        work.sweeps.append((sweep, _subjects(scenario, origin, asns, alive, advised, announced)))
    if not today.any():
        work.warnings.append(
            "today's list of validating networks is empty, so it changes nothing: name one with --rov-list"
        )
    return work


def run(work: Work, *, progress: Callable[[int, int], None] | None = None) -> None:
    """Run what is lacking; a KeyboardInterrupt ends it, and what is done stays (`is_partial`)."""
    done = 0
    planned = sum(_planned(sweep, subjects, work.asking) for sweep, subjects in work.sweeps)

    def finished(count: int) -> None:
        nonlocal done
        done += count
        if progress is not None:
            progress(done, max(done, planned))

    try:
        for sweep, subjects in work.sweeps:
            for variant, who in sweep.lacking(hijacks.asked(subjects, sweep)):
                sweep.run(variant, who, finished)
            if _is_compared(sweep, work.asking):
                for variant, who in sweep.lacking(single_site.trials(sweep)):
                    sweep.run(variant, who, finished)
                for variant, who in sweep.lacking(single_site.best(sweep)):
                    sweep.run(variant, who, finished)
    except KeyboardInterrupt:
        work.is_partial = True


def report(design: Design, vrps: VrpSet, asking: Asking, work: Work | None = None) -> TrustReport:
    """The whole report; without Work it has no exposures."""
    checked = to_check(
        design, group=asking.group, scrubbers=asking.scrubbers, more_specifics=asking.more_specifics
    )
    alive = living(vrps.vrps, asking.now)
    routes = tuple(
        state_of(item, checked, vrps.vrps, now=asking.now, within_s=asking.expires_within_s)
        for item in checked
    )
    found = loose(checked, alive)
    roas = wanted(checked, alive, [vrp for _, vrp in found])
    too_loose = tuple(item for item, _ in found)
    exposures: list[Exposure] = []
    for sweep, subjects in work.sweeps if work else ():
        single = single_site.single_site(sweep) if _is_compared(sweep, asking) else None
        exposures += [
            hijacks.exposure(subject, sweep, named=bool(asking.attackers), single=single)
            for subject in subjects
        ]
    topology = work.sweeps[0][0].topology if work and work.sweeps else None
    today = work.sweeps[0][0].rov[World.LIST] if work and work.sweeps else np.zeros(0, bool)
    return TrustReport(
        service=design.name,
        design=design.file,
        origin_asn=int(design.origin),
        internet=topology.origin if topology else "",
        networks=topology.networks if topology else 0,
        rov_networks=int(today.sum()),
        rov_source=work.rov_source if work else "",
        question=Question(
            now=moment(asking.now),
            expires_within_s=float(asking.expires_within_s),
            sample=0 if asking.attackers else asking.sample,
            seed=asking.seed,
            scrubbers=asking.scrubbers,
            more_specifics=tuple(map(str, asking.more_specifics)),
        ),
        source=Source(
            file=vrps.source,
            form=vrps.form,
            vrps=vrps.total,
            relevant=len(vrps.vrps),
            generated=moment(vrps.generated),
            half_expire_by=moment(vrps.half_expire_by),
        ),
        broken=sum(route.level is Level.BROKEN for route in routes),
        missing=sum(
            route.state is State.NOT_FOUND
            and route.purpose is not Purpose.BLACKHOLE
            and route.level is not Level.BROKEN  # its ROA has expired, and it is counted there
            for route in routes
        ),
        routes=routes,
        loose=too_loose,
        roas=roas,
        exposures=tuple(exposures),
        warnings=tuple(
            dict.fromkeys(
                [
                    *remarks(vrps, asking, routes, roas, too_loose, checked),
                    *(work.warnings if work else ()),
                ]
            )
        ),
        is_partial=bool(work and work.is_partial),
    )


def _as_advised(design: Design, asking: Asking, vrps: Sequence[Vrp]) -> tuple[Vrp, ...]:
    """The VRPs once the ROAs to create are there, and the loose ones that they replace are gone."""
    checked = to_check(
        design, group=asking.group, scrubbers=asking.scrubbers, more_specifics=asking.more_specifics
    )
    too_loose = [vrp for _, vrp in loose(checked, vrps)]
    created = tuple(
        Vrp(prefix=ip_network(roa.prefix), max_length=roa.max_length, asn=Asn(roa.asn))
        for roa in wanted(checked, vrps, too_loose)
    )
    return (*(vrp for vrp in vrps if vrp not in too_loose), *created)


def _subjects(
    scenario: Scenario,
    origin: int,
    asns: Sequence[int],
    vrps: Sequence[Vrp],
    advised: Sequence[Vrp],
    announced: Sequence[Prefix],
) -> tuple[Subject, ...]:
    """The scenario's prefixes, those with the same cases together."""
    alike: dict[tuple[object, ...], Subject] = {}
    for prefix in scenario.prefixes:
        now, then = (case_of(prefix, origin, asns, some, announced=announced) for some in (vrps, advised))
        cases = [("now", now)]
        if (now.own, now.key) != (then.own, then.key):
            cases.append(("with the ROAs", then))
        key = tuple((name, case.own, case.key) for name, case in cases)
        known = alike.get(key)
        alike[key] = (
            Subject(prefixes=(prefix,), cases=tuple(cases))
            if known is None
            else replace(known, prefixes=(*known.prefixes, prefix))
        )
    return tuple(alike.values())


def _is_compared(sweep: Sweep, asking: Asking) -> bool:
    return asking.alone and len(sweep.scenario.announcing) > 1


def _planned(sweep: Sweep, subjects: Sequence[Subject], asking: Asking) -> int:
    """Runs to do; which site is the best is not known yet, so its runs are counted as if none was done."""
    count = sum(len(who) for _, who in sweep.lacking(hijacks.asked(subjects, sweep)))
    if _is_compared(sweep, asking):
        count += sum(len(who) for _, who in sweep.lacking(single_site.trials(sweep)))
        count += len(sweep.attackers.network) * (2 if sweep.rov[World.LIST].any() else 1)
    return count


__all__ = ["Asking", "Work", "about", "prepare", "report", "run"]
