"""Every rule of check: one design that breaks it, one that does not; silence keeps findings in sight."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from anyplane import design
from anyplane.design import RULES
from anyplane.design.design import Severity
from anyplane.model.errors import DesignError

ROOT = Path(__file__).parents[2]
CLEAN = """
version: 1
service:
  name: clean
  origin: 3333
  prefixes: {dns: [193.0.14.0/24, 2001:7fd::/48]}
  load: 0.01 qps per user
communities: {"174:970": {no_export: true, to: peers}}
sites:
  fra:
    metro: FRA
    capacity: 10 kqps
    upstreams: [{asn: 174, prepend: 1, communities: ["174:970"]}, {asn: 1299}]
  nyc: {metro: NYC, capacity: 10 kqps, upstreams: [{asn: 174, med: 5}, {asn: 3356}]}
  sin: {metro: SIN, capacity: 10 kqps, upstreams: [{asn: 2914}, {asn: 6453}]}
objectives:
  p50_rtt: 30 ms
  p95_rtt: 90 ms
  worst_failure_p95_rtt: 120 ms
  largest_share: 60 %
  worst_failure_load: 90 %
"""
V4, V6 = "193.0.14.0/24", "2001:7fd::/48"
TWO_LAWS = """residency:
  - {name: a, users: EU, sites: [fra, nyc]}
  - {name: b, users: DE, sites: sin}
