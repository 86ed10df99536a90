"""SiteNames: the site behind what a server calls itself (`FRA1.ns.example` is fra), by rules."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from anyplane.datasets.compressed import read_text
from anyplane.model.errors import DataError, UsageError

_HINT = "one PATTERN=SITE on each line, such as ^fra.*=fra; # begins a comment"


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteNames:
    """Rules in order: the first regular expression that is found in the name decides; case does not matter.

    Without a rule a name is its own site, where `known` has it or is empty.
    """

    rules: tuple[tuple[re.Pattern[str], str], ...] = ()
    known: frozenset[str] = frozenset()

    @staticmethod
    def of(texts: Iterable[str], *, known: Iterable[str] = ()) -> SiteNames:
        """From `PATTERN=SITE` texts and names of files that hold such lines."""
        rules: list[tuple[re.Pattern[str], str]] = []
        for text in texts:
            if "=" not in text or Path(text).is_file():
                rules += _rules_of_file(Path(text))
            else:
                rules.append(_rule(text))
        return SiteNames(rules=tuple(rules), known=frozenset(known))

    def site_of(self, name: str) -> str:
        """The site that this name means; "" where no rule fits it."""
        name = name.strip()
        if self.rules:
            return next((site for pattern, site in self.rules if pattern.search(name)), "")
        by_case = {site.casefold(): site for site in self.known}
        return by_case.get(name.casefold(), "") if self.known else name


def _rules_of_file(path: Path) -> list[tuple[re.Pattern[str], str]]:
    if not path.is_file():
        raise UsageError(
            f"--sites {str(path)!r} is neither PATTERN=SITE nor a file", hint="such as 'FRA.*=fra'"
        )
    rules = []
    for line, text in enumerate(read_text(path).splitlines(), 1):
        if text.strip() and not text.lstrip().startswith("#"):
            try:
                rules.append(_rule(text.strip()))
            except UsageError as error:
                raise DataError(str(path), error.message, line=line, hint=_HINT) from None
    return rules


def _rule(text: str) -> tuple[re.Pattern[str], str]:
    pattern, equals, site = text.rpartition("=")
    if not equals or not pattern or not site.strip():
        raise UsageError(f"{text!r} is not PATTERN=SITE", hint="such as 'FRA.*=fra'")
    try:
        return re.compile(pattern.strip(), re.IGNORECASE), site.strip()
    except re.error as error:
        raise UsageError(f"{pattern!r} is not a regular expression: {error}") from None
