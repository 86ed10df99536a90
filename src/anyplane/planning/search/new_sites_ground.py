"""Where things are: the sites, old and proposed, and the metros whose users are nearer or farther then."""

from __future__ import annotations

import numpy as np

from anyplane.planning.rounding import people
from anyplane.planning.search.new_sites import UNSERVED_MS, Search
from anyplane.planning.search.new_sites_report import Change, Spot
from anyplane.planning.search.new_sites_state import State

LEAST_MS = 0.5
"""A route that changes by less is the same to its user."""


def spots(before: State, after: State) -> tuple[Spot, ...]:
    """Every site that announces after all proposals, in the design's order."""
    known = {site.name for site in before.design.sites}
    announcing = set(after.scenario.announcing)
    return tuple(
        Spot(
            site=str(site.name),
            lat=round(site.place.lat, 4),
            lon=round(site.place.lon, 4),
            users=people(after.tally.users[number]),
            is_new=site.name not in known,
        )
        for number, site in enumerate(after.design.sites)
        if number in announcing
    )


def changes(search: Search, before: State, after: State) -> tuple[Change, ...]:
    """The metros whose users' mean RTT changes by half a millisecond or more; most won first, most lost last.

    A user without a site counts as UNSERVED_MS.
    """
    clients, metros = search.clients, search.topology.metros
    sums = [
        np.bincount(clients.metro, weights=one, minlength=len(metros.code))
        for one in (
            clients.users,
            clients.users * np.minimum(before.rtt, UNSERVED_MS),
            clients.users * np.minimum(after.rtt, UNSERVED_MS),
        )
    ]
    found = [
        Change(
            metro=metros.code[m],
            city=metros.name[m],
            country=metros.country[m],
            lat=round(float(metros.lat[m]), 4),
            lon=round(float(metros.lon[m]), 4),
            users=people(sums[0][m]),
            before=round(float(sums[1][m] / sums[0][m]), 2),
            after=round(float(sums[2][m] / sums[0][m]), 2),
        )
        for m in np.flatnonzero(sums[0] > 0).tolist()
    ]
    kept = [one for one in found if abs(one.after - one.before) >= LEAST_MS]
    return tuple(sorted(kept, key=lambda one: (one.users * (one.after - one.before), one.metro)))
