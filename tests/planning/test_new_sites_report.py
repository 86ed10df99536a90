"""The report on new sites in its three forms, and the design's file with the sites written in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import tiny_world
from rich.console import Console

from anyplane import design as designs
from anyplane.cli.optimize_sites import propose
from anyplane.datasets import load
from anyplane.design.design import Residency
from anyplane.model.errors import UsageError
from anyplane.model.nouns import SiteName
from anyplane.planning import jsonform
from anyplane.planning.latency import LatencyModel
from anyplane.planning.page.answers import page
from anyplane.planning.plan import plan
from anyplane.planning.search import new_sites_html, new_sites_text
from anyplane.planning.search.new_sites_answer import proposed, thin
from anyplane.planning.search.new_sites_map import draw
from anyplane.planning.search.new_sites_report import Aim, NewSitesReport, to_json
from anyplane.planning.search.new_sites_wish import Wish
from anyplane.topology import Topology

SAAS = Path("examples/saas-six-continents.yaml")
TEXT = """# Two sites.
version: 1
service: {name: two, origin: 64500, prefixes: [192.0.2.0/24], load: 1 qps per user}
sites:
    fra: {metro: FRA, upstreams: [{asn: 174}, {asn: 1299}]}   # the first
    nyc: {metro: NYC, upstreams: [{asn: 174}, {asn: 3356}]}
    # nothing in Asia yet
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Topology:
    """A synthetic Internet of 2,000 networks."""
    return load(None, cache=tmp_path_factory.mktemp("cache"), synthetic=2000, seed=1)


def tiny_report() -> NewSitesReport:
    """One site proposed, one rule, loads."""
    rule = Residency(name="german", countries=frozenset({"DE"}), sites=frozenset({SiteName("a")}))
    design = tiny_world.design(residency=(rule,))
    return proposed(design, tiny_world.topology(), Wish(count=2), latency=tiny_world.LATENCY)[0]


def printed(report: NewSitesReport, *, width: int, is_plain: bool) -> str:
    """The text on a terminal of this width."""
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    console.print(new_sites_text.render(report, is_plain=is_plain))
    console.file.close()
    return console.export_text()


def test_the_report_goes_through_json_and_back() -> None:
    report = tiny_report()

    plain = jsonform.parse(to_json(report), file="r.json")

    assert report.kind == "new-sites"
    assert jsonform.from_plain(NewSitesReport, plain, where="r.json") == report


@pytest.mark.parametrize("width", [80, 100])
def test_the_text_says_what_matters_and_fits(width: int) -> None:
    text = printed(tiny_report(), width=width, is_plain=True)

    assert max(map(len, text.splitlines())) <= width
    assert text.isascii()
    for said in ("Brest", "from c 250", "longer for nobody", "german: unchanged", "500 qps"):
        assert said in text
    assert "bbb: {metro: BBB, upstreams: [{asn: 20}]}" in text


def test_the_page_holds_the_same_and_escapes_names() -> None:
    report = replace(tiny_report(), service="<b>tiny</b>")

    made = page([new_sites_html.section(report)])

    assert "<b>tiny" not in made
    assert made == page([new_sites_html.section(report)])
    for said in ("Brest", "upstreams: [{asn: 20}]", "AS20 Twenty", "<caption"):
        assert said in made


def test_the_map_shows_new_sites_and_who_comes_nearer_and_its_table_says_the_same() -> None:
    report = tiny_report()
    gone = replace(report.changes[0], metro="XXX", before=10.0, after=30.0)

    made = draw(replace(report, changes=(*report.changes, gone)))

    assert [spot.site for spot in report.sites if spot.is_new] == ["bbb"]
    assert [ring.kind for ring in made.rings].count("new") == 1
    assert [(one.metro, one.users, one.after < one.before) for one in report.changes] == [
        ("BBB", 250.0, True)
    ]
    assert sorted(dot.kind for dot in made.dots) == ["longer", "shorter"]
    assert "bbb" in {label.text for label in made.wide_labels}
    body = new_sites_html.section(report).body
    assert body.count('class="newsites-shorter"') == 1
    assert body.count('class="newsites-new"') == 1
    assert "The same as a table: 1 metro<" in body


def test_what_the_map_adds_up_is_what_the_mean_falls_by(world: Topology) -> None:
    report, _ = proposed(designs.parse(TEXT, file="two.yaml"), world, Wish(count=2))

    won = sum(one.users * (one.before - one.after) for one in report.changes) / report.total_users

    # Metros that change by less than half a millisecond are left out.
    assert won == pytest.approx(sum(item.gain for item in report.proposals), abs=0.1)
    assert [one.users * (one.before - one.after) for one in report.changes] == sorted(
        (one.users * (one.before - one.after) for one in report.changes), reverse=True
    )


