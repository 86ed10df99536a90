"""What an edit turns into in each style of writing, character for character."""

from __future__ import annotations

import pytest
import yaml
from edited_designs import HEAD, at, changed, lines

from anyplane import design
from anyplane.design.editing import edited
from anyplane.design.setting import OFF, Setting, Uplink


@pytest.mark.parametrize(
    ("sites", "settings", "expected"),
    [
        (
            lines("  fra: {metro: FRA, upstreams: [{asn: 174}, {asn: 1299}]}  # keep", ""),
            {at(0, 0): Setting(prepend=2)},
            [
                "-   fra: {metro: FRA, upstreams: [{asn: 174}, {asn: 1299}]}  # keep",
                "+   fra: {metro: FRA, upstreams: [{asn: 174, prepend: 2}, {asn: 1299}]}  # keep",
            ],
        ),
        (  # lists not indented under their key; a comment on the line
            lines(
                "  fra:",
                "    metro: FRA",
                "    upstreams:",
                "    - asn: 174  # the first",
                "      kind: peer",
                "",
            ),
            {at(0, 0): Setting(is_no_export=True)},
            ["+       no_export: true"],
        ),
        (  # own keys win over a policy that stays
            lines("  fra: {metro: FRA, upstreams: [{asn: 174, policy: kept}]}", ""),
            {at(0, 0): Setting()},
            [
                "-   fra: {metro: FRA, upstreams: [{asn: 174, policy: kept}]}",
                "+   fra: {metro: FRA, upstreams: [{asn: 174, policy: kept, no_export: false}]}",
            ],
        ),
        (  # a policy's community: the rest of the policy is written out
            lines(
                "  fra:",
                "    metro: FRA",
                "    upstreams:",
                "      - policy: [quiet, kept]",
                "        asn: 3320",
                "",
            ),
            {at(0, 0): Setting(prepend=2, med=5, is_no_export=True, actions=("64520:1",))},
            [
                "-       - policy: [quiet, kept]",
                "+       - policy: [kept]",
                "+         prepend: 2",
                "+         med: 5",
                '+         communities: ["64520:1"]',
            ],
        ),
        (  # the flag is a community of the list
            lines("  fra: {metro: FRA, upstreams: [{asn: 174, communities: [no-export, '174:7']}]}", ""),
            {at(0, 0): Setting()},
            [
                "-   fra: {metro: FRA, upstreams: [{asn: 174, communities: [no-export, '174:7']}]}",
                "+   fra: {metro: FRA, upstreams: [{asn: 174, communities: ['174:7']}]}",
            ],
        ),
        (
            lines(
                "  fra:",
                "    metro: FRA",
                "    upstreams:",
                "      - asn: 174",
                "        communities:",
                "          - graceful-shutdown  # for now",
                "",
            ),
            {at(0, 0): Setting()},
            [
                "-         communities:",
                "-           - graceful-shutdown  # for now",
                "+         communities: []",
            ],
        ),
        (  # withdrawn from a list on lines of its own: nothing is lost
            lines(
                "  fra:",
                "    metro: FRA",
                "    upstreams:",
                "      - asn: 174",
                "        # the old one",
                "        prepend: 1",
                "",
                "      - {asn: 1299}",
                "",
            ),
            {at(0, 0): OFF},
            ["-       - asn: 174", "+       # - asn: 174", "-         prepend: 1", "+       #   prepend: 1"],
        ),
        (  # a comma behind the last one
            "  fra: {metro: FRA, upstreams: [{asn: 174, communities: [ no-export , ], },]}",
            {at(0, 0): Setting(med=1)},
            [
                "-   fra: {metro: FRA, upstreams: [{asn: 174, communities: [ no-export , ], },]}",
                "+   fra: {metro: FRA, upstreams: [{asn: 174, communities: [], med: 1, },]}",
            ],
        ),
        (  # withdrawn from brackets
            lines("  fra: {metro: FRA, upstreams: [{asn: 174}, {asn: 1299}, {asn: 2914}]}", ""),
            {at(0, 0): OFF, at(0, 2): OFF},
            [
                "-   fra: {metro: FRA, upstreams: [{asn: 174}, {asn: 1299}, {asn: 2914}]}",
                "+   fra: {metro: FRA, upstreams: [{asn: 1299}]}",
            ],
        ),
        (
            lines(
                "  fra:",
                "    metro: FRA",
                "    upstreams: [",
                "      {asn: 174},   # one",
                "      {asn: 1299}  # two",
                "    ]",
                "",
            ),
            {at(0, 1): OFF},
            ["-       {asn: 1299}  # two"],
        ),
        (  # all of them
            lines("  fra: {metro: FRA, upstreams: [{asn: 174}, {asn: 1299}]}", ""),
            {at(0, 0): OFF, at(0, 1): OFF},
            [
                "-   fra: {metro: FRA, upstreams: [{asn: 174}, {asn: 1299}]}",
                "+   fra: {metro: FRA, enabled: false, upstreams: [{asn: 174}, {asn: 1299}]}",
            ],
        ),
        (
            lines(
                "  fra:",
                "    metro: FRA  # here",
                "    enabled: true  # for now",
                "    upstreams:",
                "    - {asn: 174}",
                "",
            ),
            {at(0, 0): OFF},
            ["-     enabled: true  # for now", "+     enabled: false  # for now"],
        ),
        (  # an alias is written out for the one site
            lines(
                "  fra: {metro: FRA, upstreams: &both [{asn: 174}, {asn: 1299}]}",
                "  nyc: {metro: NYC, upstreams: *both}",
                "  sin: {metro: SIN, upstreams: *both}",
                "",
            ),
            {at(1, 0): Setting(prepend=1)},
            [
                "-   nyc: {metro: NYC, upstreams: *both}",
                "+   nyc: {metro: NYC, upstreams: [{asn: 174, prepend: 1}, {asn: 1299}]}",
            ],
        ),
        (  # the anchor moves on to who uses it first
            lines(
                "  fra:",
                "    metro: FRA",
                "    upstreams: &both  # shared",
                "      - {asn: 174}",
                "      - {asn: 1299}",
                "  nyc:",
                "    metro: NYC",
                "    upstreams: *both  # too",
                "  sin: {metro: SIN, upstreams: *both}",
                "",
            ),
            {at(0, 0): Setting(prepend=1)},
            [
                "-     upstreams: &both  # shared",
                "+     upstreams:  # shared",
                "-       - {asn: 174}",
                "+       - {asn: 174, prepend: 1}",
                "-     upstreams: *both  # too",
                "+     upstreams: &both  # too",
                "+       - {asn: 174}",
                "+       - {asn: 1299}",
            ],
        ),
        (  # JSON stays JSON
            lines('  {"fra": {"metro": "FRA", "upstreams": [{"asn": 174}]}}', ""),
            {at(0, 0): Setting(prepend=1, actions=("64520:1",))},
            [
                '-   {"fra": {"metro": "FRA", "upstreams": [{"asn": 174}]}}',
                (
                    '+   {"fra": {"metro": "FRA", "upstreams": '
                    '[{"asn": 174, "communities": ["64520:1"], "prepend": 1}]}}'
                ),
            ],
        ),
    ],
)
def test_what_is_written(sites: str, settings: dict[Uplink, Setting], expected: list[str]) -> None:
    found = [line for line in changed(HEAD + sites, settings) if line.strip("+- ")]

    assert sorted(found) == sorted(expected)


