"""calibrating: Design + Topology + Observations -> Calibration: learn what the graph does not say.

Three things, each from its own kind of observation. Collector paths to one site alone say which links carry
it (`calibration.corrections`, `willingness`). Answers while several sites announced together say whom
networks prefer (`calibration.preferences`). Half of those, predicted from the other half, say how far the
result can be trusted: `certainty` and `spread` are fitted on predictions of what was not learned from.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from anyplane.calibration.calibration import Calibration, SiteFacts, Used
from anyplane.calibration.chance import Float64, Offers, Terrain
from anyplane.calibration.evidence import Evidence, evidence
from anyplane.calibration.preferences import Answers, learn, preferences
from anyplane.calibration.site_facts import heard, site_facts
from anyplane.calibration.site_models import entries_of, restricted, seen_entries
from anyplane.design.design import Design
from anyplane.model.errors import UsageError
from anyplane.model.observations import Announced, Method, Observations
from anyplane.planning.compile import Scenario
from anyplane.planning.compile import compile as compile_design
from anyplane.planning.forecasting import honest, metro_of, offers_of, silent_networks, site_seeds
from anyplane.planning.intervals import Followed, doubts, followed
from anyplane.routing.seeds import Seeds
from anyplane.topology import Topology

Say = Callable[[str], None]
LEAST_SHARE = 0.01
"""Where all but this part of the networks reach one site, their answers say little about preferences."""
LEAST_AGREEMENT = 0.93
"""Pings and Atlas agree on 97 % (median of the PEERING experiments); far below it one of them is wrong."""
LEAST_OVERLAP = 100
DATA_PLANE = (Method.PING, Method.ATLAS, Method.DNS, Method.HTTP, Method.OTHER)
EXPONENTS = np.arange(0.3, 1.55, 0.05)
SPREAD_BEFORE = 0.75
"""Before it is measured, as heavy as two experiments."""
LEAST_DEVIATION = 0.1
"""In log odds: a share that is surer than this is not taken at its word when the spread is reckoned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """One announcement set and who answered whom. columns: the site index of each column of the Offers."""

    announced: Announced
    offers: Offers
    columns: list[int]
    answers: Answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A prediction of an experiment, before certainty.

    raw: (P, S), by_network: (N, S) probabilities. users: (P,) how many networks answered. way: theirs.
    """

    answers: Answers
    raw: Float64
    by_network: Float64
    users: Float64
    way: Followed


def calibrate(
    design: Design,
    topology: Topology,
    observations: Observations,
    *,
    group: str = "",
    terrain: Terrain | None = None,
    say: Say | None = None,
) -> Calibration:
    """The Calibration that these observations teach about the sites of a design.

    Rows about sites that the design lacks are left out and named in `used`. A UsageError where nothing
    remains.
    """
    tell = say or (lambda _: None)
    scenario = compile_design(design, topology, group=group)[0]
    ground = terrain or Terrain(topology)
    names = scenario.sites[: scenario.real_sites]
    tell("collector paths to each site alone")
    facts = tuple(
        found
        for site, name in enumerate(names)
        if (found := _facts_of(design, scenario, ground, site, name, observations)) is not None
    )
    known = Calibration(origin=_origin(observations), graph=topology.origin, sites=facts)
    tell("what was announced together, and who answered")
    announcing = {scenario.sites[seed.site] for seed in scenario.seeds.seeds}
    used, wanted = _usable(observations, names, topology, announcing=announcing)
    experiments = [
        _experiment(design, scenario, ground, known, announced, answers) for announced, answers in wanted
    ]
    if not facts and not experiments:
        raise UsageError(
            "these observations teach nothing about this design",
            hint="needed: collector paths while one site announced alone, or answers while two or more did; "
            + "; ".join(f"{' + '.join(item.sites)}: {item.reason}" for item in used if item.reason),
        )
    certainty, spread = 1.0, 1.0
    if len(experiments) > 1:
        tell("how far predictions of what was not learned hold")
        certainty, spread = _trust(ground, experiments)
    tell("preferences between neighbours")
    learned = preferences(ground, learn(ground, _pairs(experiments))) if experiments else ()
    return replace(
        known, preferences=learned, used=used, certainty=round(certainty, 2), spread=round(spread, 3)
    )


def _facts_of(
    design: Design, scenario: Scenario, terrain: Terrain, site: int, name: str, observations: Observations
) -> SiteFacts | None:
    """What collector paths to this site alone say; None without any."""
    topology = terrain.topology
    alone = [
        k for k, item in enumerate(observations.announced) if item.sites == (name,) and not item.prepends
    ]
    lengths = np.diff(observations.path_start)
    rows = np.flatnonzero(np.isin(observations.policy, alone) & (lengths > 0))
    if not len(rows):
        return None
    paths = [tuple(observations.path_of(int(row))) for row in rows]
    seen: Evidence = evidence(topology, paths, origin=int(design.origin))
    if not seen.paths:
        return None
    own = site_seeds(scenario, site)
    metro = metro_of(design, topology, scenario, site) if own else 0
    entries = tuple(replace(entry, chance=1.0) for entry in entries_of(topology, own, facts=None))
    first = SiteFacts(site=name, paths=seen.paths, heard=heard(terrain.ground, seen))
    entries += seen_entries(topology, first, known=entries, metro=metro)
    return site_facts(
        terrain.ground,
        name,
        seen,
        entries,
        silent=silent_networks(topology, scenario),
        added=restricted(terrain, own, is_invalid=False),
    )


def _usable(
    observations: Observations, names: Sequence[str], topology: Topology, *, announcing: Collection[str]
) -> tuple[tuple[Used, ...], list[tuple[Announced, Answers]]]:
    """What may be learned from, and a word on each announcement set."""
    used: list[Used] = []
    wanted: list[tuple[Announced, Answers]] = []
    methods = tuple(Method)
    for policy, announced in enumerate(observations.announced):
        if len(announced.sites) < 2:
            continue
        rows = observations.policy == policy
        by_method = {
            method: answers
            for method in DATA_PLANE
            if (
                answers := answers_of(
                    observations, rows & (observations.method == methods.index(method)), announced, topology
                )
            )
            is not None
        }
        if not by_method:
            continue
        agreement = _agreement(list(by_method.values()))
        missing = [name for name in announced.sites if name not in names]
        best = max(by_method, key=lambda method: len(by_method[method].network))
        answers = by_method[best]
        share = np.bincount(answers.site, answers.weight, len(announced.sites)) / answers.weight.sum()
        reason = ""
        if missing:
            reason = "the design has no site " + ", ".join(missing)
        elif quiet := [name for name in announced.sites if name not in announcing]:
            reason = "the design announces nothing at " + ", ".join(quiet)
        elif agreement < LEAST_AGREEMENT:
            reason = f"two ways to measure it agree on {agreement:.0%} only: one of them is wrong"
        elif 1 - float(share.max()) < LEAST_SHARE:
            reason = (
                f"{announced.sites[int(share.argmax())]} answered {float(share.max()):.1%}: nothing to prefer"
            )
        used.append(
            Used(
                policy=announced.policy(),
                sites=announced.sites,
                method=best.value,
                networks=len(set(answers.network.tolist())),
                agreement=round(agreement, 4),
                is_used=not reason,
                reason=reason,
            )
        )
        if not reason:
            wanted.append((announced, answers))
    return tuple(used), wanted


def answers_of(
    observations: Observations, rows: NDArray[np.bool_], announced: Announced, topology: Topology
) -> Answers | None:
    """The answers of some rows, by network and site of the announcement; each network counts once in all."""
    names = {name: k for k, name in enumerate(announced.sites)}
    column = np.array([names.get(name, -1) for name in observations.sites] + [-1], np.int64)
    at = np.flatnonzero(rows)
    site = column[observations.site[at]]
    network = np.searchsorted(topology.asn, observations.asn[at])
    network = np.minimum(network, topology.networks - 1)
    good = (site >= 0) & (topology.asn[network] == observations.asn[at]) & (observations.weight[at] > 0)
    if not good.any():
        return None
    key = network[good] * len(names) + site[good]
    pairs, which = np.unique(key, return_inverse=True)
    weight = np.bincount(which.ravel(), observations.weight[at][good])
    networks = pairs // len(names)
    total = np.bincount(networks, weight, topology.networks)
    return Answers(
        network=networks.astype(np.int64),
        site=(pairs % len(names)).astype(np.int64),
        weight=weight / total[networks],
    )


def _agreement(answers: Sequence[Answers]) -> float:
    """The least agreement of two methods that saw enough of the same networks; 1 where none did."""
    least = 1.0
    tables = [dict(zip(a.network.tolist(), a.site.tolist(), strict=True)) for a in answers]
    for index, one in enumerate(tables):
        for other in tables[index + 1 :]:
            both = one.keys() & other.keys()
            if len(both) >= LEAST_OVERLAP:
                least = min(least, sum(one[n] == other[n] for n in both) / len(both))
    return least


def _experiment(
    design: Design,
    scenario: Scenario,
    terrain: Terrain,
    known: Calibration,
    announced: Announced,
    answers: Answers,
) -> Experiment:
    as_announced = announced_as(scenario, announced, terrain.topology)
    sites = [scenario.sites.index(name) for name in announced.sites]
    offers, columns = offers_of(design, as_announced, terrain, known, sites=sites)
    column = np.array([columns.index(site) if site in columns else -1 for site in sites], np.int64)[
        answers.site
    ]
    kept = column >= 0
    return Experiment(
        announced=announced,
        offers=offers,
        columns=columns,
        answers=Answers(network=answers.network[kept], site=column[kept], weight=answers.weight[kept]),
    )


def announced_as(scenario: Scenario, announced: Announced, topology: Topology) -> Scenario:
    """The scenario with the prepends of an announcement set in place of none."""
    extra = dict(announced.prepends)
    seeds = [
        replace(
            seed,
            length=seed.length
            + extra.get(scenario.sites[seed.site], 0)
            + extra.get(
                f"{scenario.sites[seed.site]}>{int(topology.asn[topology.pop_network[seed.pop]])}", 0
            ),
        )
        for seed in scenario.seeds.seeds
    ]
    return replace(scenario, seeds=Seeds.of(seeds, sites=scenario.seeds.sites))


def _pairs(experiments: Sequence[Experiment]) -> list[tuple[Offers, Answers]]:
    return [(item.offers, item.answers) for item in experiments]


def _trust(terrain: Terrain, experiments: Sequence[Experiment]) -> tuple[float, float]:
    """(certainty, spread) on each half of the experiments, predicted from the other half."""
    told: list[Told] = []
    for part in (0, 1):
        learned = learn(terrain, _pairs([e for k, e in enumerate(experiments) if k % 2 != part]))
        for experiment in [e for k, e in enumerate(experiments) if k % 2 == part]:
            experiment.offers.prefer(learned.log_odds)
            told.append(_told(terrain, experiment))
    losses = [
        np.mean([_loss(honest(item.by_network, float(exponent)), item.answers) for item in told])
        for exponent in EXPONENTS
    ]
    certainty = float(EXPONENTS[int(np.argmin(losses))])
    off: list[float] = []
    for item in told:
        about = doubts(honest(item.raw, certainty), item.users, item.way, raw=item.raw)
        seen = np.bincount(item.answers.site, item.answers.weight, len(about.share)) / item.users.sum()
        unit = np.maximum(about.deviation, LEAST_DEVIATION)
        # Of two sites one share says the other, so each experiment of S sites gives S - 1 values.
        off += [
            (_log_odds(a) - _log_odds(b)) / u
            for a, b, u in zip(seen[1:], about.share[1:], unit[1:], strict=True)
        ]
    variance = (np.sum(np.square(off)) + 2 * SPREAD_BEFORE**2) / (len(off) + 2)
    return certainty, float(np.sqrt(variance))


def _told(terrain: Terrain, experiment: Experiment) -> Told:
    """What the offers of an experiment now say of those who answered."""
    t, answers = terrain.topology, experiment.answers
    raw = experiment.offers.settle().copy()
    answered = np.bincount(answers.network, answers.weight, t.networks)
    users: Float64 = answered[t.pop_network] * terrain.weight
    return Told(
        answers=answers,
        raw=raw,
        by_network=terrain.of_networks(raw).astype(np.float64),
        users=users,
        way=followed(experiment.offers, users[:, None]),
    )


def _loss(probability: Float64, answers: Answers) -> float:
    """Log loss per network."""
    stated = np.maximum(probability[answers.network, answers.site], 1e-3)
    return float(-(np.log(stated) * answers.weight).sum() / answers.weight.sum())


def _log_odds(share: float) -> float:
    held = min(max(float(share), 0.005), 0.995)
    return float(np.log(held / (1 - held)))


def _origin(observations: Observations) -> str:
    return f"{len(observations):,} observations out of {len(observations.sources)} files"
