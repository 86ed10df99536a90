"""The three faces of a TrustReport: JSON that comes back, text that fits, a page without holes."""

from __future__ import annotations

import html.parser
import json
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
import random_worlds
import tiny_world
from rich.console import Console
from trust_definition import vrp

from anyplane.model.errors import UsageError
from anyplane.model.rpki import VrpSet
from anyplane.planning.jsonform import from_plain
from anyplane.planning.page.answers import page
from anyplane.planning.trust import kept, trust, words
from anyplane.planning.trust.html import section
from anyplane.planning.trust.report import Attack, TrustReport, to_json
from anyplane.planning.trust.text import render

NOW = 1_795_284_000
VRPS = VrpSet(source="vrps.json", form="made", total=1, vrps=(vrp("192.0.2.0/24", 64500, 25),), generated=NOW)


def sampled(seed: int = 3, **changes: object) -> tuple[TrustReport, trust.Work]:
    """A report of a random world, with two situations for the prefix without a ROA."""
    rng = np.random.default_rng(seed)
    world = random_worlds.topology(rng, networks=40)
    design = random_worlds.design(rng, world)
    asking = trust.Asking(now=NOW, sample=25, **changes)  # type: ignore[arg-type]
    work = trust.prepare(design, world, VRPS, asking, threads=2)
    trust.run(work)
    return trust.report(design, VRPS, asking, work), work


def written(report: TrustReport, width: int, *, is_plain: bool = False) -> str:
    console = Console(width=width, file=StringIO(), highlight=False)
    console.print(render(report, is_plain=is_plain, width=width))
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_the_json_comes_back_as_the_same_report() -> None:
    for report in (sampled()[0], sampled(attackers=())[0]):
        plain = json.loads(to_json(report))

        assert (plain["kind"], plain["version"]) == ("trust", 1)
        assert from_plain(TrustReport, plain, where="report") == report


def test_the_same_question_gives_the_same_bytes() -> None:
    assert to_json(sampled()[0]) == to_json(sampled()[0])


@pytest.mark.parametrize("width", [80, 100])
def test_the_text_fits_and_says_the_same_without_colour(width: int) -> None:
    report, _ = sampled()
    text = written(report, width)

    assert max(map(len, text.splitlines())) <= width
    for word in ("not found", "ROAs to create", "forged origin", "nobody", "everybody", "the strongest"):
        assert word in text
    if width == 80:
        written(report, width, is_plain=True).replace("…", "").replace("–", "").encode("ascii")


def test_named_attackers_are_listed_each() -> None:
    world = tiny_world.topology()
    asking = trust.Asking(now=NOW, attackers=(102, 103))
    work = trust.prepare(tiny_world.design(), world, VRPS, asking)
    trust.run(work)
    text = written(trust.report(tiny_world.design(), VRPS, asking, work), 100)

    assert "AS102 B-Net" in text
    assert "AS103 C-Net" in text
    assert "the strongest" not in text


def test_the_page_is_well_formed_and_names_what_it_shows() -> None:
    report, _ = sampled()
    found = page([section(report)])

    opened: list[str] = []
    ids: list[str] = []

    class Reader(html.parser.HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            ids.extend(str(value) for name, value in attrs if name == "id")
            if tag not in ("meta", "link", "br", "line", "polyline"):
                opened.append(tag)

        def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            pass

        def handle_endtag(self, tag: str) -> None:
            assert opened.pop() == tag

    Reader().feed(found)
    assert opened == []
    assert len(ids) == len(set(ids))
    assert all(f'id="{name}"' in found for name in ("trust", "trust-roas", "trust-hijack-0"))
    pictured = {(item.scenario, one.state, one.cells) for item in report.exposures for one in item.situations}
    assert found.count("<svg") == len(pictured)
    assert "None" not in found
    assert "http://" not in found.replace("http://www.w3.org", "")
    assert "https://" not in found


def test_a_report_without_hijacks_has_all_three_faces() -> None:
    report = trust.report(tiny_world.design(), VRPS, trust.Asking(now=NOW))

    assert "Hijack" not in written(report, 100)
    assert "trust-hijack" not in page([section(report)])
    assert json.loads(to_json(report))["exposures"] == []


def test_runs_that_are_kept_give_the_same_report_without_running() -> None:
    report, work = sampled()
    text = kept.to_text(work.runs(), work.fingerprints())

    rng = np.random.default_rng(3)
    world = random_worlds.topology(rng, networks=40)
    design = random_worlds.design(rng, world)
    again = trust.prepare(design, world, VRPS, work.asking)
    again.resume(kept.from_text(text, again.fingerprints(), file="runs.json"))
    heard: list[int] = []
    trust.run(again, progress=lambda done, _planned: heard.append(done))

    assert heard == []
    assert trust.report(design, VRPS, work.asking, again) == report


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("anyplane trust: runs", "something"), "does not hold runs"),
        (('"version": 2', '"version": 3'), "another version"),
        (('/24": "', '/24": "x'), "another question"),
        (('"variant":', '"variantz":'), "is damaged"),
        (('"taken":[0.0,', '"taken":[NaN,'), "checksum"),
        (('"taken":[0.0,', '"taken":[-5.0,'), "checksum"),
        (('"seal": "', '"seal": "x'), "checksum"),
    ],
)
def test_a_file_of_other_runs_is_refused(change: tuple[str, str], says: str) -> None:
    _, work = sampled()
    text = kept.to_text(work.runs(), work.fingerprints())

    assert change[0] in text
    with pytest.raises(UsageError, match=says):
        kept.from_text(text.replace(*change), work.fingerprints(), file="runs.json")


def test_runs_between_other_relationships_are_of_another_question() -> None:
    _, work = sampled()
    sweep = work.sweeps[0][0]
    before = sweep.fingerprint()
    peers = sweep.topology.adj_peers.copy()
    at = int(np.flatnonzero(sweep.topology.adj_customers > peers)[0])
    peers[at] += 1  # a neighbour that was a peer is a provider

    sweep.topology = replace(sweep.topology, adj_peers=peers)

    assert sweep.fingerprint() != before


def test_an_interrupt_leaves_a_report_of_what_was_done() -> None:
    world = tiny_world.topology()
    asking = trust.Asking(now=NOW, sample=4)
    work = trust.prepare(tiny_world.design(), world, VRPS, asking, threads=1)

    def stop(_done: int, _planned: int) -> None:
        raise KeyboardInterrupt

    trust.run(work, progress=stop)
    report = trust.report(tiny_world.design(), VRPS, asking, work)

    assert report.is_partial
    cells = report.exposures[0].situations[0].cells
    assert {cell.attackers for cell in cells} == {0, 4}, "a cell is of all attackers or not there"
    assert "Interrupted" in written(report, 100)
    assert page([section(report)])


def test_a_sample_says_how_far_its_median_may_be_off() -> None:
    report, _ = sampled()
    item = report.exposures[0]
    situation = item.situations[0]
    curve = tuple(step / 100 for step in range(101))
    cells = tuple(
        replace(cell, attackers=1000, curve=curve) if cell.attack is Attack.SAME else cell
        for cell in situation.cells
    )
    drawn = replace(situation, cells=cells, named=())
    few = replace(item, attackers=1000, networks=80_000, users=1e6, situations=(drawn,))

    # Ranks 469 to 531 of 1,000 hold the median with 95 %: the percents around them.
    assert "between 46.0 % and 54.0 % (19 times of 20)" in words.lead(few, drawn)
    assert "19 times" not in words.lead(replace(few, networks=1500), drawn), "nearly all were tried"
