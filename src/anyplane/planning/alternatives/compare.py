"""compare: Design + Topology -> Comparison: the same users under five ways of sending them to sites."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from anyplane.calibration.calibration import NOTHING, Calibration
from anyplane.design.design import Design
from anyplane.model.errors import UsageError
from anyplane.planning.alternatives import report as results
from anyplane.planning.alternatives.caching import Caching
from anyplane.planning.alternatives.failing import Dying
from anyplane.planning.alternatives.failover import WINDOW_S, Simulator
from anyplane.planning.alternatives.hidden import hidden
from anyplane.planning.alternatives.judged import AfterFailure
from anyplane.planning.alternatives.recommend import recommend
from anyplane.planning.alternatives.regions import SiteRegion, by_continent, parse
from anyplane.planning.alternatives.report import Comparison, Way
from anyplane.planning.alternatives.resolvers import Resolution, beliefs
from anyplane.planning.alternatives.rows import alone_rows, alternative, region_rows
from anyplane.planning.alternatives.serving import Served
from anyplane.planning.alternatives.ways import Ways
from anyplane.planning.alternatives.world import Addresses, Ground, addresses, ground
from anyplane.planning.certainty import basis, misfits
from anyplane.planning.compile import compile as compile_design
from anyplane.planning.figures import listed
from anyplane.planning.latency import LatencyModel
from anyplane.planning.rounding import people
from anyplane.routing.converge import Timing
from anyplane.topology import Topology

Progress = Callable[[int, int], None]
FAR_MS = 20.0
WITHDRAW_S = 3.0
BY_RULES = "the routes of `anyplane plan`, without a calibration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is compared under which assumptions; the defaults are round figures that nobody has measured.

    regions: as `regions.parse` reads them, "" for one by continent; regions_file: where they stand, for
    errors. fail: the site that dies, "" for the one with most users under global anycast. withdraw_s: from
    its death to the withdrawal. changed: the names of what is not a default.
    """

    resolution: Resolution = field(default_factory=Resolution)
    caching: Caching = field(default_factory=Caching)
    withdraw_s: float = WITHDRAW_S
    far_ms: float = FAR_MS
    regions: str = ""
    regions_file: str = ""
    fail: str = ""
    has_failover: bool = True
    seeds: int = 5
    first_seed: int = 1
    changed: tuple[str, ...] = ()

    def check(self) -> None:
        """UsageError where a number makes no sense."""
        faults = self.resolution.faults() + self.caching.faults()
        if not 0 <= self.withdraw_s <= 86_400:
            faults.append(f"--withdraw-after: {self.withdraw_s:g} is not 0 to 86,400 seconds (a day)")
        if not 0 <= self.far_ms <= 10_000:
            faults.append(f"--far: {self.far_ms:g} is not 0 to 10,000 ms")
        if faults:
            raise UsageError("; ".join(faults))


def compare(
    design: Design,
    topology: Topology,
    question: Question,
    *,
    group: str = "",
    latency: LatencyModel | None = None,
    calibration: Calibration = NOTHING,
    threads: int = 2,
    progress: Progress | None = None,
) -> Comparison:
    """The Comparison for one scenario of the design; UsageError where it has several and none is chosen.

    threads and progress change nothing in the result.
    """
    question.check()
    model = latency or LatencyModel()
    doubts = misfits(calibration, design, topology)
    on = ground(design, topology, group=group, latency=model, threads=threads)
    announcing = on.scenario.announcing
    regions = _regions(question, design, topology, announcing)
    _known(question.fail, design, announcing)
    runs = 3 * len(announcing) + len(regions) + 1 - sum(len(region.sites) == 1 for region in regions)
    work = runs + (5 * question.seeds if question.has_failover else 0)
    done = 0

    def finished(count: int) -> None:
        nonlocal done
        done += count
        if progress is not None:
            progress(min(done, work), work)

    found = addresses(on, regions, calibration=calibration, finished=finished)
    ways = Ways(
        on, found, beliefs(topology.metros, on.metro_users, question.resolution), far_ms=question.far_ms
    )
    now = ways.now()
    served = {item.way: ways.serve(item, has_rules=True) for item in now}
    names = on.scenario.sites
    after = {
        site: {way: AfterFailure.of(names[site], one) for way, one in each.items()}
        for site, each in ways.failures(finished=finished)
    }
    failed = _failed(question.fail, on, served[Way.GLOBAL])
    cuts, lone = {}, None
    if question.has_failover:
        simulator = Simulator(
            on.scenario,
            topology,
            Timing(inflation=model.inflation),
            seeds=range(question.first_seed, question.first_seed + question.seeds),
            threads=threads,
            finished=finished,
        )
        dying = Dying(ways, now, after, simulator, question.caching, withdraw_s=question.withdraw_s)
        cuts = dying.site(failed)
        lone = dying.lone_site()
    if progress is not None:
        progress(work, work)
    has_loads = len(compile_design(design, topology)) == 1
    rows = tuple(
        alternative(
            item, ways, served[item.way], tuple(after.values()), cuts.get(item.way), has_loads=has_loads
        )
        for item in now
    )
    unmeasured = ways.both_by_map()
    by_map = alternative(
        unmeasured,
        ways,
        ways.serve(unmeasured, has_rules=True),
        tuple(after.values()),
        cuts.get(Way.BOTH),
        has_loads=has_loads,
    )
    return Comparison(
        service=design.name,
        design=design.file,
        origin_asn=int(design.origin),
        internet=topology.origin,
        networks=topology.networks,
        scenario=on.scenario.name,
        users=people(on.clients.total),
        failed=names[failed],
        assumptions=_assumptions(question, model, calibration),
        alone=alone_rows(ways),
        regions=region_rows(ways, now),
        alternatives=rows,
        lone=lone,
        recommendation=recommend(rows, by_map=by_map),
        warnings=tuple(
            dict.fromkeys(
                (
                    *doubts,
                    *on.scenario.warnings,
                    *_warnings(on, found, has_loads=has_loads),
                )
            )
        ),
    )


