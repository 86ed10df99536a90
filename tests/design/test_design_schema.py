"""The JSON Schema and the parser agree: on every example, and on what is wrong."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from anyplane import design
from anyplane.design.document import read
from anyplane.model.errors import DesignError

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path for path in (ROOT / "examples").glob("*.yaml") if path.name != "broken.yaml")
VALIDATOR = jsonschema.Draft202012Validator(design.json_schema())
BASE = """
version: 1
service:
  name: acme
  origin: 64500
  prefixes:
    dns: [192.0.2.0/24]
    api: {prefixes: [198.51.100.0/24], users: {except: [EU, CH]}}
    api-eu: {prefixes: [203.0.113.0/24], users: [EU, continent Asia]}
  load: 1 qps per user
policies: {shy: {prepend: 2}}
communities: {"1299:1": {prepend: 1, to: [AS3356, peers, country DE, continent Asia]}}
sites:
  fra: {metro: FRA, capacity: 1 kqps, upstreams: [{asn: AS174, policy: shy}, {asn: 1299, med: 3}]}
  ams: {at: [52.3, 4.9], enabled: true, announce: dns, upstreams: [{asn: 174, kind: peer}]}
objectives: {p95_rtt: 80 ms, largest_share: 40 %}
residency: [{name: gdpr, users: [EU, continent Europe], sites: fra, groups: [api-eu]}]
check: {silence: {AP002: why}}
"""
WRONG = [
    ("version: 1", "version: 2"),
    ("version: 1", "versions: 1"),
    ("name: acme", "name: 'a b'"),
    ("name: acme", "nome: acme"),
    ("origin: 64500", "origin: AS64500x"),
    ("origin: 64500", "origin: -1"),
    ("origin: 64500", "origin: 4294967296"),
    ("[192.0.2.0/24]", "[]"),
    ("[192.0.2.0/24]", "[192.0.2.0]"),
    ("dns: [192.0.2.0/24]", "dns: 192.0.2.0/24"),
    ("prefixes: [198.51.100.0/24], ", ""),
    ("[198.51.100.0/24]", "[]"),
    ("{except: [EU, CH]}", "{exept: [EU, CH]}"),
    ("{except: [EU, CH]}", "{except: [EU, CH], areas: US}"),
    ("{except: [EU, CH]}", "{}"),
    ("{except: [EU, CH]}", "{except: []}"),
    ("{except: [EU, CH]}", "all"),
    ("users: [EU, continent Asia]", "users: []"),
    ("users: [EU, continent Asia]", "user: [EU]"),
    ("[api-eu]", "[]"),
    ("1 qps per user", "1 qps"),
    ("1 qps per user", "1 kqsp per user"),
    ("1 qps per user", "1"),
    ("prepend: 2", "prepend: two"),
    ("prepend: 2", "prepend: 65"),
    ("prepend: 1,", ""),
    ("prepend: 1,", "prepend: 1, no_export: true,"),
    ("1299:1", "1299:65536"),
    ("peers", "pears"),
    ("country DE", "region DE"),
    ("metro: FRA", "metro: Frankfurt"),
    ("metro: FRA, ", ""),
    ("1 kqps", "1000"),
    ("1 kqps", "1 Kqps"),
    ("AS174", "174.0.1"),
    ("asn: AS174, ", ""),
    ("{asn: AS174, policy: shy}", "174"),
    ("med: 3", "med: low"),
    ("med: 3", "no_export: yes"),
    ("med: 3", "communities: [no-exprt]"),
    ("med: 3", "daemon: bird"),
    ("kind: peer", "kind: friend"),
    ("[52.3, 4.9]", "[52.3]"),
    ("[52.3, 4.9]", "[152.3, 4.9]"),
    ("enabled: true", "enabled: 1"),
    ("80 ms", "80"),
    ("40 %", "0.4"),
    ("p95_rtt", "p96_rtt"),
    ("EU,", "Europa,"),
    ("AP002: why", "AP002: ''"),
]


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(design.json_schema())


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_valid_by_the_schema(path: Path) -> None:
    VALIDATOR.validate(read(path.read_text(encoding="utf-8"), file=path.name).root)


def test_the_base_is_valid_both_ways() -> None:
    VALIDATOR.validate(read(BASE, file="x").root)
    design.parse(BASE)


@pytest.mark.parametrize(("old", "new"), WRONG, ids=[f"{old} to {new}" for old, new in WRONG])
def test_what_is_wrong_fails_both_ways(old: str, new: str) -> None:
    assert old in BASE
    text = BASE.replace(old, new, 1)

    with pytest.raises(DesignError):
        design.parse(text)
    assert not VALIDATOR.is_valid(read(text, file="x").root)


def test_an_editor_finds_a_description_for_every_key_of_an_upstream() -> None:
    upstream = design.json_schema()["$defs"]["UpstreamShape"]["properties"]

    assert all(entry.get("description") for entry in upstream.values())
    assert {"asn", "prepend", "med", "communities", "no_export", "announce", "policy"} <= set(upstream)


def test_the_schema_does_not_invite_null() -> None:
    assert '"null"' not in str(design.json_schema()).replace("'", '"')
