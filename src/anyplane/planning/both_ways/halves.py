"""halves: what differs between two ways, and whose stateful firewall sees one direction only.

A firewall that keeps state must see both directions of a connection (or share its state with one that sees
the other). It does not where a network is on one way only, where the site answers by another uplink than the
question came by, where the client's network is left and entered at different borders, and where a network
on both ways is crossed between different metros, each with a firewall of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from anyplane.planning.both_ways.report import Half, Hop, Relation, Rung, Where
from anyplane.planning.both_ways.uplinks import Uplink
from anyplane.planning.both_ways.ways import Trip, Trips
from anyplane.planning.sessions import label
from anyplane.topology import Topology


def has_same_networks(topology: Topology, there: Trip, back: Trip) -> bool:
    """The same networks in the opposite order?"""
    return there.networks(topology) == back.networks(topology)[::-1]


def has_same_metros(topology: Topology, there: Trip, back: Trip) -> bool:
    """Is every network, the first and the last too, entered and left where it is on the other way?"""
    turned = tuple((left, entered) for entered, left in back.metros(topology)[::-1])
    return there.metros(topology) == turned


def halves(
    topology: Topology,
    there: Trips,
    back: Trips,
    *,
    site: str,
    uplinks: Sequence[Uplink],
    uplink_in: Sequence[int],
    uplink_out: Sequence[int],
) -> tuple[Half, ...]:
    """Every place that sees one half of the packets of the chosen trips, the site's own edge first.

    uplink_in: of each seed; uplink_out: of each session of the site.
    """
    is_whole = there.is_whole and back.is_whole
    found = _site_edge(there, back, site, uplinks, uplink_in, uplink_out, is_whole)
    found += _client_edge(topology, there, back, site, is_whole)
    found += _networks(topology, there, back, is_whole)
    return (*found, *_borders(topology, there, back, is_whole))


def ladder(way_in: Sequence[Hop], way_back: Sequence[Hop]) -> tuple[Rung, ...]:
    """Both ways side by side, client on top, aligned at the networks that they share.

    way_back: in the order of travel. What is on one way only stands beside what is on the other only.
    """
    up = list(range(len(way_back) - 1, -1, -1))
    rungs: list[Rung] = []
    i = j = 0
    for next_i, next_j in (*_shared(way_in, [way_back[k] for k in up]), (len(way_in), len(up))):
        for step in range(max(next_i - i, next_j - j)):
            rungs.append(
                Rung(
                    way_in=i + step if i + step < next_i else -1,
                    way_back=up[j + step] if j + step < next_j else -1,
                    relation=Relation.ONE_WAY,
                )
            )
        if next_i < len(way_in):
            one, other = way_in[next_i], way_back[up[next_j]]
            is_same = (one.enters, one.leaves) == (other.leaves, other.enters)
            relation = Relation.SAME if is_same else Relation.OTHER_METROS
            rungs.append(Rung(way_in=next_i, way_back=up[next_j], relation=relation))
        i, j = next_i + 1, next_j + 1
    return tuple(rungs)


def _shared(way_in: Sequence[Hop], up: Sequence[Hop]) -> list[tuple[int, int]]:
    """Pairs of a longest common subsequence of the networks, from the top."""
    rows, columns = len(way_in), len(up)
    longest = [[0] * (columns + 1) for _ in range(rows + 1)]
    for i in range(rows - 1, -1, -1):
        for j in range(columns - 1, -1, -1):
            if way_in[i].asn == up[j].asn:
                longest[i][j] = longest[i + 1][j + 1] + 1
            else:
                longest[i][j] = max(longest[i + 1][j], longest[i][j + 1])
    pairs, i, j = [], 0, 0
    while i < rows and j < columns:
        if way_in[i].asn == up[j].asn:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif longest[i + 1][j] >= longest[i][j + 1]:
            i += 1
        else:
            j += 1
    return pairs


def _site_edge(
    there: Trips,
    back: Trips,
    site: str,
    uplinks: Sequence[Uplink],
    uplink_in: Sequence[int],
    uplink_out: Sequence[int],
    is_whole: bool,
) -> list[Half]:
    came, left = uplink_in[there.chosen.door], uplink_out[back.chosen.door]
    if came == left:
        return []
    may_come = {uplink_in[trip.door] for trip in there.trips}
    may_leave = {uplink_out[trip.door] for trip in back.trips}
    return [
        Half(
            where=Where.SITE_EDGE,
            network=site,
            is_certain=is_whole and not may_come & may_leave,
            words=f"{site} is asked by {uplinks[came].name} and answers by {uplinks[left].name}: "
            "a firewall on each uplink sees one half",
        )
    ]


def _client_edge(topology: Topology, there: Trips, back: Trips, site: str, is_whole: bool) -> list[Half]:
    def border(trip: Trip, client: int, beside: int) -> tuple[int, int]:
        """(metro, neighbour or -1 for the site) where the client's network is left or entered."""
        at = trip.left[0] if client == 0 else trip.pops[-1]
        alone = len(trip.pops) == 1
        neighbour = -1 if alone else int(topology.pop_network[trip.pops[beside]])
        return int(topology.pop_metro[at]), neighbour

    left, entered = border(there.chosen, 0, 1), border(back.chosen, -1, -2)
    if left == entered:
        return []
    may_leave = {border(trip, 0, 1) for trip in there.trips}
    may_enter = {border(trip, -1, -2) for trip in back.trips}
    client = label(topology, int(topology.pop_network[there.chosen.pops[0]]))

    def words(where: tuple[int, int]) -> str:
        who = site if where[1] < 0 else label(topology, where[1])
        return f"{topology.metros.code[where[0]]} ({who})"

    return [
        Half(
            where=Where.CLIENT_EDGE,
            network=client,
            is_certain=is_whole and not may_leave & may_enter,
            words=f"{client} is left in {words(left)} and entered in {words(entered)}: "
            "a firewall on each of its borders sees one half",
        )
    ]


