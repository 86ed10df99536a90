"""section_of: the JSON of another command, as a section for the plan's page.

Each of these reports says its `kind` and comes back from its JSON by its annotations alone. So the page shows
what the command said; nothing is reckoned again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from anyplane.model.errors import UsageError
from anyplane.planning.jsonform import Json, from_plain, parse
from anyplane.planning.page.answers import Section

T = TypeVar("T")
VERSION = 1


def section_of(text: str, *, file: str) -> Section:
    """The section of a report's JSON; a UsageError where it is no such report."""
    plain = parse(text, file=file)
    kind = plain.get("kind") if isinstance(plain, dict) else None
    maker = KINDS.get(kind) if isinstance(kind, str) else None
    if maker is None or not isinstance(plain, dict):
        raise UsageError(
            f"{file} is not a report that has a section",
            hint="write one with --json FILE: anyplane " + ", ".join(sorted(COMMANDS)),
        )
    if plain.get("version") != VERSION:
        raise UsageError(
            f"{file} has version {plain.get('version')!r} of its format, and this program reads {VERSION}",
            hint="make it anew with this version",
        )
    return maker(plain, file)


def _attack(plain: Json, file: str) -> Section:
    from anyplane.planning.attack.html import section
    from anyplane.planning.attack.report import AttackReport

    return section(from_plain(AttackReport, plain, where=file))


def _compare(plain: Json, file: str) -> Section:
    from anyplane.planning.alternatives.html import section
    from anyplane.planning.alternatives.report import Comparison

    return section(from_plain(Comparison, plain, where=file))


def _converge(plain: Json, file: str) -> Section:
    from anyplane.planning.convergence_html import section
    from anyplane.planning.convergence_report import ConvergenceReport

    return section(from_plain(ConvergenceReport, plain, where=file))


def _new_sites(plain: Json, file: str) -> Section:
    from anyplane.planning.search.new_sites_html import section
    from anyplane.planning.search.new_sites_report import NewSitesReport

    return section(from_plain(NewSitesReport, plain, where=file))


def _paths(plain: Json, file: str) -> Section:
    from anyplane.planning.both_ways.html import section
    from anyplane.planning.both_ways.report import PathsReport

    return section(from_plain(PathsReport, plain, where=file))


def _playbook(plain: Json, file: str) -> Section:
    from anyplane.planning.playbook.html import section
    from anyplane.planning.playbook.report import PlaybookReport

    return section(from_plain(PlaybookReport, plain, where=file))


def _search(plain: Json, file: str) -> Section:
    from anyplane.planning.search.html import section
    from anyplane.planning.search.report import SearchReport

    return section(from_plain(SearchReport, plain, where=file))


def _trust(plain: Json, file: str) -> Section:
    from anyplane.planning.trust.html import section
    from anyplane.planning.trust.report import TrustReport

    return section(from_plain(TrustReport, plain, where=file))


KINDS: dict[str, Callable[[Json, str], Section]] = {
    "attack": _attack,
    "compare": _compare,
    "converge": _converge,
    "new-sites": _new_sites,
    "paths": _paths,
    "playbook": _playbook,
    "search": _search,
    "trust": _trust,
}
COMMANDS = ("attack", "compare", "converge", "optimize", "paths", "playbook", "trust")
