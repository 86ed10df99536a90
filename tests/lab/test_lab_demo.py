"""What the demonstration says, from outcomes made by hand."""

from __future__ import annotations

from dataclasses import replace

from lab_faces import shown
from lab_worlds import two_sites

from anyplane.lab.faces import demo
from anyplane.lab.faces.catchment import Answer, Expected, compared
from anyplane.lab.gameday.outcome import ClientOutcome, ClientSpan, FaultOutcome, Outcome
from anyplane.lab.gameday.reading import parse

CITIES = {"LIS": "Lisbon", "MAD": "Madrid", "TYO": "Tokyo"}
SITES = {"mad": "MAD", "tyo": "TYO"}


def client(*spans: tuple[str, int]) -> ClientOutcome:
    """Lisbon, which Madrid answered first."""
    return ClientOutcome(
        node="as1-lis",
        metro="LIS",
        asn=1,
        users=1.0,
        kind="udp",
        sent=sum(queries for _, queries in spans),
        lost=sum(queries for site, queries in spans if not site),
        excused=0,
        outage_s=0.1,
        longest_gap_s=0.1,
        resets=0,
        before="mad",
        after="mad",
        spans=tuple(ClientSpan(start_s=0.0, end_s=1.0, site=site, queries=n) for site, n in spans),
    )


def outcome(*clients: ClientOutcome, fault: FaultOutcome | None = None) -> Outcome:
    return Outcome(
        version=1,
        scenario="server-killed",
        shows="",
        where="",
        took_s=20.0,
        verdicts=(),
        sent=sum(one.sent for one in clients),
        lost=sum(one.lost for one in clients),
        excused=0,
        lost_share_of_users=0.0,
        outage_of_users_s=0.0,
        worst_outage_s=0.0,
        resets=0,
        updates=0,
        flows=None,
        faults=(fault,) if fault else (),
        clients=clients,
        loads=(),
        events=(),
        own_errors=(),
        errors=(),
    )


def test_every_step_that_has_a_name_has_words_in_the_story() -> None:
    steps = [one.name for text in (demo.KILL, demo.DRAIN) for one in parse(text).steps]

    assert {name for name in steps if not name.startswith("step-")} == set(demo.STORY)


def test_what_the_kill_did_fits_the_narrowest_terminal() -> None:
    fault = FaultOutcome(
        step="fault", text="", at_s=2.0, withdrawn_s=0.258, last_fib_s=0.508, elsewhere_s=0.203, lost=4
    )
    lisbon = client(("mad", 9), ("", 4), ("tyo", 8), ("mad", 9))
    frankfurt = replace(client(("tyo", 30)), metro="FRA", before="tyo")
    found = outcome(frankfurt, lisbon, fault=fault)

    for width in (60, 100):
        text = shown(demo.killed_page(found, CITIES, SITES), width=width)
        assert max(map(len, text.splitlines())) <= width
        words = [" ".join(line.split()) for line in text.splitlines()]
        assert "258 ms Madrid's routes are withdrawn" in words
        assert "Lisbon AS1 Tokyo 4 of 30 100 ms" in words
        assert words[-1] == "the 1 client network of other sites: 0 lost"


def test_a_drain_says_what_was_lost_and_who_answers_instead() -> None:
    gone = outcome(client(("mad", 9), ("tyo", 8)), client(("mad", 9), ("tyo", 8)))

    assert shown(demo.drained_page(gone, CITIES, SITES)) == (
        "0 of 34 queries lost\nthe 2 client networks of Madrid went to Tokyo (2)\n"
    )


def test_both_scenarios_are_ones_that_a_game_day_reads() -> None:
    killed, drained = (parse(text) for text in (demo.KILL, demo.DRAIN))

    assert (killed.name, drained.name) == ("server-killed", "site-drained")
    assert killed.probes.rate == drained.probes.rate == demo.RATE


def test_the_refuge_is_who_answered_most_while_the_own_site_was_away() -> None:
    assert demo.refuge(client(("mad", 9), ("", 2), ("chi", 1), ("tyo", 5), ("mad", 9))) == "tyo"
    assert demo.refuge(client(("mad", 9), ("", 2), ("mad", 9))) == ""


def test_the_first_page_names_cities_and_says_when_it_is_not_as_planned() -> None:
    small = two_sites()
    blueprint = replace(
        small,
        nodes=tuple(
            replace(node, location=replace(node.location, metro=node.location.metro.upper()))
            for node in small.nodes
        ),
    )
    planned = {"as100-lis": Expected(site="mad", rtt_ms=8.3), "as400-ams": Expected(site="fra", rtt_ms=5.0)}

    def page(lisbon: str) -> str:
        answers = {"as100-lis": Answer(site=lisbon, rtt_ms=8.6), "as400-ams": Answer(site="fra", rtt_ms=5.1)}
        found = compared(blueprint, prefix="", address="", planned=planned, answers=answers)
        return shown(demo.first_page(found, CITIES, SITES))

    assert page("mad").splitlines()[1].split() == ["Lisbon", "Madrid", "Madrid", "8.3", "ms", "8.6", "ms"]
    assert page("mad").splitlines()[-1] == "2 client networks: all as planned"
    assert page("").splitlines()[1].split()[:3] == ["Lisbon", "Madrid", "nobody"]
    assert page("").splitlines()[-1] == "2 client networks: 1 OTHERWISE THAN PLANNED"
