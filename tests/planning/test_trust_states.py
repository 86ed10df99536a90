"""States of routes, ROAs that end, ROAs to create, and ROAs that allow too much."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import ip_network

import pytest
import tiny_world
from hypothesis import given
from hypothesis import strategies as st
from trust_definition import vrp

from anyplane.design.design import PrefixGroup
from anyplane.model.errors import UsageError
from anyplane.model.rpki import Vrp, VrpSet
from anyplane.planning.trust import trust
from anyplane.planning.trust.report import Level, Purpose, Route, TrustReport
from anyplane.planning.trust.roas import to_slurm
from anyplane.planning.trust.validity import Reason, State, validate

NOW = 1_795_284_000
DAY = 86_400
V4, V6 = vrp("192.0.2.0/24", 64500), vrp("2001:db8::/48", 64500)


def asked(*vrps: Vrp, facts: dict[str, object] | None = None, **changes: object) -> TrustReport:
    """The report without hijacks."""
    held = VrpSet(**({"source": "v.json", "form": "made", "total": len(vrps), "vrps": vrps} | (facts or {})))  # type: ignore[arg-type]
    given = changes.pop("design", None) or tiny_world.design()
    asking = trust.Asking(now=NOW, **changes)  # type: ignore[arg-type]
    return trust.report(given, held, asking)  # type: ignore[arg-type]


def route(report: TrustReport, prefix: str, origin: int = 64500) -> Route:
    return next(item for item in report.routes if (item.prefix, item.origin) == (prefix, origin))


def test_a_valid_design_has_nothing_to_do() -> None:
    report = asked(V4, V6)

    assert [item.state for item in report.routes] == [State.VALID, State.VALID]
    assert (report.broken, report.missing, report.roas, report.loose) == (0, 0, (), ())


def test_a_missing_roa_is_a_warning_and_the_roa_is_written_out() -> None:
    report = asked(V4)

    assert route(report, "2001:db8::/48").level is Level.WARNING
    assert (report.broken, report.missing) == (0, 1)
    assert [(roa.asn, roa.prefix, roa.max_length) for roa in report.roas] == [(64500, "2001:db8::/48", 48)]


def test_a_more_specific_and_a_scrubber_must_be_valid_before_they_are_needed() -> None:
    wide = vrp("192.0.0.0/22", 64500)
    given = tiny_world.design(groups=(PrefixGroup(name="all", prefixes=(ip_network("192.0.0.0/22"),)),))
    report = asked(wide, design=given, more_specifics=(ip_network("192.0.2.0/24"),), scrubbers=(64501,))

    own, scrubbed = route(report, "192.0.2.0/24"), route(report, "192.0.2.0/24", 64501)
    assert (own.state, own.reason, own.purpose) == (State.INVALID, Reason.MAX_LENGTH, Purpose.MORE_SPECIFIC)
    assert (scrubbed.state, scrubbed.reason, scrubbed.purpose) == (
        State.INVALID,
        Reason.ORIGIN,
        Purpose.SCRUBBER,
    )
    assert own.inside == "192.0.0.0/22"
    assert report.broken == 2
    assert [(roa.asn, roa.prefix) for roa in report.roas] == [
        (64500, "192.0.2.0/24"),
        (64501, "192.0.2.0/24"),
    ]


def test_a_scrubber_takes_the_prefix_itself_where_no_part_is_named() -> None:
    report = asked(V4, V6, scrubbers=(64501,))

    assert [item.prefix for item in report.routes if item.origin == 64501] == [
        "192.0.2.0/24",
        "2001:db8::/48",
    ]


def test_a_roa_that_ends_soon_is_a_warning_with_what_comes_after() -> None:
    other = vrp("192.0.0.0/16", 7)
    ending = replace(V4, expires=NOW + 3 * DAY)
    found = route(asked(ending, other, V6), "192.0.2.0/24")

    assert (found.state, found.level, found.is_expiring) == (State.VALID, Level.WARNING, True)
    assert (found.after, found.ends) == (State.INVALID, "2026-11-24T18:00:00Z")
    assert not route(asked(ending, other, expires_within_s=2 * DAY), "192.0.2.0/24").is_expiring
    twice = replace(V4, trust_anchor="x", max_length=25)
    assert not route(asked(ending, twice), "192.0.2.0/24").is_expiring, "the other one does not end"


def test_a_roa_that_has_ended_is_broken_and_must_be_made_again() -> None:
    report = asked(replace(V4, expires=NOW), V6)
    found = route(report, "192.0.2.0/24")

    assert (found.state, found.level, found.is_expired) == (State.NOT_FOUND, Level.BROKEN, True)
    assert [roa.prefix for roa in report.roas] == ["192.0.2.0/24"]
    assert found.covering[0].is_expired
    assert not route(asked(replace(V4, expires=NOW), V4), "192.0.2.0/24").is_expired


@pytest.mark.parametrize(
    ("loose", "is_exploitable", "says"),
    [
        (vrp("192.0.2.0/24", 64500, 32), False, "only routes longer than /24"),
        (vrp("192.0.0.0/16", 64500, 24), False, "takes users of this design"),
        (vrp("2001:db8::/48", 64500, 64), False, "only routes longer than /48"),
    ],
)
def test_a_maximum_length_beyond_what_is_announced_is_named(
    loose: Vrp, is_exploitable: bool, says: str
) -> None:
    report = asked(loose)

    (found,) = report.loose
    assert (found.is_exploitable, says in found.words) == (is_exploitable, True)


def test_a_loose_roa_that_can_be_used_is_replaced_by_an_exact_one() -> None:
    given = tiny_world.design(groups=(PrefixGroup(name="all", prefixes=(ip_network("192.0.0.0/22"),)),))
    report = asked(vrp("192.0.0.0/22", 64500, 24), design=given)

    (found,) = report.loose
    assert (found.is_exploitable, found.allowed, found.announced) == (True, 7, 1)
    assert "192.0.0.0/23" in found.words
    (roa,) = report.roas
    assert (roa.prefix, roa.max_length, roa.replaces) == ("192.0.0.0/22", 22, "AS64500 192.0.0.0/22 to /24")


def test_a_maximum_length_that_is_used_up_is_not_loose() -> None:
    prefixes = tuple(ip_network(text) for text in ("192.0.2.0/23", "192.0.2.0/24", "192.0.3.0/24"))
    given = tiny_world.design(groups=(PrefixGroup(name="all", prefixes=prefixes),))

    assert asked(vrp("192.0.2.0/23", 64500, 24), design=given).loose == ()


def test_blackhole_routes_that_are_invalid_are_a_matter_for_the_upstream() -> None:
    host = ip_network("192.0.2.7/32")
    given = tiny_world.design(
        groups=(PrefixGroup(name="all", prefixes=(tiny_world.V4, host)),),
        sites=(
            tiny_world.site(
                "a",
                0,
                tiny_world.upstream(10, prefixes=(tiny_world.V4,)),
                tiny_world.upstream(20, prefixes=(host,), is_blackhole=True),
            ),
        ),
    )
    report = asked(V4, design=given)

    found = route(report, "192.0.2.7/32")
    assert (found.purpose, found.state, found.level) == (Purpose.BLACKHOLE, State.INVALID, Level.WARNING)
    assert (report.broken, report.roas) == (0, ())
    assert route(report, "192.0.2.0/24").host_state is State.INVALID
    assert "RFC 9319 section 6" in " ".join(report.warnings)


def test_what_no_site_announces_is_checked_too() -> None:
    given = tiny_world.design(groups=(PrefixGroup(name="all", prefixes=(ip_network("203.0.113.0/24"),)),))

    assert route(asked(design=given), "203.0.113.0/24").purpose is Purpose.STANDBY


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"more_specifics": (ip_network("8.8.8.0/24"),)}, "is not inside of any prefix"),
        ({"more_specifics": (ip_network("192.0.2.0/24"),)}, "is not inside of any prefix"),
        ({"scrubbers": (64500,)}, "own origin"),
        ({"group": "no"}, "has no group"),
    ],
)
def test_questions_about_nothing_are_refused(changes: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        asked(V4, **changes)


def test_a_file_that_is_empty_old_or_broken_is_remarked_on() -> None:
    assert "holds no VRP at all" in " ".join(asked().warnings)
    assert "5 days old" in " ".join(asked(V4, facts={"generated": NOW - 5 * DAY}).warnings)
    assert "left out" in " ".join(asked(V4, facts={"broken": ("entry 3: AS1 192.0.2.0/24 …",)}).warnings)
    soon = asked(replace(V4, expires=NOW + DAY), facts={"half_expire_by": NOW + DAY, "total": 1000})
    assert "nothing unusual" in " ".join(soon.warnings)


def test_slurm_is_what_rfc_8416_asks_for() -> None:
    slurm = json.loads(to_slurm(asked(V4).roas))

    assert slurm["slurmVersion"] == 1
    assert slurm["validationOutputFilters"] == {"prefixFilters": [], "bgpsecFilters": []}
    (assertion,) = slurm["locallyAddedAssertions"]["prefixAssertions"]
    assert (assertion["asn"], assertion["prefix"]) == (64500, "2001:db8::/48")
    assert "maxPrefixLength" not in assertion


@given(
    st.lists(
        st.tuples(st.integers(16, 26), st.sampled_from([64500, 64501, 0]), st.integers(0, 8)), max_size=5
    )
)
def test_with_the_roas_to_create_every_route_is_valid(rows: list[tuple[int, int, int]]) -> None:
    address = int(ip_network("192.0.2.0/24").network_address)
    vrps = [
        Vrp(
            prefix=ip_network((address >> (32 - length) << (32 - length), length)),
            max_length=min(32, length + more),
            asn=asn,  # type: ignore[arg-type]
        )
        for length, asn, more in rows
    ]
    report = asked(*vrps, more_specifics=(ip_network("2001:db8:0:8000::/49"),), scrubbers=(64501,))
    created = [vrp(roa.prefix, roa.asn) for roa in report.roas]

    # Also once the loose ones are gone that they replace.
    loose = {(item.prefix, item.max_length, item.asn) for item in report.loose}
    kept = [one for one in vrps if (str(one.prefix), one.max_length, int(one.asn)) not in loose]
    for item in report.routes:
        for some in (vrps + created, kept + created):
            assert validate(ip_network(item.prefix), item.origin, some).state is State.VALID


def test_a_roa_of_a_network_that_nobody_named_is_a_warning_until_it_is_a_scrubber() -> None:
    other, inside = vrp("192.0.0.0/16", 64510, 24), vrp("2001:db8:0:8000::/49", 64511)

    assert [text[:28] for text in asked(V4, V6, other, inside).warnings if text.startswith("ROA")] == [
        "ROA AS64510 192.0.0.0/16 to "
    ], "a /49 is dropped by networks, valid or not"
    assert not [text for text in asked(V4, V6, other, scrubbers=(64510,)).warnings if "64510" in text]
    assert not [text for text in asked(V4, V6, vrp("192.0.2.0/24", 0)).warnings if "AS0" in text]
    gone = replace(other, expires=NOW - 1)
    assert not [text for text in asked(V4, V6, gone).warnings if "64510" in text]


def test_a_route_whose_roa_has_expired_is_counted_once() -> None:
    report = asked(replace(V4, expires=NOW - 1), V6)

    assert (report.broken, report.missing) == (1, 0)


def test_a_roa_left_over_inside_of_a_prefix_can_be_used_against_it() -> None:
    given = tiny_world.design(groups=(PrefixGroup(name="all", prefixes=(ip_network("192.0.0.0/22"),)),))
    held = (vrp("192.0.0.0/22", 64500), vrp("192.0.2.0/24", 64500), vrp("192.0.3.7/32", 64500))

    report = asked(*held, design=given)

    assert [(item.prefix, item.announced, item.is_exploitable) for item in report.loose] == [
        ("192.0.2.0/24", 0, True),
        ("192.0.3.7/32", 0, False),
    ]
    assert report.roas == ()
    meant = asked(*held, design=given, more_specifics=(ip_network("192.0.2.0/24"),))
    assert [item.prefix for item in meant.loose] == ["192.0.3.7/32"]
