"""paths: the question of `anyplane paths`, for some clients or for the users of the largest networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from anyplane.calibration.calibration import Calibration
from anyplane.calibration.chance import Terrain
from anyplane.design.design import Design
from anyplane.model.errors import TopologyError, UsageError
from anyplane.model.nouns import UpstreamKind
from anyplane.planning.both_ways.asking import Question, ask
from anyplane.planning.both_ways.report import PathsReport, Round, Summary
from anyplane.planning.both_ways.returning import Prefer
from anyplane.planning.both_ways.summary import summary
from anyplane.planning.both_ways.sweep import Back, sweep
from anyplane.planning.both_ways.uplinks import Uplinks, uplinks_of, uplinks_of_seeds
from anyplane.planning.both_ways.users import asked_users, beside, largest_networks, wanted_sites
from anyplane.planning.compile import Scenario
from anyplane.planning.compile import compile as compile_design
from anyplane.planning.forecasting import chances
from anyplane.planning.latency import LatencyModel
from anyplane.planning.rounding import people
from anyplane.planning.weighted import Float64
from anyplane.topology import Topology

FIRST = {
    Prefer.PEER: "it prefers peers and route servers over transit, then the shorter AS path",
    Prefer.TRANSIT: "it prefers transit over peers and route servers, then the shorter AS path",
    Prefer.SHORTEST: "it takes the shortest AS path, of whatever kind the neighbour",
}
CHOICE = (
    "The design does not say how a site chooses its way out. Assumed: {first}; what is left is a tie, "
    "and falls to the lowest ASN. Ask otherwise with {others}."
)
ISLAND = (
    "Each site is an island: it answers by its own sessions only, and hears a full table from its transits."
)
INBOUND = (
    "Prepends, MED and communities of the design say how traffic comes in; none of them moves the way out."
)
EVERYWHERE = (
    "A client's network announces the client's prefix alike at all its pops. Where it announces "
    "more-specifics by region, the way back enters it nearer to the client; nobody can see that from here."
)
BACKUP = "A backup session ({names}) is one for the way in; the way out may use it like any other."
EXCHANGE = (
    "Behind a route server every member is taken to send the site what it originates and its customers' "
    "routes; the port on the exchange is one uplink, whichever member is on the other side."
)
CALIBRATED = (
    "Sites have the weights that the calibration gives; to a site that the rules do not give, the way in is "
    "that of the site announcing alone. The way back knows no calibration."
)


def of_clients(
    design: Design,
    topology: Topology,
    pops: Sequence[int],
    *,
    site: str = "",
    group: str = "",
    prefer: Prefer = Prefer.PEER,
    latency: LatencyModel | None = None,
    calibration: Calibration | None = None,
) -> PathsReport:
    """Both ways of the users at these pops, in every scenario of the design."""
    model = latency or LatencyModel()
    scenarios = compile_design(design, topology, group=group)
    uplinks = uplinks_of(design, topology)
    rounds: list[Round] = []
    unanswered: list[UsageError | TopologyError] = []
    for scenario in scenarios:
        if not scenario.announcing:
            unanswered.append(_silent(scenario))
            continue
        probability = probability_of(design, scenario, topology, calibration)
        for pop in pops:
            try:
                rounds.append(
                    ask(
                        design,
                        topology,
                        scenario,
                        uplinks,
                        Question(pop=pop, site=site),
                        prefer=prefer,
                        latency=model,
                        probability=None if probability is None else probability[pop],
                    )
                )
            except (UsageError, TopologyError) as error:
                # Of several questions some may have no answer: other prefixes, other networks.
                unanswered.append(error)
    if unanswered and not rounds:
        raise unanswered[0]
    return _report(
        design,
        topology,
        scenarios,
        uplinks,
        prefer,
        rounds=tuple(rounds),
        unanswered=tuple(error.message for error in unanswered),
        is_calibrated=calibration is not None,
    )


def of_users(
    design: Design,
    topology: Topology,
    *,
    networks: int | None = None,
    group: str = "",
    prefer: Prefer = Prefer.PEER,
    latency: LatencyModel | None = None,
    calibration: Calibration | None = None,
    threads: int = 1,
    known: Sequence[Back] = (),
    finished: Callable[[Sequence[Back], int, int], None] | None = None,
) -> PathsReport:
    """Both ways of the users of the largest networks, in every scenario; see `sweep` and `users`."""
    model = latency or LatencyModel()
    scenarios = compile_design(design, topology, group=group)
    uplinks = uplinks_of(design, topology)
    silent = [_silent(scenario) for scenario in scenarios if not scenario.announcing]
    scenarios = tuple(scenario for scenario in scenarios if scenario.announcing)
    if not scenarios:
        raise silent[0]
    chosen = largest_networks(topology, scenarios, networks)
    asked = [
        asked_users(topology, scenario, chosen, probability_of(design, scenario, topology, calibration))
        for scenario in scenarios
    ]
    backs, is_partial = sweep(
        topology,
        uplinks,
        wanted_sites(topology, asked),
        origin=int(design.origin),
        prefer=prefer,
        threads=threads,
        known=known,
        finished=finished,
    )
    if is_partial:
        done = {asn for asn, _ in backs}
        chosen = chosen[np.isin(topology.asn[chosen], list(done))]
        asked = [item.only(topology, chosen) for item in asked]
    summaries = []
    for item in asked:
        owners = uplinks_of_seeds(design, item.scenario, uplinks)
        found = beside(topology, item, backs, uplinks, owners, latency=model)
        summaries.append(summary(topology, found, uplinks, networks=len(chosen)))
    return _report(
        design,
        topology,
        scenarios,
        uplinks,
        prefer,
        summaries=tuple(summaries),
        unanswered=tuple(error.message for error in silent),
        asked_networks=len(chosen),
        is_partial=is_partial,
        is_calibrated=calibration is not None,
    )


def _silent(scenario: Scenario) -> UsageError:
    return UsageError(
        f"no site announces {', '.join(map(str, scenario.prefixes))}: nobody has a way in",
        hint="look at `announce` and `enabled` of the sites, or name another --group",
    )


def probability_of(
    design: Design, scenario: Scenario, topology: Topology, calibration: Calibration | None
) -> Float64 | None:
    """(P, S) the probability of each site at each pop, None without a calibration."""
    if calibration is None:
        return None
    return chances(design, scenario, Terrain(topology), calibration).probability


def _report(
    design: Design,
    topology: Topology,
    scenarios: Sequence[Scenario],
    uplinks: Uplinks,
    prefer: Prefer,
    *,
    rounds: tuple[Round, ...] = (),
    unanswered: tuple[str, ...] = (),
    summaries: tuple[Summary, ...] = (),
    asked_networks: int = 0,
    is_partial: bool = False,
    is_calibrated: bool = False,
) -> PathsReport:
    return PathsReport(
        service=design.name,
        design=design.file,
        origin_asn=int(design.origin),
        internet=topology.origin,
        networks=topology.networks,
        total_users=people(float(topology.users.sum())),
        prefer=prefer,
        asked_networks=asked_networks,
        is_partial=is_partial,
        rounds=rounds,
        summaries=summaries,
        assumed=_assumed(uplinks, prefer, is_calibrated=is_calibrated),
        warnings=tuple(
            dict.fromkeys((*unanswered, *(text for scenario in scenarios for text in scenario.warnings)))
        ),
    )


def _assumed(uplinks: Uplinks, prefer: Prefer, *, is_calibrated: bool) -> tuple[str, ...]:
    """What the answer rests on and the design does not say."""
    others = " or ".join(f"--prefer {other.value}" for other in Prefer if other is not prefer)
    found = [CHOICE.format(first=FIRST[prefer], others=others), ISLAND, INBOUND, EVERYWHERE]
    backups = sorted({uplink.name for uplink in uplinks.all if uplink.is_backup})
    if backups:
        found.append(BACKUP.format(names=", ".join(backups)))
    if any(uplink.kind is UpstreamKind.ROUTE_SERVER for uplink in uplinks.all):
        found.append(EXCHANGE)
    if is_calibrated:
        found.append(CALIBRATED)
    return tuple(found)
