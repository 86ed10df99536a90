"""site_verdict: what is wrong, since when and what to do, in a line, for whoever is paged at night."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from anyplane.cli.duration import shown

Answered = dict[str, Any]  # what came over the socket
NAMED = 3
TEXT_SHOWN = 400


class Word(StrEnum):
    """What the first word of the page says; only PROBLEM needs somebody."""

    OK = "OK"
    NOTE = "NOTE"
    PROBLEM = "PROBLEM"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing worth saying, in a sentence, and what to do about it (nothing: empty)."""

    word: Word
    text: str
    todo: str = ""
    services: tuple[str, ...] = ()


_BROKEN = ("down", "held", "isolated", "frozen")
_REMEDIES = {
    "down": "mend the service: it is announced by itself once its checks pass; see anyplane site explain",
    "held": "it fails and is still announced: mend it, or take it off: anyplane site drain {0} --force",
    "isolated": "no other site is heard: mend the service, or what carries the sites' words; "
    "anyplane site drain {0} --force takes it off all the same",
    "frozen": "look for the one cause behind all sites; anyplane site drain {0} --force takes this one off",
    "degraded": "mend the dependency: the service itself answers, and stays announced, less preferred",
    "quarantine": "it flaps: find out why; it rises by itself when the wait is over",
    "drained": "anyplane site undrain {0} brings it back",
    "draining": "anyplane site undrain {0} ends it",
}
_ALARMS = {
    "not on the wire": "look at that neighbour and the link to it; what waits is sent once the session is up",
    "not as wanted": "see the rows that differ, and the router's configuration: anyplane lint-router FILE",
    "design refused": "mend the design file; the accepted one goes on until then",
    "journal": "look at the disk of the state directory; decisions go on without it",
    "files": "look at the disk of the state directory; decisions go on without it",
    "fleet": "look at what writes the fleet file; a silent fleet makes the guard hold back withdrawals",
    "witness disagrees": "believe the witness: compare the daemon's export policy with anyplane render",
}


def findings(found: Answered) -> tuple[Finding, ...]:
    """All that is worth saying, the worst first; one at least."""
    listed = [*_of_services(found), *_of_alarms(found), *_of_orders(found)]
    if not listed:
        return (Finding(word=Word.OK, text=_well(found)),)
    order = {Word.PROBLEM: 0, Word.NOTE: 1, Word.OK: 2}
    return tuple(sorted(listed, key=lambda one: order[one.word]))


def as_json(listed: Sequence[Finding]) -> Answered:
    """The same for machines."""
    return {
        "word": str(listed[0].word).lower(),
        "findings": [{"word": str(one.word).lower(), "text": one.text, "todo": one.todo} for one in listed],
    }


def some(names: Sequence[str], *, what: str, examples: int = NAMED - 1) -> str:
    """All names when they are few, else their number and the first of them."""
    if len(names) <= NAMED:
        return ", ".join(names)
    return f"{len(names)} {what} ({', '.join(names[:examples])}, ...)"


def clock(at: float) -> str:
    """A moment as UTC, with the day only where it is not the last one."""
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%SZ")


def since(found: Answered, ago_s: float) -> str:
    """When that was: "12:45:07Z, 5 min ago"."""
    at = found["at"] - ago_s
    day = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d ") if ago_s >= 80_000 else ""
    return f"{day}{clock(at)}, {shown(ago_s)} ago"


def _of_services(found: Answered) -> Iterator[Finding]:
    alike: dict[tuple[str, str, str, str], list[Answered]] = {}
    for one in found["services"]:
        if one["state"] != "up" or one["refused"]:
            key = (one["state"], one["level"], one["reason"], one["refused"])
            alike.setdefault(key, []).append(one)
    rank = {state: place for place, state in enumerate((*_BROKEN, "degraded", "quarantine"))}
    failing = {one["check"] for one in found["checks"] if one["verdict"] == "fail"}
    for (state, level, reason, refused), same in sorted(
        alike.items(), key=lambda item: rank.get(item[0][0], len(rank))
    ):
        names = some([one["service"] for one in same], what="services")
        word, todo = Word.PROBLEM if state in rank else Word.NOTE, _REMEDIES.get(state, "")
        if state == "frozen" and found["orders"]["is_frozen"]:
            bad = [check for one in same for check in one["checks"] if check in failing]
            word, todo = Word.PROBLEM if bad else Word.NOTE, "anyplane site thaw lets the checks decide again"
            reason += f", and {some(bad, what='checks')} fails" if bad else ""
        oldest = max(one["since_s"] for one in same)
        text = f"{names}: {state.upper()}, {announced(level)}, since {since(found, oldest)}: {reason}"
        if refused:
            text += f" (a drain was refused: {refused})"
        own = tuple(one["service"] for one in same)
        yield Finding(word=word, text=_short(text), todo=todo.format(own[0]), services=own)


def _of_alarms(found: Answered) -> Iterator[Finding]:
    for name, text in found["alarms"].items():
        lines = text.splitlines() or [""]
        hint = next((one.removeprefix("hint: ") for one in lines if one.startswith("hint: ")), "")
        todo = hint or _ALARMS.get(name, "")
        if not todo and name.startswith("daemon"):
            todo = f"is {found['daemon']['kind']} running? docs/howto/{found['daemon']['kind']}.md says more"
        said = " / ".join(one.strip() for one in lines if one.strip() and not one.startswith("hint: "))
        yield Finding(word=Word.PROBLEM, text=_short(f"{name}: {said}"), todo=todo)


def _of_orders(found: Answered) -> Iterator[Finding]:
    for one in found["orders"]["blackholes"]:
        host = one["host"].split("/")[0]
        yield Finding(
            word=Word.NOTE,
            text=f"{one['host']} is blackholed for another {shown(one['left_s'])}",
            todo=f"anyplane site blackhole del {host} ends it",
        )


def _well(found: Answered) -> str:
    wanted = [one for one in found["routes"] if one["wanted"]]
    count = len({one["prefix"] for one in wanted})
    rings = "the daemon's table" + (
        " and the witness agree" if any(one["witness"] for one in wanted) else " agrees"
    )
    names = some([one["service"] for one in found["services"]], what="services")
    sessions = len({one["neighbor"] for one in wanted})
    return (
        f"{names}: announced, {count} prefix{'' if count == 1 else 'es'} over {sessions} "
        f"session{'' if sessions == 1 else 's'}; {rings}"
    )


def announced(level: str) -> str:
    """A level in words."""
    words = {
        "none": "not announced",
        "low": "announced, less preferred",
        "drain": "announced as the last choice",
        "full": "announced",
    }
    return words.get(level, level)


def _short(text: str) -> str:
    return text if len(text) <= TEXT_SHOWN else f"{text[: TEXT_SHOWN - 4]} ..."
