"""words: what an AttackReport says in sentences, for the terminal and the page alike."""

from __future__ import annotations

from collections.abc import Sequence

from anyplane.planning.attack.report import AttackReport, Outcome, Round, SiteUnderAttack, Source
from anyplane.planning.attack.responses import Kind
from anyplane.planning.figures import count, listed, percent, whole
from anyplane.planning.rounding import part

WHOLE = 0.9995
"""From this part on a source lands "whole" on a site."""


def volume(value: float) -> str:
    """Gbit/s: "1.25 Tbps", "500 Gbps", "12.4 Gbps", "30 Mbps"."""
    for scale, unit in ((1000.0, "Tbps"), (1.0, "Gbps")):
        if value >= scale * 0.9995:
            scaled = value / scale
            digits = 2 if scaled < 9.995 else 1 if scaled < 99.95 else 0
            text = f"{scaled:.{digits}f}"
            return f"{text.rstrip('0').rstrip('.') if '.' in text else text} {unit}"
    if value >= 0.0009995:
        return f"{value * 1000:.0f} Mbps"
    return f"{value * 1e6:.0f} kbps" if value >= 5e-7 else "0"


def users_load(site: SiteUnderAttack) -> str:
    """What users load a site with, those of other prefixes included; "–" where nobody said what one makes."""
    return "–" if site.legit_gbps is None else volume(site.legit_gbps + site.others_gbps)


def asked(report: AttackReport) -> str:
    """What attacks: "500 Gbps from 1,000 networks (botnet:global, seed 1)"."""
    seed = f", seed {report.asked.seed}" if _is_drawn(report) else ""
    networks = report.asked.networks + report.unknown_networks
    many = "1 network" if networks == 1 else f"{networks:,} networks"
    return f"{volume(report.asked.gbps)} from {many} ({report.asked.sources}{seed})"


def _is_drawn(report: AttackReport) -> bool:
    name = report.asked.sources
    return name.startswith("botnet:") and not name.startswith("botnet:network")


def verdict(report: AttackReport) -> str:
    """Which sites drown, and whom that hurts."""
    if not report.has_capacity:
        most = max(report.sites, key=lambda site: site.attack_gbps, default=None)
        if most is None:
            return "It lands nowhere."
        return f"{most.site} gets most of it: {volume(most.attack_gbps)} ({percent(most.attack_share)})."
    if not report.drowned:
        fullest = max(report.sites, key=lambda site: site.utilisation or 0.0)
        return f"No site drowns; {fullest.site} is the fullest, at {percent(fullest.utilisation)}."
    one = len(report.drowned) == 1
    share = part(report.users_touched, report.total_users)
    announcing = len(report.sites)
    return (
        f"{len(report.drowned)} of {announcing} sites drown{'s' if one else ''}: "
        f"{listed(report.drowned, most=6)}. {count(report.users_touched)} users ({percent(share)}) are "
        f"there, and lose {percent(part(report.users_hurt, report.users_touched))} of their packets."
    )


def landing(source: Source) -> str:
    """ "AS123 Name with 500 Gbps lands whole on fra"."""
    begin = f"{source.name} with {volume(source.gbps)}"
    if not source.landed:
        return f"{begin} has no route to any site" if source.gbps else f"{begin} is next to nothing"
    first = source.landed[0]
    share = part(first.gbps, source.gbps)
    if share >= WHOLE:
        return f"{begin} lands whole on {first.site}"
    return f"{begin} lands on {parts(source, most=3)}"


def parts(source: Source, *, most: int) -> str:
    """ "fra 60.0 %, ams 40.0 %"."""
    said = [f"{one.site} {percent(part(one.gbps, source.gbps))}" for one in source.landed[:most]]
    rest = len(source.landed) - most
    if source.unreached_gbps > 0 and rest <= 0:
        said.append(f"nowhere {percent(part(source.unreached_gbps, source.gbps))}")
    return ", ".join(said) + (f" and {rest} more" if rest > 0 else "")


