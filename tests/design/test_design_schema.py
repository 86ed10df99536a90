"""The JSON Schema and the parser agree: on every example, and on what is wrong."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from anyplane import design
from anyplane.design.document import read
from anyplane.model.errors import DesignError

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(
    path
    for path in (ROOT / "examples").glob("*.yaml")
    if path.name != "broken.yaml" and not path.name.endswith(".world.yaml")
)
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
  lon:
    metro: LON
    daemon: {kind: bird, router_id: 192.0.2.1, rpki: 127.0.0.1, settings: {table: t1}}
    health: {api: {checks: [{tcp: "service:443"}]}}
    upstreams:
      - asn: 2914
        session: [{neighbor: 10.0.0.1, hold: 9 s, bfd: {multiplier: 4}, role: auto}, {neighbor: "fd00::1"}]
  par: {metro: PAR, daemon: frr, upstreams: [{asn: 2914, session: {neighbor: 10.0.0.3, bfd: true}}]}
health:
  dns:
    addresses: 192.0.2.53
    need: any
    interval: 2 s
    degraded: {prepend: 5}
    checks:
      - {name: answers, dns: {name: www.example.net, type: AAAA, over: tls}, family: v4, scope: local}
      - dns: example.org
      - http: {url: "http://service/health", status: [200, 204], latency: 200 ms}
      - http: https://www.example.net/
      - tls: {to: "service:443", days: 14}
      - icmp: 192.0.2.254
      - ntp: {server: service, stratum: 4}
      - grpc: "127.0.0.1:9000"
      - process: {unit: unbound.service}
      - process: unbound
      - exec: [/bin/true, -n, 3]
      - {tcp: "[::1]:53", jitter: 10 %, rise: 4}
    backends: [{name: web1, address: 10.0.0.11, weight: 2, checks: [{tcp: "service:53"}]}]
safety:
  {floor: 2, lease: 3 s, headroom: 90 %, on_agent_death: withdraw, isolated: hold, fleet: {static: fra},
  budget: {sites: 2, per: 10 min}, retire: [192.0.2.0/24, AS64510, 64511]}
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
    ("kind: bird", "kind: brid"),
    ("kind: bird", "kinds: bird"),
    ("kind: bird", "include: run/x"),
    ("daemon: frr", "daemon: cisco"),
    ("daemon: frr", "daemon: "),
    ("daemon: frr", "daemon: []"),
    ("router_id: 192.0.2.1", "router_id: rome"),
    ("table: t1", "table: [t1]"),
    ("rpki: 127.0.0.1", "rpki: []"),
    ("neighbor: 10.0.0.1", "neighbor: fra"),
    ("neighbor: 10.0.0.1", "neighbour: 10.0.0.1"),
    ("neighbor: 10.0.0.1", "neighbor: 10.0.0.1, password: x"),
    ("neighbor: 10.0.0.1", "neighbor: 10.0.0.1, password_file: x"),
    ("neighbor: 10.0.0.1", "neighbor: 10.0.0.1, name: 1a"),
    ("neighbor: 10.0.0.1", "neighbor: 10.0.0.1, port: 0"),
    ("neighbor: 10.0.0.1", "neighbor: 10.0.0.1, multihop: 1"),
    ("neighbor: 10.0.0.1", "neighbor: 10.0.0.1, imports: full"),
    ("{neighbor: 10.0.0.3, bfd: true}", "[]"),
    ("{neighbor: 10.0.0.3, bfd: true}", "{}"),
    ("hold: 9 s", "hold: 9"),
    ("role: auto", "role: transit"),
    ("multiplier: 4", "multiplier: 0"),
    ("bfd: true", "bfd: maybe"),
    ("bfd: true", "bfd: "),
    ("need: any", "need: some"),
    ("need: any", "need: 0"),
    ("addresses: 192.0.2.53", "addresses: []"),
    ("addresses: 192.0.2.53", "addresses: 192.0.2.0/24"),
    ("interval: 2 s", "interval: 2"),
    ("prepend: 5", "prepend: many"),
    ("name: answers", "name: a/b"),
    ("name: www.example.net, ", ""),
    ("type: AAAA", "type: A-AAA"),
    ("over: tls", "over: quic"),
    ("family: v4", "family: 4"),
    ("scope: local", "scope: remote"),
    ("- dns: example.org", "- ping: example.org"),
    ("- dns: example.org", "- {dns: example.org, icmp: service}"),
    ("- dns: example.org", "- interval: 1 s"),
    ("- dns: example.org", "- dns: "),
    ("- dns: example.org", "- dns"),
    ("http://service/health", "service/health"),
    ("http://service/health", "http://user:pass@service/"),
    ("https://www.example.net/", "www.example.net"),
    ("[200, 204]", "[]"),
    ("[200, 204]", "ok"),
    ("latency: 200 ms", "latency: 200"),
    ('service:443", days', 'service", days'),
    ("days: 14", "days: -1"),
    ("icmp: 192.0.2.254", "icmp: a/b"),
    ("stratum: 4", "stratum: 16"),
    ("127.0.0.1:9000", "127.0.0.1"),
    ("unit: unbound.service", "unit: unbound.service, name: unbound"),
    ("{unit: unbound.service}", "{}"),
    ("[/bin/true, -n, 3]", "/bin/true -n 3"),
    ("[/bin/true, -n, 3]", "[]"),
    ("[::1]:53", "::1"),
    ("jitter: 10 %", "jitter: 0.1"),
    ("rise: 4", "rise: 0"),
    ("address: 10.0.0.11, ", ""),
    ("weight: 2", "weight: 0"),
    ("floor: 2", "floor: two"),
    ("floor: 2", "flor: 2"),
    ("lease: 3 s", "lease: 3"),
    ("headroom: 90 %", "headroom: 0.9"),
    ("on_agent_death: withdraw", "on_agent_death: hold"),
    ("on_agent_death: withdraw", "on_agent_death: {}"),
    ("isolated: hold", "isolated: stay"),
    ("static: fra", "static: fra, file: /run/fleet.json"),
    ("{static: fra}", "{}"),
    ("per: 10 min", "per: 10 minutes"),
    ("AS64510,", "ASX,"),
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


@pytest.mark.parametrize(
    "name", ["SessionShape", "DaemonShape", "SafetyShape", "HealthShape", "CheckItemShape"]
)
def test_an_editor_finds_a_description_for_every_key_of_running(name: str) -> None:
    keys = design.json_schema()["$defs"][name]["properties"]

    assert all(entry.get("description") for entry in keys.values())


def test_every_default_of_the_schema_could_be_written() -> None:
    schema = design.json_schema()
    for shape in schema["$defs"].values():
        for key, entry in shape.get("properties", {}).items():
            if "default" in entry:
                check = jsonschema.Draft202012Validator({**entry, "$defs": schema["$defs"]})
                assert check.is_valid(entry["default"]), key


def test_the_schema_does_not_invite_null() -> None:
    assert '"null"' not in str(design.json_schema()).replace("'", '"')
