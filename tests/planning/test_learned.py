"""What was learned reads as sentences that name their evidence, and the report fits a terminal."""

from __future__ import annotations

from dataclasses import replace
from math import log

import pytest
from rich.console import Console

from anyplane.calibration.calibration import (
    NOTHING,
    Calibration,
    Heard,
    Preference,
    Refused,
    SiteFacts,
    Taken,
    Used,
    Willing,
)
from anyplane.planning.calibration_report import CalibrationReport, report
from anyplane.planning.calibration_text import render
from anyplane.planning.learned import doubt, facts_about, strongest


def liking(neighbour: int, odds: float, evidence: float, *, asn: int = 174, region: str = "NA") -> Preference:
    return Preference(asn=asn, neighbour=neighbour, region=region, log_odds=log(odds), evidence=evidence)


FRA = SiteFacts(
    site="fra",
    paths=31,
    heard=(Heard(asn=10, relation="customer", paths=3),),
    taken=(
        Taken(asn=174, neighbour=10, paths=7, prepends=2, length=4),
        Taken(asn=174, neighbour=50, paths=1, prepends=0, length=3, is_leak=True),
        Taken(asn=174, neighbour=60, paths=1, prepends=0, length=3, is_in_graph=False),
    ),
    refused=(Refused(asn=2914, neighbour=101, networks=24), Refused(asn=9, neighbour=101, networks=1)),
    willing=(Willing(neighbour=101, relation="provider", taken=7, refused=2),),
)
SETS = tuple(
    Used(
        policy=f"{number:012x}",
        sites=("ams", "fra"),
        method="ping",
        networks=9,
        agreement=1.0,
        is_used=is_used,
        reason="" if is_used else "two ways to measure it agree on 79% only: one of them is wrong",
    )
    for number, is_used in enumerate((True, True, False))
)
LEARNED = Calibration(
    origin="9 observations",
    graph="a graph",
    sites=(FRA,),
    used=SETS,
    preferences=(liking(1916, 2.6, 3000), liking(101, 1.0, 2400), liking(7, 1.1, 900)),
    certainty=0.7,
    spread=0.6,
)


def printed(found: CalibrationReport, width: int = 100) -> list[str]:
    console = Console(width=width, highlight=False)
    with console.capture() as capture:
        console.print(render(found, width=width))
    return [line.rstrip() for line in capture.get().splitlines()]


def test_a_refusal_is_told_of_both_its_ends_with_the_networks_that_say_so() -> None:
    sentence = "AS2914 does not get fra from AS101: the paths of 24 networks say so"

    assert sentence in facts_about(LEARNED, 2914)
    assert sentence in facts_about(LEARNED, 101)


def test_what_one_network_says_of_a_neighbour_is_counted_and_not_listed() -> None:
    of_101 = facts_about(LEARNED, 101)

    assert not any(sentence.startswith("AS9 ") for sentence in of_101)
    assert "of the customers of AS101 that are observed, 7 took fra from it and 2 had worse instead" in of_101
    assert facts_about(LEARNED, 9) == ("AS9 does not get fra from AS101: the path of 1 network says so",)


def test_leaks_prepends_and_missing_links_are_said() -> None:
    assert facts_about(LEARNED, 174)[:3] == (
        "AS174 gets fra from AS10, with 2 more of its ASN: seen on 7 paths",
        "AS174 gets fra from AS50, which hands it over against the rules (a leak): seen on 1 path",
        "AS174 gets fra from AS60, over a link that the graph lacks: seen on 1 path",
    )
    assert facts_about(LEARNED, 10) == ("AS10 hears fra itself, as a customer's route: seen on 3 paths",)


def test_a_preference_is_told_against_another_neighbour_of_the_network() -> None:
    found = facts_about(LEARNED, 174)

    assert "AS174 prefers AS1916 over AS101 in NA: odds 2.6 : 1, rests on 5,400 answers" in found


@pytest.mark.parametrize(
    ("odds", "sentence"),
    [
        (3.0, "AS174 prefers AS5 over its other neighbours: odds 3.0 : 1, rests on 1 answer"),
        (0.01, "AS174 prefers its other neighbours over AS5: odds 100 : 1, rests on 1 answer"),
    ],
)
def test_a_single_preference_is_told_against_all_the_others(odds: float, sentence: str) -> None:
    calibration = replace(NOTHING, preferences=(liking(5, odds, 1, region=""),))

    assert facts_about(calibration, 174) == (sentence,)


def test_a_weak_preference_or_one_that_rests_on_nothing_is_no_sentence() -> None:
    weak = replace(NOTHING, preferences=(liking(5, 1.1, 100), liking(6, 9.0, 0.1, region="EU")))

    assert facts_about(weak, 174) == ()
    assert facts_about(NOTHING, 174) == ()


def test_the_strongest_is_one_for_each_network_and_region_the_most_telling_first() -> None:
    many = replace(LEARNED, preferences=(*LEARNED.preferences, liking(5, 9.0, 9000, asn=1)))

    found = strongest(many, most=10)

    assert [(item.asn, item.preferred, item.over) for item in found] == [(1, 5, 0), (174, 1916, 101)]
    assert strongest(many, most=1) == found[:1]


def test_certainty_and_spread_are_explained_by_what_they_do() -> None:
    assert "more modest" in doubt(LEARNED)[0]
    assert "27% and 73%" in doubt(LEARNED)[1]
    assert "bolder" in doubt(replace(LEARNED, certainty=1.2))[0]
    assert "as they are" in doubt(replace(LEARNED, certainty=1.0))[0]


def test_the_report_counts_what_each_site_taught() -> None:
    found = report(LEARNED, sites=("ams", "fra"))

    site = found.sites[0]
    assert (site.observed, site.heard, site.refused, site.leaks, site.absent) == (2, 1, 2, 1, 1)
    assert found.never_alone == ("ams",)
    assert found.warnings == ()
    assert (found.preferences, found.networks) == (3, 1)


def test_a_calibration_that_cannot_know_how_sure_it_is_says_so() -> None:
    assert "nothing says how sure" in report(NOTHING).warnings[0]
    assert "one announcement set only" in report(replace(LEARNED, used=SETS[:1])).warnings[0]
    assert "another graph" in report(LEARNED, graph="a newer one").warnings[0]


@pytest.mark.parametrize("width", [80, 100])
def test_the_report_fits_and_holds_every_word(width: int) -> None:
    long = tuple(
        replace(used, sites=tuple(f"a-site-with-a-long-name-{k}" for k in range(9))) for used in SETS
    )

    lines = printed(report(replace(LEARNED, used=long)), width)

    assert max(map(len, lines)) <= width
    assert "AS174 prefers AS1916 over AS101" in " ".join(lines)
    assert any("a-site-with-a-long-name-8" in line for line in lines)


def test_names_with_brackets_stay_as_they_are() -> None:
    odd = replace(LEARNED, origin="[red]9 observations[/]", sites=(replace(FRA, site="[bold]fra"),))

    text = "\n".join(printed(report(odd)))

    assert "[red]9 observations[/]" in text
    assert "[bold]fra" in text
