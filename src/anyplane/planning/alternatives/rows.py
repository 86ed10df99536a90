"""rows: the rows of a Comparison: each way, each site alone, each region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from anyplane.planning.alternatives import report as results
from anyplane.planning.alternatives.judged import (
    AfterFailure,
    far_share,
    lost_mean,
    promises,
    worst_failures,
)
from anyplane.planning.alternatives.needs import needs
from anyplane.planning.alternatives.report import Alternative, Way
from anyplane.planning.alternatives.serving import Served
from anyplane.planning.alternatives.ways import Handing, Ways
from anyplane.planning.figures import percent
from anyplane.planning.rounding import fraction, part, people
from anyplane.planning.tally import rtt_of

NAMES = {
    Way.UNICAST: "unicast from one site",
    Way.GEODNS: "GeoDNS over unicast",
    Way.GLOBAL: "global anycast",
    Way.REGIONAL: "regional anycast",
    Way.BOTH: "regional + global",
}


def alternative(
    handing: Handing,
    ways: Ways,
    served: Served,
    after: Sequence[Mapping[Way, AfterFailure]],
    cut: results.FailOver | None,
    *,
    has_loads: bool,
) -> Alternative:
    """The row of one way. after: each site's failure under each way; cut: None where not reckoned."""
    on, way = ways.on, handing.way
    names = on.scenario.sites
    capacities = [site.capacity for site in on.design.sites]
    worst = worst_failures(
        [each[way] for each in after],
        names=names,
        load_per_user=on.scenario.load_per_user if has_loads else None,
        capacities=capacities,
    )
    order = sorted(range(len(names)), key=lambda site: (-float(served.users[site]), site))
    return Alternative(
        way=way,
        name=NAMES[way],
        what=_what(way, ways),
        unserved=served.unserved,
        rtt=served.rtt,
        far=far_share(served),
        lost_ms=lost_mean(served),
        misled=fraction(handing.misled(ways.local_users)),
        sites=tuple(
            results.SiteShare(
                site=names[site],
                users=people(float(served.users[site])),
                share=part(float(served.users[site]), served.total),
            )
            for site in order
            if served.users[site] >= 0.05
        ),
        rtts=served.curve(),
        promises=promises(
            on.design.objectives,
            on.rules,
            served,
            handed_out=_handed_out(way, ways),
            names=names,
            worst=worst,
            is_load_known=has_loads,
        ),
        failures=worst,
        failover=cut,
        needs=needs(
            way,
            prefixes=on.scenario.prefixes,
            sites=int(ways.found.takes_part.sum()),
            regions=len(ways.found.regions),
        ),
    )


def _handed_out(way: Way, ways: Ways) -> list[int]:
    announcing = ways.found.announcing
    if way is Way.UNICAST:
        return [ways.best_single]
    if way is Way.GEODNS:
        return [site for n, site in enumerate(announcing) if ways.found.takes_part[n]]
    return list(announcing)


def _what(way: Way, ways: Ways) -> str:
    names, found = ways.on.scenario.sites, ways.found
    regions = "1 region" if len(found.regions) == 1 else f"{len(found.regions)} regions"
    sites = int(found.takes_part.sum())
    weight = ways.local_users[ways.picks_global].sum() / ways.local_users.sum()
    return {
        Way.UNICAST: f"everybody goes to {names[ways.best_single]}, the best single site",
        Way.GEODNS: f"DNS gives the address of the nearest of {sites} sites that residency allows",
        Way.GLOBAL: "one prefix from every site: the design as it is",
        Way.REGIONAL: f"one prefix for each of {regions}; DNS chooses the region",
        Way.BOTH: (
            f"{regions} under a covering prefix; DNS gives the global address to the places "
            f"({percent(float(weight))} of users) that reach it faster"
        ),
    }[way]


def alone_rows(ways: Ways) -> tuple[results.Alone, ...]:
    """Every site that announces, alone, in the order of the design."""
    on, found = ways.on, ways.found
    rows = []
    rtts = [reach.parts[0].rtt for reach in found.alone]
    nearest = np.full(len(found.best), -1)
    for n in reversed(range(len(rtts))):
        nearest[np.isfinite(rtts[n]) & (rtts[n] <= found.best)] = n
    for n, site in enumerate(found.announcing):
        met = np.isfinite(rtts[n])
        rows.append(
            results.Alone(
                site=on.scenario.sites[site],
                rtt=rtt_of(rtts[n][met], on.clients.users[met]),
                unserved=part(float(on.clients.users[~met].sum()), on.clients.total),
                nearest=part(float(on.clients.users[nearest == n].sum()), on.clients.total),
                takes_part=bool(found.takes_part[n]),
            )
        )
    return tuple(rows)


def region_rows(ways: Ways, now: Sequence[Handing]) -> tuple[results.Region, ...]:
    """The regions and whom DNS sends there."""
    (handing,) = (item for item in now if item.way is Way.REGIONAL)
    rows = []
    for g, region in enumerate(ways.found.regions):
        sent = ways.local_users * handing.odds[:, g]
        users = float(sent.sum())
        strangers = float(sent[handing.truth[:, g] <= 0].sum())
        rows.append(
            results.Region(
                name=region.name,
                sites=tuple(ways.on.scenario.sites[site] for site in region.sites),
                users=people(users),
                share=part(users, ways.on.clients.total),
                strangers=part(strangers, users),
            )
        )
    return tuple(rows)