def concentration(report: AttackReport) -> str:
    """That an attack from one network lands on one site, in this attack's own figures."""
    if not report.sources:
        return ""
    first = landing(report.sources[0])
    if report.asked.networks == 1:
        is_split = len(report.sources[0].landed) > 1
        return f"{first}." + (" Each metro of it goes to one site, unless a tie is open." if is_split else "")
    many, share = report.whole_networks, percent(report.whole_share)
    lands = "lands" if many == 1 else "land"
    return (
        f"{many:,} of the {report.asked.networks:,} networks, with {share} of the attack, {lands} whole on "
        f"one site each, whatever ties decide. The largest sender: {first}. Anycast spreads an attack by "
        "where it comes from, not by who has room."
    )


def best(report: AttackReport) -> Outcome | None:
    """The first response that saves somebody."""
    return next((one for one in report.responses if one.users_saved > 0), None)


def advice(report: AttackReport) -> str:
    """What the table of responses comes to."""
    if not report.responses:
        return ""
    if not report.drowned:
        return "Nothing needs to be done."
    saving = best(report)
    if saving is None:
        return "No prepared response hurts fewer users than doing nothing."
    left = f"; {count(saving.users_hurt)} are still hurt" if saving.users_hurt else "; nobody is hurt then"
    left += _if_carried(saving.unknown)
    others = f", {len(saving.drowned)} sites still drown" if len(saving.drowned) > 1 else ""
    others = f", {saving.drowned[0]} still drowns" if len(saving.drowned) == 1 else others
    return f"Best: {saving.name}. It saves {count(saving.users_saved)} users{left}{others}."


def _if_carried(unknown: Sequence[str]) -> str:
    """The condition that stands on sites of which no capacity is known."""
    carry = "carries" if len(unknown) == 1 else "carry"
    return f", if {listed(unknown, most=4)} {carry} it (no capacity is known)" if unknown else ""


def drowning(one: Outcome, *, most: int) -> str:
    """The sites that drown under a response; with "?" those that get more, and may drown for all we know."""
    return names((*(f"{site}?" for site in one.unknown), *one.drowned), most=most)


def shown(report: AttackReport, *, most: int) -> tuple[tuple[Outcome, int], ...]:
    """The responses worth showing: those that save somebody, and doing nothing; (outcome, others that do the
    very same). Of those alike the first counts, the least that has to be done."""
    kept: dict[tuple[object, ...], list[Outcome]] = {}
    for one in report.responses:
        is_nothing = one.kind is Kind.NOTHING
        if one.users_saved > 0 or is_nothing:
            figures = (one.users_hurt, one.users_moved, one.users_cut, one.p95_ms, one.loads)
            kept.setdefault((is_nothing, *figures), []).append(one)
    rows = [(alike[0], len(alike) - 1) for alike in kept.values()]
    useful = [row for row in rows if row[0].kind is not Kind.NOTHING][:most]
    return (*useful, *(row for row in rows if row[0].kind is Kind.NOTHING))


def named(one: Outcome, alike: int) -> str:
    """The name of a response, and how many others come to the same."""
    return f"{one.name} ({alike} alike)" if alike else one.name


def rounds(report: AttackReport) -> str:
    """How the cascade ends."""
    last = report.rounds[-1]
    if len(report.rounds) == 1:
        return ""
    ended = "1 round" if len(report.rounds) == 2 else f"{len(report.rounds) - 1} rounds"
    if not last.loads.site:
        return f"After {ended} nothing is announced any more: each site hands the attack on to the next."
    gone = len(last.withdrawn)
    loads = zip(last.loads.site, last.loads.utilisation, last.loads.attack_gbps, strict=True)
    unknown = [site for site, full, attack in loads if full is None and attack]
    return (
        f"It ends after {ended} with {gone} site{'s' if gone > 1 else ''} withdrawn and "
        f"{count(last.users_hurt)} users hurt{_if_carried(unknown)}."
    )


def fullest(item: Round | Outcome) -> str:
    """The fullest site of a round: "syd 333 %"."""
    loads = zip(item.loads.utilisation, item.loads.site, strict=True)
    known = [(full, site) for full, site in loads if full is not None]
    if not known:
        return "–"
    most = max(known)
    return f"{most[1]} {whole(most[0])}"


def names(sites: Sequence[str], *, most: int) -> str:
    """Sites, or a dash."""
    return listed(sites, most=most) or "–"