def _regions(
    question: Question, design: Design, topology: Topology, announcing: Sequence[int]
) -> tuple[SiteRegion, ...]:
    if question.regions or question.regions_file:
        return parse(question.regions, design, announcing, file=question.regions_file)
    return by_continent(design, topology, announcing)


def _known(fail: str, design: Design, announcing: Sequence[int]) -> None:
    names = [str(site.name) for site in design.sites]
    if fail and fail not in names:
        near = difflib.get_close_matches(fail, names, n=1)
        hint = f"did you mean {near[0]}?" if near else "it has " + listed(names, most=12)
        raise UsageError(f"the design has no site {fail!r}", hint=hint)
    if fail and names.index(fail) not in announcing:
        raise UsageError(
            f"{fail} announces nothing here, so nothing fails with it",
            hint="choose one of " + listed([names[site] for site in announcing], most=12),
        )


def _failed(fail: str, on: Ground, everywhere: Served) -> int:
    if fail:
        return on.scenario.sites.index(fail)
    return max(on.scenario.announcing, key=lambda site: (float(everywhere.users[site]), -site))


def _assumptions(question: Question, model: LatencyModel, calibration: Calibration) -> results.Assumptions:
    asked, kept = question.resolution, question.caching
    return results.Assumptions(
        geoip_error=asked.geoip_error,
        wrong_country=asked.wrong_country,
        ecs=asked.ecs,
        resolvers=tuple(results.Band(share=share, up_to_km=km) for share, km in asked.resolvers),
        ttl_s=kept.ttl_s,
        overruns=tuple(results.Overrun(share=share, seconds=seconds) for share, seconds in kept.overruns),
        detect_s=kept.detect_s,
        withdraw_s=question.withdraw_s,
        far_ms=question.far_ms,
        window_s=WINDOW_S,
        seeds=question.seeds if question.has_failover else 0,
        first_seed=question.first_seed,
        inflation=model.inflation,
        changed=question.changed,
        basis=BY_RULES if calibration == NOTHING else f"probabilities: {basis(calibration)}",
    )


def _warnings(on: Ground, found: Addresses, *, has_loads: bool) -> list[str]:
    names = on.scenario.sites
    warnings = []
    if len(found.announcing) == 1:
        warnings.append(f"{names[found.announcing[0]]} alone announces, so all five ways lead there")
    if len(found.regions) == 1 and len(found.announcing) > 1:
        warnings.append(
            "all sites are in one region, so regional anycast is global anycast here: say --regions"
        )
    kept_out = [names[site] for n, site in enumerate(found.announcing) if not found.takes_part[n]]
    if kept_out:
        warnings.append(
            f"GeoDNS does not hand out {listed(kept_out, most=8)}: alone too few users reach "
            f"{'it' if len(kept_out) == 1 else 'them'} (peers only, NO_EXPORT, or a part of the Internet)"
        )
    behind = hidden(on, found)
    if behind:
        warnings.append(behind)
    for rule, one in zip(on.design.residency, on.rules, strict=False):
        mixed = [
            region.name
            for region in found.regions
            if 0 < len(set(region.sites) & set(one.forbidden)) < len(region.sites)
        ]
        whole = any(not set(region.sites) & set(one.forbidden) for region in found.regions)
        if mixed and not whole and rule.name == one.name:
            warnings.append(
                f"residency {one.name}: no region has only sites that it allows ({listed(mixed, most=4)} "
                "mixes both); --regions cut along the rule would let DNS keep it"
            )
    promised = on.design.objectives
    if promised.worst_failure_load is not None and not has_loads:
        warnings.append(
            "worst_failure_load was not judged: other announcement sets of the design load the sites too"
        )
    return warnings
