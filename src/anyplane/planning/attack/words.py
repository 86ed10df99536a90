"""words: what an AttackReport says in sentences, for the terminal and the page alike."""

from __future__ import annotations

from collections.abc import Sequence

from anyplane.planning.attack.report import AttackReport, Outcome, Round, Source
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
    return f"{value * 1000:.0f} Mbps" if value else "0"


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
        return f"{begin} has no route to any site"
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
        return f"{first}."
    many, share = report.whole_networks, percent(report.whole_share)
    lands = "lands" if many == 1 else "land"
    return (
        f"{many:,} of the {report.asked.networks:,} networks, with {share} of the attack, {lands} whole on "
        f"one site each, whatever ties decide. The largest: {first}. Anycast spreads an attack by where it "
        "comes from, not by who has room."
    )


def advice(report: AttackReport) -> str:
    """What the table of responses comes to."""
    if not report.responses:
        return ""
    if not report.drowned:
        return "Nothing needs to be done."
    best = report.responses[0]
    if best.users_saved <= 0:
        return "No prepared response hurts fewer users than doing nothing."
    left = f"; {count(best.users_hurt)} are still hurt" if best.users_hurt else "; nobody is hurt then"
    others = f", {len(best.drowned)} sites still drown" if len(best.drowned) > 1 else ""
    others = f", {best.drowned[0]} still drowns" if len(best.drowned) == 1 else others
    return f"Best: {best.name}. It saves {count(best.users_saved)} users{left}{others}."


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
    if not last.loads or all(load.users == 0 for load in last.loads):
        return (
            f"After {len(report.rounds) - 1} rounds nothing is announced any more: each site hands the "
            "attack on to the next."
        )
    gone = len(last.withdrawn)
    return (
        f"It ends after {len(report.rounds) - 1} round{'s' if len(report.rounds) > 2 else ''} with "
        f"{gone} site{'s' if gone > 1 else ''} withdrawn and {count(last.users_hurt)} users hurt."
    )


def fullest(item: Round | Outcome) -> str:
    """The fullest site of a round: "syd 333 %"."""
    known = [(load.utilisation, load.site) for load in item.loads if load.utilisation is not None]
    if not known:
        return "–"
    most = max(known)
    return f"{most[1]} {whole(most[0])}"


def names(sites: Sequence[str], *, most: int) -> str:
    """Sites, or a dash."""
    return listed(sites, most=most) or "–"
