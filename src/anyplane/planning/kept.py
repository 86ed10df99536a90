"""kept: finished runs as a file to go on from, after Ctrl-C or a power cut: to_text and from_text.

The first line says what the runs are of, by fingerprints, and seals the rest with a checksum; each further
line is a run. So a file of another question is refused, and a damaged one is never half believed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from anyplane.model.errors import UsageError
from anyplane.planning.jsonform import Json, parse
from anyplane.topology import Topology

VERSION = 2
NEW_FILE = "name a new file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Whose runs they are: the name in the file, the same in words, and what makes another question of it."""

    name: str
    words: str
    question: str


def to_text(kind: Kind, of: Mapping[str, str], runs: Iterable[Json]) -> str:
    """The file of these runs; of: fingerprints by the name of what each is of. JSON keeps every digit."""
    # In ASCII, so that a line ends where "\n" is and nowhere else (U+2028 in a name).
    body = "".join(json.dumps(run, allow_nan=False, separators=(",", ":")) + "\n" for run in runs)
    head = {"kind": kind.name, "version": VERSION, "of": dict(sorted(of.items())), "seal": _seal(body)}
    return json.dumps(head) + "\n" + body


def from_text(text: str, kind: Kind, of: Mapping[str, str], *, file: str) -> list[Json]:
    """The runs of such a file, whose fingerprints must be among these; a UsageError for any other."""
    first, _, body = text.partition("\n")
    head = parse(first, file=file)
    if not isinstance(head, dict) or head.get("kind") != kind.name:
        raise UsageError(f"{file} does not hold {kind.words}", hint=NEW_FILE)
    if head.get("version") != VERSION:
        raise UsageError(f"{file} was written by another version of anyplane", hint=NEW_FILE)
    kept = head.get("of")
    if not isinstance(kept, dict):
        raise UsageError(f"{file} is damaged", hint=NEW_FILE)
    if any(of.get(name) != value for name, value in kept.items()):
        raise UsageError(
            f"{file} holds {kind.words} of another question: another {kind.question}",
            hint=f"ask the same again, or {NEW_FILE}",
        )
    if head.get("seal") != _seal(body):
        raise UsageError(f"{file} is damaged: its checksum does not fit", hint=NEW_FILE)
    return [parse(line, file=file) for line in body.splitlines()]


def graph_of(topology: Topology, *, without: tuple[str, ...] = ()) -> bytes:
    """A hash of the graph with its metros and users, less the arrays `without`.

    Who validates (`rov`) is left out: whoever depends on it adds it.
    """
    digest = sha256()
    for name, array in sorted(topology.arrays().items()):
        if name not in ("rov", *without):
            digest.update(np.ascontiguousarray(array).tobytes())
    digest.update(topology.metros.km.tobytes())
    return digest.digest()


def _seal(body: str) -> str:
    return sha256(body.encode()).hexdigest()[:32]
