"""parse: golden error texts, what a valid design becomes, and nothing but Design or DesignError."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anyplane import design
from anyplane.design.design import LoadUnit
from anyplane.design.operation import DaemonKind
from anyplane.model.errors import DesignError
from anyplane.model.nouns import Effect, ExportRule, RouteClass, UpstreamKind

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "design"
EXAMPLES = sorted(
    path
    for path in (ROOT / "examples").glob("*.yaml")
    if path.name != "broken.yaml" and not path.name.endswith(".world.yaml")
)
MINIMAL = (ROOT / "examples" / "two-sites.yaml").read_text(encoding="utf-8")
FULL = """
version: 1
service:
  name: acme
  origin: AS64500
  prefixes: {dns: [192.0.2.0/24, 2001:db8::/48], api: [198.51.100.0/24]}
  load: {dns: 0.02 qps per user}
policies:
  shy: {prepend: 2, med: 7, communities: [64500:1]}
  local: {no_export: true, prepend: 1, communities: "174:970"}
communities:
  "174:970": {no_export: true, to: [peers, AS3356]}
  "1299:1": [{prepend: 2, to: continent Asia}, {prepend: 1, to: country JP}]
sites:
  fra:
    metro: fra
    at: [50.0, 8.5]
    capacity: 200 kqps
    announce: dns
    daemon: {kind: bird, rpki: 127.0.0.1, witness: "127.0.0.1:1790", settings: {table: t1}}
    health: {dns: {addresses: 192.0.2.53, checks: [{tcp: "service:53"}]}}
    upstreams:
      - asn: 174
        policy: [shy, local]
        session:
          - {neighbor: 10.9.0.1, local: 10.9.0.2, bfd: {interval: 50 ms}, role: auto, hold: 9 s}
          - {neighbor: "fd00::1", name: six, password_file: /etc/six.key, multihop: 2}
      - {asn: 1299, policy: shy, prepend: 0, communities: ["1299:1", "174:970"], announce: [api]}
      - {asn: 6695, kind: route_server, backup: true, actions: [{no_export: true, to: customers}]}
  lab:
    at: [1, 2]
    enabled: false
    upstreams: [{asn: 174, kind: peer, communities: [blackhole, no-advertise]}]
objectives: {p95_rtt: 80 ms, p50_rtt: 0.02 s, largest_share: 40 %, worst_failure_load: 120%}
residency:
  - {name: gdpr, users: [EEA, CH], sites: [fra]}
  - {name: asia, users: continent AS, sites: lab}
health:
  dns:
    together: true
    need: 1
    interval: 2 s
    degraded: {med: 9}
    checks: [{dns: www.example.net}, {process: unbound}]
  api:
    checks:
      - {http: {url: "https://service/x", latency: 1 s}, fall: 3}
      - {name: out, icmp: 10.1.1.1, scope: dependency}
    backends: [{name: b1, address: 10.0.0.11, checks: [{exec: [/bin/true, --fast]}]}]
