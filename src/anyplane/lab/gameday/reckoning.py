"""outcome: from the record of a game day to its figures. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from anyplane.lab.gameday.clients import Client
from anyplane.lab.gameday.outcome import (
    STALL,
    VERSION,
    ClientOutcome,
    ClientSpan,
    Event,
    FaultOutcome,
    LoadShift,
    Outcome,
    Verdict,
)
from anyplane.lab.gameday.record import Done, Record
from anyplane.lab.gameday.site_steps import Drain
from anyplane.lab.gameday.stage import NO_SITE, Measured, Probed, Seen, Span
from anyplane.lab.gameday.step import Wait, WaitUntil
from anyplane.lab.probes.losses import outage_interval

SHOWN_STALL_S = 0.02
"""Shorter ones are counted among the prober's own errors, and not shown one by one."""


def outcome(record: Record, verdicts: tuple[Verdict, ...]) -> Outcome:
    """The figures of a game day."""
    known = {client.node: client for client in record.facts.clients}
    clients = tuple(_client(record, one, known[one.client]) for one in record.measured.probed)
    return Outcome(
        version=VERSION,
        scenario=record.scenario.name,
        shows=record.scenario.shows,
        where=record.facts.where,
        took_s=record.ended - record.began,
        verdicts=verdicts,
        sent=sum(one.sent for one in clients),
        lost=sum(one.lost for one in clients),
        excused=sum(one.excused for one in clients),
        lost_share_of_users=weighted((one.lost / one.sent, one.users) for one in clients if one.sent),
        outage_of_users_s=weighted((one.outage_s, one.users) for one in clients if one.sent),
        worst_outage_s=max((one.outage_s for one in clients if one.sent), default=0.0),
        worst_outage_between_s=_worst_between(record),
        resets=sum(one.resets for one in clients),
        updates=record.updates,
        flows=record.measured.flows,
        faults=_faults(record),
        clients=clients,
        loads=_loads(record),
        events=_events(record),
        own_errors=_own_errors(record.measured),
        errors=record.errors,
    )


def weighted(values: Iterable[tuple[float, float]]) -> float:
    """The mean of (value, weight); 0 of nothing."""
    pairs = list(values)
    total = sum(weight for _, weight in pairs)
    return sum(value * weight for value, weight in pairs) / total if total else 0.0


def elsewhere(probed: Iterable[Probed], *, since: float, until: float) -> float | None:
    """When the first client was answered by another site than before, between `since` and `until`."""
    found = []
    for one in probed:
        spans = one.spans
        for place, now in enumerate(spans):
            last = _last_site(spans[:place])
            if now.site != NO_SITE and now.site != last and last != NO_SITE and since <= now.start < until:
                found.append(now.start)
    return min(found, default=None)


def _last_site(spans: tuple[Span, ...]) -> str:
    return next((span.site for span in reversed(spans) if span.site != NO_SITE), NO_SITE)


def _worst_between(record: Record) -> tuple[float, float]:
    """The ends of its gaps added up: with one gap 95 %, with several at least that."""
    worst = max(
        (one for one in record.measured.probed if one.sent), key=lambda one: one.outage_s, default=None
    )
    if worst is None:
        return 0.0, 0.0
    gaps = [span.queries for span in worst.spans if span.site == NO_SITE] or [0]
    ends = [outage_interval(lost, record.scenario.probes.rate) for lost in gaps]
    return sum(low for low, _ in ends), sum(high for _, high in ends)


def _client(record: Record, one: Probed, client: Client) -> ClientOutcome:
    return ClientOutcome(
        node=client.node,
        metro=client.metro,
        asn=client.asn,
        users=client.users,
        kind=one.kind,
        sent=one.sent,
        lost=one.lost,
        excused=one.excused,
        outage_s=one.outage_s,
        longest_gap_s=max((span.end - span.start for span in one.spans if span.site == NO_SITE), default=0.0),
        resets=one.resets,
        before=record.catchment_before.get(client.node, NO_SITE),
        after=record.catchment_after.get(client.node, NO_SITE),
        spans=tuple(
            ClientSpan(
                start_s=span.start - record.began,
                end_s=span.end - record.began,
                site=span.site,
                queries=span.queries,
            )
            for span in one.spans
        ),
    )


