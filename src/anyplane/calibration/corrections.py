"""corrections: what the graph must have wrong, if the paths that collectors saw towards one site are right.

After Mühlbauer, Feldmann, Maennel, Roughan and Uhlig, "Building an AS-topology model that captures route
diversity" (SIGCOMM 2006): simulate, compare with every observed path, correct, repeat. Where a network would
choose something better than what it is seen to use, some link on that better path does not carry the site.
The link blamed is the one nearest to the site that no observed path uses, for it explains most; in each round
only those that explain the most networks are cut, because a cut near the site answers for many farther away.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from anyplane.calibration.alone import Alone, Bools, Entry, Ground, Int32, Int64, alone
from anyplane.calibration.alone_kernels import FAR, LOOP, SEED
from anyplane.calibration.evidence import THE_SITE, Evidence

ROUNDS = 60
TOGETHER = 0.5
"""Links that explain at least this part of what the best one explains are cut in the same round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrections:
    """What has to change before the simulated routes are those that were seen.

    refused: adjacency -> how many observed networks it explains. leaks: adjacencies that hand over anything.
    added: (A,) prepends and FAR for refused, as `alone` takes it. routes: Alone with all that. unexplained:
    observed networks whose route is still another one.
    """

    refused: dict[int, int]
    leaks: frozenset[int]
    added: Int32
    routes: Alone
    unexplained: int


def corrections(
    ground: Ground, seen: Evidence, entries: tuple[Entry, ...], *, silent: Bools, added: Int32
) -> Corrections:
    """The Corrections that make the simulated routes those of the Evidence. `added` is what to start from."""
    added = added.copy()
    for (network, neighbour), extra in seen.prepends.items():
        at = ground.adjacency(network, neighbour)
        if at >= 0:
            added[at] = extra
    refused: dict[int, int] = {}
    leaks: set[int] = set()
    wrong = 0
    for _ in range(ROUNDS):
        routes = alone(ground, entries, added=added, leaks=_sorted(leaks), silent=silent, offers=False)
        blamed, leaking, wrong = _compare(ground, seen, routes, leaks, silent)
        if not blamed and not leaking:
            break
        leaks |= leaking
        most = max(blamed.values(), default=0)
        for link, networks in blamed.items():
            if networks >= most * TOGETHER:
                refused[link] = networks
                added[link] = FAR
    routes = alone(ground, entries, added=added, leaks=_sorted(leaks), silent=silent)
    return Corrections(refused=refused, leaks=frozenset(leaks), added=added, routes=routes, unexplained=wrong)


def _compare(
    ground: Ground, seen: Evidence, routes: Alone, leaks: set[int], silent: Bools
) -> tuple[Counter[int], set[int], int]:
    """(link -> networks that blame it, links that must leak, networks with another route than observed)."""
    adj = ground.topology.adj
    blamed: Counter[int] = Counter()
    leaking: set[int] = set()
    wrong = 0
    for network, next_hops in seen.taken.items():
        main = seen.main(network)
        if THE_SITE in next_hops or silent[network]:
            continue
        used = ground.adjacency(network, main)
        if used < 0:
            continue
        held_as = int(ground.route_class[used])
        if held_as != 3 and int(routes.route_class[main]) > 1 and used not in leaks:
            if int(routes.length[main]) < FAR:
                leaking.add(used)
            continue
        if int(routes.length[network]) >= FAR:
            wrong += 1
            continue
        length = int(routes.length[main]) + 1 + seen.prepends[network, main]
        if int(routes.length[main]) >= FAR or _rank(routes, network) >= (held_as, length):
            continue
        if int(adj[routes.via[network]]) in next_hops and int(routes.via[network]) != SEED:
            continue
        wrong += 1
        link = _nearest_unseen(ground, seen, routes, network)
        if link >= 0:
            blamed[link] += 1
    return blamed, leaking, wrong


def _rank(routes: Alone, network: int) -> tuple[int, int]:
    return int(routes.route_class[network]), int(routes.length[network])


def _nearest_unseen(ground: Ground, seen: Evidence, routes: Alone, network: int) -> int:
    """Of the links on the simulated path that no observed path uses, the one nearest to the site; or -1."""
    link, here = -1, network
    for _ in range(LOOP):  # leaks that feed one another may go round
        if int(routes.via[here]) < 0:
            break
        at = int(routes.via[here])
        following = int(ground.topology.adj[at])
        if following not in seen.taken.get(here, ()):
            link = at
        here = following
    return link


def _sorted(leaks: set[int]) -> Int64:
    return np.array(sorted(leaks), np.int64)
