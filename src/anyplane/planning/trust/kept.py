"""Finished runs as a file to go on from: to_text and from_text."""

from __future__ import annotations

from collections.abc import Mapping

from anyplane.model.errors import UsageError
from anyplane.planning.jsonform import Json, parse, render
from anyplane.planning.seal import seal
from anyplane.planning.trust.sweep import COUNTRIES, Taken

KIND = "anyplane trust: runs"
Done = Mapping[tuple[str, int], Taken]


def to_text(runs: Mapping[str, Done], fingerprints: Mapping[str, str]) -> str:
    """The runs by scenario, and for each scenario the fingerprint of what they were of."""
    scenarios: dict[str, Json] = {
        name: {"fingerprint": fingerprints[name], "variants": _variants(done)}
        for name, done in sorted(runs.items())
    }
    return render({"kind": KIND, "version": 1, "seal": seal(scenarios), "scenarios": scenarios})


def _variants(done: Done) -> Json:
    found: dict[str, dict[str, Json]] = {}
    # A copy: threads may still add to it.
    for (variant, asn), taken in sorted(dict(done).items()):
        of = found.setdefault(variant, {})
        # One text for each run keeps a file of thousands readable, a line each.
        numbers = (taken.users, taken.networks, taken.cut_off, *taken.countries)
        of[str(asn)] = " ".join(repr(number) if number % 1 else f"{number:.0f}" for number in numbers)
    return dict(found.items())


def from_text(
    text: str, fingerprints: Mapping[str, str], *, file: str
) -> dict[str, dict[tuple[str, int], Taken]]:
    """The runs of these scenarios; a UsageError for a file of something else."""
    plain = parse(text, file=file)
    if not isinstance(plain, dict) or plain.get("kind") != KIND:
        raise UsageError(f"{file} does not hold runs of `anyplane trust`", hint="name a new file")
    if plain.get("version") != 1:
        raise UsageError(f"{file} was written by another version of anyplane", hint="name a new file")
    scenarios = plain.get("scenarios")
    if not isinstance(scenarios, dict):
        raise UsageError(f"{file} is damaged", hint="name a new file")
    found: dict[str, dict[tuple[str, int], Taken]] = {}
    for name, kept in scenarios.items():
        variants = kept.get("variants") if isinstance(kept, dict) else None
        if not isinstance(kept, dict) or not isinstance(variants, dict):
            raise UsageError(f"{file} is damaged: scenario {name}", hint="name a new file")
        if fingerprints.get(name) != kept.get("fingerprint"):
            raise UsageError(
                f"{file} holds runs of another question: another design, Internet, or list of networks",
                hint="ask the same again, or name a new file",
            )
        if plain.get("seal") != seal(scenarios):
            raise UsageError(f"{file} is damaged: its checksum does not fit", hint="name a new file")
        found[name] = {
            (variant, int(asn)): _taken(numbers, f"{file}: {variant}, AS{asn}")
            for variant, of in variants.items()
            for asn, numbers in (of.items() if isinstance(of, dict) else ())
        }
    return found


def _taken(text: Json, where: str) -> Taken:
    try:
        numbers = [float(number) for number in str(text).split()]
        users, networks, cut_off, *countries = numbers
        if len(countries) != COUNTRIES:
            raise ValueError
    except ValueError:
        raise UsageError(f"{where} is damaged", hint="name a new file") from None
    return Taken(users=users, networks=networks, cut_off=cut_off, countries=tuple(countries))
