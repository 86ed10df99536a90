"""An attack on the small world, reckoned by hand: who drowns, who is hurt, what helps, what follows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import tiny_world
from rich.console import Console

from anyplane.design.design import LoadUnit, PrefixGroup
from anyplane.model.errors import TopologyError, UsageError
from anyplane.planning.attack import words
from anyplane.planning.attack.attack import Question, attack
from anyplane.planning.attack.html import section
from anyplane.planning.attack.report import AttackReport, Loads, Outcome, to_json
from anyplane.planning.attack.responses import Kind
from anyplane.planning.attack.sources import listed
from anyplane.planning.attack.text import render
from anyplane.planning.attack.words import users_load, volume
from anyplane.planning.jsonform import from_plain, parse, to_plain
from anyplane.planning.page.answers import page

GOLDEN = Path(__file__).parents[1] / "golden" / "attack" / "tiny.txt"
QUESTION = Question(capacity_gbps={"a": 10.0, "c": 20.0}, bits_per_query=1e6)
"""A user is 2 Mbit/s: 1.3 Gbit/s at a, 0.6 at c."""


def reckoned(question: Question = QUESTION, volumes: dict[int, float] | None = None) -> AttackReport:
    """18.7 Gbit/s from AS101: with its users, 20 at a site that carries 10."""
    world = tiny_world.topology()
    attacking = listed(world, volumes or {101: 18.7}, name="flows.csv", gbps=None)
    return attack(tiny_world.design(), world, attacking, question, latency=tiny_world.LATENCY)


def outcome(report: AttackReport, name: str) -> Outcome:
    """The response of that name."""
    return next(one for one in report.responses if one.name == name)


def test_a_site_beyond_its_capacity_loses_the_excess_of_users_and_attack_alike() -> None:
    report = reckoned()

    assert report.drowned == ("a",)
    (a, c) = report.sites
    assert (a.attack_gbps, a.legit_gbps, a.capacity_gbps, a.utilisation, a.loss) == (
        18.7,
        1.3,
        10.0,
        2.0,
        0.5,
    )
    assert (a.users, a.users_hurt) == (650.0, 325.0)
    assert (c.attack_gbps, c.utilisation, c.is_drowned) == (0.0, 0.03, False)
    assert (report.users_hurt, report.users_touched) == (325.0, 650.0)


def test_responses_are_ranked_by_users_saved() -> None:
    report = reckoned()
    hurt = [one.users_hurt for one in report.responses]

    assert hurt == sorted(hurt)
    assert [one.rank for one in report.responses] == list(range(1, len(report.responses) + 1))
    assert outcome(report, "do nothing").users_saved == 0
    # All of AS101 moves to c: 1.9 + 18.7 Gbit/s of 20, and so 950 users lose 0.6 of 20.6.
    moved = outcome(report, "a: withdraw")
    assert moved.users_hurt == pytest.approx(950 * 0.6 / 20.6, abs=0.05)
    assert moved.users_saved == pytest.approx(325 - 950 * 0.6 / 20.6, abs=0.1)
    assert moved.drowned == ("c",)
    assert outcome(report, "blackhole at AS10").users_cut == 650.0
    assert outcome(report, "blackhole at AS10").dropped_gbps == 18.7
    assert report.responses[0].users_hurt == min(hurt)


def test_of_those_that_save_as_many_the_one_that_moves_fewer_comes_first() -> None:
    report = reckoned(volumes={101: 0.5})

    assert not report.drowned
    assert report.responses[0].name == "do nothing"
    moved = [one.users_moved for one in report.responses if one.users_hurt == 0]
    assert moved == sorted(moved)


def test_a_drowned_site_that_withdraws_drowns_the_next() -> None:
    rounds = reckoned().rounds

    assert [one.withdrawn for one in rounds] == [(), ("a",), ("a", "c")]
    assert [one.drowned for one in rounds] == [("a",), ("c",), ()]
    assert rounds[-1].users_cut == 950.0
    assert rounds[-1].loads == Loads()


def test_sites_that_drown_together_withdraw_together() -> None:
    rounds = reckoned(volumes={101: 18.7, 102: 30.0}).rounds

    assert [one.drowned for one in rounds] == [("a", "c"), ()]


def test_a_cascade_ends_where_there_is_room() -> None:
    rounds = reckoned(Question(capacity_gbps={"a": 10.0, "c": 30.0}, bits_per_query=1e6)).rounds

    assert [one.drowned for one in rounds] == [("a",), ()]
    assert rounds[-1].users_hurt == 0


def test_all_of_the_attack_is_accounted_for() -> None:
    report = reckoned(volumes={101: 5.0, 103: 2.0, 104: 1.5, 64999: 0.5})

    assert report.asked.gbps == 9.0
    assert (report.landed_gbps, report.unreached_gbps, report.unknown_gbps) == (7.0, 1.5, 0.5)
    assert sum(site.attack_gbps for site in report.sites) == report.landed_gbps
    assert [(one.asn, one.gbps) for one in report.unknown] == [(64999, 0.5)]
    assert sum(one.gbps for one in report.regions) == 8.5


def test_a_network_lands_whole_on_one_site_unless_a_tie_is_open() -> None:
    report = reckoned(volumes={101: 5.0, 102: 2.0, 103: 1.0})

    assert report.whole_networks == 2
    assert report.whole_share == 0.875
    assert [(one.name, [part.site for part in one.landed]) for one in report.sources] == [
        ("AS101 A-Net", ["a"]),
        ("AS102 B-Net", ["c"]),
        ("AS103 C-Net", ["a", "c"]),
    ]


def test_without_capacities_nothing_is_ranked_and_the_report_says_what_is_missing() -> None:
    report = reckoned(Question())

    assert not report.has_capacity
    assert report.responses == ()
    assert any("--bits-per-query" in text for text in report.warnings)


def test_what_is_not_known_of_a_site_is_no_zero() -> None:
    report = reckoned(Question())

    for site in report.sites:
        assert (site.legit_gbps, site.capacity_gbps, site.loss, site.users_hurt) == (None, None, None, None)
        assert users_load(site) == "–"
    assert "nobody</td>" not in section(report).body


def test_capacities_in_queries_are_turned_into_bits() -> None:
    report = reckoned(Question(bits_per_query=1e7))

    assert [site.capacity_gbps for site in report.sites] == [10.0, 15.0]
    assert [site.legit_gbps for site in report.sites] == [13.0, 6.0]


def test_a_design_in_bits_needs_no_more() -> None:
    world = tiny_world.topology()
    design = replace(
        tiny_world.design(
            groups=(PrefixGroup(name="all", prefixes=(tiny_world.V4, tiny_world.V6), load_per_user=2e6),)
        ),
        load_unit=LoadUnit.BPS,
    )
    design = replace(design, sites=tuple(replace(site, capacity=1e10) for site in design.sites))
    attacking = listed(world, {101: 18.7}, name="x", gbps=None)

    report = attack(design, world, attacking, Question())

    assert report.sites[0].capacity_gbps == 10.0
    assert report.sites[0].loss == 0.5
    with pytest.raises(UsageError, match="counts in bits per second already"):
        attack(design, world, attacking, Question(bits_per_query=800))


def test_users_of_other_prefixes_load_the_sites_too() -> None:
    world = tiny_world.topology()
    groups = (
        PrefixGroup(name="dns", prefixes=(tiny_world.V4,), load_per_user=2.0),
        PrefixGroup(name="api", prefixes=(tiny_world.V6,), load_per_user=4.0),
    )
    one = tiny_world.upstream(10, prefixes=(tiny_world.V4,))
    other = tiny_world.upstream(20, prefixes=(tiny_world.V4, tiny_world.V6))
    design = tiny_world.design(
        groups=groups, sites=(tiny_world.site("a", 0, one), tiny_world.site("c", 2, other))
    )
    attacking = listed(world, {101: 1.0}, name="x", gbps=None)

    report = attack(design, world, attacking, replace(QUESTION, group="dns"))

    assert {site.site: site.others_gbps for site in report.sites} == {"a": 0.0, "c": 3.8}
    assert report.scenario == "dns"
    prepend = outcome(report, "c: prepend 1")
    assert prepend.orders == (
        "sites.c.upstreams.0 (asn 20): prepend: 1, in an entry of its own with announce: [192.0.2.0/24]",
    )
    with pytest.raises(UsageError, match="announces 2 sets of prefixes apart") as caught:
        attack(design, world, attacking, QUESTION)
    assert "--group: dns, api" in str(caught.value)
    with pytest.raises(UsageError, match="no group 'web'"):
        attack(design, world, attacking, replace(QUESTION, group="web"))


def test_an_entry_that_carries_other_prefixes_too_keeps_them_when_it_is_withdrawn() -> None:
    world = tiny_world.topology()
    groups = (
        PrefixGroup(name="dns", prefixes=(tiny_world.V4,)),
        PrefixGroup(name="api", prefixes=(tiny_world.V6,)),
    )
    both = (tiny_world.V4, tiny_world.V6)
    design = tiny_world.design(
        groups=groups,
        sites=(
            tiny_world.site(
                "a", 0, tiny_world.upstream(10, prefixes=both), tiny_world.upstream(20, prefixes=both[:1])
            ),
            tiny_world.site("c", 2, tiny_world.upstream(20, prefixes=both)),
        ),
    )
    attacking = listed(world, {101: 1.0}, name="x", gbps=None)

    report = attack(design, world, attacking, replace(QUESTION, group="dns"))

    kept = "sites.a.upstreams.0 (asn 10): announce: [2001:db8::/48]; safety: retire: [AS10]"
    out = "sites.a.upstreams.1 (asn 20): take the entry out; safety: retire: [AS20]"
    assert outcome(report, "a/AS10: withdraw").orders == (kept,)
    assert outcome(report, "a: withdraw").orders == (
        kept,
        out,
        "or at a: anyplane site drain dns --force (withdrawn after 60 s of prepends)",
    )


def test_what_leans_on_an_unknown_capacity_comes_last_and_says_so() -> None:
    report = reckoned(Question(capacity_gbps={"a": 10.0}, bits_per_query=1e6))
    withdrawn, nothing = outcome(report, "a: withdraw"), outcome(report, "do nothing")

    # c has the design's 1.5 kqps of 1 Mbit each, which is known; without it nothing can drown there.
    assert withdrawn.unknown == ()
    unknown = reckoned(Question(capacity_gbps={"a": 10.0}))
    withdrawn, nothing = outcome(unknown, "a: withdraw"), outcome(unknown, "do nothing")
    assert (withdrawn.users_hurt, withdrawn.unknown, nothing.unknown) == (0.0, ("c",), ())
    assert withdrawn.rank > nothing.rank
    blackhole = outcome(unknown, "blackhole at AS10")
    assert blackhole.rank < withdrawn.rank
    leaning = [bool(one.unknown) for one in unknown.responses]
    assert leaning == sorted(leaning)
    saving = words.best(unknown)
    assert saving is not None
    assert not saving.unknown or "if c carries it" in words.advice(unknown)
    assert "c?" in words.drowning(withdrawn, most=3)
    assert "1 site withdrawn and 0 users hurt, if c carries it" in words.rounds(unknown)


def test_a_site_that_its_own_users_drown_is_named() -> None:
    full = reckoned(Question(capacity_gbps={"a": 1.0, "c": 20.0}, bits_per_query=1e6))

    assert any("without any attack: a (" in text for text in full.warnings)
    assert not any("without any attack" in text for text in reckoned().warnings)


def test_a_network_that_lands_on_several_sites_is_said_to_do_so_by_its_metros() -> None:
    said = words.concentration(reckoned(volumes={103: 1.0}))

    assert said.endswith(
        "lands on a 50.0 %, c 50.0 %. Each metro of it goes to one site, unless a tie is open."
    )
    assert words.concentration(reckoned()) == "AS101 A-Net with 18.7 Gbps lands whole on a."


def test_all_at_once_is_one_round() -> None:
    assert words.rounds(reckoned(volumes={101: 18.7, 102: 30.0})).startswith("After 1 round nothing")


def test_what_thousands_of_small_networks_send_is_kept_to_a_kilobit() -> None:
    report = reckoned(volumes={101: 5.0, 102: 0.0003})

    small = report.sources[1]
    assert (small.gbps, [(one.site, one.gbps) for one in small.landed]) == (0.0003, [("c", 0.0003)])
    assert words.landing(small) == "AS102 B-Net with 300 kbps lands whole on c"


def test_pairs_are_tried_and_may_win() -> None:
    alone, paired = reckoned(), reckoned(replace(QUESTION, with_pairs=True))

    assert len(paired.responses) > len(alone.responses)
    assert paired.responses[0].users_hurt <= alone.responses[0].users_hurt
    pairs = [one for one in paired.responses if one.kind is Kind.PAIR]
    assert pairs
    assert len({one.name for one in paired.responses}) == len(paired.responses)


def test_what_to_type_is_said_for_each_response() -> None:
    report = reckoned(replace(QUESTION, poison=(10,)))
    said = {one.name: one.orders for one in report.responses}

    assert said["a: prepend 2"] == ("sites.a.upstreams.0 (asn 10): prepend: 2",)
    assert said["a: withdraw"] == (
        "sites.a: enabled: false",
        "or at a: anyplane site drain --force (withdrawn after 60 s of prepends)",
    )
    assert said["a: no-export"] == ("sites.a.upstreams.0 (asn 10): no_export: true",)
    assert said["blackhole at AS10"] == ("at a: anyplane site blackhole add ADDRESS --for 1h --force",)
    assert said["blackhole everywhere"] == (
        "at each of a, c: anyplane site blackhole add ADDRESS --for 1h --force",
    )
    assert said["poison AS10"][0].startswith(
        "on the routers of a, c: announce with the path 64500 10 64500 (FRR: set as-path prepend 10 64500)"
    )
    assert said["do nothing"] == ()
    assert all(lines for name, lines in said.items() if name != "do nothing")


def test_a_site_or_a_poisoned_network_that_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match="no site 'b'"):
        reckoned(replace(QUESTION, capacity_gbps={"b": 1.0}))
    with pytest.raises(TopologyError, match="AS64999 is not in this topology"):
        reckoned(replace(QUESTION, poison=(64999,)))


def test_the_json_form_is_read_back_as_it_was() -> None:
    report = reckoned(replace(QUESTION, with_pairs=True, poison=(10,)))

    assert from_plain(AttackReport, parse(to_json(report), file="x"), where="x") == report
    assert to_json(reckoned()) == to_json(reckoned())
    assert '"utilisation": [' in to_json(report)
    assert json.loads(to_json(report)) == to_plain(report)
    assert not any(line.strip(" ,]").replace(".", "").isdigit() for line in to_json(report).splitlines())


def test_the_page_shows_the_picture_and_its_table() -> None:
    html = page([section(reckoned())])

    assert "AS101 A-Net with 18.7 Gbps lands whole on a." in html
    assert 'class="attack-flow"' in html
    assert 'class="matrix"' in html
    assert "sites.a: enabled: false" in html
    assert html == page([section(reckoned())])


def test_names_from_a_design_and_a_topology_are_escaped() -> None:
    world = replace(tiny_world.topology(), name=("<b>", "x", "<script>", "", "", ""))
    attacking = listed(world, {101: 18.7}, name="<i>.csv", gbps=None)

    html = page([section(attack(tiny_world.design(), world, attacking, QUESTION))])

    assert "<script>alert" not in html
    assert "AS101 <script>" not in html
    assert "&lt;script&gt;" in html
    assert "&lt;i&gt;.csv" in html


@pytest.mark.parametrize(
    ("gbps", "text"),
    [
        (0.0, "0"),
        (0.00025, "250 kbps"),
        (0.0009996, "1 Mbps"),
        (0.03, "30 Mbps"),
        (0.9996, "1 Gbps"),
        (9.01, "9.01 Gbps"),
        (12.0, "12 Gbps"),
        (500.0, "500 Gbps"),
        (1250.0, "1.25 Tbps"),
        (10_000.0, "10 Tbps"),
    ],
)
def test_volumes_are_written_with_three_digits(gbps: float, text: str) -> None:
    assert volume(gbps) == text


def test_the_terminal_text_is_as_kept() -> None:
    """Written anew with: python tests/planning/test_attack_report.py"""
    assert printed() == GOLDEN.read_text(encoding="utf-8")


def test_the_terminal_text_fits_and_can_be_plain() -> None:
    for width in (80, 100):
        for line in printed(width=width).splitlines():
            assert len(line) <= width
            assert "…" not in line
    assert "█" in printed()
    assert "█" not in printed(is_plain=True)


def printed(*, width: int = 100, is_plain: bool = False) -> str:
    """The report as the terminal shows it."""
    console = Console(width=width, highlight=False, color_system=None)
    report = reckoned(replace(QUESTION, poison=(10,)), {101: 18.7, 103: 1.0, 64999: 0.3})
    with console.capture() as capture:
        console.print(render(report, is_plain=is_plain, width=width))
    return "".join(f"{line.rstrip()}\n" for line in capture.get().splitlines())


if __name__ == "__main__":
    GOLDEN.parent.mkdir(parents=True, exist_ok=True)
    GOLDEN.write_text(printed(), encoding="utf-8")
