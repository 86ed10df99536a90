"""Hijacks and ROAs in a world small enough to reckon by hand; see tiny_world."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

import numpy as np
import pytest
import tiny_world
from trust_definition import vrp

from anyplane.design.design import Audience, Design, PrefixGroup
from anyplane.model.errors import TopologyError, UsageError
from anyplane.model.nouns import Asn, Prefix
from anyplane.model.rpki import Vrp, VrpSet
from anyplane.planning import plan as planning
from anyplane.planning.trust import trust
from anyplane.planning.trust.report import Attack, TrustReport, World
from anyplane.planning.trust.validity import State

SHORT: Prefix = ip_network("192.0.2.0/23")
ROA = vrp("192.0.2.0/23", 64500)
NOW = 1_795_284_000


def design(prefix: Prefix = SHORT, **changes: object) -> Design:
    """The tiny design with one prefix, short enough to have more-specifics that networks accept."""
    return tiny_world.design(
        groups=(PrefixGroup(name="all", prefixes=(prefix,)),),
        sites=(
            tiny_world.site("a", 0, tiny_world.upstream(10, prefixes=(prefix,))),
            tiny_world.site("c", 2, tiny_world.upstream(20, prefixes=(prefix,))),
        ),
        **changes,
    )


def about(*vrps: Vrp) -> VrpSet:
    return VrpSet(source="vrps.json", form="made", total=len(vrps), vrps=vrps)


def asked(
    *vrps: Vrp,
    attackers: tuple[int, ...],
    rov: tuple[int, ...] = (),
    given: Design | None = None,
    alone: bool = False,
) -> TrustReport:
    """The report on these attackers, today's list being `rov`."""
    world = tiny_world.topology()
    one = given or design()
    asking = trust.Asking(now=NOW, attackers=attackers, alone=alone)
    work = trust.prepare(one, world, about(*vrps), asking, rov=np.isin(world.asn, rov), threads=1)
    trust.run(work)
    return trust.report(one, about(*vrps), asking, work)


def taken(
    report: TrustReport, attack: Attack, world: World, *, situation: int = 0, attacker: int = 0
) -> float:
    """Users that a named attacker takes."""
    takes = report.exposures[0].situations[situation].named[attacker].takes
    return next(take.users for take in takes if (take.attack, take.world) == (attack, world))


def test_an_attacker_as_near_as_a_site_shares_by_ties() -> None:
    # AS103 is a customer of both transits in CCC. AS20 hears it and site c there, equally good: half of
    # AS102's 250 users. AS10 has its own site in AAA for AS101. AS103's own 100 users do not count.
    report = asked(ROA, attackers=(103,))

    assert taken(report, Attack.SAME, World.NOBODY) == 125.0
    assert taken(report, Attack.SAME, World.LIST) == 125.0
    assert taken(report, Attack.SAME, World.EVERYBODY) == 0.0
    assert report.exposures[0].situations[0].named[0].own_users == 100.0


def test_a_forged_origin_is_one_as_longer_and_loses_to_both_sites() -> None:
    report = asked(ROA, attackers=(103,))

    assert taken(report, Attack.FORGED, World.NOBODY) == 0.0
    assert taken(report, Attack.FORGED, World.EVERYBODY) == 0.0


def test_a_more_specific_takes_everybody_who_hears_it_or_sends_through_one_who_does() -> None:
    assert taken(asked(ROA, attackers=(103,)), Attack.SPECIFIC, World.NOBODY) == 850.0
    # AS20 drops it, so its customer AS102 keeps site c; AS10 does not, and AS101 is behind it.
    assert taken(asked(ROA, attackers=(103,), rov=(20,)), Attack.SPECIFIC, World.LIST) == 600.0
    # AS101 drops it, and sends its packets to AS10 all the same, which has it.
    assert taken(asked(ROA, attackers=(103,), rov=(101,)), Attack.SPECIFIC, World.LIST) == 850.0
    assert taken(asked(ROA, attackers=(103,), rov=(10, 20)), Attack.SPECIFIC, World.LIST) == 0.0
    assert taken(asked(ROA, attackers=(103,)), Attack.SPECIFIC, World.EVERYBODY) == 0.0


def test_an_upstream_that_attacks_keeps_what_must_cross_it() -> None:
    report = asked(ROA, attackers=(10,))
    (attacker,) = report.exposures[0].situations[0].named
    same = {take.world: take for take in attacker.takes if take.attack is Attack.SAME}

    assert attacker.role == "transit, hears us"
    assert same[World.NOBODY].users == 700.0, "all of its customers' users"
    # Everybody drops its route, and it has forgotten ours: its customer AS101 has none.
    assert (same[World.EVERYBODY].users, same[World.EVERYBODY].cut_off) == (0.0, 600.0)
    assert taken(report, Attack.SPECIFIC, World.EVERYBODY) == 650.0, "AS101, and half of AS103, cross AS10"


