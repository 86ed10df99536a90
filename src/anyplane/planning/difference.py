"""difference: two plans side by side: who moves from which site to which, and what that does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from anyplane.planning.catchment import Clients
from anyplane.planning.plan import Outcome
from anyplane.planning.report import CountryRow, MetroRow, Report, Rtt, ScenarioReport, SiteUsers
from anyplane.planning.rounding import part, people
from anyplane.planning.weighted import Int64
from anyplane.topology import Topology

Row = TypeVar("Row", MetroRow, CountryRow)
MOST = 10
NO_ROUTE = "(no route)"
NOT_FOR_THEM = "(not for them)"
"""Where users start or end whom a scenario is not for: its audience grew, or shrank."""


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

    users: of both audiences together, which are one unless the design changed it.
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
    shown = (*names, NO_ROUTE, NOT_FOR_THEM)
    clients = _of_either(before.found.clients, after.found.clients, topology)
    start = _renumbered(before, names, clients)
    end = _renumbered(after, names, clients)
    moving = start != end
    users = np.where(moving, clients.users, 0.0)
    sure = np.where(moving & ~_may_stay(before, after, names, clients), clients.users, 0.0)

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
        users=people(clients.total),
        moved=people(moved),
        moved_share=part(moved, clients.total),
        moved_certain=people(float(sure.sum())),
        rtt_before=old.rtt,
        rtt_after=new.rtt,
        moves=moves,
        networks=_network_movers(clients, topology, start, end, users, shown),
        metros=_movers(clients.metro, topology.metros.code, key, users, shown, is_metro=True),
        countries=_movers(clients.country, clients.countries, key, users, shown, is_metro=False),
        changes=_changes(old, new),
    )


def _of_either(before: Clients, after: Clients, topology: Topology) -> Clients:
    """The clients of one audience or the other."""
    if len(before.pop) == len(after.pop) and bool((before.pop == after.pop).all()):
        return before
    everybody = Clients.of(topology)
    return everybody.only(np.isin(everybody.pop, np.union1d(before.pop, after.pop)))


def _renumbered(outcome: Outcome, names: Sequence[str], clients: Clients) -> Int64:
    """(U,) sites in the numbers of `names`; after those, no route, then not for them."""
    own = [names.index(name) for name in outcome.scenario.sites]
    index = np.array([*own, len(names)], np.int64)
    sites = np.full(len(clients.pop), len(names) + 1, np.int64)
    # -1, no route, takes the last one of the index.
    sites[np.searchsorted(clients.pop, outcome.found.clients.pop)] = index[outcome.found.site]
    return sites


def _may_stay(before: Outcome, after: Outcome, names: Sequence[str], clients: Clients) -> NDArray[np.bool_]:
    """(U,) is some site possible both before and after?"""
    stays = np.zeros(len(clients.pop), bool)
    for name in names:
        if name in before.scenario.sites and name in after.scenario.sites:
            stays |= _may_reach(before, name, clients) & _may_reach(after, name, clients)
    return stays


def _may_reach(outcome: Outcome, name: str, clients: Clients) -> NDArray[np.bool_]:
    may = np.zeros(len(clients.pop), bool)
    where = np.searchsorted(clients.pop, outcome.found.clients.pop)
    may[where] = outcome.found.may_reach(outcome.scenario.sites.index(name))
    return may


def _network_movers(
    clients: Clients,
    topology: Topology,
    start: Int64,
    end: Int64,
    users: NDArray[np.float64],
    shown: Sequence[str],
) -> tuple[Mover, ...]:
    order = np.lexsort((np.arange(len(users)), -users))[:MOST]
    movers = []
    for u in order.tolist():
        if users[u] <= 0:
            break
        network = int(clients.network[u])
        movers.append(
            Mover(
                asn=int(topology.asn[network]),
                name=topology.name[network] if topology.name else "",
                metro=topology.metros.code[int(clients.metro[u])],
                country=clients.countries[int(clients.country[u])],
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
    has_changed = old.audience != new.audience
    by_metro = _paired(
        {row.metro: row for row in old.metros}, {row.metro: row for row in new.metros}, has_changed
    )
    by_country = _paired(
        {row.country: row for row in old.countries}, {row.country: row for row in new.countries}, has_changed
    )
    rows = by_metro or by_country
    users = sum(max(before.users, after.users) for _, before, after in rows) if has_changed else old.users
    total: dict[tuple[str, str], float] = {}
    for _, before, after in rows:
        for start, end, shifted in _shifts(before, after):
            total[start, end] = total.get((start, end), 0.0) + shifted
    ordered = sorted(total.items(), key=lambda item: (-item[1], item[0]))
    moved = sum(total.values())
    return ScenarioDifference(
        before=old.name,
        after=new.name,
        is_exact=False,
        users=people(users),
        moved=people(moved),
        moved_share=part(moved, users),
        moved_certain=None,
        rtt_before=old.rtt,
        rtt_after=new.rtt,
        moves=tuple(
            Move(start=start, end=end, users=people(shifted), certain=None)
            for (start, end), shifted in ordered
            if people(shifted) > 0
        ),
        networks=(),
        metros=_row_movers(by_metro, is_metro=True),
        countries=_row_movers(by_country, is_metro=False),
        changes=_changes(old, new),
    )


def _paired(
    before: Mapping[str, Row], after: Mapping[str, Row], has_changed: bool
) -> list[tuple[str, Row, Row]]:
    """The rows of both by name; where the audience has changed, those of one alone too."""
    both = [name for name in before if name in after]
    pairs = [(name, before[name], after[name]) for name in both]
    if has_changed:
        pairs += [(name, row, _absent(row)) for name, row in before.items() if name not in after]
        pairs += [(name, _absent(row), row) for name, row in after.items() if name not in before]
    return pairs


def _absent(row: Row) -> Row:
    """The row of users whom the scenario is not for."""
    return replace(row, unreached=0.0, sites=(SiteUsers(site=NOT_FOR_THEM, users=row.users),))


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
