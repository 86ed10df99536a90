"""wording: what terminal and page say in the same words: verdicts, rungs of the ladder, bars, parts."""

from __future__ import annotations

from collections.abc import Sequence

from anyplane.planning.both_ways.report import Bin, Group, Hop, Part, Parts, Round, Summary, Told, Way
from anyplane.planning.figures import listed, ms, percent

LEAST_MS = 0.3
"""A network that takes less than that is not worth a figure on the ladder."""
DECISIONS = {
    Told.CHOSEN: "chosen",
    Told.TIE: "tie: could be this one too",
    Told.PREFERENCE: "the site prefers another kind",
    Told.PATH_LENGTH: "path length",
    Told.NOT_EXPORTED: "not told: no customer's route",
    Told.NO_ROUTE: "it has no route",
}


def route_of(round_: Round) -> str:
    """How sure the site is, and why this one."""
    if not round_.chances:
        return f"As if {round_.site} announced alone: as designed, these users have no route."
    asked = next((one for one in round_.chances if one.site == round_.site), None)
    if round_.is_alone:
        if asked is not None:
            return (
                f"{round_.site} is possible ({percent(asked.probability)}), but the rules give "
                f"{round_.reached or 'no site'}; the way in is that of {round_.site} announcing alone."
            )
        return f"As if {round_.site} announced alone: as designed, these users reach {round_.reached}."
    if len(round_.chances) == 1:
        return f"Certain: {round_.site} is their only possible site."
    chances = [f"{one.site} {percent(one.probability)}" for one in round_.chances]
    return "The site is not certain: " + listed(chances, most=6) + "."


def verdict(round_: Round) -> str:
    """One sentence about how the two ways compare."""
    back = round_.way_back
    both = "certain" if round_.way_in.is_certain and back.is_certain else "not certain, ties lie on the way"
    if round_.has_same_networks and round_.has_same_metros and round_.uplink_in != round_.uplink_out:
        return f"The same networks and metros both ways, by two uplinks of {round_.site} ({both})."
    if round_.has_same_networks and round_.has_same_metros:
        return f"Symmetric: the same networks and metros both ways ({both})."
    if round_.has_same_networks:
        return f"The same networks both ways, handed over in other metros ({both})."
    return f"Other networks on the way back ({both})."


def timing(round_: Round) -> str:
    """The round trip in one sentence."""
    there, back = round_.way_in, round_.way_back
    off = round_.rtt_ms - round_.plan_rtt_ms
    says = "which is the same" if abs(off) < 0.05 else f"{ms(abs(off))} ms {'less' if off > 0 else 'more'}"
    return (
        f"Way in {there.km:,.0f} km, {ms(there.one_way_ms)} ms; way back {back.km:,.0f} km, "
        f"{ms(back.one_way_ms)} ms; round trip {ms(round_.rtt_ms)} ms. "
        f"plan doubles the way in: {ms(round_.plan_rtt_ms)} ms, {says}."
    )


def certainty(way: Way) -> str:
    """What else a way may be."""
    if way.is_certain:
        return "certain"
    if not way.others:
        return "not certain: ties change metros or sessions, not the networks"
    more = "" if way.is_whole else ", and more"
    return "not certain, may be " + listed([f"[{other}]" for other in way.others], most=3) + more


def inside(hop: Hop, *, arrow: str) -> str:
    """Where a network is crossed: "FRA to AMS, 364 km"."""
    takes = f", {hop.part_ms:.1f} ms" if hop.part_ms >= LEAST_MS else ""
    then = f", then {hop.link_km:,.0f} km to the next" if hop.link_km >= 1 else ""
    if hop.enters == hop.leaves:
        return f"{hop.enters}{then}{takes}"
    return f"{hop.enters} {arrow} {hop.leaves}, {hop.inside_km:,.0f} km{then}{takes}"


def parts_of(parts: Parts) -> tuple[tuple[str, Part], ...]:
    """(words, part) of each difference."""
    return (
        ("other networks on the way back", parts.other_networks),
        ("the same networks, other metros", parts.other_metros),
        ("the same networks and metros", parts.same),
        ("answered by another uplink of the site", parts.other_uplink),
        ("into their network by another neighbour", parts.other_neighbour),
        ("into it by another neighbour or metro", parts.other_border),
    )


def lead(summary: Summary) -> str:
    """What is found out, in two sentences; shares as ties are broken here, and what no tie can change."""
    parts, off = summary.parts, summary.off_ms
    if not summary.answered_users:
        return "Nobody of these users has a way in and a way back."
    mean = off.mean or 0.0
    direction = "more" if mean >= 0 else "less"
    return (
        f"{_as_ties_fall(parts.other_networks)} of users are answered over other networks, "
        f"{_as_ties_fall(parts.other_uplink)} by another uplink of the site than they came in by. "
        f"The round trip is {ms(abs(mean))} ms {direction} than plan says in the mean, "
        f"10 ms or more off for {percent(summary.far_off)}."
    )


def _as_ties_fall(part: Part) -> str:
    """ "28.0 % for certain (74.1 % as ties are broken here)"."""
    if part.certain == part.possible:
        return percent(part.chosen)
    return f"{percent(part.chosen)} ({percent(part.certain)} for certain)"


def between(one: Bin) -> str:
    """The bounds of a bar: "10 to 20 ms more"."""
    low, high = one.above_ms, one.below_ms
    if low is None and high is not None:
        return f"over {-high:.0f} ms less"
    if high is None and low is not None:
        return f"over {low:.0f} ms more"
    if low is None or high is None:
        return "any"
    if low < 0 < high:
        return f"within {high:.0f} ms"
    if high <= 0:
        return f"{-high:.0f} to {-low:.0f} ms less"
    return f"{low:.0f} to {high:.0f} ms more"


def path(asns: Sequence[int]) -> str:
    """AS numbers in the order of travel."""
    return " ".join(str(asn) for asn in asns)


def group_words(group: Group) -> str:
    """What differs for a group."""
    kinds = []
    if not group.has_same_networks:
        kinds.append("networks")
    if group.uplink_in != group.uplink_out:
        kinds.append("uplink")
    return " and ".join(kinds) + ("" if group.is_certain else " (ties)")


def short(name: str) -> str:
    """The number alone of "AS174 COGENT-174"; of an exchange its name."""
    return name.split(" ", 1)[0] if name.startswith("AS") else name