"""

CHECKS = "[{tcp: 'service:53'}]"
GUARDS = "safety: {fleet: {file: /run/fleet.json}}"
LINK = "{neighbor: 10.0.0.1, gtsm: true, hold: 9 s}, {neighbor: 'fd00::1', gtsm: true, hold: 9 s}"


def run(*, checks: str = CHECKS, group: str = "", safety: str = GUARDS) -> tuple[str, str]:
    """A change that gives the design checks and guards."""
    return "objectives:", f"health: {{dns: {{checks: {checks}{group}}}}}\n{safety}\nobjectives:"


def linked(session: str, *, daemon: str = "bird") -> tuple[tuple[str, str], ...]:
    """A change that gives the whole of one site sessions, one of them as written."""
    return (
        run(),
        ("metro: SIN", f"daemon: {daemon}, metro: SIN"),
        ("{asn: 2914}", f"{{asn: 2914, session: [{session}]}}"),
        ("{asn: 6453}", f"{{asn: 6453, session: [{LINK.replace('0.1', '0.9').replace('::1', '::9')}]}}"),
    )


BREAKS: dict[str, tuple[tuple[str, str], ...]] = {
    "AP001": ((V4, "193.0.14.0/25"),),
    "AP002": ((V4, "10.1.0.0/24"),),
    "AP003": (("origin: 3333", "origin: 64512"),),
    "AP004": (("asn: 1299", "asn: 3333"),),
    "AP005": (("asn: 1299", "asn: 64500"),),
    "AP006": ((", 2001:7fd::/48", ""),),
    "AP007": ((V4, f"{V4}, 193.0.0.0/16"),),
    "AP008": (
        ("{dns: [", "{api: [193.0.15.0/24, 2001:7fd:1::/48], dns: ["),
        ("{asn:", "{announce: dns, asn:"),
    ),
    "AP010": (("metro: NYC", "metro: FRA"), ("metro: SIN", "metro: FRA")),
    "AP011": ((", {asn: 1299}", ""),),
    "AP012": (("asn: 1299", "asn: 174"), ("3356", "174"), ("2914", "174"), ("6453", "174")),
    "AP013": (("metro: NYC", "metro: FRA"),),
    "AP014": (("asn: 1299", "asn: 6695, kind: route_server"), ("asn: 3356", "asn: 64, kind: peer")),
    "AP015": (
        ("{dns: [", "{api: [193.0.15.0/24, 2001:7fd:1::/48], dns: ["),
        ("metro: FRA", "announce: dns\n    metro: FRA"),
        ("metro: SIN", "announce: dns, metro: SIN"),
    ),
    "AP016": (("asn: 2914", "asn: 2914, no_export: true"), ("asn: 6453", "asn: 6453, no_export: true")),
    "AP017": (("{asn:", "{no_export: true, asn:"),),
    "AP018": (("metro: SIN", "enabled: false, metro: SIN"),),
    "AP020": (("metro: SIN, capacity: 10 kqps", "metro: SIN"),),
    "AP021": (("metro: SIN, capacity: 10 kqps", "metro: SIN, capacity: 30 kqps"),),
    "AP022": (("  load: 0.01 qps per user\n", ""),),
    "AP023": (("  load: 0.01 qps per user\n", ""),),
    "AP030": (("{asn: 174, prepend: 1,", "{asn: 174,"), ("{asn:", "{prepend: 2, asn:")),
    "AP031": (("prepend: 1", "prepend: 6"),),
    "AP032": (("asn: 1299", "asn: 1299, kind: peer, prepend: 1"),),
    "AP033": (("asn: 3356", "asn: 3356, med: 5"),),
    "AP034": (("asn: 1299", "asn: 1299, communities: '1299:1'"),),
    "AP035": (("asn: 1299", "asn: 1299, communities: '174:970'"),),
    "AP036": ((', communities: ["174:970"]', ""),),
    "AP037": (("{asn:", "{backup: true, asn:"),),
    "AP038": (("asn: 1299", "asn: 1299, blackhole: true"),),
    "AP040": (("objectives:", "residency: [{name: gdpr, users: EU, sites: fra}]\nobjectives:"),),
    "AP041": (
        ("objectives:", "residency: [{name: gdpr, users: EU, sites: [fra, nyc, sin]}]\nobjectives:"),
        ("metro: SIN", "enabled: false, metro: SIN"),
    ),
    "AP042": (("p95_rtt: 90 ms", "p95_rtt: 20 ms"),),
    "AP043": (
        (
            "objectives:",
            TWO_LAWS + "objectives:",
        ),
    ),
    "AP045": (
        ("{dns: [", "{us: {prefixes: [193.0.15.0/24, 2001:7fd:1::/48], users: US}, dns: ["),
        ("objectives:", "residency: [{name: g, users: EU, sites: [fra, nyc], groups: us}]\nobjectives:"),
    ),
    "AP046": (
        (
            "{dns: [193.0.14.0/24, 2001:7fd::/48]}",
            "{dns: {prefixes: [193.0.14.0/24, 2001:7fd::/48], users: {except: [continent Africa, CH]}}}",
        ),
    ),
    "AP050": (("metro: SIN", "daemon: bird, metro: SIN"),),
    "AP051": (run(checks="[{icmp: 192.0.2.1, scope: dependency}]"),),
    "AP052": (run(checks="[{process: unbound}, {tcp: '192.0.2.1:53', scope: dependency}]"),),
    "AP053": (run(checks="[{icmp: service}, {icmp: 192.0.2.1}]"),),
    "AP054": (run(checks="[{icmp: service, interval: 20 s}]"),),
    "AP055": (run(checks="[{icmp: service, fall: 1}]"),),
    "AP056": (
        run(
            group=", need_backends: 2, backends: [{name: a, address: 10.0.0.2, checks: [{icmp: service}]},"
            " {name: b, address: 10.0.0.3, checks: [{icmp: service}]}]"
        ),
    ),
    "AP057": (run(checks="[{http: 'https://service/'}, {grpc: {to: 'service:1', tls: true}}]"),),
    "AP060": (run(safety=""),),
    "AP061": (run(safety="safety: {floor: 3, fleet: {file: /run/fleet.json}}"),),
    "AP062": (run(safety="safety: {fleet: {static: [fra, nyc]}}"),),
    "AP063": (run(safety="safety: {lease: 1 s, fleet: {file: /run/fleet.json}}"),),
    "AP064": (run(safety="safety: {on_agent_death: {hold: 5 min}, fleet: {file: /run/fleet.json}}"),),
    "AP065": (run(safety="safety: {retire: [AS174, AS1], fleet: {file: /run/fleet.json}}"),),
    "AP070": linked("{neighbor: 10.0.0.1, gtsm: true, hold: 9 s}"),
    "AP071": linked("{neighbor: 10.0.0.1, gtsm: true}, {neighbor: 'fd00::1', gtsm: true, hold: 9 s}"),
    "AP072": linked("{neighbor: 10.0.0.1, hold: 9 s}, {neighbor: 'fd00::1', gtsm: true, hold: 9 s}"),
    "AP073": linked(LINK.replace("hold", "role: peer, hold", 1)),
    "AP074": linked(LINK.replace("hold", "bfd: true, hold", 1), daemon="openbgpd"),
    "AP075": (run(), ("asn: 2914", "asn: 2914, no_export: true")),
    "AP076": linked(LINK.replace("hold", "imports: all, hold", 1)),
    "AP077": linked(LINK.replace("10.0.0.1", "193.0.14.1", 1)),
    "AP078": linked(LINK, daemon="{kind: bird, include: /etc/bird/anyplane.conf}"),
    "AP044": (("objectives:", "residency: [{name: gdpr, users: EU, sites: [fra, nyc]}]\nobjectives:"),),
}


def changed(text: str, changes: tuple[tuple[str, str], ...]) -> str:
    """The text with each change made; each must change something."""
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def found(text: str) -> set[str]:
    """The ids of the rules that `text` breaks."""
    return {finding.rule.id for finding in design.check(design.parse(text)) if not finding.silenced}


def test_the_clean_design_breaks_no_rule() -> None:
    assert found(CLEAN) == set()


def test_a_design_that_is_run_with_care_breaks_no_rule() -> None:
    assert found(changed(CLEAN, (run(),))) == set()
    assert found(changed(CLEAN, linked(LINK))) == set()
    assert found(changed(CLEAN, linked(LINK.replace("hold: 9 s", "bfd: true, role: auto")))) == set()


def test_a_design_that_says_nothing_of_running_is_not_asked_about_it() -> None:
    text = changed(CLEAN, (("asn: 2914", "asn: 2914, no_export: true"),))

    assert not {rule for rule in found(text) if rule >= "AP050"}


@pytest.mark.parametrize("host", ["10.0.0.1", "127.0.0.1", "gateway.internal", "service", "193.0.14.1"])
def test_what_each_site_has_of_its_own_is_no_shared_host(host: str) -> None:
    assert "AP053" not in found(changed(CLEAN, (run(checks=f"[{{icmp: service}}, {{icmp: {host}}}]"),)))


@pytest.mark.parametrize(
    "http",
    [
        "'http://service/'",
        "{url: 'https://service/', host: www.example.net}",
        "{url: 'https://service/', verify: false}",
        "{url: 'https://www.example.net/', address: service}",
    ],
)
def test_a_certificate_with_a_name_to_check_is_no_finding(http: str) -> None:
    assert "AP057" not in found(changed(CLEAN, (run(checks=f"[{{http: {http}}}]"),)))


def test_a_family_that_no_local_check_speaks_for_is_found() -> None:
    text = changed(CLEAN, (run(checks="[{icmp: service, family: v4}, {icmp: service, scope: dependency}]"),))

    messages = [one.message for one in design.check(design.parse(text)) if one.rule.id == "AP050"]

    assert messages == ["no local check speaks for the IPv6 prefixes of dns"]
    assert "AP050" not in found(text.replace("checks: [{icmp", "together: true, checks: [{icmp"))


def test_one_site_alone_needs_no_fleet_and_no_floor() -> None:
    text = changed(
        CLEAN,
        (
            run(safety=""),
            ("metro: SIN", "enabled: false, metro: SIN"),
            ("metro: NYC", "enabled: false, metro: NYC"),
        ),
    )

    assert not {"AP060", "AP061"} & found(text)


def test_every_rule_has_a_design_that_breaks_it() -> None:
    assert sorted(BREAKS) == [rule.id for rule in RULES]


@pytest.mark.parametrize("rule", BREAKS)
def test_a_rule_finds_what_it_looks_for(rule: str) -> None:
    assert rule in found(changed(CLEAN, BREAKS[rule]))


@pytest.mark.parametrize("rule", BREAKS)
def test_a_finding_points_into_the_file(rule: str) -> None:
    parsed = design.parse(changed(CLEAN, BREAKS[rule]))

    for finding in design.check(parsed):
        assert finding.location.line > 1, finding
        assert not finding.message.endswith("."), finding


@pytest.mark.parametrize("rule", BREAKS)
def test_a_silenced_rule_stays_in_sight_with_its_reason(rule: str) -> None:
    text = changed(CLEAN, BREAKS[rule]) + f"check: {{silence: {{{rule}: we know}}}}\n"

    silenced = [finding for finding in design.check(design.parse(text)) if finding.rule.id == rule]

    assert silenced
    assert {finding.silenced for finding in silenced} == {"we know"}


def test_an_unknown_rule_cannot_be_silenced() -> None:
    with pytest.raises(DesignError, match="AP999 is not a rule of check"):
        design.parse(CLEAN + "check: {silence: {AP999: because}}\n")


def test_rules_are_numbered_in_order_and_say_why() -> None:
    ids = [rule.id for rule in RULES]

    assert ids == sorted(set(ids))
    for rule in RULES:
        assert re.fullmatch(r"AP\d{3}", rule.id)
        assert rule.reason.endswith("."), rule.id
        assert not rule.title.endswith("."), rule.id


def test_the_reference_page_lists_every_rule() -> None:
    page = (ROOT / "docs/reference/check-rules.md").read_text(encoding="utf-8")

    for rule in RULES:
        assert f"| {rule.id} | {rule.severity} | `{rule.name}` | {rule.title}. {rule.reason} |" in page


def test_findings_come_worst_first() -> None:
    text = changed(CLEAN, BREAKS["AP001"] + BREAKS["AP011"] + BREAKS["AP013"])

    severities = [finding.rule.severity for finding in design.check(design.parse(text))]

    assert severities == sorted(severities, key=list(Severity).index)
    assert set(severities) == set(Severity)


@pytest.mark.parametrize(
    ("prefix", "word"),
    [
        ("192.0.2.0/24", "RFC 5737"),
        ("100.64.0.0/16", "RFC 6598"),
        ("224.0.0.0/8", "multicast"),
        ("2001:db8:1::/48", "RFC 3849"),
        ("fd00::/48", "RFC 4193"),
        ("4000::/48", "2000::/3"),
        ("0.0.0.0/0", "RFC"),
    ],
)
def test_special_purpose_space_is_named_with_its_rfc(prefix: str, word: str) -> None:
    text = CLEAN.replace(V4 if ":" not in prefix else V6, prefix)

    messages = [finding.message for finding in design.check(design.parse(text)) if finding.rule.id == "AP002"]

    assert len(messages) == 1
    assert word in messages[0]


@pytest.mark.parametrize("prefix", ["100.63.0.0/24", "172.32.0.0/24", "8.8.8.0/24"])
def test_public_space_is_not_a_finding(prefix: str) -> None:
    assert "AP002" not in found(CLEAN.replace(V4, prefix))


@pytest.mark.parametrize(
    "asn", [0, 23456, 64496, 64511, 64512, 65535, 65536, 65551, 4_200_000_000, 4_294_967_295]
)
def test_asns_that_are_not_public_are_found(asn: int) -> None:
    assert "AP003" in found(CLEAN.replace("origin: 3333", f"origin: {asn}"))


@pytest.mark.parametrize("asn", [1, 23455, 64495, 131_072, 4_199_999_999])
def test_public_asns_are_not_found(asn: int) -> None:
    assert "AP003" not in found(CLEAN.replace("origin: 3333", f"origin: {asn}"))


def test_a_med_that_differs_between_sessions_is_no_finding() -> None:
    assert "AP033" not in found(CLEAN)


def test_the_same_med_on_all_sessions_is_without_effect() -> None:
    assert "AP033" in found(CLEAN.replace("prepend: 1", "prepend: 1, med: 5"))


def test_a_disabled_site_counts_for_nothing() -> None:
    text = changed(
        CLEAN, (("metro: SIN", "enabled: false, metro: SIN"), ("metro: NYC", "enabled: false, metro: NYC"))
    )

    assert "AP010" in found(text)


@pytest.mark.parametrize(
    "objectives",
    ["largest_share: 20 %", "smallest_share: 50 %", "largest_share: 40 %, smallest_share: 41 %"],
)
def test_shares_that_do_not_add_up_are_found(objectives: str) -> None:
    assert "AP042" in found(re.sub(r"objectives:\n(?:  .*\n)*", f"objectives: {{{objectives}}}\n", CLEAN))


REGIONAL = (
    (
        "{dns: [193.0.14.0/24, 2001:7fd::/48]}",
        (
            "{eu: {prefixes: [193.0.15.0/24, 2001:7fd:1::/48], users: EU}, "
            "dns: {prefixes: [193.0.14.0/24, 2001:7fd::/48], users: {except: EU}}}"
        ),
    ),
    ("metro: SIN", "announce: dns, metro: SIN"),
)


@pytest.mark.parametrize("groups", ["", ", groups: eu"])
def test_a_group_announced_inside_only_holds_a_residency_rule(groups: str) -> None:
    law = f"residency: [{{name: gdpr, users: EU, sites: [fra, nyc]{groups}}}]\nobjectives:"

    assert found(changed(CLEAN, (*REGIONAL, ("objectives:", law)))) == set()


def test_a_group_of_the_rule_that_leaks_is_named() -> None:
    law = "residency: [{name: apac, users: continent Asia, sites: [nyc, sin]}]\nobjectives:"
    text = changed(CLEAN, (*REGIONAL, ("objectives:", law)))

    (finding,) = [item for item in design.check(design.parse(text)) if item.rule.id == "AP044"]

    # Users in Asia (Cyprus apart, which is in the EU and in Europe) are given dns, which fra announces too.
    assert finding.message == "dns is announced outside the sites of apac too"


def test_rules_about_different_groups_do_not_contradict_each_other() -> None:
    laws = TWO_LAWS.replace("[fra, nyc]}", "[fra, nyc], groups: eu}").replace("sin}", "sin, groups: dns}")

    assert "AP043" not in found(changed(CLEAN, (*REGIONAL, ("objectives:", laws + "objectives:"))))


def test_two_audiences_that_make_everybody_leave_nobody_out() -> None:
    assert "AP046" not in found(changed(CLEAN, REGIONAL))


def test_who_is_left_out_is_said_in_few_words() -> None:
    text = changed(CLEAN, BREAKS["AP046"])

    (finding,) = [item for item in design.check(design.parse(text)) if item.rule.id == "AP046"]

    assert finding.message == "no group is for users in Africa, CH"


def test_the_largest_share_must_be_possible_for_each_group() -> None:
    text = changed(CLEAN, (*REGIONAL, ("largest_share: 60 %", "largest_share: 45 %")))

    messages = [item.message for item in design.check(design.parse(text)) if item.rule.id == "AP042"]

    assert messages == ["eu is announced at 2 sites, and 45.0% each do not make a whole"]


@pytest.mark.parametrize("name", ["two-sites", "saas-six-continents", "public-resolver", "root-letter"])
def test_the_examples_pass_even_strictly(name: str) -> None:
    text = (ROOT / "examples" / f"{name}.yaml").read_text(encoding="utf-8")

    counted = [finding for finding in design.check(design.parse(text)) if not finding.silenced]

    assert {finding.rule.severity for finding in counted} <= {Severity.NOTE}
