"""Check results -> verdicts: rise and fall counted per check, and a silent check counts as failed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from anyplane.design.operation import Check


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One answer of one check. `check` is its id, `at` monotonic seconds, `detail` what a person reads."""

    check: str
    is_ok: bool
    at: float
    latency_s: float = 0.0
    detail: str = ""


class Verdict(StrEnum):
    """What a check's history says."""

    UNKNOWN = "unknown"
    PASS = "pass"  # noqa: S105  # no password
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckState:
    """The history of one check, folded.

    `streak`: equal results in a row, successes positive, failures negative. `failing_since`: when the present
    run of failures began, None while it succeeds. `heard_at`: the time of the last result. `listened_from`:
    silence before it does not count (the check is new, or the process was paused); a result clears it.
    """

    verdict: Verdict = Verdict.UNKNOWN
    streak: int = 0
    failing_since: float | None = None
    heard_at: float | None = None
    listened_from: float | None = None
    latency_s: float = 0.0
    detail: str = ""
    is_silent: bool = False


def hear(check: Check, state: CheckState, result: CheckResult) -> CheckState:
    """The state after one result; one that is older than the last changes nothing."""
    if state.heard_at is not None and result.at < state.heard_at:
        return state
    if result.is_ok:
        streak = max(state.streak, 0) + 1
        verdict = Verdict.PASS if streak >= check.rise or state.verdict is Verdict.PASS else state.verdict
        since = None
    else:
        streak = min(state.streak, 0) - 1
        verdict = Verdict.FAIL if -streak >= check.fall or state.verdict is Verdict.FAIL else state.verdict
        since = result.at if state.failing_since is None else state.failing_since
    return CheckState(
        verdict=verdict,
        streak=streak,
        failing_since=since,
        heard_at=result.at,
        latency_s=result.latency_s,
        detail=result.detail,
    )


def patience(check: Check) -> float:
    """Seconds of silence after which a check counts as failed: `fall` of its longest turns, a deadline."""
    return check.fall * check.interval_s * (1 + check.jitter) + check.timeout_s + 0.25


def excuse(state: CheckState, *, now: float) -> CheckState:
    """The state after a pause of the whole process that ended at `now`: the silence so far does not count.

    Once for each silence: a process that stutters for ever must not hide a check that hangs for ever.
    """
    return state if state.listened_from is not None else replace(state, listened_from=now)


def silent_since(state: CheckState, *, began: float) -> float:
    """Since when the check's silence counts; nobody listened before `began`."""
    return max(one for one in (began, state.heard_at, state.listened_from) if one is not None)


def listen(check: Check, state: CheckState, *, now: float, began: float) -> CheckState:
    """The state at `now`: failed, if the check has been silent for too long.

    Silence before `began`, when somebody began to listen, does not count.
    """
    last = silent_since(state, began=began)
    if now - last <= patience(check) or state.is_silent:
        return state
    return replace(
        state,
        verdict=Verdict.FAIL,
        streak=min(state.streak, 0) - 1,
        failing_since=last if state.failing_since is None else state.failing_since,
        detail=f"no result for {now - last:.1f} s",
        is_silent=True,
    )
