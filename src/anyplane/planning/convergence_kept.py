"""Runs of `anyplane converge` that are done, as a file to go on from: to_text and from_text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from anyplane.planning import kept
from anyplane.planning.convergence_report import Run
from anyplane.planning.jsonform import from_plain, to_plain

KIND = kept.Kind(
    name="anyplane converge: runs",
    words="runs of `anyplane converge`",
    question="design, Internet, timing or change",
)


def to_text(runs: Sequence[Run], fingerprints: Mapping[str, str]) -> str:
    """The runs, and for each situation the fingerprint of what they were of."""
    ordered = sorted(runs, key=lambda run: (run.situation, run.seed))
    return kept.to_text(KIND, fingerprints, map(to_plain, ordered))


def from_text(text: str, fingerprints: Mapping[str, str], *, file: str) -> tuple[Run, ...]:
    """The runs that are of these situations; a UsageError for a file of something else."""
    listed = kept.from_text(text, KIND, fingerprints, file=file)
    return tuple(from_plain(Run, item, where=f"{file}: run {index + 1}") for index, item in enumerate(listed))
