"""recommend: one way out of those compared, by six questions asked in a fixed order.

Each question keeps the best of those still there and whatever is as good within its tolerance; what is left
goes on to the next. A way that is dropped within twice the tolerance, or only because another is simpler to
run, is a rival, and the recommendation a close call. docs/explanation/geodns-or-anycast.md gives the rule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from anyplane.planning.alternatives.report import Alternative, Instead, Recommendation, Step, Way
from anyplane.planning.convergence_text import seconds
from anyplane.planning.figures import ms, percent
from anyplane.planning.report import State

SAME_SERVED = 0.001
"""Share of users: as good as served alike."""
SAME_RESIDENCY = 0.01
"""Share of the users under a rule."""
SAME_P95_MS, SAME_P95 = 5.0, 0.05
"""The model of RTT is not finer than the larger of the two."""
SAME_CUT = 1.0
"""So many times the shortest mean cut more: times of BGP and DNS differ by factors, not by per cent."""
SAME_CUT_S = 5.0
NEVER_MS = 1e6
BY_ADDRESS = "users know an address and ask for no name (a resolver, NTP, a root server)"
UNMEASURED = "nobody measures for each place which address of regional + global is faster"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question: lower is better. tolerance: so much over the best is as good; said: the value in words."""

    text: str
    value: Callable[[Alternative], float]
    tolerance: Callable[[float], float]
    said: Callable[[Alternative], str]


def recommend(ways: Sequence[Alternative], *, by_map: Alternative | None = None) -> Recommendation:
    """The Recommendation among these. by_map: regional + global as it is where DNS goes by region alone.

    Two things are granted to the figures that not everybody has: users who ask DNS for a name, and, for
    regional + global, measurements of both addresses. Where doing without leads elsewhere, it is said.
    """
    found = _asked(ways)
    instead = []
    plain = [item for item in ways if item.way in (Way.UNICAST, Way.GLOBAL)]
    if plain and found.way not in (Way.UNICAST, Way.GLOBAL):
        instead.append(Instead(when=BY_ADDRESS, way=_asked(plain).way))
    if by_map is not None:
        other = _asked([by_map if item.way is Way.BOTH else item for item in ways]).way
        if other is not found.way:
            when = f"{UNMEASURED} (by region alone its p95 is {ms(by_map.rtt.p95)} ms)"
            instead.append(Instead(when=when, way=other))
    return replace(found, instead=tuple(instead))


def _asked(ways: Sequence[Alternative]) -> Recommendation:
    left = list(ways)
    steps: list[Step] = []
    rivals: list[Way] = []
    for question in _questions(ways):
        best = min(question.value(item) for item in left)
        tolerance = question.tolerance(best)
        kept = [item for item in left if question.value(item) <= best + tolerance + 1e-12]
        gone = [item for item in left if item not in kept]
        rivals += [
            item.way for item in gone if tolerance > 0 and question.value(item) <= best + 2 * tolerance
        ]
        steps.append(
            Step(
                question=question.text,
                kept=tuple(item.way for item in kept),
                dropped=tuple(f"{item.name}: {question.said(item)}" for item in gone),
            )
        )
        left = kept
    order = list(Way)
    left.sort(key=lambda item: order.index(item.way))
    chosen = left[0]
    if len(left) > 1:
        steps.append(
            Step(
                question="Which is the simplest to run?",
                kept=(chosen.way,),
                dropped=tuple(f"{item.name}: as good, and more to run" for item in left[1:]),
            )
        )
        rivals += [item.way for item in left[1:]]
    return Recommendation(
        way=chosen.way,
        reason=_reason(chosen, steps),
        is_close=bool(rivals),
        rivals=tuple(rivals),
        instead=(),
        steps=tuple(steps),
    )


