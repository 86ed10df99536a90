"""report: its JSON is stable, strict in what it reads, and clear about what is wrong."""

from __future__ import annotations

import json

import pytest
from tiny_world import LATENCY, promising, topology

from anyplane.model.errors import UsageError
from anyplane.planning.plan import plan
from anyplane.planning.report import from_json, to_json


@pytest.fixture(scope="module")
def text() -> str:
    return to_json(plan(promising(), topology(), latency=LATENCY))


def test_the_keys_come_in_the_order_of_the_fields(text: str) -> None:
    assert list(json.loads(text)) == [
        "service",
        "design",
        "origin_asn",
        "load_unit",
        "world",
        "latency",
        "sites",
        "scenarios",
        "warnings",
        "version",
    ]
    assert text.endswith("}\n")


def test_states_are_words(text: str) -> None:
    (scenario,) = json.loads(text)["scenarios"]

    assert {item["state"] for item in scenario["residency"]} == {"kept", "may be broken by ties", "broken"}


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda plain: plain.update(version=2), "is a report of version 2; this program reads version 1"),
        (lambda plain: plain.pop("scenarios"), "is not a report of `anyplane plan --json`"),
        (lambda plain: plain.pop("world"), "old.json lacks the key 'world'"),
        (lambda plain: plain.update(colour="red"), "old.json has a key 'colour' that is not known"),
        (lambda plain: plain["sites"][0].update(lat="north"), r"old.json.sites\[0\].lat should be float"),
        (lambda plain: plain.update(sites={}), "old.json.sites should be a list"),
        (lambda plain: plain.update(world=[]), "old.json.world should be an object"),
        (lambda plain: plain.update(origin_asn=True), "old.json.origin_asn should be int, not True"),
    ],
)
def test_what_is_not_a_report_is_refused_with_its_place(text: str, edit: object, said: str) -> None:
    plain = json.loads(text)
    edit(plain)  # type: ignore[operator]

    with pytest.raises(UsageError, match=said):
        from_json(json.dumps(plain), file="old.json")


def test_broken_json_names_the_line() -> None:
    with pytest.raises(UsageError, match=r"^old.json:2:\d+ is not JSON"):
        from_json('{"version": 1,\n oops}', file="old.json")