def test_without_a_roa_nobody_has_anything_to_validate_and_the_report_shows_both() -> None:
    report = asked(attackers=(103,), rov=(20,))
    now, then = report.exposures[0].situations

    assert (now.state, then.state) == (State.NOT_FOUND, State.VALID)
    assert taken(report, Attack.SAME, World.EVERYBODY) == 125.0
    assert taken(report, Attack.SAME, World.EVERYBODY, situation=1) == 0.0
    assert taken(report, Attack.SAME, World.LIST, situation=1) == 0.0
    assert taken(report, Attack.SPECIFIC, World.LIST, situation=1) == 600.0


def test_a_loose_roa_lets_a_forged_more_specific_pass_every_validator() -> None:
    report = asked(vrp("192.0.2.0/23", 64500, 24), attackers=(103,))

    assert taken(report, Attack.SPECIFIC, World.EVERYBODY) == 0.0
    assert taken(report, Attack.FORGED_SPECIFIC, World.EVERYBODY) == 850.0
    assert taken(report, Attack.SPECIFIC, World.EVERYBODY, situation=1) == 0.0
    assert [item.is_exploitable for item in report.loose] == [True]
    then = report.exposures[0].situations[1]
    assert (then.name, then.state) == ("with the ROAs", State.VALID)
    assert {cell.attack for cell in then.cells if not cell.attackers} == {Attack.FORGED_SPECIFIC}


def test_an_invalid_route_of_ours_is_dropped_and_the_attacker_with_a_roa_is_not() -> None:
    # The only ROA is of AS103: ours is invalid, its route is valid.
    report = asked(vrp("192.0.2.0/23", 103), attackers=(103,), rov=(20,))

    assert report.exposures[0].situations[0].state is State.INVALID
    assert report.broken == 1
    # AS20 drops site c; AS10 has site a for AS101 and AS103, and tells its peer AS20, which drops that too.
    unreached = report.exposures[0].situations[0].unreached
    assert unreached == (0.05, 0.3, 1.0), "AS104 is an island; then AS102 too; then everybody"
    # AS20 drops site c, so AS102 goes where AS20 goes: to its customer AS103.
    assert taken(report, Attack.SAME, World.LIST) == 250.0
    assert taken(report, Attack.SAME, World.EVERYBODY) == 850.0
    assert taken(report, Attack.SAME, World.EVERYBODY, situation=1) == 125.0, "both are valid with our ROA"


def test_a_24_has_no_more_specific_that_networks_accept() -> None:
    report = asked(vrp("192.0.2.0/24", 64500), attackers=(103,), given=design(tiny_world.V4))
    cells = report.exposures[0].situations[0].cells

    why = {cell.attack: cell.why for cell in cells if not cell.attackers}
    assert set(why) == {Attack.SPECIFIC, Attack.FORGED_SPECIFIC}
    assert "/24" in why[Attack.SPECIFIC]


def test_a_site_alone_and_users_without_a_route_are_those_of_the_plan() -> None:
    report = asked(ROA, attackers=(102, 103), alone=True)
    (scenario,) = planning.plan(design(), tiny_world.topology()).scenarios
    single = report.exposures[0].single

    assert single is not None
    assert single.anycast.unreached == scenario.unreached_share
    found = {row.site: row for row in single.sites}
    for row in scenario.unicast:
        assert found[row.site].unreached == pytest.approx(row.unreached / scenario.users)
    # From a alone AS102 takes half of AS103 (a tie), AS103 all of AS102. From c alone AS102 takes AS101,
    # because AS20 leaves AAA by BBB; AS103 takes AS101 and half of AS102.
    assert (found["a"].mean, found["a"].worst) == (0.15, 0.25)
    assert (found["c"].mean, found["c"].worst) == (0.6625, 0.725)
    assert single.best == "a"


def test_users_of_an_audience_alone_are_counted() -> None:
    french = PrefixGroup(name="all", prefixes=(SHORT,), audience=Audience(countries=frozenset({"FR"})))
    report = asked(ROA, attackers=(103,), given=replace(design(), groups=(french,)))

    assert report.exposures[0].users == 250.0
    assert report.exposures[0].situations[0].cells[0].median == 0.5


