"""The report page as a document: its structure, its safety, its size, and that it is the same each time."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from importlib.resources import files
from itertools import pairwise

import pytest
from invented_report import invented
from page_tree import Element, parse

from anyplane.planning.html import render_html
from anyplane.planning.page.wording import percent
from anyplane.planning.report import Audience, Report, Rtt

HOSTILE = (
    "\"'></title></style></script><script>alert(1)</script>"
    "<img src=x onerror=alert(2)>{{ 7*7 }}{% x %}&amp;\u202e"
)
SIZES = {2: 96, 12: 96, 300: 400}


@pytest.fixture(scope="module", params=[1, 2, 12, 300], ids=lambda sites: f"{sites}-sites")
def page(request: pytest.FixtureRequest) -> str:
    return render_html(invented(request.param, metros=SIZES.get(request.param, 60)))


@pytest.fixture(scope="module")
def root(page: str) -> Element:
    return parse(page)


def test_every_figure_has_a_table_that_says_the_same(root: Element) -> None:
    figures = list(root.all("figure"))

    assert len(figures) >= 5
    for figure in figures:
        tables = list(figure.all("table"))
        assert tables, figure.text[:80]
        assert all(len(list(table.all("tr"))) > 1 for table in tables)
        assert any(child.tag == "figcaption" for child in figure.all())


def test_every_table_names_itself_and_its_rows_and_columns(root: Element) -> None:
    for table in root.all("table"):
        heads = list(table.all("th"))
        assert heads
        assert all(head.attributes.get("scope") in {"row", "col"} for head in heads)
        columns = [head for head in heads if head.attributes["scope"] == "col"]
        for row in next(table.all("tbody")).all("tr"):
            assert len(list(row.all("td", "th"))) == len(columns)


def test_ids_are_single_and_every_reference_is_met(root: Element) -> None:
    ids = [item.attributes["id"] for item in root.all() if "id" in item.attributes]

    assert len(ids) == len(set(ids))
    for item in root.all():
        for name in item.attributes.get("aria-labelledby", "").split():
            assert name in ids
        if item.attributes.get("href", "").startswith("#"):
            assert item.attributes["href"][1:] in ids


def test_headings_go_down_one_step_at_a_time(root: Element) -> None:
    levels = [int(item.tag[1]) for item in root.all("h1", "h2", "h3", "h4", "h5")]

    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_the_map_has_a_title_and_a_description(root: Element) -> None:
    for drawing in root.all("svg"):
        assert drawing.attributes["role"] == "img"
        kinds = [child.tag for child in drawing.children if isinstance(child, Element)]
        assert kinds[:2] == ["title", "desc"]


def test_nothing_is_asked_of_any_network(page: str, root: Element) -> None:
    for item in root.all():
        assert item.tag not in {"iframe", "object", "embed", "img", "form", "base"}
        assert not [name for name in item.attributes if name.startswith("on")]
        for name in ("src", "href", "xlink:href", "action", "srcset", "poster"):
            assert re.match(r"#|data:,?$", item.attributes.get(name, "#")), item
    assert not re.search(r"https?:|//[a-z]+\.|@import|url\(", page)


def test_the_policy_allows_nothing_but_our_own_script_and_style(root: Element) -> None:
    script = files("anyplane.planning.page").joinpath("page.js").read_text(encoding="utf-8")
    (policy,) = [
        item.attributes["content"]
        for item in root.all("meta")
        if item.attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))

    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == "'sha256-" + b64encode(sha256(script.encode()).digest()).decode() + "'"
    assert [item.text for item in root.all("script")] == [script]


def test_the_page_stays_small(page: str) -> None:
    assert len(page.encode()) < 1_500_000


def test_three_scenarios_are_three_sections_with_one_outline_of_the_land() -> None:
    page = render_html(invented(12, scenarios=3))
    root = parse(page)

    assert [item.attributes["id"] for item in root.all("article")] == ["s1", "s2", "s3"]
    assert sum(item.attributes.get("id") == "land" for item in root.all("path")) == 1
    (nav,) = root.all("nav")
    assert {"#s1-map", "#s2-failures", "#s3-countries", "#method"} <= {
        a.attributes["href"] for a in nav.all("a")
    }
    assert "All prefixes at a glance" in root.text


def test_equal_reports_give_equal_bytes() -> None:
    assert render_html(invented(12, scenarios=2)) == render_html(invented(12, scenarios=2))


@pytest.mark.parametrize("sites", [2, 12])
def test_nothing_from_the_design_becomes_markup(sites: int) -> None:
    plain, hostile = parse(render_html(invented(sites))), parse(render_html(invented(sites, suffix=HOSTILE)))

    def shape(root: Element) -> list[str]:
        # Names sort differently and long ones find less room on the map; all else must be as it was.
        return sorted(item.tag for item in root.all() if item.tag not in {"text", "path"})

    assert shape(hostile) == shape(plain)
    assert len(list(hostile.all("script"))) == 1
    assert HOSTILE in next(hostile.all("h1")).text
    assert HOSTILE in next(hostile.all("title")).text
    assert f"fra{HOSTILE}" in [item.text for item in hostile.all("span")]


def test_the_numbers_of_the_report_are_on_the_page() -> None:
    report = invented(12)
    scenario = report.scenarios[0]
    text = parse(render_html(report)).text.replace("\u00a0", " ")

    assert f"{scenario.users / 1e9:.2f} bn" in text
    assert "61.2 %" in text
    assert "38.5 %" in text
    assert "✕ broken" in text
    assert "? may be broken by ties" in text
    assert "its customer route through AS64500 wins" in text
    assert "(blackhole at AS64500)" in text
    assert "not enabled" in text
    assert "over: " in text


def test_the_page_says_for_whom_a_group_is() -> None:
    report = invented(12, scenarios=2, audience=Audience(countries=("CH", "LI"), is_exclusion=True))
    text = parse(render_html(report)).text.replace("\u00a0", " ")

    users = f"{report.scenarios[0].users / 1e9:.2f} bn users (everybody but CH, LI)"
    assert f"for {users}" in text
    lost = percent(report.unserved(report.scenarios[0])).replace("\u00a0", " ")
    assert f"Of {users}, {lost} reach no site; half of the others are answered within" in text
    assert "dns everybody but CH, LI" in text


def test_an_overload_is_said_in_words_as_well_as_in_colour() -> None:
    root = parse(render_html(invented(12)))

    marked = [cell for cell in root.all("td") if cell.attributes.get("class") == "over"]

    assert marked
    assert all("over: " in cell.text for cell in marked)


def _bare(report: Report) -> Report:
    scenario = replace(
        report.scenarios[0],
        users=0.0, unreached=0.0, unreached_share=0.0, certain=0.0, open=0.0, load=None, rtt=Rtt(),
        sites=tuple(
            replace(
                row, users=0.0, rtt=Rtt(),
                load=None, load_possible=None, utilisation=None, utilisation_possible=None,
            )
            for row in report.scenarios[0].sites
        ),
        ideal=replace(report.scenarios[0].ideal, users=0.0, share=0.0, rtt=Rtt(), groups=()),
        unicast=(), failures=(), objectives=(), residency=(), countries=(), metros=(), has_failures=False,
    )  # fmt: skip
    return replace(report, scenarios=(scenario,), warnings=())


@pytest.mark.parametrize("sites", [1, 12])
def test_a_report_without_users_or_answers_is_still_a_page(sites: int) -> None:
    text = parse(render_html(_bare(invented(sites)))).text

    assert "Nobody reaches a site." in text
    assert "Failures were not asked for." in text
    assert "The design states no objectives" in text
    assert "None" not in text


def test_a_metro_that_is_not_on_the_map_does_no_harm() -> None:
    report = invented(2)
    groups = tuple(
        replace(group, metro="XXX", reached="nobody") for group in report.scenarios[0].ideal.groups
    )
    scenario = replace(report.scenarios[0], ideal=replace(report.scenarios[0].ideal, groups=groups))

    assert "AS3320 in XXX" in parse(render_html(replace(report, scenarios=(scenario,)))).text


def _paths(root: Element, kind: str) -> list[Element]:
    groups = [group for group in root.all("g") if kind in group.attributes.get("class", "").split()]
    return [path for group in groups for path in group.all("path")]


def test_lines_to_sites_are_drawn_where_colours_repeat_and_detours_always() -> None:
    few, many = parse(render_html(invented(5))), parse(render_html(invented(12)))

    assert _paths(few, "spokes") == []
    assert len(_paths(many, "spokes")) == 11
    assert len(_paths(few, "arcs")) == len(_paths(many, "arcs")) == 10


def test_hollow_dots_are_metros_that_no_site_serves_by_two_thirds() -> None:
    report = invented(12)
    metros = [row for row in report.scenarios[0].metros if row.sites]

    dots = [item.attributes.get("class", "").split() for item in parse(render_html(report)).all("circle")]

    divided = sum(row.sites[0].users < row.users * 2 / 3 for row in metros)
    assert sum("split" in kinds for kinds in dots) == divided > 10
    assert sum("nobody" in kinds for kinds in dots) == 1


def test_a_flood_of_warnings_is_folded_but_whole() -> None:
    root = parse(render_html(replace(invented(2), warnings=tuple(f"number {k}" for k in range(300)))))

    assert "297 more warnings" in root.text
    assert "number 299" in root.text
