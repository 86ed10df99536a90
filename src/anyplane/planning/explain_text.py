"""explain_text: an Explanation for the terminal, one block for each network on the way."""

from __future__ import annotations

from collections import Counter

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from anyplane.planning.candidates import Rule
from anyplane.planning.explain import Explanation, Offer, Step
from anyplane.planning.figures import count, listed, ms, percent, whereabouts

MOST_OFFERS = 8
WHY = {
    Rule.CHOSEN: "chosen",
    Rule.RELATIONSHIP: "relationship: {best} first",
    Rule.PATH_LENGTH: "path length: {length} is shorter",
    Rule.BACKUP: "backup: only when there is nothing else",
    Rule.MED: "MED: {med} is lower",
    Rule.HOT_POTATO: "hot potato: {exit} is nearer",
    Rule.TIE: "tie: could be this one too",
}


def render(explanation: Explanation) -> RenderableType:
    """The path, the certainty, then each decision."""
    parts: list[RenderableType] = [_title(explanation)]
    if not explanation.is_in_audience:
        whom = whereabouts(explanation.audience)
        note = f"They are not among its users{whom}; it would lead them this way:"
        parts.append(Text(note, style="yellow"))
    if explanation.site is None:
        parts.append(Text("No route: no neighbour offers this prefix here."))
        return Group(*parts)
    parts += [Text(_certainty(explanation)), Text(_path(explanation)), Text("")]
    for number, step in enumerate(explanation.steps, start=1):
        parts += _step(number, step)
    parts.append(_legs(explanation))
    if explanation.other_metros:
        others = listed(explanation.other_metros, most=10)
        parts += [Text(""), Text(f"From its other metros AS{explanation.asn} reaches: {others}")]
    return Group(*parts)


def _title(explanation: Explanation) -> Text:
    target = explanation.site or "no site"
    what = f"{explanation.scenario}: {listed(explanation.prefixes, most=2)}"
    if explanation.without:
        what += f"; without {listed(explanation.without, most=4)}"
    return Text.assemble(
        (f"{explanation.network} in {explanation.metro} reaches {target}", "bold"),
        f"  ({what}; {count(explanation.users)} users)",
    )


def _certainty(explanation: Explanation) -> str:
    if len(explanation.chances) == 1:
        return f"Certain: {explanation.site} is its only possible site."
    chances = [f"{one.site} {percent(one.probability)}" for one in explanation.chances]
    return (
        f"Not certain: ties on the way leave {len(explanation.chances)} sites possible: "
        + listed(chances, most=6)
        + " if each tie is an even draw."
    )


def _path(explanation: Explanation) -> str:
    path = " ".join(str(asn) for asn in explanation.as_path)
    return f"AS path {path}; {explanation.km:,.0f} km; RTT about {ms(explanation.rtt_ms)} ms."


def _step(number: int, step: Step) -> list[RenderableType]:
    chosen = step.offers[0]
    merged = _merged(step.offers)
    shown = merged[:MOST_OFFERS]
    table = Table(
        box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim", padding=(0, 1, 0, 0)
    )
    table.add_column("  via", overflow="fold", max_width=26)
    table.add_column("held as")
    table.add_column("path", justify="right")
    table.add_column("exit")
    table.add_column("km", justify="right")
    table.add_column("leads to", overflow="fold", max_width=16)
    table.add_column("decision", overflow="fold")
    for offer, exits in shown:
        mark = ">" if offer.removed_by == Rule.CHOSEN else "=" if offer.removed_by == Rule.TIE else " "
        sites = listed((offer.site, *(site for site in offer.sites if site != offer.site)), most=2)
        table.add_row(
            f"{mark} {offer.neighbour}",
            offer.route_class,
            str(offer.length),
            offer.exit_metro + (f" +{exits - 1}" if exits > 1 else ""),
            f"{offer.exit_km:,.0f}",
            sites,
            _why(offer, chosen),
        )
    parts: list[RenderableType] = [Text(f"{number}. {step.network} in {step.metro}", style="bold"), table]
    rest = Counter(offer.removed_by.value for offer, _ in merged[MOST_OFFERS:])
    if rest:
        removed = ", ".join(f"{times} by {rule}" for rule, times in rest.items())
        parts.append(Text(f"  {sum(rest.values())} more lines: {removed} (--json has all)", style="dim"))
    return [*parts, Text("")]


def _merged(offers: tuple[Offer, ...]) -> list[tuple[Offer, int]]:
    """Offers that differ in their exit alone are one line: the nearest exit, and how many there are."""
    alike: dict[tuple[object, ...], list[Offer]] = {}
    for offer in offers:
        key = (offer.neighbour, offer.route_class, offer.length, offer.removed_by, offer.site)
        alike.setdefault(key, []).append(offer)
    return [(members[0], len(members)) for members in alike.values()]


def _why(offer: Offer, chosen: Offer) -> str:
    return WHY[offer.removed_by].format(
        best=chosen.route_class, length=chosen.length, med=chosen.med, exit=chosen.exit_metro
    )


def _legs(explanation: Explanation) -> RenderableType:
    text = Text("The way: ", style="bold")
    places = Text(explanation.legs[0].start, style="")
    for leg in explanation.legs:
        if leg.km == 0 and leg.start == leg.end:
            continue
        places.append(f" -> {leg.end} ({leg.km:,.0f} km, {leg.carrier})")
    return text + places
