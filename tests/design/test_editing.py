"""Settings written into a design: what is announced then, what stays, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from edited_designs import HEAD, at

from anyplane import design
from anyplane.design import announcements
from anyplane.design.editing import alike, edited, edits
from anyplane.design.setting import (
    OFF,
    Setting,
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


@pytest.mark.parametrize(
    ("file", "seed"),
    [(file, seed) for file in FILES for seed in (1, 2) if seed == 1 or file.stat().st_size < 9000],
)
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
