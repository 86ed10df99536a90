"""What `anyplane score` prints, to the letter, and its page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from rich.console import Console
from score_worlds import dozen, forecast, observed

from anyplane.planning.jsonform import from_plain, parse
from anyplane.planning.score import score
from anyplane.planning.score_html import render_html
from anyplane.planning.score_report import By, Score, to_json
from anyplane.planning.score_text import render

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "score"
HOSTILE = "<script>alert(1)</script>"


def text_of(result: Score, *, by: By = By.NETWORKS, is_plain: bool = False) -> str:
    console = Console(width=100, color_system=None, force_terminal=False)
    with console.capture() as capture:
        console.print(render(result, by=by, is_plain=is_plain))
    return "".join(f"{line.rstrip()}\n" for line in capture.get().splitlines())


def dns() -> Score:
    return score(*dozen(), service="dns", predicted="forecast.csv", observed="seen.parquet")


@pytest.mark.parametrize("by", list(By))
def test_the_text_is_the_golden_one_within_100_columns(by: By) -> None:
    text = text_of(dns(), by=by)

    assert max(map(len, text.splitlines())) <= 100
    assert text == (GOLDEN / f"by-{by}.txt").read_text(encoding="utf-8")


def test_a_terminal_without_utf_8_gets_bars_of_ascii() -> None:
    text = text_of(dns(), is_plain=True)

    assert "####" in text
    assert "█" not in text


def test_many_sites_are_cut_and_their_confusions_listed() -> None:
    names = [f"a-site-with-a-long-name-{number}" for number in range(30)]
    odds = {asn: [1.0 if index == asn % 30 else 0.0 for index in range(30)] for asn in range(1, 301)}
    rows = [(asn, names[(asn + asn % 2) % 30], 1.0) for asn in range(1, 301)]

    result = score(forecast(odds, sites=names), observed(rows))
    text = text_of(result)

    assert max(map(len, text.splitlines())) <= 100
    assert "10 more in --json" in text
    assert re.search(r"^\d+ more +\d", text, re.MULTILINE)


def test_json_holds_the_whole_score() -> None:
    result = dns()

    assert from_plain(Score, parse(to_json(result), file="score.json"), where="score") == result


@pytest.mark.parametrize("by", list(By))
def test_the_page_says_what_the_text_says(by: By) -> None:
    result = dns()
    shown = result.measures(by)

    page = render_html(result, by=by)

    words = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page).replace("\u00a0", " "))
    assert f"By {by.value}" in words
    for one in shown.sites:
        assert f"{one.expected * 100:.1f} %" in words
        assert f"{one.observed * 100:.1f} %" in words
    assert page.count("<circle") == sum(one.stated is not None for one in shown.bins)
    assert "AS12" in words
    assert not re.search(r"(src|href)=\"(?!#|data:,)", page)


def test_every_table_of_the_page_names_its_rows_and_columns() -> None:
    page = render_html(dns())

    for table in re.findall(r"<table.*?</table>", page, re.DOTALL):
        assert "<caption" in table
        columns = table.count('scope="col"')
        rows = re.findall(r"<tr.*?</tr>", table.partition("<tbody>")[2], re.DOTALL)
        assert rows
        assert all(len(re.findall(r"<t[hd]\b", row)) == columns for row in rows)
        assert all(row.count('scope="row"') == 1 for row in rows)
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)


def test_names_from_files_are_escaped_in_the_page() -> None:
    result = score(
        forecast({1: (1, 0), 2: (0, 1)}, sites=("fra", HOSTILE)),
        observed([(1, "fra", 1.0), (2, HOSTILE, 1.0)]),
        service=HOSTILE,
        predicted=HOSTILE,
    )

    page = render_html(result)

    assert HOSTILE not in page
    assert "&lt;script&gt;alert(1)" in page
    assert render_html(result) == page
