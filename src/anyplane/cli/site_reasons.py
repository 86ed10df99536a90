"""site_reasons: why a service is announced or not, what comes next; how far a drain is; the journal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from anyplane.cli.duration import shown
from anyplane.cli.site_text import differs, run
from anyplane.cli.site_verdict import NAMED, announced, findings, since, some

if TYPE_CHECKING:
    from anyplane.agent.journal import Fact

Answered = dict[str, Any]  # what came over the socket
CHECKS_SHOWN = 20
_RULINGS = {
    "allow": "would let it be withdrawn",
    "wait": "waits",
    "hold": "would keep it announced",
    "isolated": "would keep it announced",
    "freeze": "would keep it announced",
}


def explained(found: Answered, services: Sequence[Answered]) -> str:
    """Why each service is announced or not: reason, guard, what comes next, checks, others, routes."""
    checks = {one["check"]: one for one in found["checks"]}
    todo = {one.todo.split("; see anyplane site explain")[0]: one for one in findings(found) if one.todo}
    lines: list[str] = []
    for one in services:
        lines.append(
            f"{one['service']} is {one['state'].upper()}: {announced(one['level'])},"
            f" since {since(found, one['since_s'])}"
        )
        own = [checks[check] for check in one["checks"]]
        facts = [("because", _because(one)), *_guard(one), *_next(found, one, own)]
        facts += [("checks", text) for text in _checks(one, own)]
        facts += [("backends", text) for text in _backends(one)]
        for other in found["fleet"]:
            said = other["services"].get(one["service"], "says nothing of it")
            facts.append(("others", f"{other['site']}: {said}, {shown(other['age_s'])} ago"))
        facts += [("routes", text) for text in _routes(found, one)]
        facts += [("do", text) for text, of in todo.items() if one["service"] in of.services]
        before = ""
        for name, text in facts:
            lines.append(f"  {name if name != before else '':9} {text}")
            before = name
        lines.append("")
    return "\n".join(lines)


def draining(found: Answered, meant: frozenset[str]) -> tuple[dict[str, str], bool, bool]:
    """For each service a line of how far its drain is; whether all are done; whether a guard refused one."""
    lines: dict[str, str] = {}
    is_done, is_refused = True, False
    seen = {one["prefix"] for one in found["routes"] if one["seen"]}
    for one in found["services"]:
        if one["service"] not in meant:
            continue
        key, left = one["service"], [prefix for prefix in one["prefixes"] if prefix in seen]
        still = f"the daemon announces {some(left, what='prefixes') or 'nothing'}"
        if one["refused"]:
            lines[key] = f"refused: {one['refused']}"
            is_refused = True
        elif one["state"] == "draining":
            lines[key] = f"draining: {one['reason']}; {still}"
            is_done = False
        elif one["level"] == "none" and not left:
            has_none = f"the daemon's table has none of {some(one['prefixes'], what='prefixes')}"
            lines[key] = f"{one['state']}: {has_none}"
        else:
            lines[key] = f"{one['state']}: {still}"
            is_done = False
    return lines, is_done, is_refused


def is_judged(found: Answered, meant: frozenset[str]) -> bool:
    """Has the agent taken up the drain of all these services, or refused it?"""
    taken = ("draining", "drained", "frozen")
    return all(
        one["refused"] or one["state"] in taken for one in found["services"] if one["service"] in meant
    )


def told(facts: Sequence[Fact]) -> str:
    """The history, a line for each fact, times in UTC."""
    lines = []
    for one in facts:
        at = datetime.fromtimestamp(one.at, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        change = f"{one.service} {one.before} -> {one.after}: " if one.service else ""
        detail = ", ".join(f"{key}={value}" for key, value in one.detail.items() if value not in ("", None))
        lines.append(f"{at}Z {one.kind:9} {change}{one.reason}" + (f" ({detail})" if detail else ""))
    return "\n".join(lines) + "\n" if lines else "nothing is written of that time\n"


def fact_as_json(one: Fact) -> dict[str, object]:
    """One fact for machines."""
    return {
        "at": one.at,
        "kind": one.kind,
        "service": one.service,
        "before": one.before,
        "after": one.after,
        "reason": one.reason,
        "detail": dict(one.detail),
    }


def _because(one: Answered) -> str:
    situation, reason = one["situation"], one["reason"]
    return reason if situation == reason else f"{situation}: {reason}"


def _guard(one: Answered) -> Iterator[tuple[str, str]]:
    if one["refused"]:
        yield "guard", f"refused the drain: {one['refused']}"
    if one.get("guard"):
        yield "guard", f"{_RULINGS.get(one['guard']['ruling'], '?')} now: {one['guard']['reason']}"


def _next(found: Answered, one: Answered, own: Sequence[Answered]) -> Iterator[tuple[str, str]]:
    state = one["state"]
    local = [check for check in own if check["scope"] == "local"]
    if state == "frozen" and found["orders"]["is_frozen"]:
        yield "next", "nothing changes until anyplane site thaw"
    elif state in ("drained", "draining"):
        if one.get("withdrawn_in_s") is not None:
            yield "next", f"it is withdrawn in {shown(one['withdrawn_in_s'])}, then stays so until undrained"
        else:
            yield "next", f"it stays so until anyplane site undrain {one['service']}"
    elif one["level"] == "none":
        lacking = [
            f"{_count(check['rise'] - max(check['streak'], 0), 'good answer')} in a row of {check['check']}"
            for check in local
            if check["verdict"] != "pass" and max(check["streak"], 0) < check["rise"]
        ]
        if lacking:
            yield "next", f"it is announced after {_joined(lacking)}"
        if one["penalty_s"]:
            yield "next", f"it is not announced before {shown(one['penalty_s'])} have passed: it flapped"
    else:
        near = [check for check in local if check["streak"] < 0 and check["verdict"] == "pass"]
        for check in near:
            left = _count(check["fall"] + check["streak"], "more failure")
            yield "next", f"{check['check']} fails for good after {left}"
        if not near and state == "up" and local:
            falls = sorted({check["fall"] for check in local})
            span = str(falls[0]) if len(falls) == 1 else f"{falls[0]} to {falls[-1]}"
            yield (
                "next",
                f"nothing is due; {span} failure{'' if span == '1' else 's'} in a row of a local check count",
            )
        if one["penalty_s"]:
            yield "next", f"if it goes now it waits; its penalty ends in {shown(one['penalty_s'])}"


def _checks(one: Answered, own: Sequence[Answered]) -> Iterator[str]:
    if one.get("need"):
        yield f"{one['need']} of the local ones must pass"
    ordered = sorted(own, key=lambda check: check["verdict"] == "pass")
    for check in ordered[:CHECKS_SHOWN]:
        heard = f"{shown(check['age_s'])} ago" if check["age_s"] is not None else "never heard"
        detail = f": {check['detail']}" if check["detail"] else ""
        verdict = f"{check['verdict']}, {run(check['streak'])}, {heard}{detail}"
        yield f"{check['check']} ({check['scope']}): {verdict}"
    if len(ordered) > CHECKS_SHOWN:
        yield f"and {len(ordered) - CHECKS_SHOWN} more"


def _backends(one: Answered) -> Iterator[str]:
    dead = one.get("dead_backends") or []
    if one["backends"] or dead:
        need = f" ({one['need_backends']} needed)" if one.get("need_backends") else ""
        gone = f"; dead: {some(dead, what='backends')}" if dead else ""
        yield f"alive: {some(one['backends'], what='backends') or 'none'}{need}{gone}"


def _routes(found: Answered, one: Answered) -> Iterator[str]:
    own = [route for route in found["routes"] if route["prefix"] in one["prefixes"]]
    alike: dict[tuple[object, ...], list[str]] = {}
    for route in own:
        seen = None if route["seen"] is None else bool(route["seen"])
        key = (route["upstream"], route["neighbor"], bool(route["wanted"]), seen, differs(route))
        alike.setdefault(key, []).append(route["prefix"])
    downs = {session["neighbor"]: session for session in found["sessions"] if session["state"] != "up"}
    for (upstream, neighbor, is_wanted, is_seen, is_different), prefixes in alike.items():
        ring = "unknown" if is_seen is None else "announced" if is_seen else "not announced"
        text = (
            f"{some(prefixes, what='prefixes')} to AS{upstream} ({neighbor}): "
            f"{'wanted' if is_wanted else 'not wanted'}, in the daemon's table {ring}"
        )
        if is_different:
            down = downs.get(str(neighbor))
            text += " DIFFERS" + (f": the session is {down['state']}: {down['reason']}" if down else "")
        yield text


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _joined(parts: Sequence[str]) -> str:
    if len(parts) <= NAMED:
        return " and ".join(parts)
    return f"{', '.join(parts[:2])} and {len(parts) - 2} more checks' good answers"
