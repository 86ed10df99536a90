"""tables: the rows of a report by site, by country and by metro, out of one catchment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from anyplane.planning.catchment import Catchment, has_metros
from anyplane.planning.report import CountryRow, MetroRow, NetworkUsers, Rtt, Share, SiteResult, SiteUsers
from anyplane.planning.rounding import fraction, part, people
from anyplane.planning.tally import rtt_by_group
from anyplane.planning.weighted import Float64, Int64, by_group, by_group_and_column
from anyplane.topology import Topology

TOP_NETWORKS = 5
LEAST_PART_OF_ROW = 0.001


def site_results(
    found: Catchment,
    topology: Topology,
    *,
    names: Sequence[str],
    is_announced: Sequence[bool],
    expected_users: Float64,
    load_per_user: float | None,
    capacities: Sequence[float | None],
    other_loads: Float64,
    other_loads_possible: Float64,
) -> tuple[SiteResult, ...]:
    """One SiteResult for each site, in the order of `names`.

    other_loads: (S,) what the other scenarios put on each site, for the utilisation.
    """
    certain, possible, chosen = found.shares()
    # The expected users come in float32; keep them inside of the bounds that are exact.
    expected = np.clip(expected_users, certain, possible)
    total = found.clients.total
    group = found.site + 1
    rtts = rtt_by_group(_finite(found), found.clients.users, group, len(names) + 1)[1:]
    networks, top = _networks(found, topology, len(names))
    results = []
    for s in range(len(names)):
        capacity = capacities[s]
        load = load_possible = utilisation = utilisation_possible = None
        if load_per_user is not None:
            load = float(expected[s]) * load_per_user
            load_possible = float(possible[s]) * load_per_user
            if capacity:
                utilisation = fraction((load + float(other_loads[s])) / capacity)
                utilisation_possible = fraction((load_possible + float(other_loads_possible[s])) / capacity)
        results.append(
            SiteResult(
                site=names[s],
                users=people(expected[s]),
                share=Share(
                    certain=part(certain[s], total),
                    expected=part(expected[s], total),
                    possible=part(possible[s], total),
                    chosen=part(chosen[s], total),
                ),
                rtt=rtts[s] if s < found.real_sites else Rtt(),
                networks=networks[s],
                load=None if load is None else people(load),
                load_possible=None if load_possible is None else people(load_possible),
                utilisation=utilisation,
                utilisation_possible=utilisation_possible,
                top_networks=top[s],
                is_announced=is_announced[s],
            )
        )
    return tuple(results)


def places(
    found: Catchment, topology: Topology, probability: NDArray[np.float32], names: Sequence[str]
) -> tuple[tuple[CountryRow, ...], tuple[MetroRow, ...]]:
    """Users by country and by metro, largest first; no metro rows where metros are not modelled.

    probability: (U, S) of each site at each pop with users.
    """
    clients = found.clients
    countries = len(clients.countries)
    metros = topology.metros
    if has_metros(topology):
        by_metro = by_group_and_column(clients.users, probability, clients.metro, len(metros.code))
        country_of = np.searchsorted(np.array(clients.countries), np.array(metros.country))
        by_country = np.zeros((countries, len(names)))
        np.add.at(by_country, country_of, by_metro)
    else:
        by_metro = np.zeros((0, len(names)))
        by_country = by_group_and_column(clients.users, probability, clients.country, countries)

    country_rows = [
        CountryRow(country=clients.countries[i], users=users, unreached=lost, rtt=rtt, sites=sites)
        for i, users, lost, rtt, sites in _rows(found, clients.country, by_country, names)
    ]
    metro_rows = [
        MetroRow(
            metro=metros.code[i],
            city=metros.name[i],
            country=metros.country[i],
            continent=metros.continent[i],
            lat=round(float(metros.lat[i]), 4),
            lon=round(float(metros.lon[i]), 4),
            users=users,
            unreached=lost,
            rtt=rtt,
            sites=sites,
        )
        for i, users, lost, rtt, sites in _rows(found, clients.metro, by_metro, names)
    ]
    country_rows.sort(key=lambda row: (-row.users, row.country))
    metro_rows.sort(key=lambda row: (-row.users, row.metro))
    return tuple(country_rows), tuple(metro_rows)


def _rows(
    found: Catchment, group: Int64, matrix: Float64, names: Sequence[str]
) -> Iterator[tuple[int, float, float, Rtt, tuple[SiteUsers, ...]]]:
    """(index, users, unreached, rtt, sites) of each group that has users."""
    groups = len(matrix)
    if not groups:
        return
    users = by_group(found.clients.users, group, groups)
    lost = by_group(np.where(found.has_route, 0.0, found.clients.users), group, groups)
    served = found.is_served
    rtts = rtt_by_group(found.rtt[served], found.clients.users[served], group[served], groups)
    for i in np.flatnonzero(users > 0).tolist():
        row = matrix[i]
        order = np.argsort(-row, kind="stable")
        order = order[row[order] >= max(LEAST_PART_OF_ROW * users[i], 0.05)]
        sites = tuple(SiteUsers(site=names[s], users=people(row[s])) for s in order.tolist())
        yield i, people(users[i]), people(lost[i]), rtts[i], sites


def _finite(found: Catchment) -> Float64:
    return np.where(found.has_route, found.rtt, 0.0)


def _networks(
    found: Catchment, topology: Topology, sites: int
) -> tuple[list[int], list[tuple[NetworkUsers, ...]]]:
    """For each site how many networks send it users, and the largest of them (chosen routes)."""
    clients = found.clients
    served = found.has_route
    key, inverse = np.unique(
        found.site[served] * topology.networks + clients.network[served], return_inverse=True
    )
    users = np.bincount(inverse.ravel(), weights=clients.users[served], minlength=len(key))
    slow = np.bincount(inverse.ravel(), weights=(clients.users * _finite(found))[served], minlength=len(key))
    site, network = key // topology.networks, key % topology.networks
    order = np.lexsort((network, -users, site))
    starts = np.searchsorted(site[order], np.arange(sites + 1))
    top = []
    for s in range(sites):
        rows = order[starts[s] : min(starts[s] + TOP_NETWORKS, starts[s + 1])].tolist()
        top.append(
            tuple(
                NetworkUsers(
                    asn=int(topology.asn[network[row]]),
                    name=topology.name[int(network[row])] if topology.name else "",
                    country=str(topology.country[network[row]]),
                    users=people(users[row]),
                    rtt_ms=round(float(slow[row] / users[row]), 2),
                )
                for row in rows
            )
        )
    return np.diff(starts).tolist(), top
