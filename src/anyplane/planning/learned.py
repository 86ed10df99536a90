"""learned: a Calibration in sentences: what measurements taught about one network, or about many.

`AS2914 does not get uw01 from AS101: the paths of 24 networks say so.` Each sentence names the evidence it
rests on, so that people may judge it, and delete the fact from the file where they know better.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log

from anyplane.calibration.calibration import Calibration, Preference, SiteFacts

CLEAR_ODDS = 1.25
"""Weaker preferences are no sentence: they are kept and used, but say little by themselves."""
CLEAR_EVIDENCE = 1.0
"""Nor are those that rest on less than one network's answer."""
FINDING = 2
COMPARED = 3
"""A network's most used neighbour is compared with so many others, in each region."""


def facts_about(calibration: Calibration, asn: int) -> tuple[str, ...]:
    """All that was learned about one network, site by site and then its preferences, a sentence each."""
    found: list[str] = []
    for facts in calibration.sites:
        found += _of_site(facts, asn)
    own = _comparisons([item for item in calibration.preferences if item.asn == asn])
    return (*found, *(item.sentence() for item in sorted(own, key=_order)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A network likes one neighbour better than another, beyond class and length; 0: all its others.

    odds: 1 or more. evidence: how many answers came by one of the two.
    """

    asn: int
    preferred: int
    over: int
    region: str
    odds: float
    evidence: float

    def sentence(self) -> str:
        """As people read it."""
        where = f" in {self.region}" if self.region else ""
        answers = "answer" if f"{self.evidence:,.0f}" == "1" else "answers"
        return (
            f"AS{self.asn} prefers {_neighbour(self.preferred)} over {_neighbour(self.over)}{where}: "
            f"odds {ratio(self.odds)}, rests on {self.evidence:,.0f} {answers}"
        )


def strongest(calibration: Calibration, *, most: int) -> tuple[Comparison, ...]:
    """The preferences that say most, odds and evidence together; one for each network and region."""
    by_network: dict[int, list[Preference]] = defaultdict(list)
    for item in calibration.preferences:
        by_network[item.asn].append(item)
    best: dict[tuple[int, str], Comparison] = {}
    for own in by_network.values():
        for found in sorted(_comparisons(own), key=_order):
            best.setdefault((found.asn, found.region), found)
    return tuple(sorted(best.values(), key=_order)[:most])


def ratio(odds: float) -> str:
    """2.6 -> "2.6 : 1"; beyond 100 the decimals of a fit would be a pretence."""
    return f"{odds:.1f} : 1" if odds < 9.95 else f"{min(odds, 1000):,.0f} : 1"


def doubt(calibration: Calibration) -> tuple[str, str]:
    """What certainty and spread mean, a sentence each."""
    certainty, spread = calibration.certainty, calibration.spread
    if certainty < 0.995:
        modest = "predictions of what was not learned from were too sure, so all are made more modest"
    elif certainty > 1.005:
        modest = "predictions of what was not learned from were too modest, so all are made bolder"
    else:
        modest = "stated probabilities stand as they are"
    low, high = (1 / (1 + exp(z * spread)) for z in (1.645, -1.645))
    return (
        f"certainty {certainty:.2f}: {modest} (p ^ {certainty:.2f})",
        f"spread {spread:.2f}: where all have 50 %, nine in ten shares lie between {low:.0%} and {high:.0%}",
    )


def _of_site(facts: SiteFacts, asn: int) -> list[str]:
    found = [
        f"AS{asn} hears {facts.site} itself, as a {item.relation}'s route: {_paths(item.paths)}"
        for item in facts.heard
        if item.asn == asn
    ]
    for taken in facts.taken:
        if taken.asn != asn:
            continue
        remarks = (
            ["which hands it over against the rules (a leak)"] * taken.is_leak
            + ["over a link that the graph lacks"] * (not taken.is_in_graph)
            + [f"with {taken.prepends} more of its ASN"] * (taken.prepends > 0)
        )
        tail = f", {', '.join(remarks)}" if remarks else ""
        found.append(f"AS{asn} gets {facts.site} from AS{taken.neighbour}{tail}: {_paths(taken.paths)}")
    for cut in facts.refused:
        # What one network says of its neighbour is counted below; what many say near a site is a finding.
        if cut.asn == asn or (cut.neighbour == asn and cut.networks >= FINDING):
            verb = "says so" if cut.networks == 1 else "say so"
            whose = (
                "the path of 1 network" if cut.networks == 1 else f"the paths of {cut.networks:,} networks"
            )
            found.append(f"AS{cut.asn} does not get {facts.site} from AS{cut.neighbour}: {whose} {verb}")
    for item in facts.willing:
        if item.neighbour == asn and item.taken + item.refused:
            role = {"customer": "providers", "peer": "peers", "provider": "customers"}[item.relation]
            found.append(
                f"of the {role} of AS{asn} that are observed, {item.taken:,} took {facts.site} from it "
                f"and {item.refused:,} had worse instead"
            )
    return found


def _paths(number: int) -> str:
    return "seen on 1 path" if number == 1 else f"seen on {number:,} paths"


def _comparisons(own: Sequence[Preference]) -> list[Comparison]:
    """Of one network, region by region: its most used neighbour against the next ones.

    Log odds mean something only against another neighbour of the same network. One that is not named was
    used as often as expected, so its log odds are 0.
    """
    by_region: dict[str, list[Preference]] = defaultdict(list)
    for item in own:
        by_region[item.region].append(item)
    found: list[Comparison] = []
    for region, items in sorted(by_region.items()):
        main, *others = sorted(items, key=lambda item: (-item.evidence, item.neighbour))
        if not others:
            found.append(_against(main, 0, main.log_odds, main.evidence, region))
        for other in others[:COMPARED]:
            both = main.evidence + other.evidence
            found.append(_against(main, other.neighbour, main.log_odds - other.log_odds, both, region))
    return [item for item in found if item.odds >= CLEAR_ODDS and item.evidence >= CLEAR_EVIDENCE]


def _against(main: Preference, other: int, log_odds: float, evidence: float, region: str) -> Comparison:
    is_liked = log_odds >= 0
    return Comparison(
        asn=main.asn,
        preferred=main.neighbour if is_liked else other,
        over=other if is_liked else main.neighbour,
        region=region,
        odds=exp(abs(log_odds)),
        evidence=evidence,
    )


def _neighbour(asn: int) -> str:
    return f"AS{asn}" if asn else "its other neighbours"


def _order(item: Comparison) -> tuple[float, int, str, int, int]:
    return -item.evidence * log(item.odds), item.asn, item.region, item.preferred, item.over
