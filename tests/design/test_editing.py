"""Settings written into a design: what each style of writing turns into, and what is refused."""

from __future__ import annotations

import difflib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anyplane import design
from anyplane.design import announcements
from anyplane.design.editing import alike, edited, edits
from anyplane.design.setting import (
    OFF,
    Setting,
    Uplink,
    actions_known,
    setting_of,
    uplinks,
    upstream_at,
    with_settings,
)
from anyplane.model.errors import UsageError

FILES = [
    path
    for path in (*sorted(Path("examples").glob("*.yaml")), *sorted(Path("bench/designs").glob("*.yaml")))
    if not path.name.endswith(".world.yaml") and path.name != "broken.yaml"
]
HEAD = """version: 1
service: {name: dns, origin: 64500, prefixes: [192.0.2.0/24]}
policies:
  quiet: {prepend: 2, communities: ["3320:9", "64520:1"], med: 5}
  kept: {no_export: true}
communities:
  "64520:1": {no_export: true, to: [AS3356]}
  "3320:9": {no_export: true, to: [country DE]}
sites:
"""


def at(site: int, upstream: int) -> Uplink:
    """The uplink with these numbers."""
    return Uplink(site=site, upstream=upstream)


def lines(*rows: str) -> str:
    """The rows as one text."""
    return "\n".join(rows)


def changed(text: str, settings: dict[Uplink, Setting]) -> list[str]:
    """The lines that go and come, as in a diff; and the result announces what it should."""
    before = design.parse(text, file="d.yaml")
    result = edited(text, before, settings)
    after = design.parse(result, file="d.yaml")
    assert alike(after) == alike(with_settings(before, settings))
    rows = difflib.ndiff(text.split("\n"), result.split("\n"))
    return sorted(row for row in rows if row[0] in "+-")


@pytest.mark.parametrize("file", FILES, ids=str)
@pytest.mark.parametrize("seed", [1, 2])
def test_every_example_takes_any_settings_and_keeps_the_rest(file: Path, seed: int) -> None:
    text = file.read_text(encoding="utf-8")
    before = design.parse(text, file=str(file))
    rng = np.random.default_rng(seed)
    places = uplinks(before)
    chosen = {}
    for number in rng.choice(len(places), min(len(places), 12), replace=False):
        known = actions_known(before, upstream_at(before, places[number]))
        chosen[places[number]] = (
            OFF
            if rng.random() < 0.3
            else Setting(
                prepend=int(rng.integers(4)),
                med=int(rng.choice([0, 0, 10])),
                is_no_export=bool(rng.random() < 0.3),
                is_backup=bool(rng.random() < 0.2),
                actions=known if rng.random() < 0.5 else (),
            )
        )

    result = edited(text, before, chosen)

    assert alike(design.parse(result, file=str(file))) == alike(with_settings(before, chosen))
    touched = {str(before.sites[uplink.site].name) for uplink in chosen}
    section, site = "", ""
    for line in text.splitlines():
        if line and not line[0].isspace() and not line.startswith("#"):
            section = line
        if section.startswith("sites:") and line.startswith("  ") and line[2].isalpha():
            site = line.split(":")[0].strip()
        if not (section.startswith("sites:") and site in touched) and "*" not in line:
            assert line in result.splitlines()


def test_as_it_is_changes_not_one_byte() -> None:
    for file in FILES:
        text = file.read_text(encoding="utf-8")
        before = design.parse(text, file=str(file))
        same = {uplink: setting_of(before, upstream_at(before, uplink)) for uplink in uplinks(before)}

        assert edited(text, before, same) == text
        assert edits(before, same) == ()


def test_an_edit_says_where_and_what() -> None:
    text = HEAD + "  fra: {metro: FRA, upstreams: [{asn: 3320, policy: quiet}, {asn: 174}]}\n"
    before = design.parse(text, file="d.yaml")

    found = edits(before, {at(0, 1): OFF, at(0, 0): Setting(prepend=1, is_backup=True, actions=("3320:9",))})

    assert [edit.words for edit in found] == [
        "sites.fra.upstreams.0 (AS3320): prepend 2 -> 1, MED 5 -> 0, graceful-shutdown no -> yes, -64520:1",
        "sites.fra.upstreams.1 (AS174): withdraw",
    ]
    assert found[0].name == "fra/AS3320"
    assert found[0].before.prepend == 2


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


def test_line_ends_and_a_byte_order_mark_stay() -> None:
    sites = "  fra:\n    metro: FRA\n    upstreams:\n      - asn: 174\n      - {asn: 1299}"
    text = "\ufeff" + (HEAD + sites).replace("\n", "\r\n")
    before = design.parse(text, file="d.yaml")

    result = edited(text, before, {at(0, 0): Setting(prepend=1), at(0, 1): Setting(med=3)})

    assert result == text.replace("asn: 174", "asn: 174\r\n        prepend: 1").replace(
        "1299}", "1299, med: 3}"
    )
    unmarked = replace(before, source=text.removeprefix("\ufeff"))
    assert edited(text, unmarked, {at(0, 0): Setting(prepend=1)}).startswith("\ufeffversion")


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


def test_an_agreed_action_stays_when_the_community_of_the_same_meaning_goes() -> None:
    text = HEAD + (
        '  fra: {metro: FRA, upstreams: [{asn: 174, communities: ["64520:1"], '
        "actions: [{no_export: true, to: [AS3356]}]}]}\n"
    )
    before = design.parse(text, file="d.yaml")

    after = design.parse(edited(text, before, {at(0, 0): Setting()}), file="d.yaml")

    assert announcements(after)[0].communities == ()
    assert announcements(after)[0].export_rules == announcements(before)[0].export_rules


def test_what_cannot_be_written_is_refused_with_the_edits_in_words() -> None:
    """Where the outcome means anything but the design with these settings, nobody gets it."""
    text = HEAD + "  fra: {metro: FRA, upstreams: [{asn: 174}]}\n"
    before = design.parse(text, file="d.yaml")
    odd = replace(before, name="another service")

    with pytest.raises(UsageError, match=r"announce something else") as caught:
        edited(text, odd, {at(0, 0): Setting(prepend=1)})

    assert "sites.fra.upstreams.0 (AS174): prepend 0 -> 1" in str(caught.value)


def test_a_text_of_another_design_is_refused() -> None:
    text = HEAD + "  fra: {metro: FRA, upstreams: [{asn: 174}]}\n"

    with pytest.raises(ValueError, match="not read from this text"):
        edited(text + "\n", design.parse(text, file="d.yaml"), {at(0, 0): Setting(prepend=1)})
