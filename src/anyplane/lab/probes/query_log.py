"""The log of a prober: lines of text that survive its death, and how they become queries again.

Lines are written many at once by one process and never changed, so what a killed prober wrote is whole but
for its last line; a line that is not understood is counted and left out. Times are whole microseconds of
CLOCK_MONOTONIC. The first line is the plan; it says what the flows are.

    H {plan}                  the plan as JSON
    n,SITE,NAME               from here on the number SITE means this name (JSON); -1 is none
    s,FLOW,SEQ,T              a query was sent
    a,FLOW,SEQ,T,SITE         it was answered
    e,FLOW,SEQ,T,ERROR        it failed
    c,FLOW,T,TURN,SITE,US     a long connection: established, reset, closed, refused..., silent for US
    p,T,US                    the prober itself stood still from T on, for US
    m,T,WORD                  a command was obeyed
    t,T                       all before T is written
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

from anyplane.lab.probes.queries import (
    NO_SITE,
    Failure,
    Mark,
    ProbeLog,
    ProbePlan,
    Query,
    Stall,
    StreamTurn,
    Turn,
)
from anyplane.model.errors import DataError, LabError


class LogWriter:
    """Collects lines, and gives them to the kernel on `flush`: from then on they outlive this process."""

    def __init__(self, plan: ProbePlan) -> None:
        try:
            self._file = os.open(plan.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise LabError(f"the prober cannot write {plan.log}: {error.strerror}") from error
        self._lines = [f"H {plan.to_text()}"]
        self._sites: dict[str, int] = {NO_SITE: -1}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def sent(self, flow: int, sequence: int, at: int) -> None:
        """A query went out."""
        self._lines.append(f"s,{flow},{sequence},{at}")

    def answered(self, flow: int, sequence: int, at: int, site: str) -> None:
        """It was answered."""
        self._lines.append(f"a,{flow},{sequence},{at},{self._site(site)}")

    def failed(self, flow: int, sequence: int, at: int, error: Failure) -> None:
        """It failed."""
        self._lines.append(f"e,{flow},{sequence},{at},{error}")

    def turned(self, flow: int, at: int, what: Turn, site: str = NO_SITE, for_us: int = 0) -> None:
        """Something happened to a long connection."""
        self._lines.append(f"c,{flow},{at},{what},{self._site(site)},{for_us}")

    def stalled(self, at: int, for_us: int) -> None:
        """The prober stood still."""
        self._lines.append(f"p,{at},{for_us}")

    def mark(self, at: int, word: str) -> None:
        """A command was obeyed."""
        self._lines.append(f"m,{at},{word}")

    def flush(self, now: int) -> None:
        """All lines so far are the kernel's, and nothing before `now` is missing."""
        self._lines.append(f"t,{now}\n")
        data = "\n".join(self._lines).encode()
        self._lines.clear()
        while data:
            data = data[os.write(self._file, data) :]

    def _site(self, name: str) -> int:
        number = self._sites.get(name)
        if number is None:
            number = self._sites[name] = len(self._sites) - 1
            self._lines.append(f"n,{number},{json.dumps(name)}")
        return number


def read(path: Path) -> ProbeLog:
    """The log, whether the prober still writes, ended, or was killed; DataError when it is none."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(str(path), f"cannot be read: {error.strerror}") from error
    lines = data.split(b"\n")
    lines.pop()  # empty, or torn: the last line ends where the prober did
    if not lines or not lines[0].startswith(b"H "):
        raise DataError(str(path), "is no log of a prober", line=1)
    plan = ProbePlan.from_text(lines[0][2:].decode("utf-8", "replace"))
    return _parsed(plan, lines[1:])


_ENOUGH = {"n": 3, "s": 4, "a": 5, "e": 5, "c": 6, "p": 3, "m": 3, "t": 2}
_NUMBER = re.compile(r"-?[0-9]{1,18}")


def _parsed(plan: ProbePlan, lines: Iterable[bytes]) -> ProbeLog:
    sent: dict[tuple[int, int], int] = {}
    answers: dict[tuple[int, int], tuple[int, str]] = {}
    failures: dict[tuple[int, int], tuple[int, Failure]] = {}
    sites: dict[int, str] = {-1: NO_SITE}
    stalls, turns, marks = [], [], []
    flows = len(plan.flows)
    end = garbled = 0
    for words in _split(lines):
        try:
            kind = words[0]
            if _ENOUGH[kind] > len(words):
                raise ValueError  # one place counts what is not understood
            if kind == "s":
                sent[_flow(words[1], flows), _int(words[2])] = at = _int(words[3])
            elif kind == "a":
                key = _flow(words[1], flows), _int(words[2])
                at = _int(words[3])
                answers.setdefault(key, (at, sites[_int(words[4])]))
            elif kind == "e":
                key = _flow(words[1], flows), _int(words[2])
                at = _int(words[3])
                failures.setdefault(key, (at, Failure(words[4])))
            elif kind == "n":
                sites[_int(words[1])] = str(json.loads(",".join(words[2:])))
                continue
            elif kind == "c":
                at = _int(words[2])
                turn = StreamTurn(
                    flow=_flow(words[1], flows),
                    at=at / 1e6,
                    what=Turn(words[3]),
                    site=sites[_int(words[4])],
                    for_s=_int(words[5]) / 1e6,
                )
                turns.append(turn)
            elif kind == "p":
                at = _int(words[1])
                stalls.append(Stall(at=at / 1e6, for_s=_int(words[2]) / 1e6))
            else:
                at = _int(words[1])
                if kind == "m":
                    marks.append(Mark(at=at / 1e6, word=words[2]))
        except (ValueError, KeyError):
            garbled += 1
            continue
        end = max(end, at)
    queries = []
    for (flow, sequence), at in sent.items():
        answered, site = answers.get((flow, sequence), (None, NO_SITE))
        failed, error = failures.get((flow, sequence), (None, None))
        queries.append(
            Query(
                flow=flow,
                sequence=sequence,
                sent_at=at / 1e6,
                answered_at=None if answered is None else answered / 1e6,
                site=site,
                error=None if answered is not None else error,
                failed_at=None if answered is not None or failed is None else failed / 1e6,
            )
        )
    queries.sort(key=lambda query: (query.sent_at, query.flow, query.sequence))
    return ProbeLog(
        plan=plan,
        queries=tuple(queries),
        stalls=tuple(sorted(stalls, key=lambda stall: stall.at)),
        turns=tuple(sorted(turns, key=lambda turn: turn.at)),
        marks=tuple(marks),
        ends_at=end / 1e6,
        garbled=garbled,
    )


def _split(lines: Iterable[bytes]) -> Iterator[list[str]]:
    for line in lines:
        yield line.decode("ascii", "replace").split(",")


def _int(word: str) -> int:
    if _NUMBER.fullmatch(word) is None:
        raise ValueError(word)
    return int(word)


def _flow(word: str, flows: int) -> int:
    number = _int(word)
    if not 0 <= number < flows:
        raise ValueError(word)
    return number