safety: {floor: 1, on_agent_death: {hold: 10 min}, fleet: {static: [fra]}, retire: [AS3356, 203.0.113.0/25]}
check: {silence: {AP012: small}}
"""

REGIONAL = FULL.replace(
    "api: [198.51.100.0/24]}",
    "api: {prefixes: [198.51.100.0/24], users: {except: [EU, CH]}},"
    "eu: {prefixes: [203.0.113.0/24], users: EU}}",
).replace("sites: [fra]}", "sites: [fra], groups: [eu]}")


def outcome(text: str) -> design.Design | DesignError:
    """The design, or the error; any other exception fails the test."""
    try:
        return design.parse(text)
    except DesignError as error:
        return error


def fails(text: str) -> list[str]:
    """The messages of the problems in `text`."""
    with pytest.raises(DesignError) as caught:
        design.parse(text)
    return [f"{problem.path}: {problem.message}" for problem in caught.value.problems]


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.yaml")), ids=lambda path: path.stem)
def test_error_texts_are_as_agreed(path: Path) -> None:
    with pytest.raises(DesignError) as caught:
        design.parse(path.read_text(encoding="utf-8"), file=path.name)

    assert f"{caught.value}\n" == path.with_suffix(".txt").read_text(encoding="utf-8")


def test_the_broken_example_shows_every_error_at_once() -> None:
    with pytest.raises(DesignError) as caught:
        design.parse((ROOT / "examples/broken.yaml").read_text(encoding="utf-8"), file="examples/broken.yaml")

    assert f"{caught.value}\n" == (GOLDEN / "broken.txt").read_text(encoding="utf-8")
    assert len(caught.value.problems) > 20


def test_no_error_text_speaks_as_pydantic_does() -> None:
    texts = "".join(path.read_text(encoding="utf-8") for path in GOLDEN.glob("*.txt"))

    for phrase in (
        "Input should",
        "not permitted",
        "Field required",
        "pydantic",
        "Value error",
        "does not fit here",
    ):
        assert phrase not in texts


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_a_design(path: Path) -> None:
    parsed = design.parse(path.read_text(encoding="utf-8"), file=path.name)

    assert len(parsed.sites) >= (1 if path.stem == "one-vm" else 2)


def test_the_public_resolver_has_300_sites_in_300_metros() -> None:
    parsed = design.parse((ROOT / "examples/public-resolver.yaml").read_text(encoding="utf-8"))

    assert len(parsed.sites) == len({site.metro for site in parsed.sites}) == 300


def test_a_full_design_becomes_values() -> None:
    parsed = design.parse(FULL, file="full.yaml")

    assert (parsed.file, parsed.name, parsed.origin, parsed.load_unit) == (
        "full.yaml",
        "acme",
        64500,
        LoadUnit.QPS,
    )
    assert [group.load_per_user for group in parsed.groups] == [0.02, None]
    fra, lab = parsed.sites
    assert (fra.metro, fra.place.lat, fra.capacity, fra.is_enabled) == ("FRA", 50.0, 200_000.0, True)
    assert (lab.metro, lab.place.lon, lab.capacity, lab.is_enabled) == ("", 2.0, None, False)
    assert fra.daemon is not None
    assert fra.daemon.kind is DaemonKind.BIRD
    assert lab.daemon is None
    assert list(parsed.health) == ["dns", "api"]
    assert parsed.objectives.p95_rtt_ms == 80
    assert parsed.objectives.p50_rtt_ms == 20
    assert parsed.objectives.largest_share == pytest.approx(0.4)
    assert parsed.objectives.worst_failure_load == pytest.approx(1.2)
    gdpr, asia = parsed.residency
    assert len(gdpr.countries) == 31
    assert {"NO", "CH", "DE"} <= gdpr.countries
    assert "JP" in asia.countries
    assert "US" not in asia.countries
    assert asia.sites == {"lab"}
    assert parsed.silenced == {"AP012": "small"}


def test_of_policies_the_later_wins_and_own_keys_win_over_both() -> None:
    first, second, _ = design.parse(FULL).sites[0].upstreams

    assert (first.prepend, first.med, first.is_no_export) == (1, 7, True)
    assert (second.prepend, second.med, second.is_no_export) == (0, 7, False)


def test_communities_and_actions_of_policies_add_up() -> None:
    first, second, _ = design.parse(FULL).sites[0].upstreams

    assert first.communities == ("64500:1", "174:970")
    assert second.communities == ("64500:1", "1299:1", "174:970")


def test_an_action_community_acts_at_its_own_network_only() -> None:
    first, second, third = design.parse(FULL).sites[0].upstreams

    keep = ExportRule(
        effect=Effect.NO_EXPORT, to_asns=frozenset({3356}), to_classes=frozenset({RouteClass.PEER})
    )
    assert first.rules == (keep,)
    assert [(rule.times, rule.to_regions) for rule in second.rules] == [(2, {"AS"}), (1, {"JP"})]
    assert third.rules == (ExportRule(effect=Effect.NO_EXPORT, to_classes=frozenset({RouteClass.CUSTOMER})),)


def test_an_upstream_announces_its_own_list_else_the_sites() -> None:
    first, second, third = design.parse(FULL).sites[0].upstreams

    assert first.prefixes == third.prefixes == (ip_network("192.0.2.0/24"), ip_network("2001:db8::/48"))
    assert second.prefixes == (ip_network("198.51.100.0/24"),)
    assert third.kind is UpstreamKind.ROUTE_SERVER


def test_well_known_communities_set_what_they_mean() -> None:
    upstream = design.parse(FULL).sites[1].upstreams[0]

    assert upstream.communities == ("65535:666", "65535:65282")
    assert upstream.is_blackhole
    assert upstream.rules == (ExportRule(effect=Effect.NO_EXPORT),)


def test_every_value_knows_its_line_and_column() -> None:
    locations = design.parse(MINIMAL).locations

    assert (locations["service.origin"].line, locations["service.origin"].column) == (4, 11)
    assert (locations["sites.nyc.upstreams.1.asn"].line, locations["sites.nyc.upstreams.1.asn"].column) == (
        8,
        51,
    )
    assert (locations["sites.fra"].line, locations["sites.fra"].column) == (7, 3)


def test_a_list_of_prefixes_is_one_group() -> None:
    parsed = design.parse(MINIMAL)

    assert [group.name for group in parsed.groups] == ["all"]


def test_a_group_may_say_who_is_given_it() -> None:
    dns, api, eu = design.parse(REGIONAL).groups
    assert dns.audience is None
    assert api.audience is not None
    assert eu.audience is not None
    assert [str(prefix) for prefix in api.prefixes] == ["198.51.100.0/24"]
    assert [api.audience.has(code) for code in ("DE", "CH", "US", "")] == [False, False, True, True]
    assert [eu.audience.has(code) for code in ("DE", "CH", "US", "")] == [True, False, False, False]


def test_every_user_is_in_an_audience_or_in_its_exclusion() -> None:
    some = design.design.Audience(countries=frozenset({"DE", "FR"}))
    others = design.design.Audience(countries=some.countries, is_exclusion=True)

    assert all(some.has(code) != others.has(code) for code in ("DE", "FR", "US", ""))


def test_a_residency_rule_covers_its_groups_or_all() -> None:
    gdpr, asia = design.parse(REGIONAL).residency

    assert (gdpr.covers("eu"), gdpr.covers("dns")) == (True, False)
    assert (asia.covers("eu"), asia.covers("dns")) == (True, True)


def test_the_long_form_of_a_group_knows_its_lines() -> None:
    text = MINIMAL.replace(
        "prefixes: [192.0.2.0/24, 2001:db8::/48]", "prefixes: {a: {prefixes: [192.0.2.0/24], users: US}}"
    )

    paths = [finding.path for finding in design.check(design.parse(text)) if finding.rule.id == "AP002"]
    assert paths == ["service.prefixes.a.prefixes.0"]


def test_one_load_holds_for_every_group() -> None:
    text = FULL.replace("load: {dns: 0.02 qps per user}", "load: 3 qps per user")

    assert [group.load_per_user for group in design.parse(text).groups] == [3.0, 3.0]


def test_unit_kinds_do_not_mix() -> None:
    text = FULL.replace("capacity: 200 kqps", "capacity: 10 Gbps")

    assert fails(text) == ["sites.fra.capacity: 10 Gbps is in bps, but line 7 counts in qps"]


def test_bits_per_second_are_a_unit_too() -> None:
    text = FULL.replace("200 kqps", "10 Gbps").replace("0.02 qps", "1.5 kbps")
    parsed = design.parse(text)

    assert (parsed.load_unit, parsed.sites[0].capacity) == (LoadUnit.BPS, 1e10)
    assert parsed.groups[0].load_per_user == 1500


def test_a_continent_is_never_taken_for_a_union_or_a_country() -> None:
    text = FULL.replace("users: continent AS", "users: [AS]")

    assert design.parse(text).residency[1].countries == {"AS"}


def test_the_size_is_limited() -> None:
    assert "more than a design may have" in fails("x" * 8_000_001)[0]


def test_deep_nesting_is_refused() -> None:
    assert "nested more than 40 deep" in fails("[" * 5000)[0]


@settings(max_examples=300, deadline=None)
@given(st.text())
def test_any_text_gives_a_design_or_a_design_error(text: str) -> None:
    assert str(outcome(text))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_design_with_a_piece_replaced_gives_a_design_or_a_design_error(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(REGIONAL)))
    end = data.draw(st.integers(start, min(len(REGIONAL), start + 40)))
    odd = st.sampled_from(
        [*"{}[]:,#&*!|>'\"%@`-?\t\n \x00\ud800~<", ": ", "- ", "<<", "null", ".inf", "0x1F", "1e999"]
    )
    piece = data.draw(st.one_of(st.text(max_size=8), st.lists(odd, max_size=4).map("".join)))

    made = outcome(REGIONAL[:start] + piece + REGIONAL[end:])

    assert str(made)
    if isinstance(made, design.Design):
        design.check(made)
        design.announcements(made)


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=6),
    st.sampled_from(["FRA", "1 qps", "EU"]),
)
SHAPES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_design_with_any_value_anywhere_gives_a_design_or_a_design_error(data: st.DataObject) -> None:
    import json

    import yaml

    tree = yaml.load(REGIONAL, Loader=yaml.BaseLoader)  # all text, which JSON writes as it is
    here: object = tree
    while True:
        keys = list(here) if isinstance(here, dict) else list(range(len(here)))  # type: ignore[arg-type]
        key = data.draw(st.sampled_from(keys))
        child = here[key]  # type: ignore[index]
        if not isinstance(child, dict | list) or not child or data.draw(st.booleans()):
            here[key] = data.draw(SHAPES)  # type: ignore[index]
            break
        here = child

    made = outcome(json.dumps(tree))

    assert "Input should" not in str(made)
    if isinstance(made, design.Design):
        design.check(made)
        design.announcements(made)
