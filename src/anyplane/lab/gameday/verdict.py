"""judge: which expectations a game day kept and which it broke, each with the figure and the reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from anyplane.lab.gameday import parts
from anyplane.lab.gameday.clients import Clients
from anyplane.lab.gameday.expectations import (
    AnsweredBy,
    AsPlanned,
    Expectation,
    Lost,
    LostPerClient,
    LostShare,
    NeverAllWithdrawn,
    NoOtherFlowsMoved,
    NothingAnnounced,
    Outage,
    Resets,
    Updates,
    Withdrawn,
    WithinCapacity,
)
from anyplane.lab.gameday.outcome import Verdict
from anyplane.lab.gameday.reckoning import weighted
from anyplane.lab.gameday.record import Record
from anyplane.lab.gameday.stage import NO_SITE, Probed, Seen

Found = tuple[bool, str]
MOST_NAMED = 3
ROUNDING_S = 1e-6
"""Times are differences of large numbers."""


def judge(record: Record) -> tuple[Verdict, ...]:
    """A verdict on every expectation; a wait that ran out is one more that is broken."""
    late = [
        Verdict(
            expectation=str(one.timed.step),
            is_kept=False,
            reason="it did not come true in time",
            key="wait_until",
        )
        for one in record.done
        if one.is_late
    ]
    if not record.is_whole:
        reason = "not judged: the game day was not carried out to its end"
        return tuple(
            Verdict(expectation=str(one), is_kept=False, reason=reason, key=parts.key_of(type(one)))
            for one in record.scenario.expectations
        )
    return (*(_judge(record, one) for one in record.scenario.expectations), *late)


def _judge(record: Record, expectation: Expectation) -> Verdict:
    is_kept, reason = _RULES[type(expectation)](record, expectation)
    key = parts.key_of(type(expectation))
    return Verdict(expectation=str(expectation), is_kept=is_kept, reason=reason, key=key)


def _lost(record: Record, promise: Lost) -> Found:
    probed = _of(record, promise.clients, kind=promise.kind)
    if not probed:
        return _unmeasured()
    lost, sent = sum(one.lost for one in probed), sum(one.sent for one in probed)
    worst = max(probed, key=lambda one: one.lost)
    tail = f", most by {worst.client} ({worst.lost})" if worst.lost else ""
    return lost <= promise.at_most, f"{lost} of {sent} queries lost{tail}"


def _lost_per_client(record: Record, promise: LostPerClient) -> Found:
    probed = _of(record, promise.clients, kind=promise.kind)
    if not probed:
        return _unmeasured()
    worst = max(probed, key=lambda one: one.lost)
    return worst.lost <= promise.at_most, f"{worst.client} lost {worst.lost} of {worst.sent} ({worst.kind})"


def _lost_share(record: Record, promise: LostShare) -> Found:
    probed = _of(record, promise.clients)
    if not probed:
        return _unmeasured()
    users = {client.node: client.users for client in record.facts.clients}
    share = weighted((one.lost / one.sent, users[one.client]) for one in probed)
    return share <= promise.at_most, f"{share * 100:.3g} % of the users' queries lost"


def _outage(record: Record, promise: Outage) -> Found:
    probed = _of(record, promise.clients)
    if not probed:
        return _unmeasured()
    worst = max(probed, key=lambda one: one.outage_s)
    found = f"{worst.client} had no answer for {_ms(worst.outage_s)} in all ({worst.kind})"
    return (
        worst.outage_s <= promise.at_most + ROUNDING_S,
        found if worst.outage_s else "no client was without an answer",
    )


def _answered_by(record: Record, promise: AnsweredBy) -> Found:
    if promise.within is not None:
        return _answered_within(record, promise, promise.within)
    meant = promise.clients.among(record.facts.clients)
    wrong = [
        f"{client.node} by {record.catchment_after.get(client.node) or 'nobody'}"
        for client in meant
        if record.catchment_after.get(client.node) not in promise.sites
    ]
    if not meant:
        return _unmeasured()
    return not wrong, _listed(wrong) if wrong else f"{_all(len(meant))}, at the end"


def _all(many: int) -> str:
    return "the one client is" if many == 1 else f"all {many} clients are"


def _answered_within(record: Record, promise: AnsweredBy, within: float) -> Found:
    since = _moment(record, promise.after)
    probed = _of(record, promise.clients)
    if since is None or not probed:
        return _unmeasured()
    late, longest = [], 0.0
    for one in probed:
        # A span that began before the step and outlives it counts from the step.
        times = [
            max(span.start, since) - since
            for span in one.spans
            if span.site in promise.sites and span.end >= since
        ]
        first = min(times, default=None)
        longest = max(longest, first or 0.0)
        if first is None or first > within + ROUNDING_S:
            late.append(f"{one.client} {'never' if first is None else 'after ' + _ms(first)}")
    return not late, _listed(late) if late else f"the last of them after {_ms(longest)}"


def _withdrawn(record: Record, promise: Withdrawn) -> Found:
    since = _moment(record, promise.after)
    if since is None:
        return _unmeasured()
    times = [
        one.at - since
        for one in record.observations
        if one.what is Seen.WITHDRAWN and one.where == promise.site and one.at >= since
    ]
    if not times:
        return False, f"{promise.site} was not withdrawn at all"
    return min(times) <= promise.within + ROUNDING_S, f"{promise.site} was withdrawn after {_ms(min(times))}"


def _never_all(record: Record, promise: NeverAllWithdrawn) -> Found:
    standing = set(record.announced_before)
    least, at = len(standing), record.began
    for one in record.observations:
        if one.what is Seen.WITHDRAWN:
            standing.discard(one.where)
        elif one.what is Seen.ANNOUNCED:
            standing.add(one.where)
        if len(standing) < least:
            least, at = len(standing), one.at
    found = f"never fewer than {least} sites announced"
    if least < promise.at_least:
        found = f"only {least} sites announced {at - record.began:.2f} s after probing began"
    return least >= promise.at_least, found


def _nothing_announced(record: Record, promise: NothingAnnounced) -> Found:
    is_there = promise.site in record.announced_after
    return not is_there, f"{promise.site} is {'still' if is_there else 'not'} announced at the end"


def _resets(record: Record, promise: Resets) -> Found:
    names = {client.node for client in promise.clients.among(record.facts.clients)}
    streams = [
        one for one in record.measured.probed if one.client in names and not one.kind.startswith("udp")
    ]
    if not streams:
        return False, "no TCP connection was watched: add tcp or stream to `kinds` of `probes`"
    resets = sum(one.resets for one in streams)
    return resets <= promise.at_most, f"{resets} connections reset"


def _as_planned(record: Record, promise: AsPlanned) -> Found:
    planned = record.planned.get(frozenset(promise.without))
    if planned is None:
        return False, "there is no plan to compare with"
    wrong = []
    for node, sites in planned.items():
        found = record.catchment_after.get(node, NO_SITE)
        if found not in (sites or {NO_SITE}):
            meant = " or ".join(sorted(sites)) or "nobody"
            wrong.append(f"{node} is answered by {found or 'nobody'}, planned {meant}")
    return not wrong, _listed(wrong) if wrong else f"all {len(planned)} clients are where the plan has them"


def _no_flows_moved(record: Record, _promise: NoOtherFlowsMoved) -> Found:
    flows = record.measured.flows
    if flows is None or not flows.watched:
        return False, "no flow was watched: add stream to `kinds` of `probes`"
    return flows.moved == 0, f"{flows.moved} of {flows.watched} flows moved"


def _updates(record: Record, promise: Updates) -> Found:
    return record.updates <= promise.at_most, f"{record.updates} updates sent"


def _within_capacity(record: Record, _promise: WithinCapacity) -> Found:
    users = {client.node: client.users for client in record.facts.clients}
    fullest: tuple[float, str] | None = None
    for site in record.facts.sites:
        if site.capacity_users is None:
            continue
        carried = max(
            sum(users.get(node, 0.0) for node, found in catchment.items() if found == site.name)
            for catchment in (record.catchment_after, record.catchment_before)
        )
        fullest = max(filter(None, (fullest, (carried / site.capacity_users, site.name))))
    if fullest is None:
        return False, "no site has a capacity in the design"
    return fullest[0] <= 1.0, f"{fullest[1]} is the fullest, at {fullest[0] * 100:.0f} % of its capacity"


_RULES: dict[type[Expectation], Callable[[Record, Any], Found]] = {  # each rule takes its own expectation
    Lost: _lost,
    LostPerClient: _lost_per_client,
    LostShare: _lost_share,
    Outage: _outage,
    AnsweredBy: _answered_by,
    Withdrawn: _withdrawn,
    NeverAllWithdrawn: _never_all,
    NothingAnnounced: _nothing_announced,
    Resets: _resets,
    AsPlanned: _as_planned,
    NoOtherFlowsMoved: _no_flows_moved,
    Updates: _updates,
    WithinCapacity: _within_capacity,
}


def _of(record: Record, clients: Clients, *, kind: str | None = None) -> list[Probed]:
    names = {client.node for client in clients.among(record.facts.clients)}
    return [
        one
        for one in record.measured.probed
        if one.client in names and one.sent and kind in (None, one.kind.removesuffix("6"))
    ]


def _moment(record: Record, name: str | None) -> float | None:
    first = record.scenario.first_fault
    wanted = name or (first.name if first else "")
    return next((one.at for one in record.done if one.timed.name == wanted and not one.error), None)


def _unmeasured() -> Found:
    return False, "it was not measured: the game day ended before, or no such client was probed"


def _listed(items: list[str]) -> str:
    more = f" and {len(items) - MOST_NAMED} more" if len(items) > MOST_NAMED else ""
    return "; ".join(items[:MOST_NAMED]) + more


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 10 else f"{seconds:.1f} s"
