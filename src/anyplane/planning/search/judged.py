"""judged: finalists -> the Choices of a report: the figures that `plan` would print, and who is moved."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from anyplane.design.setting import uplink_name, upstream_at
from anyplane.planning.assess import Figures
from anyplane.planning.promises import is_under
from anyplane.planning.report import Rtt, State
from anyplane.planning.rounding import fraction, ms, part, people
from anyplane.planning.search.buying import Bought
from anyplane.planning.search.finalists import Finalist
from anyplane.planning.search.marks import ASTRAY, BROKEN, HARMED, OVERLOAD, P95, RTT, Ground
from anyplane.planning.search.moved import moved
from anyplane.planning.search.report import (
    Calibrated,
    Choice,
    EditWorth,
    PromiseFigures,
    ScenarioFigures,
    SiteFigures,
    WorstFailure,
)
from anyplane.planning.weighted import Float64
from anyplane.routing.frontier import Engine


def judged(
    ground: Ground,
    finalists: Sequence[Finalist],
    bought: Sequence[Sequence[Bought]],
    calibrated: Sequence[Calibrated | None],
) -> tuple[Choice, ...]:
    """One Choice for each finalist, today's first."""
    ground.count_users()
    choices = np.stack([one.choice for one in finalists])
    tables = ground.tables(choices)
    marks = ground.marks(choices)
    utilisation = ground.utilisation(tables) if ground.has_load else None
    there = ground.announcing(choices)
    movements = _scenarios(ground, finalists)
    found = []
    for r, one in enumerate(finalists):
        figures = [table.row(r) for table in tables]
        worst, p95_after = _failures(ground, one, there[r].nonzero()[0].tolist())
        found.append(
            Choice(
                names=one.names,
                rtt_ms=round(float(marks[r, RTT]), 3),
                changes=int(one.worth.changes),
                harmed=people(marks[r, HARMED]),
                astray=int(marks[r, ASTRAY]),
                overload=fraction(marks[r, OVERLOAD]),
                broken=fraction(marks[r, BROKEN]),
                strain=fraction(one.worth.strain),
                scenarios=tuple(
                    _scenario(name, item, shift)
                    for name, item, shift in zip(_names(ground), figures, movements[r], strict=True)
                ),
                sites=_sites(
                    ground, figures, None if utilisation is None else utilisation[r], there[r].tolist()
                ),
                worst=worst,
                promises=_promises(ground, one, figures, worst, p95_after),
                edits=_edits(ground, one, bought[r]),
                calibrated=calibrated[r],
            )
        )
    return tuple(found)


def _names(ground: Ground) -> list[str]:
    return [one.scenario.name for one in ground.made]


def _scenario(
    name: str, item: Figures, shift: tuple[float, float | None, float, float, float]
) -> ScenarioFigures:
    certain, expected, possible, gain, sure = shift
    # As `tally` has it: a mean over all users is none where somebody waits for ever.
    mean = ms(item.mean)
    return ScenarioFigures(
        scenario=name,
        users=people(item.served + item.unserved),
        unserved=people(item.unserved),
        rtt=_rtt(item.rtt, mean),
        rtt_of_all=_rtt(item.rtt_of_all, mean if item.unserved == 0 else None),
        moved_certain=people(certain),
        moved_expected=None if expected is None else people(expected),
        moved_possible=people(possible),
        gain_ms=round(gain, 2),
        gain_certain_ms=round(sure, 2),
    )


def _rtt(values: Float64, mean: float | None) -> Rtt:
    p50, p90, p95, p99 = (ms(float(value)) for value in values)
    return Rtt(p50=p50, p90=p90, p95=p95, p99=p99, mean=mean)


def _scenarios(
    ground: Ground, finalists: Sequence[Finalist]
) -> list[list[tuple[float, float | None, float, float, float]]]:
    """[finalist][scenario] what `moved` says."""
    found: list[list[tuple[float, float | None, float, float, float]]] = [[] for _ in finalists]
    for one, reader in zip(ground.made, ground.assessors, strict=True):
        engine = Engine(ground.topology, one.scenario.seeds)
        rows = one.rows(np.stack([item.choice for item in finalists]))
        today = engine.run(rows[0])
        for r, row in enumerate(rows):
            found[r].append(
                moved(
                    today,
                    engine.run(row),
                    reader.assessor.clients,
                    latency=ground.latency,
                    real_sites=ground.real_sites,
                )
            )
    return found


def _sites(
    ground: Ground, figures: Sequence[Figures], utilisation: Float64 | None, there: Sequence[bool]
) -> tuple[SiteFigures, ...]:
    rows = []
    has_load = any(ground.load_per_user)
    for s, site in enumerate(ground.design.sites):
        users = sum(float(item.users[s]) for item in figures)
        load = sum(
            float(item.users[s]) * each for item, each in zip(figures, ground.load_per_user, strict=True)
        )
        used = None if utilisation is None or not site.capacity else float(utilisation[s])
        rows.append(
            SiteFigures(
                site=str(site.name),
                is_announced=there[s],
                users=people(users),
                load=people(load) if has_load else None,
                utilisation=used,
            )
        )
    return tuple(rows)


