"""health: -> Health: defaults, names, and a probe of the service made one per family."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anyplane import design
from anyplane.control.site_plan import site_plan
from anyplane.design.operation import (
    Check,
    Degradation,
    DnsProbe,
    Endpoint,
    ExecProbe,
    Health,
    HttpProbe,
    IcmpProbe,
    Scope,
    TcpProbe,
    Transport,
)
from anyplane.model.errors import DesignError

V4, V6 = "198.51.100.53", "2001:db8:53::53"
DESIGN = """
version: 1
service:
  name: acme
  origin: 64500
  prefixes: {{dns: [198.51.100.0/24, 2001:db8:53::/48], api: [203.0.113.7/32]}}
sites: {{fra: {{metro: FRA, upstreams: [{{asn: 174}}]{site}}}}}
health:
  dns:
    addresses: [198.51.100.53, 2001:db8:53::53]
{text}
"""


def read(text: str, *, site: str = "") -> design.Design:
    """The design whose `health: dns:` says `text`."""
    indented = "".join(f"    {line}\n" for line in text.strip().splitlines())
    return design.parse(DESIGN.format(text=indented, site=site))


def health_of(text: str) -> Health:
    return read(text).health["dns"]


def checks_of(text: str) -> Mapping[str, Check]:
    """The checks of one list, by name."""
    return {check.name: check for check in health_of(text).checks}


def test_a_question_to_the_service_is_asked_at_each_family() -> None:
    checks = checks_of("checks: [{name: answers, dns: {name: www.example.net}}]")

    assert list(checks) == ["answers/v4", "answers/v6"]
    assert [check.family for check in checks.values()] == [4, 6]
    assert [check.probe for check in checks.values()] == [
        DnsProbe(server=Endpoint(host=host, port=53), name="www.example.net") for host in (V4, V6)
    ]
    assert {check.path for check in checks.values()} == {"health.dns.checks.0"}


def test_a_family_that_is_written_keeps_the_other_out() -> None:
    checks = checks_of('checks: [{tcp: "service:53", family: v6}]')

    assert list(checks) == ["tcp/v6"]
    assert checks["tcp/v6"].probe == TcpProbe(to=Endpoint(host=V6, port=53))


def test_an_address_of_the_group_speaks_for_its_own_family() -> None:
    checks = checks_of(
        f'checks: [{{tcp: "{V4}:53"}}, {{icmp: "{V6}"}}, {{icmp: 192.0.2.1}}, {{icmp: a.example}}]'
    )

    assert {name: check.family for name, check in checks.items()} == {
        "tcp": 4,
        "icmp": 6,
        "icmp-2": 0,
        "icmp-3": 0,
    }


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ('"http://service/h"', HttpProbe(url=f"http://[{V6}]/h")),
        ('"http://service:8080/h?a=b"', HttpProbe(url=f"http://[{V6}]:8080/h?a=b")),
        (
            '{url: "https://www.example.net/", address: service}',
            HttpProbe(url="https://www.example.net/", address=V6),
        ),
    ],
)
def test_a_url_asks_the_service_by_host_or_by_address(written: str, expected: HttpProbe) -> None:
    assert checks_of(f"checks: [{{http: {written}}}]")["http/v6"].probe == expected


def test_without_addresses_the_first_host_of_each_family_is_the_service() -> None:
    text = DESIGN.replace("    addresses: [198.51.100.53, 2001:db8:53::53]\n", "").format(
        text="    checks: [{icmp: service}]\n  api: {checks: [{icmp: service}]}", site=""
    )
    parsed = design.parse(text)

    assert [str(one) for one in parsed.health["dns"].addresses] == ["198.51.100.1", "2001:db8:53::1"]
    assert [str(one) for one in parsed.health["api"].addresses] == ["203.0.113.7"]
    assert [check.name for check in parsed.health["api"].checks] == ["icmp/v4"]


def test_a_family_without_a_written_address_gets_its_first_host() -> None:
    text = DESIGN.replace("[198.51.100.53, 2001:db8:53::53]", "198.51.100.53").format(
        text="    checks: [{icmp: service}]", site=""
    )

    assert design.parse(text).health["dns"].addresses == (ip_address(V4), ip_address("2001:db8:53::1"))


def test_a_name_is_the_kind_and_a_number_where_it_repeats() -> None:
    checks = checks_of(
        "checks: [{process: a}, {process: b}, {name: process-2, process: c}, {exec: [/bin/x]}, {process: d}]"
    )

    assert list(checks) == ["process", "process-3", "process-2", "exec", "process-4"]


def test_timers_of_the_group_are_defaults_and_a_checks_own_win() -> None:
    checks = checks_of(
        "interval: 2 s\ntimeout: 1 s\njitter: 20 %\nrise: 5\nfall: 4\n"
        "checks: [{name: a, process: a}, "
        "{name: b, process: a, interval: 1 min, timeout: 3 s, rise: 1, fall: 1}]"
    )

    a, b = checks["a"], checks["b"]
    assert (a.interval_s, a.timeout_s, a.jitter, a.rise, a.fall) == (2, 1, 0.2, 5, 4)
    assert (b.interval_s, b.timeout_s, b.jitter, b.rise, b.fall) == (60, 3, 0.2, 1, 1)


def test_without_timers_a_check_has_those_of_its_type() -> None:
    assert checks_of("checks: [{exec: [/bin/a]}]")["exec"] == Check(
        name="exec", probe=ExecProbe(command=("/bin/a",)), path="health.dns.checks.0"
    )


def test_the_death_of_a_process_counts_at_once_unless_the_design_says_more() -> None:
    assert checks_of("checks: [{process: a}]")["process"].fall == 1
    assert checks_of("fall: 2\nchecks: [{process: a}]")["process"].fall == 2
    assert checks_of("checks: [{process: a, fall: 3}]")["process"].fall == 3


def test_a_timeout_that_is_not_written_is_no_longer_than_the_interval() -> None:
    assert checks_of("checks: [{process: a, interval: 100 ms}]")["process"].timeout_s == pytest.approx(0.1)


def test_dns_over_tls_has_its_own_port() -> None:
    probe = checks_of("checks: [{dns: {name: ., type: soa, over: tls}}]")["dns/v4"].probe

    assert probe == DnsProbe(
        server=Endpoint(host=V4, port=853), name=".", type="SOA", transport=Transport.TLS
    )


def test_a_dependency_is_marked_as_one() -> None:
    assert checks_of("checks: [{icmp: 192.0.2.9, scope: dependency}]")["icmp"].scope is Scope.DEPENDENCY


@pytest.mark.parametrize(("written", "need"), [("all", None), ("any", 1), ("2", 2)])
def test_need_is_all_any_or_a_number(written: str, need: int | None) -> None:
    assert health_of(f"need: {written}\nchecks: [{{process: a}}, {{process: b}}]").need == need


def test_a_degraded_service_is_announced_as_written() -> None:
    health = health_of("degraded: {prepend: 1, med: 0, graceful_shutdown: true, communities: no-export}")

    assert health.degraded == Degradation(
        prepend=1, med=0, is_graceful_shutdown=True, communities=("65535:65281",)
    )
    assert health_of("together: true").degraded == Degradation()


def test_to_the_checks_of_a_backend_the_service_is_the_backend() -> None:
    health = health_of(
        "need_backends: 1\nbackends: [{name: b1, address: 10.0.0.11, weight: 3, interface: eth1,\n"
        '  checks: [{tcp: "service:53"}, {tcp: "service:853"}, {exec: [/bin/true, 1]}]}]'
    )

    (backend,) = health.backends
    assert (backend.name, backend.address, backend.weight) == ("b1", ip_address("10.0.0.11"), 3)
    assert {check.name: check.probe for check in backend.checks} == {
        "tcp": TcpProbe(to=Endpoint(host="10.0.0.11", port=53)),
        "tcp-2": TcpProbe(to=Endpoint(host="10.0.0.11", port=853)),
        "exec": ExecProbe(command=("/bin/true", "1")),
    }


def test_a_site_has_its_own_word_on_a_group() -> None:
    parsed = read(
        "checks: [{process: a}]", site=", health: {dns: {checks: [{icmp: service}]}}, announce: dns"
    )

    (site,) = parsed.sites
    assert [check.path for check in site.health["dns"].checks] == ["sites.fra.health.dns.checks.0"] * 2
    assert set(site_plan(parsed, "fra").checks) == {"dns/icmp/v4", "dns/icmp/v6"}


KINDS = st.sampled_from(
    [
        {"dns": "www.example.net"},
        {"dns": {"name": "example.net", "server": "192.0.2.1"}},
        {"http": "http://service/"},
        {"tcp": "service:53"},
        {"tcp": f"[{V6}]:53"},
        {"tls": "service:443"},
        {"icmp": "192.0.2.254"},
        {"ntp": "service"},
        {"grpc": "127.0.0.1:9000"},
        {"process": "unbound"},
        {"exec": ["/bin/true"]},
    ]
)
TIMES = st.sampled_from(["50 ms", "100 ms", "1 s", "5 s", "1 min"])
TIMERS = st.fixed_dictionaries(
    {},
    optional={
        "interval": TIMES,
        "timeout": TIMES,
        "rise": st.integers(0, 5),
        "fall": st.integers(0, 5),
        "jitter": st.sampled_from(["0 %", "50 %", "60 %"]),
    },
)
ITEMS = st.builds(
    lambda kind, timers, rest: {**kind, **timers, **rest},
    KINDS,
    TIMERS,
    st.fixed_dictionaries(
        {},
        optional={
            "name": st.sampled_from(["dns", "dns-2", "tcp", "icmp-2", "a"]),
            "scope": st.sampled_from(["local", "dependency"]),
            "family": st.sampled_from(["v4", "v6", "both"]),
        },
    ),
)
GROUPS = st.builds(
    lambda timers, items, backends, rest: {
        **timers,
        **rest,
        "checks": items,
        "backends": [
            {"name": f"b{number}", "address": f"10.0.0.{number + 1}", "checks": checks}
            for number, checks in enumerate(backends)
        ],
    },
    TIMERS,
    st.lists(ITEMS, max_size=6),
    st.lists(st.lists(ITEMS, min_size=1, max_size=3), max_size=3),
    st.fixed_dictionaries(
        {},
        optional={
            "need": st.one_of(st.sampled_from(["all", "any"]), st.integers(1, 8)),
            "together": st.booleans(),
        },
    ),
)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(GROUPS)
def test_any_health_that_is_read_has_unique_names_and_times_that_make_sense(
    written: dict[str, object],
) -> None:
    tree = yaml.safe_load(DESIGN.format(text="", site=""))
    tree["health"] = {"dns": written}
    try:
        parsed = design.parse(yaml.safe_dump(tree))
    except DesignError:
        return

    health = parsed.health["dns"]
    for checks in (health.checks, *(backend.checks for backend in health.backends)):
        names = [check.name for check in checks]
        assert len(names) == len(set(names))
        for check in checks:
            assert 0 < check.timeout_s <= check.interval_s
            assert check.rise >= 1
            assert check.fall >= 1
            assert 0 <= check.jitter <= 0.5
            assert "service" not in repr(check.probe).replace("service=''", "")
    if health.checks or health.backends:
        tree["sites"]["fra"]["announce"] = "dns"
        plan = site_plan(design.parse(yaml.safe_dump(tree)), "fra")
        assert len(plan.checks) == len(health.checks) + sum(len(one.checks) for one in health.backends)
        for service in plan.services:
            local = [one for one in service.checks if plan.checks[one].scope is Scope.LOCAL]
            assert service.need is None or service.need <= max(1, len(local))


def test_an_address_to_ping_may_be_written_in_brackets() -> None:
    assert checks_of('checks: [{icmp: "[2001:db8::1]"}]')["icmp"].probe == IcmpProbe(host="2001:db8::1")


def test_a_type_of_record_by_number_is_written_in_plain_digits() -> None:
    assert checks_of("checks: [{dns: {name: a.example, type: type65}}]")["dns/v4"].probe.type == "TYPE65"
    for text in ("TYPE²", "TYPE65536", "TYPE"):
        with pytest.raises(DesignError, match=f"{text} is not a type of DNS record"):
            checks_of(f"checks: [{{dns: {{name: a.example, type: {text}}}}}]")