def test_upstreams_that_hardly_are_some_are_named() -> None:
    item = tiny_report().proposals[0]
    used = item.upstreams[0]
    small = replace(used, is_used=False)
    server = replace(used, asn=64000, kind="route_server", is_used=False)

    assert (used.kind, used.customers) == ("transit", 2)
    assert thin(item) == []
    assert thin(replace(item, upstreams=(small,))) == [
        "bbb: AS20 has only 2 in its customer cone; ask if it sells transit"
    ]
    assert thin(replace(item, upstreams=(replace(small, customers=10), server))) == []
    assert "bbb has no transit" in thin(replace(item, upstreams=(server,)))[0]


def test_nothing_to_propose_is_said() -> None:
    report = replace(tiny_report(), proposals=(), others=())

    assert "No new site makes the users' mean RTT better" in printed(report, width=100, is_plain=False)
    assert "No new site" in new_sites_html.section(report).body


def test_the_file_with_the_sites_in_it_plans_as_reported(
    world: Topology, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    design = designs.parse(TEXT, file="two.yaml")
    file = tmp_path / "r.json"

    text = propose(
        design,
        TEXT,
        world,
        LatencyModel(),
        count=2,
        capacity="2000 Mqps",
        json_file=str(file),
        html=str(tmp_path / "r.html"),
    )

    plain = jsonform.parse(file.read_text(encoding="utf-8"), file="r.json")
    report = jsonform.from_plain(NewSitesReport, plain, where="r.json")
    grown = designs.parse(text, file="two.yaml")
    (planned,) = plan(grown, world).scenarios
    assert len(report.proposals) == 2
    assert report.proposals[-1].rtt_after == planned.rtt
    assert report.proposals[-1].users == planned.sites[-1].users
    lines = text.splitlines()
    assert [line for line in lines if line not in TEXT.splitlines()] == [
        f"    {item.line}" for item in report.proposals
    ]
    assert TEXT.splitlines() == [line for line in lines if line in TEXT.splitlines()]


def test_a_design_with_several_scenarios_needs_a_group(world: Topology) -> None:
    text = SAAS.read_text(encoding="utf-8")
    design = designs.parse(text, file=str(SAAS))

    with pytest.raises(UsageError, match="--group"):
        propose(design, text, world, LatencyModel(), count=1)
    report, sites = proposed(design, world, Wish(group="api", aim=Aim.P95))
    assert sites
    assert [site.announce for site in sites] == [("api",)]
    assert report.proposals[0].rtt_after.p95 < report.rtt_today.p95


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"count": 0}, "1 to 50"),
        ({"count": 1, "size": 6}, "1 to 5"),
        ({"count": 1, "goal": "fast"}, "mean, p50"),
        ({"count": 1, "goal": "load"}, "no site of the design has a capacity"),
        ({"count": 1, "capacity": "2 Gbps"}, "counts in qps"),
        ({"count": 1, "capacity": "much"}, "--capacity"),
    ],
)
def test_bad_input_is_named(world: Topology, changes: dict[str, object], said: str) -> None:
    design = designs.parse(TEXT, file="two.yaml")

    with pytest.raises(UsageError) as caught:
        propose(design, TEXT, world, LatencyModel(), **changes)

    assert said in str(caught.value)


def test_relief_needs_a_capacity(world: Topology) -> None:
    text = TEXT.replace("{metro: FRA,", "{metro: FRA, capacity: 3000 Mqps,")
    design = designs.parse(text, file="two.yaml")

    with pytest.raises(UsageError, match="what it can carry"):
        propose(design, text, world, LatencyModel(), count=1, goal="load")
    with pytest.raises(UsageError, match="what it can carry"):
        proposed(design, world, Wish(aim=Aim.LOAD))
    report, _ = proposed(
        design, world, Wish(aim=Aim.LOAD, capacity=3e9, capacity_text="3000 Mqps"), latency=LatencyModel()
    )
    for item in report.proposals:
        assert item.load_after.utilisation < report.load_today.utilisation


def test_a_new_site_that_would_be_too_full_is_said(world: Topology) -> None:
    design = designs.parse(TEXT, file="two.yaml")

    report, _ = proposed(design, world, Wish(capacity=1e6, capacity_text="1 Mqps"))

    name = report.proposals[0].site
    assert report.warnings[0].startswith(f"with {name}, {name} is at ")
