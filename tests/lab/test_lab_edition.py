"""The lab's edition of a design is a design, says the same of the service, and can be run by real agents."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from anyplane.bgp.router import router_plan
from anyplane.bgp.speakers import render
from anyplane.datasets.world_file import read_world
from anyplane.design import Design, announcements, parse
from anyplane.design.operation import DaemonKind, DnsProbe, Endpoint, HttpProbe, ProcessProbe
from anyplane.design.reading_health import asked
from anyplane.lab import paths
from anyplane.lab.blueprint import Blueprint
from anyplane.lab.places.servers.needs import needs
from anyplane.lab.proof.random_worlds import random_world
from anyplane.lab.world.build import build
from anyplane.lab.world.edition import CHECK_NAME, edition
from anyplane.lab.world.prediction import predict
from anyplane.model.nouns import UpstreamKind
from anyplane.topology import Topology

EXAMPLES = Path(__file__).parents[2] / "examples"
TEXT = (EXAMPLES / "dozen-cities.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def topology() -> Topology:
    return read_world(EXAMPLES / "dozen-cities.world.yaml")


def bare(text: str) -> str:
    """The example without health, safety, daemons and sessions."""
    head, rest = text.split("health:\n", 1)
    sites = "sites:\n" + rest.split("sites:\n", 1)[1]
    dropped = ("daemon:", "session:")
    lines = [line for line in sites.splitlines() if not line.strip().startswith(dropped)]
    return head + "\n".join(lines) + "\n"


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_edition_announces_what_the_design_announces(seed: int) -> None:
    world = random_world(seed)

    blueprint = build(world.design, world.topology)
    edited = parse(blueprint.design_text)

    assert announcements(edited) == announcements(world.design)
    assert (edited.groups, edited.communities, edited.objectives) == (
        world.design.groups,
        world.design.communities,
        world.design.objectives,
    )
    for site in edited.sites:
        for upstream in site.upstreams:
            assert sorted(one.family for one in upstream.sessions) == list(blueprint.families)


@pytest.mark.parametrize("name", ["two-sites", "saas-six-continents", "one-vm", "root-letter"])
def test_the_edition_of_every_example_is_a_valid_design(name: str, topology: Topology) -> None:
    text = (EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8")

    blueprint = build(parse(text), topology)

    assert announcements(parse(blueprint.design_text)) == announcements(parse(text))


def test_what_is_said_of_health_and_safety_stays(topology: Topology) -> None:
    design = parse(TEXT)

    edited = parse(build(design, topology).design_text)

    assert edited.safety.drain_wait_s == design.safety.drain_wait_s == 10
    assert edited.safety.fleet_file == str(paths.FLEET_FILE)
    for site in edited.sites:
        before, after = design.health["dns"], site.health["dns"]
        assert after.addresses == before.addresses
        assert [(one.name, one.interval_s, one.timeout_s, one.fall) for one in after.checks] == [
            (one.name, one.interval_s, one.timeout_s, one.fall) for one in before.checks
        ]
        assert [one.probe for one in after.checks if isinstance(one.probe, ProcessProbe)] == [
            ProcessProbe(pidfile=f"/run/site-{site.name}/server.pid")
        ]


def test_a_design_that_says_nothing_of_running_is_made_fit_to_run(topology: Topology) -> None:
    edited = parse(build(parse(bare(TEXT)), topology).design_text)

    assert not edited.safety.has_fleet  # each decides alone, as the design has it
    for site in edited.sites:
        assert site.daemon is not None
        assert site.daemon.kind == DaemonKind.BIRD
        probes = [one.probe for one in site.health["dns"].checks]
        assert {one.name for one in probes if isinstance(one, DnsProbe)} == {CHECK_NAME}
        assert [one for one in probes if isinstance(one, ProcessProbe)]
        for upstream in site.upstreams:
            is_served = upstream.kind == UpstreamKind.ROUTE_SERVER
            for session in upstream.sessions:
                assert session.imports == ("none" if is_served else "default")
                assert (session.bfd is None) == is_served
                assert session.local is not None


def test_a_site_with_nothing_but_a_route_server_has_its_way_back_from_there() -> None:
    world = next(
        world
        for world in map(random_world, range(60))
        if any(one.kind == UpstreamKind.ROUTE_SERVER for site in world.design.sites for one in site.upstreams)
    )
    document = yaml.safe_load(world.design.source)
    chosen = next(
        name
        for name, site in document["sites"].items()
        if any(one.get("kind") == "route_server" for one in site["upstreams"])
    )
    listed = document["sites"][chosen]["upstreams"]
    document["sites"][chosen]["upstreams"] = [one for one in listed if one.get("kind") == "route_server"]
    design = parse(yaml.safe_dump(document, sort_keys=False))

    blueprint = build(design, world.topology)
    sessions = {
        str(site.name): [one for upstream in site.upstreams for one in upstream.sessions]
        for site in parse(blueprint.design_text).sites
    }
    routed = predict(design, world.topology, blueprint)

    assert {one.imports for one in sessions[chosen]} == {"default"}
    mine = [one for of in routed.prefixes for one in of.routes if one.site == chosen]
    assert all(one.rtt_ms is not None and one.rtt_ms > 0 for one in mine)


def test_timers_of_a_session_are_the_designs_own(topology: Topology) -> None:
    text = TEXT.replace(
        "session: [{neighbor: 192.0.2.0, bfd: true}", "session: [{neighbor: 192.0.2.0, hold: 9 s}", 1
    )

    (mad, *_) = parse(build(parse(text), topology).design_text).sites

    v4, v6 = mad.upstreams[0].sessions
    assert (v4.hold_s, v4.bfd) == (9, None)
    assert v6.bfd is not None


@pytest.mark.parametrize("kind", [DaemonKind.BIRD, DaemonKind.FRR, DaemonKind.EXABGP, DaemonKind.GOBGP])
def test_the_daemon_of_a_site_may_be_chosen_and_is_rendered(kind: DaemonKind, topology: Topology) -> None:
    design = parse(TEXT)
    blueprint = build(design, topology, daemons={"tyo": kind})

    edited = parse(blueprint.design_text)

    kinds = [site.daemon.kind for site in edited.sites if site.daemon is not None]
    assert kinds == [DaemonKind.BIRD, kind, DaemonKind.BIRD]
    if kind != DaemonKind.EXABGP:
        text = render(router_plan(edited, "tyo"))
        assert "64500" in text
    has_bfd = any(one.bfd for upstream in edited.sites[1].upstreams for one in upstream.sessions)
    assert has_bfd == (kind in (DaemonKind.BIRD, DaemonKind.FRR))


def test_no_two_nodes_share_a_file(topology: Topology) -> None:
    blueprint = build(parse(TEXT), topology, daemons={"tyo": DaemonKind.FRR})

    files = [
        text
        for site in parse(blueprint.design_text).sites
        if site.daemon
        for text in (site.daemon.control, site.daemon.include)
        if text
    ]

    assert len(set(files)) == len(files) == 5
    assert all(text.startswith("/run/site-") for text in files)


def test_fast_checks_notice_the_first_failure(topology: Topology) -> None:
    blueprint = build(parse(TEXT.replace("fall: 2", "")), topology, has_fast_checks=True)

    for site in parse(blueprint.design_text).sites:
        assert {(one.interval_s, one.fall) for one in site.health["dns"].checks} == {(0.2, 1)}


def test_an_edition_of_an_edition_is_the_same(topology: Topology) -> None:
    blueprint: Blueprint = build(parse(TEXT), topology)

    assert edition(blueprint.design_text, blueprint) == blueprint.design_text


def test_texts_that_look_like_numbers_stay_texts(topology: Topology) -> None:
    text = TEXT.replace("name: dozen-cities", 'name: "0x10"').replace(
        "AP072: GTSM or a key is agreed on with each provider; these are made up", 'AP072: "1e3"'
    )

    edited: Design = parse(build(parse(text), topology).design_text)

    assert (edited.name, edited.silenced["AP072"]) == ("0x10", "1e3")


UNANSWERED = """\
      - {name: secure, tls: "service:853"}
      - {name: called, grpc: "service:50051"}
      - {name: page, http: "https://service/health"}
      - {name: script, exec: [/usr/local/bin/check]}
      - {name: clock, ntp: 192.0.2.123, scope: dependency}
      - {name: named, tcp: "db.example.net:5432", scope: dependency}