def _networks(topology: Topology, there: Trips, back: Trips, is_whole: bool) -> list[Half]:
    ins = [set(trip.networks(topology)) for trip in there.trips]
    backs = [set(trip.networks(topology)) for trip in back.trips]
    found = []
    for trip, own, others, direction in (
        (there.chosen, ins, backs, "in"),
        (back.chosen, backs, ins, "back"),
    ):
        for network in trip.networks(topology):
            if network in others[0]:
                continue
            is_certain = is_whole and all(network in one for one in own)
            is_certain = is_certain and not any(network in one for one in others)
            name = label(topology, network)
            found.append(
                Half(
                    where=Where.NETWORK,
                    network=name,
                    is_certain=is_certain,
                    words=f"{name} is on the way {direction} only",
                )
            )
    return found


def _borders(topology: Topology, there: Trips, back: Trips, is_whole: bool) -> list[Half]:
    def crossing(trip: Trip, network: int, *, is_turned: bool) -> tuple[int, int] | None:
        for one, metros in zip(trip.networks(topology), trip.metros(topology), strict=True):
            if one == network:
                return metros[::-1] if is_turned else metros
        return None

    found = []
    code = topology.metros.code
    for network in there.chosen.networks(topology)[1:]:
        one = crossing(there.chosen, network, is_turned=False)
        other = crossing(back.chosen, network, is_turned=True)
        if one is None or other is None or one == other:
            continue
        ones = {crossing(trip, network, is_turned=False) for trip in there.trips}
        others = {crossing(trip, network, is_turned=True) for trip in back.trips}
        name = label(topology, network)
        found.append(
            Half(
                where=Where.BORDER,
                network=name,
                is_certain=is_whole and not ones & others,
                words=f"{name} is crossed {code[one[0]]} to {code[one[1]]} on the way in and "
                f"{code[other[1]]} to {code[other[0]]} on the way back: "
                "a firewall in one metro sees one half",
            )
        )
    return found
