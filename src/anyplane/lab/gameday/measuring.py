"""measured: the log of a prober as a game day sees it: for each flow the spans of one answer. Pure.

What is lost, late or excused is what probes.losses says; this only cuts time into spans.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from anyplane.lab.gameday.stage import NO_SITE, Flows, Measured, Probed, Span, Stalled
from anyplane.lab.probes.losses import Fate, FlowLoss, StreamLoss, fates, losses, median_rtt_s, stream_losses
from anyplane.lab.probes.queries import Kind, ProbeLog, Query, Turn


def measured(log: ProbeLog, *, since: float, until: float) -> Measured:
    """What was asked in [since, until)."""
    flows = losses(log, since=since, until=until)
    streams = stream_losses(log, since=since, until=until)
    notes = (f"{log.garbled} lines of the prober's log were not understood",) if log.garbled else ()
    return Measured(
        probed=(
            *(_of_flow(log, one, since=since, until=until) for one in flows),
            *(_of_stream(log, one, since=since, until=until) for one in streams),
        ),
        stalls=tuple(
            Stalled(at=stall.at, for_s=stall.for_s) for stall in log.stalls if since <= stall.at < until
        ),
        notes=notes,
    )


def flows_moved(log: ProbeLog, *, since: float, until: float, removed: Iterable[str]) -> Flows:
    """Of the long connections, those that did not stay with their server though that was not removed."""
    gone = frozenset(removed)
    watched = moved = 0
    for number, flow in enumerate(log.flows):
        if flow.target.kind != Kind.STREAM:
            continue
        turns = [turn for turn in log.turns if turn.flow == number]
        before = next((turn.site for turn in reversed(turns) if turn.at < since and turn.site), "")
        if not before or before in gone:
            continue
        watched += 1
        ends = (Turn.RESET, Turn.CLOSED, Turn.LOST)
        moved += any(since <= turn.at < until and turn.what in ends for turn in turns)
    return Flows(watched=watched, moved=moved)


def _of_flow(log: ProbeLog, loss: FlowLoss, *, since: float, until: float) -> Probed:
    queries = [query for query in log.of(loss.number) if since <= query.sent_at < until]
    return Probed(
        client=loss.client,
        kind=_kind(loss),
        spans=_spans(log, loss, queries),
        resets=loss.resets,
        excused=loss.excused,
        stalled_s=sum(gap.stalled_s for gap in loss.gaps),
    )


def _spans(log: ProbeLog, loss: FlowLoss, queries: Sequence[Query]) -> tuple[Span, ...]:
    ends = {gap.begin: gap.end for gap in loss.gaps}
    runs: list[tuple[str, list[Query]]] = []
    decided = fates(queries, timeout_s=log.plan.timeout_s, stalls=log.stalls, ends_at=log.ends_at)
    for query, what in zip(queries, decided, strict=True):
        if what in (Fate.EXCUSED, Fate.UNDECIDED):
            continue
        site = query.site.partition("/")[0] if what is Fate.ANSWERED else NO_SITE
        if not runs or runs[-1][0] != site:
            runs.append((site, []))
        runs[-1][1].append(query)
    return tuple(
        Span(
            start=run[0].sent_at,
            end=run[-1].sent_at if site else ends.get(run[0].sent_at, run[-1].sent_at),
            site=site,
            queries=len(run),
            rtt_ms=None if (rtt := median_rtt_s(run)) is None or not site else rtt * 1000,
        )
        for site, run in runs
    )


def _of_stream(log: ProbeLog, loss: StreamLoss, *, since: float, until: float) -> Probed:
    spans: list[Span] = []
    site, start, is_up, has_been_up = NO_SITE, since, False, False
    for turn in (one for one in log.turns if one.flow == loss.number):
        if turn.what is Turn.SITE:
            site = turn.site.partition("/")[0]  # mad/web1: a backend of mad
        was_up, began = is_up, start
        if turn.what is Turn.ESTABLISHED:
            is_up, start = True, turn.at
        elif turn.what not in (Turn.SITE, Turn.SILENT) and is_up:
            is_up, start = False, turn.at
        is_first = not was_up and not has_been_up
        has_been_up = has_been_up or is_up
        # Before its first connection it was not broken, only not there yet.
        if was_up != is_up and turn.at > since and not is_first:
            spans.append(_stream_span(began, turn.at, since, until, site if was_up else NO_SITE))
    if has_been_up:
        spans.append(_stream_span(start, until, since, until, site if is_up else NO_SITE))
    return Probed(
        client=loss.flow.client.name,
        kind=_kind(loss),
        spans=tuple(span for span in spans if span.end > span.start),
        resets=loss.resets,
    )


def _stream_span(start: float, end: float, since: float, until: float, site: str) -> Span:
    return Span(start=max(start, since), end=min(end, until), site=site, queries=0)


def _kind(loss: FlowLoss | StreamLoss) -> str:
    target = loss.flow.target
    return str(target.kind) + ("6" if target.family == 6 else "")