def _questions(ways: Sequence[Alternative]) -> list[Question]:
    found = []
    if all(item.failures is not None for item in ways):
        found.append(
            Question(
                text="Who serves all users after any one site's failure?",
                value=lambda item: item.failures.unserved if item.failures else 0.0,
                tolerance=lambda _: SAME_SERVED,
                said=lambda item: (
                    f"{percent(item.failures.unserved if item.failures else None)} have no site "
                    f"without {item.failures.unserved_site if item.failures else ''}"
                ),
            )
        )
    found.append(
        Question(
            text="Who serves all users now?",
            value=lambda item: item.unserved,
            tolerance=lambda _: SAME_SERVED,
            said=lambda item: f"{percent(item.unserved)} of users have no site",
        )
    )
    if any(promise.is_residency for item in ways for promise in item.promises):
        found.append(
            Question(
                text="Who keeps the residency rules? (users expected in breach; 1 % is as good)",
                value=_breach,
                tolerance=lambda _: SAME_RESIDENCY,
                said=lambda item: f"{percent(_breach(item))} of a rule's users in breach",
            )
        )
    if any(not promise.is_residency for item in ways for promise in item.promises):
        found.append(
            Question(
                text="Who breaks fewest objectives?",
                value=lambda item: len(_broken(item)),
                tolerance=lambda _: 0.0,
                said=lambda item: "breaks " + ", ".join(_broken(item)),
            )
        )
    found.append(
        Question(
            text=f"Who is fastest? (p95; {SAME_P95_MS:g} ms or {SAME_P95:.0%} is as good)".replace("%", " %"),
            value=lambda item: NEVER_MS if item.rtt.p95 is None else item.rtt.p95,
            tolerance=lambda best: max(SAME_P95_MS, SAME_P95 * best),
            said=lambda item: f"p95 {ms(item.rtt.p95)} ms",
        )
    )
    if all(item.failover is not None for item in ways):
        found.append(
            Question(
                text=f"Who has users back soonest? (mean; twice, or {SAME_CUT_S:g} s more, is as good)",
                value=lambda item: item.failover.mean_s if item.failover else 0.0,
                tolerance=lambda best: max(SAME_CUT * best, SAME_CUT_S),
                said=lambda item: (
                    f"{seconds(item.failover.mean_s if item.failover else 0.0)} without service"
                ),
            )
        )
    return found


def _breach(item: Alternative) -> float:
    """The largest share of one rule's users that is expected to be in breach."""
    shares = [p.expected / p.of for p in item.promises if p.is_residency and p.of > 0]
    return max(shares, default=0.0)


def _broken(item: Alternative) -> list[str]:
    return [p.name for p in item.promises if not p.is_residency and p.state is State.BROKEN]


def _reason(chosen: Alternative, steps: Sequence[Step]) -> str:
    """Each question that dropped anybody; that unicast has no second site goes without saying."""
    deciding = [step for step in steps if step.dropped]
    if not deciding:
        return f"{chosen.name}: it is the only way compared"
    telling = [step for step in deciding if not _is_unicast_alone(step)] or deciding
    words = {
        "Who serves all users after any one site's failure": (
            "any one site may fail, and it still serves "
            + ("the most users" if chosen.failures is None or chosen.failures.unserved else "all users")
        ),
        "Who serves all users now": "it serves the most users" if chosen.unserved else "it serves all users",
        "Who keeps the residency rules": (
            f"it keeps the residency rules best, with {percent(_breach(chosen))} of a rule's users in breach"
        ),
        "Who breaks fewest objectives": "it breaks fewest objectives",
        "Who is fastest": f"it is the fastest of those left, p95 {ms(chosen.rtt.p95)} ms",
        "Who has users back soonest": "of those left it has users back soonest when a site dies",
        "Which is the simplest to run": "it is the simplest to run of those that are about as good",
    }
    said = [words[step.question.partition("?")[0]] for step in telling]
    return f"{chosen.name}: {'; '.join(said)}"


def _is_unicast_alone(step: Step) -> bool:
    return "failure" in step.question and len(step.dropped) == 1 and Way.UNICAST not in step.kept