def test_prefixes_that_rpki_treats_alike_are_one_exposure() -> None:
    prefixes = (ip_network("192.0.2.0/24"), ip_network("2001:db8::/48"), ip_network("198.51.100.0/24"))
    one = tiny_world.design(
        groups=(PrefixGroup(name="all", prefixes=prefixes),),
        sites=(tiny_world.site("a", 0, tiny_world.upstream(10, prefixes=prefixes)),),
    )
    report = asked(vrp("192.0.2.0/24", 64500), vrp("2001:db8::/48", 64500), attackers=(103,), given=one)

    assert [item.prefixes for item in report.exposures] == [
        ("192.0.2.0/24", "2001:db8::/48"),
        ("198.51.100.0/24",),
    ]


def test_nothing_announced_is_nothing_to_hijack() -> None:
    report = asked(ROA, attackers=(103,), given=design().__class__(**_asdict(design(), sites=())))

    assert report.exposures == ()
    assert "so nothing can be hijacked" in " ".join(report.warnings)


def _asdict(given: Design, **changes: object) -> dict[str, object]:
    return {name: getattr(given, name) for name in given.__dataclass_fields__} | changes


@pytest.mark.parametrize(("asn", "error"), [(64500, UsageError), (7, TopologyError)])
def test_an_attacker_must_be_another_network_of_the_topology(asn: int, error: type[Exception]) -> None:
    with pytest.raises(error, match=str(asn)):
        asked(ROA, attackers=(asn,))


def test_a_sample_is_drawn_from_networks_with_links_and_repeats_itself() -> None:
    world = tiny_world.topology()

    from anyplane.planning.trust.attackers import drawn

    everyone = drawn(world, 1000, seed=1, origin=20)
    assert [int(asn) for asn in world.asn[everyone]] == [10, 101, 102, 103]
    assert drawn(world, 2, seed=3, origin=64500).tolist() == drawn(world, 2, seed=3, origin=64500).tolist()
    assert Asn(104) not in world.asn[drawn(world, 5, seed=1, origin=64500)]


def in_parts(*parts: str) -> Design:
    """The tiny design with 192.0.2.0/23 and these parts of it, all of them announced by both sites."""
    prefixes = (SHORT, *map(ip_network, parts))
    return replace(
        design(),
        groups=(PrefixGroup(name="all", prefixes=prefixes),),
        sites=(
            tiny_world.site("a", 0, tiny_world.upstream(10, prefixes=prefixes)),
            tiny_world.site("c", 2, tiny_world.upstream(20, prefixes=prefixes)),
        ),
    )


def test_a_more_specific_is_moot_where_we_announce_both_halves() -> None:
    loose = vrp("192.0.2.0/23", 64500, 24)
    report = asked(loose, attackers=(103,), given=in_parts("192.0.2.0/24", "192.0.3.0/24"))

    whole = next(item for item in report.exposures if item.prefixes == ("192.0.2.0/23",))
    why = {cell.attack: cell.why for cell in whole.situations[0].cells if not cell.attackers}
    assert set(why) == {Attack.SPECIFIC, Attack.FORGED_SPECIFIC}
    assert all("192.0.2.0/24, 192.0.3.0/24" in text for text in why.values())
    assert report.loose == ()
    assert any("all of it is announced in more-specifics" in text for text in report.warnings)


def test_where_we_announce_one_half_the_other_is_still_to_be_taken() -> None:
    held = (ROA, vrp("192.0.2.0/24", 64500))
    report = asked(*held, attackers=(103,), given=in_parts("192.0.2.0/24"))

    assert taken(report, Attack.SPECIFIC, World.NOBODY) == 850.0
    why = {cell.attack: cell.why for cell in report.exposures[0].situations[0].cells if not cell.attackers}
    assert set(why) == {Attack.FORGED_SPECIFIC}, "our ROA for the half that we announce opens nothing"
    assert "no ROA lets AS64500" in why[Attack.FORGED_SPECIFIC]
    assert any("not of users of 192.0.2.0/24" in text for text in report.warnings)


def test_a_roa_left_over_deep_inside_makes_a_forged_more_specific_valid() -> None:
    wide = ip_network("192.0.0.0/22")
    held = (vrp("192.0.0.0/22", 64500), vrp("192.0.2.0/24", 64500))
    report = asked(*held, attackers=(103,), given=design(wide))

    assert taken(report, Attack.FORGED_SPECIFIC, World.EVERYBODY) == 850.0
    then = report.exposures[0].situations[1]
    assert {cell.attack for cell in then.cells if not cell.attackers} == {Attack.FORGED_SPECIFIC}