"""


def with_checks(text: str, lines: str, *, need: str = "") -> str:
    head, rest = text.split("    checks:\n", 1)
    kept = rest.split("safety:\n", 1)
    return f"{head}{need}    checks:\n{lines}\nsafety:\n{kept[1]}"


def test_checks_that_no_lab_can_answer_are_left_out_and_named(topology: Topology) -> None:
    answered = "      - {name: answers, dns: {name: www.example.net, type: A}}\n"
    text = with_checks(TEXT, UNANSWERED + answered, need="    need: 3\n")

    blueprint = build(parse(text), topology)

    assert [one.partition(":")[0] for one in blueprint.left_out] == [
        *("dns/secure/v4", "dns/secure/v6", "dns/called/v4", "dns/called/v6"),
        *("dns/page/v4", "dns/page/v6", "dns/script", "dns/clock", "dns/named"),
    ]
    for site in parse(blueprint.design_text).sites:
        assert {one.name for one in site.health["dns"].checks} == {"answers/v4", "answers/v6"}
        assert site.health["dns"].need is None  # all: there are no three left
        assert needs(parse(blueprint.design_text), site.name).unmet == ()


def test_a_group_that_is_left_without_any_check_has_the_labs_own(topology: Topology) -> None:
    blueprint = build(parse(with_checks(TEXT, UNANSWERED)), topology)

    for site in parse(blueprint.design_text).sites:
        probes = [one.probe for one in site.health["dns"].checks]
        assert {one.name for one in probes if isinstance(one, DnsProbe)} == {CHECK_NAME}


def test_a_design_whose_checks_can_all_be_answered_keeps_them(topology: Topology) -> None:
    assert build(parse(TEXT), topology).left_out == ()


def test_a_check_that_asks_a_backend_by_its_address_asks_it_where_it_is_in_the_lab() -> None:
    text = (EXAMPLES / "backends.yaml").read_text(encoding="utf-8")
    asking = (
        '[{dns: {name: www.example.net, server: "10.0.0.11"}}, {tcp: "10.0.0.11:53"}, '
        '{http: "http://10.0.0.11:8080/"}, {http: {url: "http://www.example.net/", address: 10.0.0.11}}, '
        "{dns: {name: a.example.net, expect: 10.0.0.11}}, {tcp: '110.0.0.11:53', scope: dependency}]"
    )
    text = text.replace("10.0.0.11, checks: [{dns: {name: www.example.net}}]", f"10.0.0.11, checks: {asking}")
    by_site = (
        '          - {name: behind, dns: {name: www.example.net, server: "10.0.0.12"}}\n        backends:\n'
    )
    text = text.replace("        backends:\n", by_site, 1)

    blueprint = build(parse(text), read_world(EXAMPLES / "backends.world.yaml"))
    mad = next(one for one in parse(blueprint.design_text).sites if one.name == "mad")
    first, second, *_ = mad.health["dns"].backends

    assert str(first.address) != "10.0.0.11"
    probes = [one.probe for one in first.checks]
    assert [asked(one) for one in probes[:4]] == [str(first.address)] * 4
    assert probes[2] == HttpProbe(url=f"http://{first.address}:8080/")
    assert probes[4] == DnsProbe(
        name="a.example.net", expect=("10.0.0.11",), server=Endpoint(host=str(first.address), port=53)
    )
    assert asked(probes[5]) == "110.0.0.11"
    assert str(second.address) in [asked(one.probe) for one in mad.health["dns"].checks]
