"""The pages of `anyplane lab`: what differs comes with a word, and nothing is wider than the terminal."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from lab_faces import is_golden, shown
from lab_worlds import World, two_sites

from anyplane.lab.faces import catchment_text, route_text, status
from anyplane.lab.faces.catchment import Answer, Comparison, Expected, as_plain, compared
from anyplane.lab.faces.route_text import Step
from anyplane.lab.faces.status import LabStatus, SiteStatus

PLANNED = {
    "as100-lis": Expected(site="mad", rtt_ms=10.0, as_path=(100, 200, 64500), metros=("LIS", "MAD")),
    "as400-ams": Expected(site="fra", rtt_ms=7.2, as_path=(400, 300, 64500), metros=("AMS", "FRA")),
}


def comparison(lisbon: Answer, amsterdam: Answer, *, has_delays: bool = True) -> Comparison:
    return compared(
        two_sites(has_delays=has_delays),
        prefix="198.51.100.0/24",
        address="198.51.100.53",
        planned=PLANNED,
        answers={"as100-lis": lisbon, "as400-ams": amsterdam},
    )


def site(name: str = "mad", **more: object) -> SiteStatus:
    whole = SiteStatus(
        site=name,
        node=f"site-{name}",
        metro=name.upper(),
        daemon="bird",
        word="full",
        is_announced=True,
        in_table=True,
        has_server=True,
        has_agent=True,
        has_daemon=True,
    )
    return replace(whole, **more)  # type: ignore[arg-type]


def lab(**more: object) -> LabStatus:
    whole = LabStatus(
        name="two",
        age_s=31.0,
        routers_up=4,
        routers=4,
        route_servers=0,
        sessions_up=8,
        sessions=8,
        probers=0,
        clients=2,
        relay_p50_us=62.0,
        relay_p99_us=171.0,
        memory_mb=212.4,
        processes=13,
        dead=(),
        faults=(),
        sites=(site(), site("fra")),
    )
    return replace(whole, **more)  # type: ignore[arg-type]


BROKEN = lab(
    routers_up=3,
    sessions_up=6,
    dead=("as300-fra bird", "site-mad knotd"),
    faults=("site mad: server killed",),
    sites=(
        site(has_server=False, word="none", is_announced=False),
        site("fra", has_agent=False, word=None, is_announced=None, in_table=None, has_daemon=False),
    ),
)


@pytest.mark.parametrize("width", [60, 100])
def test_plan_and_lab_agree(width: int) -> None:
    found = comparison(Answer(site="mad", rtt_ms=10.3), Answer(site="fra", rtt_ms=7.25))

    assert found.differing == ()
    assert is_golden(
        f"catchment-agrees-{width}.txt", shown(catchment_text.page(found, width=width), width=width)
    )


@pytest.mark.parametrize("width", [60, 100])
def test_a_client_that_goes_elsewhere_or_nowhere_is_marked(width: int) -> None:
    found = comparison(Answer(site="fra", rtt_ms=38.4), Answer(site="", error="no answer within 1.5 s"))

    assert [row.node.name for row in found.differing] == ["as400-ams", "as100-lis"]
    assert found.users_differing == found.users == 3000
    text = shown(catchment_text.page(found, width=width), width=width)
    assert is_golden(f"catchment-differs-{width}.txt", text)


def test_an_rtt_that_is_off_is_said_and_is_no_difference() -> None:
    found = comparison(Answer(site="mad", rtt_ms=14.0), Answer(site="fra", rtt_ms=7.9))

    assert found.differing == ()
    assert [row.is_slow for row in found.rows] == [False, True]
    assert "other RTT" in shown(catchment_text.page(found))


def test_without_delays_no_planned_rtt_is_shown_or_judged() -> None:
    found = comparison(Answer(site="mad", rtt_ms=0.2), Answer(site="fra", rtt_ms=0.2), has_delays=False)

    text = shown(catchment_text.page(found))
    assert "plan, ms" not in text
    assert "other RTT" not in text


def test_who_was_not_asked_has_no_answer() -> None:
    found = compared(two_sites(), prefix="", address="", planned=PLANNED, answers={})

    assert {row.answer.error for row in found.rows} == {"was not asked"}
    assert len(found.differing) == 2


def test_of_many_clients_all_that_differ_are_shown_and_the_rest_is_summed_up() -> None:
    world = World("many")
    names = [world.router(1000 + number, "fra", is_client=True, users=100 - number) for number in range(50)]
    answers = {name: Answer(site="fra" if number < 48 else "mad") for number, name in enumerate(names)}
    found = compared(
        world.blueprint(),
        prefix="",
        address="",
        planned={name: Expected(site="fra") for name in names},
        answers=answers,
    )

    text = shown(catchment_text.page(found))
    assert text.count("DIFFERS") == 2
    assert "and 20 more clients that the plan and the lab agree on" in text
    assert "as1049-fra" in text
    assert shown(catchment_text.page(found, is_whole=True)).count("as10") == 50


def test_json_of_a_catchment_says_all_that_the_page_says() -> None:
    found = comparison(Answer(site="fra", rtt_ms=38.419), Answer(site="", error="refused"))

    plain = json.loads(json.dumps(as_plain(found)))
    assert (plain["differing"], plain["users"], plain["users_differing"]) == (2, 3000, 3000)
    amsterdam, lisbon = plain["clients"]
    assert (lisbon["planned"], lisbon["answered"], lisbon["rtt_ms"]) == ("mad", "fra", 38.42)
    assert (amsterdam["answered"], amsterdam["error"]) == (None, "refused")


@pytest.mark.parametrize("width", [60, 100])
@pytest.mark.parametrize(("name", "found"), [("well", lab()), ("broken", BROKEN)])
def test_the_page_of_a_lab(name: str, found: LabStatus, width: int) -> None:
    text = shown(status.page(found, width=width), width=width)

    assert max(map(len, text.splitlines())) <= width
    assert is_golden(f"status-{name}-{width}.txt", text)


def test_the_agent_and_the_table_that_disagree_are_a_problem() -> None:
    found = lab(sites=(site(in_table=False), site("fra", is_announced=False, word="none")))

    assert found.problems == (
        "mad: the agent says announced, the upstreams' table lacks it",
        "fra: the agent says withdrawn, the upstreams' table holds it",
    )


def test_route_servers_are_counted_among_the_routers_and_said_to_be() -> None:
    assert "4 of 4 up, 1 route server among them" in shown(status.page(lab(route_servers=1)))


def test_a_lab_that_went_silent_says_so_first() -> None:
    text = shown(status.page(lab(), silent="it does not answer any more"))

    assert text.splitlines()[0] == "PROBLEM  two: it does not answer any more"


def test_json_of_a_status_holds_its_problems() -> None:
    plain = json.loads(json.dumps(status.as_plain(BROKEN)))

    assert len(plain["problems"]) == 4
    assert plain["sites"][0]["has_server"] is False


@pytest.mark.parametrize("width", [60, 100])
def test_a_trace_stands_beside_the_plans_way(width: int) -> None:
    blueprint = two_sites(has_delays=True)
    client = blueprint.by_name["as100-lis"]
    hops = (
        Step(ttl=1, address="100.72.0.2", node=blueprint.by_name["as200-mad"], rtt_ms=10.1),
        Step(ttl=2, address="", node=None, rtt_ms=None),
        Step(ttl=3, address="198.51.100.53", node=blueprint.by_name["site-mad"], rtt_ms=10.4),
    )

    page = route_text.trace_page(
        client,
        address="198.51.100.53",
        site="mad",
        found=hops,
        planned=PLANNED["as100-lis"],
        width=width,
    )

    assert is_golden(f"trace-{width}.txt", shown(page, width=width))


@pytest.mark.parametrize(
    ("texts", "nsid", "error", "end"),
    [
        (("mad",), "mad", "", "the plan says mad, 10.0 ms: so it is"),
        (("fra",), "fra", "", "the plan says mad, 10.0 ms: DIFFERS"),
        ((), "", "no answer within 1.5 s", "the plan says mad, 10.0 ms"),
    ],
)
def test_a_question_is_answered_with_the_plans_word_on_it(
    texts: tuple[str, ...], nsid: str, error: str, end: str
) -> None:
    text = route_text.answered(
        two_sites().by_name["as100-lis"],
        address="198.51.100.53",
        question="id.server TXT",
        texts=texts,
        nsid=nsid,
        rtt_ms=10.2 if texts else None,
        error=error,
        planned=PLANNED["as100-lis"],
    )

    lines = text.plain.splitlines()
    assert lines[0] == "as100-lis asks 198.51.100.53 for id.server TXT"
    assert lines[1].strip() == (error or f"{texts[0]}, NSID {nsid}, in 10.2 ms")
    assert lines[2].strip() == end