IN_FLIGHT_S = 0.25
"""What was asked so shortly before a fault was still on its way when it struck."""


def _faults(record: Record) -> tuple[FaultOutcome, ...]:
    faults = [one for one in record.done if (type(one.timed.step).breaks or _is_drain(one)) and not one.error]
    found = []
    for place, one in enumerate(faults):
        until = faults[place + 1].at if place + 1 < len(faults) else record.ended + 1.0
        seen = [item for item in record.observations if one.at <= item.at < until]
        # A return changes tables too: what follows it is not the fault's.
        mended = min(
            (other.at for other in record.done if one.at < other.at < until and _mends(other)), default=until
        )
        withdrawn = [item.at for item in seen if item.what is Seen.WITHDRAWN and item.at < mended]
        fib = [item.at for item in seen if item.what is Seen.FIB and item.at < mended]
        other = elsewhere(record.measured.probed, since=one.at, until=mended)
        found.append(
            FaultOutcome(
                step=one.timed.name,
                text=str(one.timed.step),
                at_s=one.at - record.began,
                withdrawn_s=min(withdrawn) - one.at if withdrawn else None,
                last_fib_s=max(fib) - one.at if fib else None,
                elsewhere_s=None if other is None else other - one.at,
                lost=sum(
                    span.queries
                    for probe in record.measured.probed
                    for span in probe.spans
                    if span.site == NO_SITE and one.at - IN_FLIGHT_S <= span.start < until - IN_FLIGHT_S
                ),
            )
        )
    return tuple(found)


def _is_drain(one: Done) -> bool:
    return isinstance(one.timed.step, Drain)


def _mends(one: Done) -> bool:
    step = one.timed.step
    return not step.breaks and not isinstance(step, Drain | Wait | WaitUntil)


def _loads(record: Record) -> tuple[LoadShift, ...]:
    users = {client.node: client.users for client in record.facts.clients}
    total = sum(users.values()) or 1.0
    gone = frozenset(site.name for site in record.facts.sites) - record.announced_after
    planned = record.planned.get(gone)

    def carried(catchment: Mapping[str, str], site: str) -> float:
        return sum(users.get(node, 0.0) for node, found in catchment.items() if found == site)

    return tuple(
        LoadShift(
            site=site.name,
            before=carried(record.catchment_before, site.name) / total,
            after=carried(record.catchment_after, site.name) / total,
            planned=None
            if planned is None
            else sum(
                users[node] / len(sites)
                for node, sites in planned.items()
                if site.name in sites and node in users
            )
            / total,
            users=carried(record.catchment_after, site.name),
            capacity_users=site.capacity_users,
        )
        for site in record.facts.sites
    )


def _events(record: Record) -> tuple[Event, ...]:
    began = record.began
    events = [
        Event(
            at_s=one.at - began,
            kind=_kind(one),
            text=": ".join(filter(None, (str(one.timed.step), one.error or one.note))),
            site=getattr(one.timed.step, "site", ""),
        )
        for one in record.done
    ]
    events += [
        Event(
            at_s=one.at - began,
            kind=one.what.value,
            text=one.text or f"{one.where} {one.what}",
            site=one.where,
        )
        for one in record.observations
        if one.what is not Seen.FIB
    ]
    events += [
        Event(
            at_s=one.at - began,
            kind=STALL,
            text=f"the {one.who} stood still for {one.for_s * 1000:.0f} ms",
            for_s=one.for_s,
        )
        for one in record.measured.stalls
        if one.for_s >= SHOWN_STALL_S
    ]
    return tuple(sorted(events, key=lambda event: event.at_s))


def _kind(one: Done) -> str:
    if one.error or one.is_late:
        return "error"
    return "wait" if isinstance(one.timed.step, Wait | WaitUntil) else "step"


def _own_errors(measured: Measured) -> tuple[str, ...]:
    stalls = measured.stalls
    said = []
    if stalls:
        total, longest = sum(one.for_s for one in stalls), max(one.for_s for one in stalls)
        excused = sum(one.excused for one in measured.probed)
        said.append(
            f"{len(stalls)} stalls of prober or relay, {total * 1000:.0f} ms in all, the longest "
            f"{longest * 1000:.0f} ms; {excused} queries of that time are counted neither way"
        )
    return (*said, *measured.notes)