def test_the_whole_of_a_site_may_be_an_alias() -> None:
    text = HEAD + "  fra: &one {metro: FRA, upstreams: [{asn: 174}]}\n  nyc: *one\n"

    assert changed(text, {at(1, 0): Setting(prepend=1)}) == [
        "+   nyc: {metro: FRA, upstreams: [{asn: 174, prepend: 1}]}",
        "-   nyc: *one",
    ]
    assert changed(text, {at(0, 0): OFF}) == [
        "+   fra: {metro: FRA, enabled: false, upstreams: [{asn: 174}]}",
        "+   nyc: &one {metro: FRA, upstreams: [{asn: 174}]}",
        "-   fra: &one {metro: FRA, upstreams: [{asn: 174}]}",
        "-   nyc: *one",
    ]


def test_a_disabled_site_keeps_what_it_would_announce() -> None:
    text = HEAD + lines(
        "  fra: {metro: FRA, upstreams: &both [{asn: 174}, {asn: 1299}]}",
        "  nyc: {metro: NYC, enabled: false, upstreams: *both}",
        "  sin: {metro: SIN, enabled: false, upstreams: [{asn: 2914}]}",
    )

    assert changed(text, {at(0, 0): Setting(prepend=1), at(2, 0): OFF}) == [
        "+   fra: {metro: FRA, upstreams: [{asn: 174, prepend: 1}, {asn: 1299}]}",
        "+   nyc: {metro: NYC, enabled: false, upstreams: &both [{asn: 174}, {asn: 1299}]}",
        "-   fra: {metro: FRA, upstreams: &both [{asn: 174}, {asn: 1299}]}",
        "-   nyc: {metro: NYC, enabled: false, upstreams: *both}",
    ]


def test_an_anchor_inside_what_is_withdrawn_moves_to_its_user() -> None:
    text = HEAD + (
        "  fra:\n    metro: FRA\n    upstreams:\n      - &t {asn: 174, prepend: &n 2}\n      - {asn: 1299}\n"
        "  nyc: {metro: NYC, upstreams: [*t, {asn: 2914, prepend: *n}]}\n"
    )

    found = changed(text, {at(0, 0): OFF})

    moved = "[&t {asn: 174, prepend: 2}, {asn: 2914, prepend: &n 2}]"
    assert f"+   nyc: {{metro: NYC, upstreams: {moved}}}" in found


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("parser", ["in C", "in Python"])
def test_what_can_be_read_can_be_edited_tabs_and_odd_line_breaks_too(
    monkeypatch: pytest.MonkeyPatch, parser: str, mark: str
) -> None:
    """PyYAML ends lines at U+0085 and U+2028 as YAML 1.1 does; its parser in C reads tabs before comments."""
    text = (
        mark
        + HEAD
        + lines(
            "  fra:\t# tab",
            "    metro: FRA \t# \U0001d518 beyond the first plane",
            "    upstreams:",
            "      - asn:\t174\t# a\tb",
            "      #\tbetween",
            "      - asn: 3356 # \x85      - asn: 1299 # \u2028      - asn: 2914\t",
        )
    )
    if parser == "in Python":
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
        text = text.replace("\t", " ")
    before = design.parse(text, file="d.yaml")

    result = edited(text, before, {at(0, 0): Setting(prepend=1), at(0, 2): Setting(med=3), at(0, 3): OFF})

    assert [line for line in result.splitlines() if line not in text.splitlines()] == [
        "        prepend: 1",
        "        med: 3",
        text.splitlines()[-1].replace("-", "# -"),
    ]
    assert text == result.replace("\n        prepend: 1", "").replace("\n        med: 3", "").replace(
        "# - ", "- "
    )
