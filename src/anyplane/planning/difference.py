"""difference: two plans side by side: who moves from which site to which, and what that does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyplane.planning.catchment import Catchment
from anyplane.planning.plan import Outcome
from anyplane.planning.report import CountryRow, MetroRow, Report, Rtt, ScenarioReport
from anyplane.planning.rounding import part, people
from anyplane.planning.weighted import Int64
from anyplane.topology import Topology

MOST = 10
NO_ROUTE = "(no route)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Users who went to `start` and now go to `end`; certain: those with no possible site in common."""

    start: str
    end: str
    users: float
    certain: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mover:
    """Users that move: of a network in a metro, a metro or a country (what is not meant is "" or 0)."""

    asn: int
    name: str
    metro: str
    country: str
    users: float
    start: str
    end: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An objective or residency rule whose state is another one now; "absent" where a side lacks it."""

    promise: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioDifference:
    """What changes for one set of prefixes. Moves are by chosen routes, largest first.

    is_exact: made from routes, network by network. Else from two reports, where only the sums of each metro
    are known: then people who change places with each other are not seen, and `moved` is a lower bound.
    """

    before: str
    after: str
    is_exact: bool
    users: float
    moved: float
    moved_share: float
    moved_certain: float | None
    rtt_before: Rtt
    rtt_after: Rtt
    moves: tuple[Move, ...]
    networks: tuple[Mover, ...]
    metros: tuple[Mover, ...]
    countries: tuple[Mover, ...]
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Two designs or reports; the scenarios that only one of them has are named, not compared."""

    before: str
    after: str
    scenarios: tuple[ScenarioDifference, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    version: int = 1

    @property
    def has_moves(self) -> bool:
        """True when anything moves, appears or disappears."""
        return bool(self.only_before or self.only_after) or any(
            item.moved > 0 or item.changes for item in self.scenarios
        )


def of_reports(before: Report, after: Report) -> Difference:
    """The difference as far as two reports tell it."""
    pairs, only_before, only_after = matched(before.scenarios, after.scenarios)
    return Difference(
        before=before.design,
        after=after.design,
        scenarios=tuple(_by_rows(old, new) for old, new in pairs),
        only_before=only_before,
        only_after=only_after,
    )


def of_outcomes(
    before: Report,
    after: Report,
    outcomes_before: Sequence[Outcome],
    outcomes_after: Sequence[Outcome],
    topology: Topology,
) -> Difference:
    """The exact difference of two designs on one topology; outcomes in the order of the scenarios."""
    pairs, only_before, only_after = matched(before.scenarios, after.scenarios)
    old_of = dict(zip((item.name for item in before.scenarios), outcomes_before, strict=True))
    new_of = dict(zip((item.name for item in after.scenarios), outcomes_after, strict=True))
    return Difference(
        before=before.design,
        after=after.design,
        scenarios=tuple(
            _by_routes(old, new, old_of[old.name], new_of[new.name], topology) for old, new in pairs
        ),
        only_before=only_before,
        only_after=only_after,
    )


def matched(
    before: Sequence[ScenarioReport], after: Sequence[ScenarioReport]
) -> tuple[list[tuple[ScenarioReport, ScenarioReport]], tuple[str, ...], tuple[str, ...]]:
    """Pairs of the same name, else with a prefix in common, else the last left; and who has no partner."""
    rest = list(after)
    partner: dict[str, ScenarioReport] = {}

    def take(old: ScenarioReport, new: ScenarioReport) -> None:
        partner[old.name] = new
        rest.remove(new)

    for old in before:
        for new in [item for item in rest if item.name == old.name][:1]:
            take(old, new)
    for old in before:
        if old.name not in partner:
            for new in [item for item in rest if set(item.prefixes) & set(old.prefixes)][:1]:
                take(old, new)
    left = [old for old in before if old.name not in partner]
    if len(left) == 1 and len(rest) == 1:
        take(left[0], rest[0])
    pairs = [(old, partner[old.name]) for old in before if old.name in partner]
    only_before = tuple(old.name for old in before if old.name not in partner)
    return pairs, only_before, tuple(new.name for new in rest)


def _by_routes(
    old: ScenarioReport, new: ScenarioReport, before: Outcome, after: Outcome, topology: Topology
) -> ScenarioDifference:
    names = tuple(dict.fromkeys((*before.scenario.sites, *after.scenario.sites)))
    shown = (*names, NO_ROUTE)
    start = _renumbered(before.found.site, before.scenario.sites, names)
    end = _renumbered(after.found.site, after.scenario.sites, names)
    audience = before.found.audience
    moving = start != end
    users = np.where(moving, audience.users, 0.0)
    sure = np.where(moving & ~_may_stay(before, after, names), audience.users, 0.0)

    size = len(shown)
    key = start * size + end
    total = np.bincount(key, weights=users, minlength=size * size)
    certain = np.bincount(key, weights=sure, minlength=size * size)
    order = [k for k in np.lexsort((np.arange(size * size), -total)).tolist() if total[k] > 0]
    moves = tuple(
        Move(start=shown[k // size], end=shown[k % size], users=people(total[k]), certain=people(certain[k]))
        for k in order
    )
    moved = float(users.sum())
    return ScenarioDifference(
        before=old.name,
        after=new.name,
        is_exact=True,
        users=people(audience.total),
        moved=people(moved),
        moved_share=part(moved, audience.total),
        moved_certain=people(float(sure.sum())),
        rtt_before=old.rtt,
        rtt_after=new.rtt,
        moves=moves,
        networks=_network_movers(before.found, topology, start, end, users, shown),
        metros=_movers(audience.metro, topology.metros.code, key, users, shown, is_metro=True),
        countries=_movers(audience.country, audience.countries, key, users, shown, is_metro=False),
        changes=_changes(old, new),
    )


def _renumbered(site: Int64, own: Sequence[str], names: Sequence[str]) -> Int64:
    """Sites in the numbers of `names`; len(names) where there is no route."""
    index = np.array([names.index(name) for name in own] + [len(names)], np.int64)
    return index[site]  # -1, no route, takes the last one


def _may_stay(before: Outcome, after: Outcome, names: Sequence[str]) -> NDArray[np.bool_]:
    """(U,) is some site possible both before and after?"""
    stays = np.zeros(len(before.found.site), bool)
    for name in names:
        if name in before.scenario.sites and name in after.scenario.sites:
            old = before.found.may_reach(before.scenario.sites.index(name))
            stays |= old & after.found.may_reach(after.scenario.sites.index(name))
    return stays


def _network_movers(
    found: Catchment,
    topology: Topology,
    start: Int64,
    end: Int64,
    users: NDArray[np.float64],
    shown: Sequence[str],
) -> tuple[Mover, ...]:
    audience = found.audience
    order = np.lexsort((np.arange(len(users)), -users))[:MOST]
    movers = []
    for u in order.tolist():
        if users[u] <= 0:
            break
        network = int(audience.network[u])
        movers.append(
            Mover(
                asn=int(topology.asn[network]),
                name=topology.name[network] if topology.name else "",
                metro=topology.metros.code[int(audience.metro[u])],
                country=audience.countries[int(audience.country[u])],
                users=people(users[u]),
                start=shown[int(start[u])],
                end=shown[int(end[u])],
            )
        )
    return tuple(movers)


def _movers(
    group: Int64,
    labels: Sequence[str],
    key: Int64,
    users: NDArray[np.float64],
    shown: Sequence[str],
    *,
    is_metro: bool,
) -> tuple[Mover, ...]:
    """The largest (group, start, end) movements."""
    size = len(shown)
    moving = users > 0
    both, inverse = np.unique(group[moving] * size * size + key[moving], return_inverse=True)
    total = np.bincount(inverse.ravel(), weights=users[moving], minlength=len(both))
    movers = []
    for k in np.lexsort((both, -total))[:MOST].tolist():
        where, move = divmod(int(both[k]), size * size)
        movers.append(
            _mover(labels[where], float(total[k]), shown[move // size], shown[move % size], is_metro=is_metro)
        )
    return tuple(movers)


def _mover(label: str, users: float, start: str, end: str, *, is_metro: bool) -> Mover:
    return Mover(
        asn=0,
        name="",
        metro=label if is_metro else "",
        country="" if is_metro else label,
        users=people(users),
        start=start,
        end=end,
    )


def _by_rows(old: ScenarioReport, new: ScenarioReport) -> ScenarioDifference:
    rows: Sequence[tuple[str, MetroRow | CountryRow, MetroRow | CountryRow]]
    metros = {row.metro: row for row in new.metros}
    countries = {row.country: row for row in new.countries}
    by_metro = [(row.metro, row, metros[row.metro]) for row in old.metros if row.metro in metros]
    by_country = [
        (row.country, row, countries[row.country]) for row in old.countries if row.country in countries
    ]
    rows = by_metro or by_country
    total: dict[tuple[str, str], float] = {}
    for _, before, after in rows:
        for start, end, users in _shifts(before, after):
            total[start, end] = total.get((start, end), 0.0) + users
    ordered = sorted(total.items(), key=lambda item: (-item[1], item[0]))
    moved = sum(total.values())
    return ScenarioDifference(
        before=old.name,
        after=new.name,
        is_exact=False,
        users=old.users,
        moved=people(moved),
        moved_share=part(moved, old.users),
        moved_certain=None,
        rtt_before=old.rtt,
        rtt_after=new.rtt,
        moves=tuple(
            Move(start=start, end=end, users=people(users), certain=None)
            for (start, end), users in ordered
            if people(users) > 0
        ),
        networks=(),
        metros=_row_movers(by_metro, is_metro=True),
        countries=_row_movers(by_country, is_metro=False),
        changes=_changes(old, new),
    )


def _shifts(before: MetroRow | CountryRow, after: MetroRow | CountryRow) -> Iterator[tuple[str, str, float]]:
    """The least movement that turns one row into the other: losers give to winners in proportion."""
    old = {item.site: item.users for item in before.sites} | {NO_ROUTE: before.unreached}
    new = {item.site: item.users for item in after.sites} | {NO_ROUTE: after.unreached}
    change = {name: new.get(name, 0.0) - old.get(name, 0.0) for name in dict.fromkeys((*old, *new))}
    gained = {name: value for name, value in change.items() if value > 0}
    lost = {name: -value for name, value in change.items() if value < 0}
    whole = max(sum(gained.values()), sum(lost.values()))
    # Sites below 0.1 % of a row are not in a report, so that gains and losses may differ by a trace.
    least = max(0.1, 0.001 * before.users)
    for start, out in lost.items():
        for end, into in gained.items():
            users = out * into / whole
            if users >= least:
                yield start, end, users


def _row_movers(
    rows: Sequence[tuple[str, MetroRow | CountryRow, MetroRow | CountryRow]], *, is_metro: bool
) -> tuple[Mover, ...]:
    movers = [
        _mover(label, users, start, end, is_metro=is_metro)
        for label, before, after in rows
        for start, end, users in _shifts(before, after)
    ]
    movers.sort(key=lambda mover: (-mover.users, mover.metro, mover.country, mover.start, mover.end))
    return tuple(movers[:MOST])


def _changes(old: ScenarioReport, new: ScenarioReport) -> tuple[Change, ...]:
    before = _promises(old)
    after = _promises(new)
    return tuple(
        Change(promise=name, before=before.get(name, "absent"), after=after.get(name, "absent"))
        for name in dict.fromkeys((*before, *after))
        if before.get(name) != after.get(name)
    )


def _promises(scenario: ScenarioReport) -> dict[str, str]:
    states = {item.name: item.state.value for item in scenario.objectives}
    return states | {f"residency {item.name}": item.state.value for item in scenario.residency}