def _failures(
    ground: Ground, one: Finalist, sites: Sequence[int]
) -> tuple[WorstFailure | None, list[tuple[str, str, float | None, float]]]:
    """The worst failures, and (scenario, site, p95 of all users after it, part unserved) of each."""
    if not sites:
        return None, []
    choices = np.repeat(one.choice[np.newaxis, :], len(sites), axis=0)
    failed = np.array(sites, np.int64)
    tables = ground.failing(choices, failed)
    names = [str(site.name) for site in ground.design.sites]
    site, fullest, most = names[sites[0]], "", None
    if ground.has_load:
        after = ground.utilisation(tables)
        after[np.arange(len(sites)), failed] = -1.0
        after = np.nan_to_num(after, nan=-1.0)
        row, column = divmod(int(np.argmax(after)), after.shape[1])
        if after[row, column] >= 0:
            site, fullest, most = names[sites[row]], names[column], fraction(after[row, column])
    rows: list[tuple[str, str, float | None, float]] = []
    for which, table in enumerate(tables):
        here = ground.announcing(one.choice[np.newaxis, :], which=which)[0]
        for r, s in enumerate(sites):
            if here[s]:
                rows.append(
                    (
                        ground.made[which].scenario.name,
                        names[s],
                        ms(float(table.rtt_of_all[r, P95])),
                        part(float(table.unserved[r]), float(ground.totals[which])),
                    )
                )
    slowest = max(rows, key=lambda row: (np.inf if row[2] is None else row[2], row[3]), default=None)
    return (
        WorstFailure(
            site=site,
            fullest=fullest,
            utilisation=most,
            slowest="" if slowest is None else slowest[1],
            p95_ms=None if slowest is None else slowest[2],
        ),
        rows,
    )


def _promises(
    ground: Ground,
    one: Finalist,
    figures: Sequence[Figures],
    worst: WorstFailure | None,
    after: Sequence[tuple[str, str, float | None, float]],
) -> tuple[PromiseFigures, ...]:
    promised, found = ground.promised, []

    def add(
        name: str, scenario: str, target: float | None, actual: float | None, *, least: bool = False
    ) -> None:
        if target is None:
            return
        kept = actual is not None and (actual >= target if least else actual <= target)
        state = State.KEPT if kept else State.BROKEN
        found.append(
            PromiseFigures(
                name=name, scenario=scenario, target=target, actual=actual, possible=None, state=state
            )
        )

    for which, item in enumerate(figures):
        name = _names(ground)[which]
        if ground.has_rtt:
            bounds = (promised.p50_rtt_ms, promised.p90_rtt_ms, promised.p95_rtt_ms, promised.p99_rtt_ms)
            for q, (what, target) in enumerate(zip(("p50", "p90", "p95", "p99"), bounds, strict=True)):
                add(f"{what}_rtt", name, target, ms(float(item.rtt_of_all[q])))
        here = ground.announcing(one.choice[np.newaxis, :], which=which)[0]
        shares = [
            part(float(item.users[s]), float(ground.totals[which])) for s in np.flatnonzero(here).tolist()
        ]
        if shares:
            add("largest_share", name, promised.largest_share, max(shares))
            add("smallest_share", name, promised.smallest_share, min(shares), least=True)
        mine = [row for row in after if row[0] == name]
        if mine and ground.has_rtt:
            slowest = max(mine, key=lambda row: (np.inf if row[2] is None else row[2], row[3]))
            add("worst_failure_p95_rtt", name, promised.worst_failure_p95_rtt_ms, slowest[2])
    if worst is not None and worst.utilisation is not None:
        add("worst_failure_load", "", promised.worst_failure_load, worst.utilisation)
    for which, (one_variant, item) in enumerate(zip(ground.made, figures, strict=True)):
        rules = [rule for rule in ground.design.residency if is_under(rule, one_variant.scenario)]
        for rule, (certain, _, possible) in zip(rules, item.astray.tolist(), strict=True):
            state = State.BROKEN if certain > 0 else State.MAY_BREAK if possible > 0 else State.KEPT
            found.append(
                PromiseFigures(
                    name=f"residency {rule.name}",
                    scenario=_names(ground)[which],
                    target=0.0,
                    actual=people(certain),
                    possible=people(possible),
                    state=state,
                )
            )
    return tuple(found)


def _edits(ground: Ground, one: Finalist, bought: Sequence[Bought]) -> tuple[EditWorth, ...]:
    made, design = ground.made[0], ground.design
    return tuple(
        EditWorth(
            uplink=uplink_name(design, made.uplinks[item.uplink]),
            site=str(design.sites[made.uplinks[item.uplink].site].name),
            asn=int(upstream_at(design, made.uplinks[item.uplink]).asn),
            before=str(made.options[item.uplink][0]),
            after=str(made.options[item.uplink][int(one.choice[item.uplink])]),
            gain_ms=round(item.gain_ms, 3),
            mends=item.mends,
            without_ms=round(item.without_ms, 3),
            breaks=item.breaks,
        )
        for item in bought
    )
