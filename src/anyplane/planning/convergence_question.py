"""Question and Situation: what changes, said with names of the design, and the same in seeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np

from anyplane.design.design import Design
from anyplane.model.errors import UsageError
from anyplane.planning.compile import Scenario
from anyplane.planning.compile import compile as compile_design
from anyplane.planning.convergence_report import SAMPLE_TIMES, Regime
from anyplane.planning.kept import graph_of
from anyplane.routing import Seeds
from anyplane.routing.converge import Change, Timing
from anyplane.routing.state import OFF, Lengths, lengths_of
from anyplane.topology import Topology

ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What changes: the site that is withdrawn or announced ("all" for every one), "" for neither.

    others_prepend: so much longer are the paths to the other sites, as when they only stand by. with_last:
    ask also what happens when every site is withdrawn.
    """

    withdraw: str = ""
    announce: str = ""
    others_prepend: int = 0
    with_last: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """One scenario of the design and one change of it; before: the seeds as they are announced before."""

    name: str
    scenario: Scenario
    regime: Regime
    words: str
    sites: tuple[int, ...]
    before: Lengths
    change: Change

    def fingerprint(self, topology: Topology, timing: Timing) -> str:
        """A hash of all that a run depends on but its seed."""
        digest = sha256(repr((self.scenario.seeds, self.change, timing, SAMPLE_TIMES)).encode())
        digest.update(self.before.tobytes() + graph_of(topology))
        return digest.hexdigest()[:32]


def situations(
    design: Design, topology: Topology, question: Question, *, group: str = ""
) -> tuple[Situation, ...]:
    """The situations that a question means; a UsageError where the design has no such site."""
    asked = question.withdraw or question.announce
    names = [str(site.name) for site in design.sites]
    if question.withdraw and question.announce:
        raise UsageError(
            "--withdraw and --announce are two questions", hint="ask for one, then for the other"
        )
    if not asked:
        raise UsageError("say what changes: --withdraw SITE or --announce SITE", hint=_sites_hint(names))
    if asked not in (ALL, *names):
        raise UsageError(f"the design has no site {asked!r}", hint=_sites_hint(names))
    scenarios = compile_design(design, topology, group=group)
    found: list[Situation] = []
    for scenario in scenarios:
        label = "" if len(scenarios) == 1 else f"{scenario.name}: "
        announcing = scenario.announcing
        if asked == ALL:
            meant = announcing
        else:
            meant = tuple(site for site in announcing if scenario.sites[site] == asked)
        if meant:
            found += _situations(scenario, question, meant, label)
    if not found:
        raise UsageError(
            f"{asked} announces nothing here", hint="is the site enabled, and the group the right one?"
        )
    return tuple(found)


def _situations(
    scenario: Scenario, question: Question, meant: tuple[int, ...], label: str
) -> Iterator[Situation]:
    owners = np.array(scenario.owners)
    theirs = tuple(np.flatnonzero(np.isin(owners, meant)).tolist())
    everybody = tuple(np.flatnonzero(owners >= 0).tolist())
    others = len(scenario.announcing) - len(meant)
    if others and question.others_prepend:
        seeds = [
            seed if k in theirs else replace(seed, length=seed.length + question.others_prepend)
            for k, seed in enumerate(scenario.seeds.seeds)
        ]
        scenario = replace(scenario, seeds=Seeds.of(seeds, sites=scenario.seeds.sites))
    longer = f", {question.others_prepend} AS longer" if question.others_prepend else ""
    site = scenario.sites[meant[0]]
    before = lengths_of(scenario.seeds)
    if question.announce:
        before = before.copy()
        before[list(theirs)] = OFF
        what = (
            f"{site} comes back beside {_count(others)}{longer}" if others else "the prefix is announced anew"
        )
        yield Situation(
            name=label + what,
            scenario=scenario,
            regime=Regime.JOIN if others else Regime.NEW,
            words=what,
            sites=meant,
            before=before,
            change=Change(announce=theirs),
        )
        return
    if others:
        what = f"{site} is withdrawn, {_count(others)} stay{'s' if others == 1 else ''}{longer}"
        yield Situation(
            name=label + what,
            scenario=scenario,
            regime=Regime.FAIL_OVER,
            words=what,
            sites=meant,
            before=before,
            change=Change(withdraw=theirs),
        )
    if not others or question.with_last:
        what = "all sites are withdrawn" if len(scenario.announcing) > 1 else "the only site is withdrawn"
        yield Situation(
            name=label + what,
            scenario=scenario,
            regime=Regime.LAST,
            words=what,
            sites=scenario.announcing,
            before=before,
            change=Change(withdraw=everybody),
        )


def _count(others: int) -> str:
    return "1 other" if others == 1 else f"{others} others"


def _sites_hint(names: Sequence[str]) -> str:
    return "it has " + ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
