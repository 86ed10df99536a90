"""attack: Design + Topology + Attack -> AttackReport: where it lands, what drowns, what saves most users."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from anyplane.design.design import Design
from anyplane.model.errors import TopologyError, UsageError
from anyplane.planning.attack.cascade import cascade
from anyplane.planning.attack.harm import Capacities, capacities, harm
from anyplane.planning.attack.kept import Resume
from anyplane.planning.attack.origins import by_continent, gbps, landing_whole, largest
from anyplane.planning.attack.ranking import ranked
from anyplane.planning.attack.report import Asked, AttackReport, Outcome, Unknown
from anyplane.planning.attack.responses import Ground, responses
from anyplane.planning.attack.scenario_choice import chosen, loads_of_others
from anyplane.planning.attack.site_table import site_table
from anyplane.planning.attack.sources import Attack
from anyplane.planning.attack.sweep import Sweep
from anyplane.planning.figures import listed, whole
from anyplane.planning.latency import LatencyModel
from anyplane.planning.plan import NO_USERS
from anyplane.planning.rounding import fraction, people
from anyplane.planning.weighted import Float64
from anyplane.topology import Topology

UNKNOWN_LISTED = 20
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked beside the attack. capacity_gbps: by site, "" for every other. poison: ASNs.

    address_share: of the users, those of the attacked address. calibration: the file's name, "" for none.
    """

    group: str = ""
    capacity_gbps: Mapping[str, float] = field(default_factory=dict)
    bits_per_query: float | None = None
    address_share: float = 1.0
    poison: tuple[int, ...] = ()
    with_pairs: bool = False
    seed: int = 1
    calibration: str = ""


def attack(
    design: Design,
    topology: Topology,
    attacking: Attack,
    question: Question,
    *,
    latency: LatencyModel | None = None,
    threads: int = 2,
    calibrated: Callable[[Sweep, Float64], Float64] | None = None,
    resume: Resume | None = None,
    progress: Progress | None = None,
) -> AttackReport:
    """The whole report. calibrated(sweep, weight (P,)) -> (S,) where it lands by a calibration."""
    scenario, others = chosen(design, topology, question.group)
    if question.bits_per_query is not None and design.load_unit.value == "bps":
        raise UsageError("--bits-per-query: the design counts in bits per second already")
    ground = Ground.of(design, scenario)
    for asn in question.poison:
        if topology.index_of(asn) < 0:
            raise TopologyError(f"--poison: AS{asn} is not in this topology")
    prepared = responses(ground, poison=question.poison)
    sweep = Sweep(
        design,
        topology,
        scenario,
        prepared,
        weights=attacking.weight[np.newaxis, :],
        latency=latency or LatencyModel(),
        address_share=question.address_share,
    )
    room = capacities(
        design,
        scenario,
        given=question.capacity_gbps,
        bits_per_query=question.bits_per_query,
        others=loads_of_others(design, topology, others),
    )
    served = float(sweep.now.by_site[0, : len(design.sites)].sum())
    now = harm(sweep.now, room, served=served)
    outcomes: tuple[Outcome, ...] = ()
    if room.is_known:
        outcomes = ranked(
            sweep,
            ground,
            room,
            prepared,
            served=served,
            with_pairs=question.with_pairs,
            threads=threads,
            known=resume.known(sweep) if resume else {},
            keep=partial(resume.keep, sweep) if resume else None,
            progress=progress,
        )
    landed = sweep.now
    on_one_site, of_attack = landing_whole(sweep, attacking)
    return AttackReport(
        service=design.name,
        design=design.file,
        origin_asn=int(design.origin),
        internet=topology.origin,
        internet_networks=topology.networks,
        scenario=scenario.name,
        prefixes=tuple(map(str, scenario.prefixes)),
        total_users=people(sweep.clients.total),
        asked=Asked(
            sources=attacking.name,
            gbps=gbps(attacking.total),
            networks=len(attacking.network),
            seed=question.seed,
            bits_per_query=question.bits_per_query,
            address_share=fraction(question.address_share),
            poisoned=question.poison,
            with_pairs=question.with_pairs,
            calibration=question.calibration,
        ),
        landed_gbps=gbps(landed.by_site[1].sum()),
        unreached_gbps=gbps(landed.unreached[1]),
        unknown_gbps=gbps(sum(volume for _, volume in attacking.unknown)),
        unknown=tuple(Unknown(asn=asn, gbps=gbps(v)) for asn, v in attacking.unknown[:UNKNOWN_LISTED]),
        unknown_networks=len(attacking.unknown),
        whole_networks=on_one_site,
        whole_share=of_attack,
        has_capacity=room.is_known,
        users_hurt=people(now.hurt),
        users_touched=people(now.touched),
        p50_ms=landed.rtt[0],
        p95_ms=landed.rtt[2],
        sites=site_table(sweep, design, room, now, calibrated and calibrated(sweep, attacking.weight)),
        sources=largest(sweep, attacking),
        regions=by_continent(sweep, attacking),
        responses=outcomes,
        rounds=cascade(sweep, room, served) if now.drowned else (),
        guard=_guard(design),
        warnings=_warnings(design, topology, sweep, room, question),
    )


def _guard(design: Design) -> str:
    safety = design.safety
    per = f"{safety.budget_per_s / 60:g} min"
    return (
        f"Agents of this design would not all do so: floor {safety.floor} (other sites that must be fresh "
        f"and healthy), budget {safety.budget} (withdrawals of sites in any {per}), headroom "
        f"{whole(safety.headroom)}."
    )


def _warnings(
    design: Design, topology: Topology, sweep: Sweep, room: Capacities, question: Question
) -> tuple[str, ...]:
    found = [] if topology.users.any() else [NO_USERS]
    if not room.is_known:
        hint = (
            "--capacity-gbps SITE=N"
            if design.load_unit.value == "bps"
            else ("--capacity-gbps SITE=N, or --bits-per-query N to reckon with the design's qps")
        )
        found.append(
            f"no site has a capacity in Gbit/s, so nothing drowns and nothing is ranked: give {hint}"
        )
    else:
        without = [
            str(design.sites[s].name) for s in sweep.scenario.announcing if not np.isfinite(room.gbps[s])
        ]
        if without:
            found.append(
                f"no capacity is known of {', '.join(without)}: never drowned here (--capacity-gbps)"
            )
    alone = room.per_user * sweep.now.by_site[0, : len(room.gbps)] + room.others
    if over := [str(design.sites[s].name) for s in np.flatnonzero(alone > room.gbps)]:
        found.append(
            f"beyond capacity by the users' load alone, without any attack: {listed(over, most=12)} "
            "(are load, capacity and bits per query right?)"
        )
    if room.is_known and not room.per_user:
        why = (
            "the design gives no load"
            if sweep.scenario.load_per_user is None
            else "its load is in qps and there is no --bits-per-query"
        )
        found.append(f"users load nothing here: {why}")
    if question.poison:
        found.append(
            "a poisoned path may be dropped by networks that filter paths with a large network's ASN from "
            "customers (peer lock), and then it moves more than is shown"
        )
    return (*found, *sweep.scenario.warnings)
