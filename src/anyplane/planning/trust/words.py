"""words: what the terminal and the page both say about a TrustReport."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, sqrt

from anyplane.planning.figures import count, listed, percent
from anyplane.planning.trust.report import (
    Attack,
    Cell,
    Exposure,
    Level,
    Purpose,
    Roa,
    Route,
    Situation,
    TrustReport,
    World,
)
from anyplane.planning.trust.validity import State

MARKS = {Level.OK: "ok", Level.WARNING: "look", Level.BROKEN: "BROKEN"}
WORLDS = {
    World.NOBODY: "nobody",
    World.LIST: "today's list",
    World.EVERYBODY: "everybody",
}
ALIKE = "whoever"
"""Who validates, where it makes no difference."""
ANNOUNCES = {
    Attack.SAME: "announces the same prefix",
    Attack.SPECIFIC: "announces a more-specific",
    Attack.FORGED: "forges our origin",
    Attack.FORGED_SPECIFIC: "forges a more-specific",
}


def verdict(report: TrustReport) -> str:
    """The state of the routes in a sentence or two."""
    counted = [route for route in report.routes if route.purpose is not Purpose.BLACKHOLE]
    valid = sum(route.state is State.VALID for route in counted)
    many = "route is" if len(counted) == 1 else "routes are"
    found = [f"{valid} of {len(counted)} {many} valid"]
    if report.broken:
        found.append(f"{report.broken} {'is' if report.broken == 1 else 'are'} broken")
    if report.missing:
        found.append(f"{report.missing} {'has' if report.missing == 1 else 'have'} no ROA")
    ending = sum(route.is_expiring for route in report.routes)
    if ending:
        found.append(f"{ending} {'ends' if ending == 1 else 'end'} soon")
    loose = sum(item.is_exploitable for item in report.loose)
    text = f"{'; '.join(found)}."
    if loose:
        text += f" {loose} ROA{'' if loose == 1 else 's'} can be used against you."
    return text


def source(report: TrustReport) -> str:
    """The file of VRPs in a line."""
    item = report.source
    made = f", made {item.generated}" if item.generated else ""
    return (
        f"{item.file} ({item.form}{made}): {item.vrps:,} VRP{'' if item.vrps == 1 else 's'}, "
        f"{item.relevant:,} of them about these prefixes; as at {report.question.now}"
    )


def why(route: Route) -> str:
    """The words of a route, and when that ends."""
    text = route.words
    if route.is_expiring:
        then = "" if route.after is route.state else f", then {route.after.value}"
        text += f"; ends {route.ends}{then}"
    return text


def title(item: Exposure) -> str:
    """What is hijacked."""
    return f"{listed(item.prefixes, most=3)}"


def lead(item: Exposure, situation: Situation) -> str:
    """What an attacker takes, in two sentences."""
    same = {cell.world: cell for cell in situation.cells if cell.attack is Attack.SAME and cell.attackers}
    if len(same) < len(World):
        return "Not every attacker was run."
    many = "The attacker" if item.attackers == 1 else f"Half of {item.attackers:,} attackers"
    takes = "takes" if item.attackers == 1 else "take at least"
    if item.users:
        figures = [percent(same[world].median) for world in World]
        unit = "of the users"
    else:
        figures = [percent(same[world].networks_median) for world in World]
        unit = "of the networks"
    if len(set(figures)) == 1:
        text = f"{many} with the same prefix {takes} {figures[0]} {unit}, whoever validates."
        if situation.state is State.NOT_FOUND:
            text += " There is no ROA, so nobody has anything to validate."
    else:
        text = (
            f"{many} with the same prefix {takes} {figures[0]} {unit} where nobody validates, "
            f"{figures[1]} with today's list, {figures[2]} once everybody does."
        )
    text += _drawn_again(item, same[World.NOBODY])
    if situation.state is State.INVALID:
        _, today, everybody = situation.unreached
        text += (
            f" Our own route is invalid: before any attack {percent(today)} of the users have no route to "
            f"us with today's list, {percent(everybody)} once everybody validates."
        )
    specific = _cell(situation, Attack.SPECIFIC, World.LIST)
    if specific is not None and specific.attackers:
        text += f" A more-specific takes {percent(specific.median)} with today's list."
    both = _cell(situation, Attack.FORGED_SPECIFIC, World.EVERYBODY)
    if both is not None and both.attackers:
        text += f" With the origin forged, which a loose ROA allows, it takes {percent(both.median)}."
    forged = _cell(situation, Attack.FORGED, World.EVERYBODY)
    if forged is not None and forged.attackers and situation.state is State.VALID:
        text += f" Forging our origin passes every validator and takes {percent(forged.median)}."
    return text


def _drawn_again(item: Exposure, cell: Cell) -> str:
    """How far the median may be off because only a sample of the networks was tried; "" where all were.

    Between the order statistics that hold the true median 19 of 20 times: ranks n/2 -+ 0.98 sqrt(n).
    """
    count = cell.attackers
    if any(situation.named for situation in item.situations) or 2 * count > item.networks or not item.users:
        return ""
    off = 98 / sqrt(count)
    low, high = cell.curve[max(0, floor(50 - off))], cell.curve[min(100, ceil(50 + off))]
    if percent(low) == percent(high):
        return ""
    return (
        f" Only {count:,} were drawn: over all networks the first figure is between {percent(low)} and "
        f"{percent(high)} (19 times of 20)."
    )


def anycast(item: Exposure) -> str:
    """What several sites change, in a sentence; "" where nothing was compared."""
    single = item.single
    if single is None or not single.cells or not single.cells[0].attackers:
        return ""
    together = _cell(item.situations[-1], Attack.SAME, World.NOBODY)
    if together is None or not together.attackers:
        return ""
    alone = single.cells[0]
    tried = f"the {single.tried:,} that were tried take" if single.tried > 1 else "it takes"
    return (
        f"From all sites together an attacker takes {percent(together.mean)} of the users on average where "
        f"nobody validates; from the best single site, {single.best}, alone {percent(alone.mean)}. From the "
        f"worst, {single.sites[-1].site}, {tried} "
        f"{percent(single.sites[-1].mean)}."
    )


def rows(situation: Situation) -> list[tuple[str, str, Cell]]:
    """(attack, who validates, cell): worlds that are alike stand in one row."""
    found = []
    for attack in Attack:
        cells = [cell for cell in situation.cells if cell.attack is attack and cell.attackers]
        if len(cells) == len(World) and len({_figures(cell) for cell in cells}) == 1:
            found.append((attack.value, ALIKE, cells[0]))
            continue
        for index, cell in enumerate(cells):
            found.append((attack.value if index == 0 else "", WORLDS[cell.world], cell))
    return found


def _figures(cell: Cell) -> tuple[object, ...]:
    return cell.attackers, cell.mean, cell.cut_off, cell.networks_mean, cell.curve


def _cell(situation: Situation, attack: Attack, world: World) -> Cell | None:
    return next((cell for cell in situation.cells if cell.attack is attack and cell.world is world), None)


def roa(item: Roa) -> str:
    """A ROA as an operator enters it: one prefix, one AS, no maxLength."""
    return f"AS{item.asn}  {item.prefix}  (no maxLength)"


def who(asn: int, name: str, country: str) -> str:
    """A network by number, name and country."""
    return (
        f"AS{asn}"
        + (f" {name}" if name not in ("", f"AS{asn}") else "")
        + (f", {country}" if country else "")
    )


def drawn(report: TrustReport) -> str:
    """How the attackers were chosen, and who validates today."""
    exposure = report.exposures[0]
    if report.question.sample:
        chosen = f"{exposure.attackers:,} networks drawn evenly (seed {report.question.seed})"
    else:
        chosen = "the networks that were named"
    return (
        f"Attackers: {chosen}; their own users are not counted as taken. Today's list: "
        f"{report.rov_networks:,} of {report.networks:,} networks, {report.rov_source}."
    )


def situation_title(situation: Situation) -> str:
    """ "Now: not found", "With the ROA: valid"."""
    return f"{situation.name[0].upper()}{situation.name[1:]}: our route is {situation.state.value}"


def notes(situation: Situation) -> list[str]:
    """What nobody can do, and why."""
    reasons: dict[str, list[str]] = {}
    for cell in situation.cells:
        if cell.why and not cell.attackers:
            reasons.setdefault(cell.why, []).append(cell.attack.value)
    return [f"{', '.join(dict.fromkeys(attacks))}: {reason}" for reason, attacks in reasons.items()]


def named_rows(situation: Situation) -> Sequence[tuple[str, str, str, tuple[str, ...]]]:
    """(network, role, attack, share by world) of attackers that were named."""
    found = []
    for attacker in situation.named:
        for attack in Attack:
            takes = [take for take in attacker.takes if take.attack is attack]
            if takes:
                first = attack is Attack.SAME
                found.append(
                    (
                        who(attacker.asn, attacker.name, attacker.country) if first else "",
                        attacker.role if first else "",
                        attack.value,
                        tuple(percent(take.share) for take in takes),
                    )
                )
    return found


def users(value: float) -> str:
    """A number of users."""
    return count(value)
