"""Sites written into a design: at the end of `sites:`, in the style that is there."""

from __future__ import annotations

import json

import pytest

from anyplane import design
from anyplane.design.editing import alike
from anyplane.design.editing_sites import NewSite, design_with, free_name, site_line, with_sites
from anyplane.model.errors import UsageError
from anyplane.model.nouns import Asn, UpstreamKind

HEAD = (
    "version: 1\nservice: {name: dns, origin: 64500, prefixes: {a: [192.0.2.0/24], b: [198.51.100.0/24]}}\n"
)
IST = NewSite(
    name="ist",
    metro="IST",
    upstreams=((Asn(174), UpstreamKind.TRANSIT), (Asn(64000), UpstreamKind.ROUTE_SERVER)),
    announce=("b",),
    capacity="2 Mqps",
)
LINE = (
    "ist: {metro: IST, capacity: 2 Mqps, announce: [b], "
    "upstreams: [{asn: 174}, {asn: 64000, kind: route_server}]}"
)

NYC_PEER = {"asn": 174, "kind": "peer"}


def lines(*rows: str) -> str:
    """The rows as one text."""
    return "\n".join(rows)


@pytest.mark.parametrize(
    ("sites", "expected"),
    [
        (
            lines("sites:", "  fra: {metro: FRA, upstreams: [{asn: 174}]}  # one", "# end", ""),
            f"sites:\n  fra: {{metro: FRA, upstreams: [{{asn: 174}}]}}  # one\n  {LINE}\n# end\n",
        ),
        (
            lines(
                "sites:",
                "    fra:",
                "        metro: FRA",
                "        upstreams:",
                "        - asn: 174",
                "        # - asn: 1299",
                "",
                "check: {}",
            ),
            lines(
                "sites:",
                "    fra:",
                "        metro: FRA",
                "        upstreams:",
                "        - asn: 174",
                "        # - asn: 1299",
                "    ist:",
                "      metro: IST",
                "      capacity: 2 Mqps",
                "      announce: [b]",
                "      upstreams:",
                "        - {asn: 174}",
                "        - {asn: 64000, kind: route_server}",
                "",
                "check: {}",
            ),
        ),
        (
            "sites: {fra: {metro: FRA, upstreams: [{asn: 174}]}}",
            f"sites: {{fra: {{metro: FRA, upstreams: [{{asn: 174}}]}}, {LINE}}}",
        ),
    ],
)
def test_a_site_is_written_as_the_others_are(sites: str, expected: str) -> None:
    before = design.parse(HEAD + sites, file="d.yaml")

    text = with_sites(HEAD + sites, before, [IST])

    assert text == HEAD + expected
    assert alike(design.parse(text, file="d.yaml")) == alike(design_with(before, [IST]))


def test_several_sites_keep_their_order_and_a_site_may_have_a_comment() -> None:
    text = HEAD + "sites:\n  fra: {metro: FRA, upstreams: [{asn: 174}]}"
    before = design.parse(text, file="d.yaml")
    other = NewSite(name="nyc", metro="NYC", upstreams=((Asn(174), UpstreamKind.PEER),), comment="a hub")

    result = with_sites(text, before, [other, IST])

    assert (
        result == f"{text}\n  # a hub\n  nyc: {{metro: NYC, upstreams: [{{asn: 174, kind: peer}}]}}\n  {LINE}"
    )
    assert with_sites(text, before, []) == text
    assert site_line(IST) == LINE


def test_names_are_free_ones() -> None:
    text = HEAD + "sites:\n  ist: {metro: IST, upstreams: [{asn: 174}]}\n"
    before = design.parse(text, file="d.yaml")

    assert free_name(before, "SIN") == "sin"
    assert free_name(before, "IST") == "ist-2"
    with pytest.raises(UsageError, match="cannot be written"):
        with_sites(text, before, [IST])


def test_a_metro_that_is_no_place_is_refused() -> None:
    text = HEAD + "sites:\n  ist: {metro: IST, upstreams: [{asn: 174}]}\n"
    nowhere = NewSite(name="m01", metro="M01", upstreams=((Asn(174), UpstreamKind.TRANSIT),))

    with pytest.raises(UsageError, match="M01"):
        with_sites(text, design.parse(text, file="d.yaml"), [nowhere])


def test_json_stays_json_and_a_site_gets_a_line_where_the_others_have_one() -> None:
    whole = {
        "version": 1,
        "service": {"name": "x", "origin": 64500, "prefixes": ["192.0.2.0/24"]},
        "sites": {"fra": {"metro": "FRA", "upstreams": [{"asn": 174}]}},
    }
    nyc = NewSite(name="nyc", metro="NYC", upstreams=((Asn(174), UpstreamKind.PEER),))
    grown = {**whole, "sites": {**whole["sites"], "nyc": {"metro": "NYC", "upstreams": [NYC_PEER]}}}

    for indent in (None, 2):
        text = json.dumps(whole, indent=indent)
        result = with_sites(text, design.parse(text, file="d.json"), [nyc])
        assert json.loads(result) == grown
        assert len(result.splitlines()) == len(text.splitlines()) + (indent is not None)


@pytest.mark.parametrize("comma", ["", ","])
def test_in_brackets_a_comment_stays_with_its_site(comma: str) -> None:
    text = HEAD + lines(
        "sites: {", f"  fra: {{metro: FRA, upstreams: [{{asn: 174}}]}}{comma}  # one", "}  # end"
    )
    before = design.parse(text, file="d.yaml")

    result = with_sites(text, before, [IST])

    assert result == HEAD + lines(
        "sites: {",
        "  fra: {metro: FRA, upstreams: [{asn: 174}]},  # one",
        f"  {LINE}{comma}",
        "}  # end",
    )
