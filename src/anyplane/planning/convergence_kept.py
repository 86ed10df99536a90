"""Runs that are done, as a file to go on from: to_text and from_text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from anyplane.model.errors import UsageError
from anyplane.planning.convergence_report import Run
from anyplane.planning.jsonform import from_plain, parse, render, to_plain

KIND = "anyplane converge: runs"


def to_text(runs: Sequence[Run], fingerprints: Mapping[str, str]) -> str:
    """The runs, and for each situation the fingerprint of what they were of."""
    ordered = sorted(runs, key=lambda run: (run.situation, run.seed))
    return render(
        {
            "kind": KIND,
            "version": 1,
            "fingerprints": dict(sorted(fingerprints.items())),
            "runs": [to_plain(run) for run in ordered],
        }
    )


def from_text(text: str, fingerprints: Mapping[str, str], *, file: str) -> tuple[Run, ...]:
    """The runs that are of these situations; a UsageError for a file of something else."""
    plain = parse(text, file=file)
    if not isinstance(plain, dict) or plain.get("kind") != KIND:
        raise UsageError(f"{file} does not hold runs of `anyplane converge`", hint="name a new file")
    if plain.get("version") != 1:
        raise UsageError(f"{file} was written by another version of anyplane", hint="name a new file")
    kept, listed = plain.get("fingerprints"), plain.get("runs")
    if not isinstance(kept, dict) or not isinstance(listed, list):
        raise UsageError(f"{file} is damaged", hint="name a new file")
    other = [name for name, value in fingerprints.items() if kept.get(name, value) != value]
    if other or not set(kept) <= set(fingerprints):
        raise UsageError(
            f"{file} holds runs of another question: another design, Internet, timing or change",
            hint="ask the same again, or name a new file",
        )
    return tuple(from_plain(Run, item, where=f"{file}: runs[{index}]") for index, item in enumerate(listed))
