"""Hijacks that are reckoned already, as a file to go on from: to_text and from_text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from anyplane.planning import kept
from anyplane.planning.jsonform import from_plain, to_plain
from anyplane.planning.trust.sweep import Taken

KIND = kept.Kind(
    name="anyplane trust: runs",
    words="runs of `anyplane trust`",
    question="design, Internet, or list of networks",
)
Done = Mapping[tuple[str, int], Taken]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One attacker in one variant of one scenario, as it stands in the file."""

    scenario: str
    variant: str
    asn: int
    taken: tuple[float, ...]
    """Users, networks, users cut off, then by country."""


def to_text(runs: Mapping[str, Done], fingerprints: Mapping[str, str]) -> str:
    """The runs by scenario, and for each scenario the fingerprint of what they were of."""
    of = {name: fingerprints[name] for name in runs}
    return kept.to_text(KIND, of, map(to_plain, _listed(runs)))


def _listed(runs: Mapping[str, Done]) -> Iterator[Run]:
    for name, done in sorted(runs.items()):
        # A copy: threads may still add to it.
        for (variant, asn), taken in sorted(dict(done).items()):
            numbers = (taken.users, taken.networks, taken.cut_off, *taken.countries)
            yield Run(scenario=name, variant=variant, asn=asn, taken=tuple(map(float, numbers)))


def from_text(
    text: str, fingerprints: Mapping[str, str], *, file: str
) -> dict[str, dict[tuple[str, int], Taken]]:
    """The runs of these scenarios; a UsageError for a file of something else."""
    found: dict[str, dict[tuple[str, int], Taken]] = {}
    for number, item in enumerate(kept.from_text(text, KIND, fingerprints, file=file)):
        run = from_plain(Run, item, where=f"{file}: run {number + 1}")
        users, networks, cut_off, *countries = run.taken
        found.setdefault(run.scenario, {})[run.variant, run.asn] = Taken(
            users=users, networks=networks, cut_off=cut_off, countries=tuple(countries)
        )
    return found
