"""summary: the ways of many users in a few figures (Summary), weighted by users."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anyplane.planning.both_ways.report import Bin, Group, Pair, Part, Parts, SitePart, Summary
from anyplane.planning.both_ways.uplinks import Uplinks
from anyplane.planning.both_ways.users import Columns
from anyplane.planning.report import audience_of
from anyplane.planning.rounding import fraction, ms, part, people
from anyplane.planning.sessions import label
from anyplane.planning.tally import rtt_by_group, rtt_of
from anyplane.planning.weighted import Float64
from anyplane.topology import Topology

FAR_OFF_MS = 10.0
MOST_GROUPS = 20
EDGES_MS = (-50.0, -20.0, -10.0, -5.0, -2.0, 2.0, 5.0, 10.0, 20.0, 50.0)
"""Where one bar of the picture of differences ends and the next begins."""
Bools = NDArray[np.bool_]


def summary(topology: Topology, found: Columns, uplinks: Uplinks, *, networks: int) -> Summary:
    """The Summary of these columns; networks: how many were looked at."""
    asked = found.asked
    scenario = asked.scenario
    users = asked.users[found.rows]
    off = found.rtt - found.plan_rtt
    far = np.abs(off) >= FAR_OFF_MS
    return Summary(
        scenario=scenario.name,
        prefixes=tuple(str(prefix) for prefix in scenario.prefixes),
        audience=audience_of(scenario.audience),
        users=people(asked.clients.total),
        covered_users=people(asked.users.sum()),
        networks=networks,
        unserved_users=people(asked.users.sum() - users.sum()),
        answered_users=people(users.sum()),
        parts=_parts(found, np.ones(len(users), bool)),
        plan_rtt=rtt_of(found.plan_rtt, users),
        rtt=rtt_of(found.rtt, users),
        off_ms=rtt_by_group(np.round(off, 2), users, np.zeros(len(off), np.int64), 1)[0],
        far_off=part(users[far].sum(), users.sum()),
        bins=_bins(off, users),
        sites=_sites(found),
        pairs=_pairs(found, uplinks),
        groups=_groups(topology, found, uplinks),
    )


def _parts(found: Columns, chosen: Bools) -> Parts:
    users = found.asked.users[found.rows]
    total = float(users[chosen].sum())

    def interval(differs: Bools) -> Part:
        is_open = found.is_open
        return Part(
            certain=part(users[chosen & differs & ~is_open].sum(), total),
            chosen=part(users[chosen & differs].sum(), total),
            possible=part(users[chosen & (differs | is_open)].sum(), total),
        )

    return Parts(
        other_networks=interval(found.other_networks),
        other_metros=interval(found.other_metros),
        same=interval(~found.other_networks & ~found.other_metros),
        other_uplink=interval(found.uplink_in != found.uplink_out),
        other_neighbour=interval(found.other_neighbour),
        other_border=interval(found.other_border),
    )


def _sites(found: Columns) -> tuple[SitePart, ...]:
    asked = found.asked
    site, users = asked.site[found.rows], asked.users[found.rows]
    rows = []
    for s in sorted(set(site.tolist())):
        here = site == s
        rows.append(
            SitePart(
                site=asked.scenario.sites[s],
                users=people(users[here].sum()),
                parts=_parts(found, here),
                plan_rtt=rtt_of(found.plan_rtt[here], users[here]),
                rtt=rtt_of(found.rtt[here], users[here]),
            )
        )
    return tuple(sorted(rows, key=lambda row: (-row.users, row.site)))


def _pairs(found: Columns, uplinks: Uplinks) -> tuple[Pair, ...]:
    asked = found.asked
    site, users = asked.site[found.rows], asked.users[found.rows]
    of_site: dict[int, float] = {}
    of_pair: dict[tuple[int, int, int], float] = {}
    for s, came, left, weight in zip(
        site.tolist(),
        found.uplink_in.tolist(),
        found.uplink_out.tolist(),
        users.tolist(),
        strict=True,
    ):
        key = (s, came, left)
        of_site[s] = of_site.get(s, 0.0) + weight
        of_pair[key] = of_pair.get(key, 0.0) + weight
    order = sorted(of_pair, key=lambda key: (-of_site[key[0]], key[0], -of_pair[key], key))
    return tuple(
        Pair(
            site=asked.scenario.sites[s],
            way_in=uplinks.all[came].name,
            way_out=uplinks.all[left].name,
            users=people(of_pair[s, came, left]),
            share=part(of_pair[s, came, left], of_site[s]),
            is_one_half=left != came,
        )
        for s, came, left in order
    )


def _groups(topology: Topology, found: Columns, uplinks: Uplinks) -> tuple[Group, ...]:
    """The largest groups whose networks or uplinks differ."""
    asked = found.asked
    differs = found.other_networks | (found.uplink_in != found.uplink_out)
    members: dict[tuple[object, ...], list[int]] = {}
    for i in np.flatnonzero(differs).tolist():
        row = int(found.rows[i])
        key = (
            int(asked.site[row]),
            int(found.uplink_in[i]),
            int(found.uplink_out[i]),
            found.paths_in[i],
            found.paths_back[i],
        )
        members.setdefault(key, []).append(i)
    users = asked.users[found.rows]

    def weight(rows: Sequence[int]) -> float:
        return float(sum(users[i] for i in rows))

    largest = sorted(members.values(), key=lambda rows: (-weight(rows), rows))[:MOST_GROUPS]
    groups = []
    for rows in largest:
        i = max(rows, key=lambda i: (users[i], -i))
        row = int(found.rows[i])
        network = int(topology.pop_network[asked.pop[row]])
        of_rows = users[rows]
        groups.append(
            Group(
                asn=int(topology.asn[network]),
                network=label(topology, network),
                metro=topology.metros.code[int(topology.pop_metro[asked.pop[row]])],
                users=people(of_rows.sum()),
                site=asked.scenario.sites[int(asked.site[row])],
                path_in=found.paths_in[i],
                path_back=found.paths_back[i],
                uplink_in=uplinks.all[int(found.uplink_in[i])].name,
                uplink_out=uplinks.all[int(found.uplink_out[i])].name,
                is_certain=not bool(found.is_open[rows].any()),
                has_same_networks=not bool(found.other_networks[i]),
                plan_rtt_ms=ms(float(found.plan_rtt[rows] @ of_rows / of_rows.sum())) or 0.0,
                rtt_ms=ms(float(found.rtt[rows] @ of_rows / of_rows.sum())) or 0.0,
            )
        )
    return tuple(groups)


def _bins(off: Float64, users: Float64) -> tuple[Bin, ...]:
    total = float(users.sum())
    at = np.searchsorted(np.array(EDGES_MS), off, side="right")
    held = np.bincount(at, weights=users, minlength=len(EDGES_MS) + 1)
    return tuple(
        Bin(
            above_ms=EDGES_MS[i - 1] if i else None,
            below_ms=EDGES_MS[i] if i < len(EDGES_MS) else None,
            share=fraction(float(held[i]) / total) if total else 0.0,
        )
        for i in range(len(EDGES_MS) + 1)
    )
