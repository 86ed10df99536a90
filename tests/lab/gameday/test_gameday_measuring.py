"""From the prober's log to spans of one answer, and from kernels' changes to withdrawals."""

from __future__ import annotations

import pytest

from anyplane.lab.gameday.measuring import flows_moved, measured
from anyplane.lab.probes.losses import losses
from anyplane.lab.probes.queries import (
    Client,
    Kind,
    ProbeLog,
    ProbePlan,
    ProbeTarget,
    Query,
    Stall,
    StreamTurn,
    Turn,
)

PLAN = ProbePlan(
    log="",
    clients=(Client(name="as1-lis", source4="100.96.0.10"),),
    targets=(
        ProbeTarget(address="203.0.113.53", port=53, kind=Kind.UDP, rate=10.0),
        ProbeTarget(address="203.0.113.53", port=7100, kind=Kind.STREAM, rate=10.0),
    ),
)


def asked(sites: str) -> tuple[Query, ...]:
    """A letter each 100 ms: m and t answered after 10 ms, - by nobody."""
    names = {"m": "mad", "t": "tyo/web1", "-": ""}
    return tuple(
        Query(
            flow=0, sequence=number, sent_at=10 + number / 10, site=names[letter],
            answered_at=None if letter == "-" else 10.01 + number / 10,
        )
        for number, letter in enumerate(sites)
    )  # fmt: skip


def log(sites: str, *, stalls: tuple[Stall, ...] = (), turns: tuple[StreamTurn, ...] = ()) -> ProbeLog:
    return ProbeLog(plan=PLAN, queries=asked(sites), stalls=stalls, turns=turns, ends_at=100.0)


def turn(at: float, what: Turn, site: str = "") -> StreamTurn:
    return StreamTurn(flow=1, at=at, what=what, site=site)


def test_answers_become_spans_and_the_gap_lasts_until_the_next_answered_query() -> None:
    udp, _ = measured(log("mmm--tt"), since=0.0, until=99.0).probed

    assert [(span.site, span.queries) for span in udp.spans] == [("mad", 3), ("", 2), ("tyo", 2)]
    assert udp.outage_s == pytest.approx(0.2)
    assert (udp.sent, udp.lost) == (7, 2)


def test_loss_and_outage_are_those_of_lab_losses() -> None:
    whole = log("mm-m--tt---", stalls=(Stall(at=10.45, for_s=0.05),))

    udp, _ = measured(whole, since=0.0, until=99.0).probed

    (loss,) = losses(whole)
    assert udp.lost == loss.lost
    assert udp.excused == loss.excused
    assert udp.outage_s == pytest.approx(loss.outage_s)


def test_a_long_connection_is_broken_from_its_reset_to_the_next_one() -> None:
    turns = (
        turn(10.5, Turn.ESTABLISHED),
        turn(10.6, Turn.SITE, "mad"),
        turn(11.0, Turn.RESET),
        turn(11.4, Turn.ESTABLISHED),
        turn(11.4, Turn.SITE, "tyo"),
    )

    _, stream = measured(log("m", turns=turns), since=10.0, until=13.0).probed

    assert [span.site for span in stream.spans] == ["mad", "", "tyo"]
    assert stream.outage_s == pytest.approx(0.4)
    assert (stream.resets, stream.sent) == (1, 0)


@pytest.mark.parametrize(("removed", "watched", "moved"), [("mad/web2", 1, 1), ("mad/web1", 0, 0)])
def test_only_flows_of_other_backends_count_as_moved(removed: str, watched: int, moved: int) -> None:
    turns = (turn(9.0, Turn.ESTABLISHED), turn(9.1, Turn.SITE, "mad/web1"), turn(11.0, Turn.RESET))

    flows = flows_moved(log("m", turns=turns), since=10.0, until=13.0, removed=[removed])

    assert (flows.watched, flows.moved) == (watched, moved)
