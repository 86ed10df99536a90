"""guess: which daemon a configuration is for, by the words that only one of them has."""

from __future__ import annotations

import re

from anyplane.design.operation import DaemonKind

_SIGNS: dict[DaemonKind, tuple[str, ...]] = {
    DaemonKind.BIRD: (
        r"^\s*protocol\s+\w+",
        r"^\s*router id ",
        r"^\s*template\s+bgp",
        r"^\s*filter\s+\w+\s*\{?",
    ),
    DaemonKind.FRR: (
        r"^router bgp\s+\S+",
        r"^\s+neighbor \S+ remote-as ",
        r"^frr (version|defaults)",
        r"^!\s*$",
    ),
    DaemonKind.GOBGP: (r"^\s*\[global\.config\]", r"^\s*\[\[neighbors\]\]", r"^\s*\[neighbors\."),
    DaemonKind.OPENBGPD: (
        r"^\s*AS\s+\$?\w+",
        r"^\s*remote-as\s+\S+\s*$",
        r"^\s*(allow|deny|match) (to|from|quick)",
    ),
    DaemonKind.EXABGP: (
        r"^\s*peer-as\s+\S+;",
        r"^\s*local-as\s+\S+;",
        r"^\s*process\s+\S+\s*\{",
        r"^\s*local-address\s",
    ),
}


def guess(text: str) -> DaemonKind | None:
    """The daemon with the most kinds of signs; None where there is no sign at all."""
    scores = {
        kind: sum(bool(re.search(sign, text, re.MULTILINE)) for sign in signs)
        for kind, signs in _SIGNS.items()
    }
    best = max(scores, key=lambda kind: scores[kind])
    return best if scores[best] else None
