"""certainty in words: the section of the tiny world as it is printed, and on the page."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

from rich.console import Console, RenderableType
from tiny_world import LATENCY, design, topology

from anyplane.calibration.calibration import NOTHING
from anyplane.planning import certainty_text
from anyplane.planning.certainty import with_certainty
from anyplane.planning.certainty_difference import certainty_difference
from anyplane.planning.certainty_explained import stated_for
from anyplane.planning.certainty_report import Certainty, SiteChance, StatedShare, Unsure
from anyplane.planning.compile import compile as compile_design
from anyplane.planning.html import render_html
from anyplane.planning.page.certainty_plot import draw
from anyplane.planning.plan import plan
from anyplane.planning.report import Report
from anyplane.planning.text import render


def printed(renderable: RenderableType) -> str:
    console = Console(file=StringIO(), width=100, highlight=False)
    console.print(renderable)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def report() -> Report:
    plain = plan(design(), topology(), latency=LATENCY, failures=False)
    return with_certainty(plain, design(), topology())


GOLDEN = """\
How sure that is  no measurement: only chances by class of link
85.0 % of users are where one site has 90 % or more, 0 % where none has 60 %; 65 may be elsewhere
than at their likeliest site.

site  stated  90 % interval
─────────────────────────────────────────────────────────────────────
a     62.4 %  46.0 – 78.3 %                         ├───────●───────┤
c     32.6 %  16.5 – 48.6 %          ├───────●───────┤

users  unsettled  networks that it is least sure of
───────────────────────────────────────────────────
  100         36  AS103 C-Net: c 64 %, a 36 %

decides for  unsettled  networks on whose own choice most of that depends
──────────────────────────────────────────────────────────────────────────────
        100         35  AS103 C-Net may give its users to c (64 %) or a (36 %)
         65        2.2  AS20 Twenty may give its users to c (97 %) or a (3 %)
         38        1.3  AS10 Ten may give its users to a (97 %) or c (3 %)

up to  what would settle most, if it were measured, and why
────────────────────────────────────────────────────────────────────────────────────────────────────
   36  announce a and c as planned and ping (anyplane measure import): no announcement of both was
       learned from; they are these users' two likeliest sites
  3.6  announce a alone for an hour and import collector paths: no path to a alone is known; transit
       networks choose between it and others
  3.6  announce c alone for an hour and import collector paths: no path to c alone is known; transit
       networks choose between it and others
"""


def test_the_section_of_the_tiny_world() -> None:
    text = printed(render(report()))

    assert text[text.index("How sure that is") :] == GOLDEN


def test_without_certainty_text_and_page_say_nothing_of_it() -> None:
    plain = plan(design(), topology(), latency=LATENCY, failures=False)

    assert "How sure" not in printed(render(plain))
    assert "ertainty" not in render_html(plain)
    assert ".shares" not in render_html(plain)


def test_the_page_has_a_plot_with_a_bar_for_each_site_and_a_table() -> None:
    page = render_html(report())

    assert page.count('<path class="bar"') == 2
    assert 'href="#s1-certainty"' in page
    assert "announce a and c as planned and ping" in page
    assert "The shares as a table" in page


def test_names_from_outside_are_escaped_on_the_page() -> None:
    found = report()
    (scenario,) = found.scenarios
    assert scenario.certainty is not None
    nasty = replace(scenario.certainty, basis="<script>alert(1)</script>")

    page = render_html(replace(found, scenarios=(replace(scenario, certainty=nasty),)))

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_three_hundred_sites_fit_a_terminal() -> None:
    sites = tuple(StatedShare(site=f"site-{n:03d}", share=1 / 300, low=0.001, high=0.4) for n in range(300))
    many = Certainty(
        basis="b" * 150, is_calibrated=True, spread=1, sure=0.5, doubtful=0.1, unsettled=5e9, sites=sites
    )

    for is_plain in (True, False):
        lines = printed(certainty_text.render(many, is_plain=is_plain)).splitlines()
        assert max(len(line) for line in lines) <= 100
        assert any("280 more sites with 93.3 % of users" in line for line in lines)


def test_the_whisker_has_its_point_between_its_ends() -> None:
    row = StatedShare(site="a", share=0.5, low=0.25, high=1.0)

    assert (
        certainty_text.whisker(row, full=1.0, is_plain=True)
        == " " * 10 + "[" + "-" * 9 + "o" + "-" * 18 + "]"
    )
    assert certainty_text.whisker(row, full=0.0) == ""


def test_a_choice_among_more_than_two_sites_says_so() -> None:
    two = (SiteChance(site="fra", probability=0.62), SiteChance(site="nyc", probability=0.38))
    row = Unsure(asn=174, name="COGENT", users=1, unsettled=1, likeliest=two)

    assert certainty_text.choice(row) == "AS174 COGENT may give its users to fra (62 %) or nyc (38 %)"
    third = replace(row, likeliest=(replace(two[0], probability=0.4), two[1]))
    assert certainty_text.choice(third).endswith("fra (40 %), nyc (38 %) or another")
    one = replace(row, likeliest=(replace(two[0], probability=0.97),))
    assert certainty_text.choice(one).endswith("fra (97 %) or another")


def test_the_axis_of_the_plot_ends_with_a_round_share_beyond_the_longest_bar() -> None:
    (scenario,) = report().scenarios
    assert scenario.certainty is not None
    plot = draw(scenario.certainty)

    top = plot.ticks[-1][1]
    assert max(row.share.high for row in plot.rows) <= top <= 1
    assert all(row.low <= row.x <= row.high <= plot.ticks[-1][0] for row in plot.rows)
    assert [row.share.site for row in plot.rows] == ["a", "c"]


def test_a_difference_and_an_explanation_are_printed() -> None:
    on = topology()
    ((item,), _) = certainty_difference(
        (design(), design(sites=design().sites[:1])), on, NOTHING, pairs=[("all", "all")]
    )
    text = printed(certainty_text.render_difference(item))

    assert text.startswith("all: stated shares  no measurement")
    assert [line.split()[:2] for line in text.splitlines()][-1] == ["c", "a"]
    (scenario,) = compile_design(design(), on)
    (stated,) = stated_for(design(), scenario, on, NOTHING, [(int(on.pop_start[on.index_of(104)]), (104,))])
    assert printed(certainty_text.render_stated(stated)) == (
        "How sure that is  no route  (no measurement: only chances by class of link)\n"
    )
