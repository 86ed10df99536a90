"""The playbook of the small world, by hand; of random worlds, that shares add up and lookups say the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import random_worlds
import tiny_world
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from anyplane.design.design import Design
from anyplane.model.errors import TopologyError, UsageError
from anyplane.planning.attack.sources import botnet, listed
from anyplane.planning.jsonform import from_plain, parse
from anyplane.planning.page.answers import page
from anyplane.planning.playbook.html import section
from anyplane.planning.playbook.playbook import playbook, usual_attacks
from anyplane.planning.playbook.report import Play, PlaybookReport, share, to_json
from anyplane.planning.playbook.text import merged, render
from anyplane.topology import Topology

GOLDEN = Path(__file__).parents[1] / "golden" / "attack" / "playbook.txt"


def reckoned(site: str = "", poison: tuple[int, ...] = ()) -> PlaybookReport:
    """An attack of which AS101 sends three quarters and AS102 the rest."""
    world = tiny_world.topology()
    attack = listed(world, {101: 3.0, 102: 1.0}, name="flows.csv", gbps=None)
    return playbook(
        tiny_world.design(), world, (attack,), site=site, poison=poison, latency=tiny_world.LATENCY
    )


def play(report: PlaybookReport, name: str) -> Play:
    """The play of that name."""
    return next(one for one in report.plays if one.name == name)


def test_each_play_says_what_every_site_gets() -> None:
    report = reckoned()

    now, gone = report.plays[0], play(report, "a: withdraw")
    assert [share(report, now, site, 0) for site in ("a", "c")] == [0.65, 0.3]
    assert [share(report, now, site, 1) for site in ("a", "c")] == [0.75, 0.25]
    assert now.nowhere == (0.05, 0.0)
    assert [share(report, gone, site, 0) for site in ("a", "c")] == [0.0, 0.95]
    assert [share(report, gone, site, 1) for site in ("a", "c")] == [0.0, 1.0]
    assert gone.users_moved == 700.0


def test_a_blackhole_sends_its_part_nowhere() -> None:
    dropped = play(reckoned(), "blackhole at AS10")

    assert dropped.nowhere == (0.7, 0.75)
    assert dropped.users_cut == 650.0


def test_an_overloaded_site_is_looked_up_the_other_way_round() -> None:
    (lookup,) = reckoned("a").lookups
    names = {one.number: one.name for one in reckoned("a").plays}
    found = {names[one.play]: one for one in lookup.reliefs}

    assert (lookup.attack_share, lookup.users_share) == (0.75, 0.65)
    assert found["a: withdraw"].attack == 1.0
    assert (found["a: withdraw"].to, found["a: withdraw"].to_shares) == (("c",), (0.75,))
    assert (found["blackhole at AS10"].to, found["blackhole at AS10"].to_shares) == (("",), (0.75,))
    assert "c: withdraw" not in found


def test_only_plays_that_change_the_site_are_shown_for_it() -> None:
    whole, one = reckoned(), reckoned("c")

    assert len(one.plays) < len(whole.plays)
    assert one.plays[0].name == "do nothing"
    assert {found.name for found in one.plays} <= {found.name for found in whole.plays}
    assert one.sites == whole.sites


def test_plays_alike_stand_once() -> None:
    report = reckoned()
    plays = {one.number: one for one in report.plays}

    rows = {plays[relief.play].name: alike for relief, alike in merged(report.lookups[0], plays)}

    assert sum(rows.values()) + len(rows) == len(report.lookups[0].reliefs)
    assert max(rows.values()) >= 1


def test_there_is_a_botnet_of_each_continent_with_users() -> None:
    world = tiny_world.topology()

    names = [attack.name for attack in usual_attacks(world, networks=10, seed=1)]

    assert names == ["botnet:global", "botnet:region=EU", "botnet:region=NA"]


@settings(max_examples=40)
@given(st.integers(0, 10_000))
def test_shares_add_up_and_changes_are_what_the_lookup_says(seed: int) -> None:
    design, world = random_world(seed)
    attack = botnet(world, "botnet:global", gbps=1.0, networks=8, seed=seed)
    try:
        report = playbook(design, world, (attack,), group="", threads=1)
    except UsageError:
        return  # prefixes that are announced apart: not one playbook
    now = report.plays[0]
    for one in report.plays:
        for population in range(2):
            reached = sum(share(report, one, site, population) for site in report.sites)
            assert reached + one.nowhere[population] == pytest.approx(1.0, abs=1e-4)
    for lookup in report.lookups:
        for relief in lookup.reliefs:
            after = next(one for one in report.plays if one.number == relief.play)
            before = share(report, now, lookup.site, 1)
            if before > 0.01:
                less = (before - share(report, after, lookup.site, 1)) / before
                assert relief.attack == pytest.approx(less, abs=1e-3)


def random_world(seed: int) -> tuple[Design, Topology]:
    """A design on a random world."""
    rng = np.random.default_rng(seed)
    world = random_worlds.topology(rng)
    return random_worlds.design(rng, world, sites=3), world


def test_a_site_or_a_poisoned_network_that_is_unknown_is_refused() -> None:
    with pytest.raises(UsageError, match="--site x: it is not in the design"):
        reckoned("x")
    with pytest.raises(TopologyError, match="AS64999"):
        reckoned(poison=(64999,))


def test_the_json_form_is_read_back_as_it_was() -> None:
    report = reckoned(poison=(10,))

    assert from_plain(PlaybookReport, parse(to_json(report), file="x"), where="x") == report
    assert '"to_shares": [0.75]' in to_json(report)


def test_the_page_has_the_table_the_lookups_and_what_to_type() -> None:
    html = page([section(reckoned())])

    assert 'class="playbook-matrix"' in html
    assert "sites.a: enabled: false" in html
    assert ">−75</td>" in html
    assert html == page([section(reckoned())])


def test_the_terminal_text_is_as_kept() -> None:
    """Written anew with: python tests/planning/test_playbook_report.py"""
    assert printed() + "\n" + printed(site="a") == GOLDEN.read_text(encoding="utf-8")


def test_the_terminal_text_fits() -> None:
    for width in (80, 100):
        for line in printed(width=width, site="a").splitlines():
            assert len(line) <= width


def printed(*, width: int = 100, site: str = "") -> str:
    """The report as the terminal shows it."""
    console = Console(width=width, highlight=False, color_system=None)
    with console.capture() as capture:
        console.print(render(reckoned(site, poison=(10,)), width=width))
    return "".join(f"{line.rstrip()}\n" for line in capture.get().splitlines())


if __name__ == "__main__":
    GOLDEN.parent.mkdir(parents=True, exist_ok=True)
    GOLDEN.write_text(printed() + "\n" + printed(site="a"), encoding="utf-8")
