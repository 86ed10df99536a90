"""What a router does with routes, before any daemon: classes, rules, what is heard, who is a neighbour."""

from __future__ import annotations

from ipaddress import ip_address

from router_parts import ONCE_IN_EUROPE, THRICE, TO_20, TWICE_TO_PEERS, V4, parts

from anyplane.lab.routers.neighbours import SessionKind, neighbours
from anyplane.lab.routers.policy import export, hearing, interior_cost, own_networks, rules
from anyplane.model.nouns import Asn, RouteClass

BLUEPRINT = parts()
NUMBER = {rule: number for number, rule in enumerate(rules(BLUEPRINT))}


def test_every_rule_has_one_number_whoever_asks_for_it() -> None:
    assert set(NUMBER) == {TO_20, TWICE_TO_PEERS, ONCE_IN_EUROPE, THRICE}
    assert rules(BLUEPRINT) == rules(parts())


def test_a_providers_route_goes_to_customers_alone() -> None:
    node = BLUEPRINT.by_name["as10-fra"]

    to_peer = export(BLUEPRINT, node, to=Asn(99), neighbour_is=RouteClass.PEER)
    to_customer = export(BLUEPRINT, node, to=Asn(99), neighbour_is=RouteClass.CUSTOMER)

    assert to_peer.classes == {RouteClass.ORIGIN, RouteClass.CUSTOMER}
    assert to_customer.classes == {
        RouteClass.ORIGIN,
        RouteClass.CUSTOMER,
        RouteClass.PEER,
        RouteClass.PROVIDER,
    }


def test_a_rule_binds_only_the_neighbours_that_it_names() -> None:
    node = BLUEPRINT.by_name["as10-fra"]

    assert export(BLUEPRINT, node, to=Asn(20), neighbour_is=RouteClass.PEER).blocked_by == (NUMBER[TO_20],)
    assert export(BLUEPRINT, node, to=Asn(30), neighbour_is=RouteClass.PEER).blocked_by == ()


def test_of_several_prepends_the_largest_stands_first() -> None:
    node = BLUEPRINT.by_name["as10-fra"]

    wanted = export(BLUEPRINT, node, to=Asn(30), neighbour_is=RouteClass.PEER)

    assert wanted.prepends == (
        (3, (NUMBER[THRICE],)),
        (2, (NUMBER[TWICE_TO_PEERS],)),
        (1, (NUMBER[ONCE_IN_EUROPE],)),
    )


def test_a_region_is_that_of_the_router_that_exports() -> None:
    overseas = BLUEPRINT.by_name["as10-nyc"]

    wanted = export(BLUEPRINT, overseas, to=Asn(30), neighbour_is=RouteClass.CUSTOMER)

    assert wanted.prepends == ((3, (NUMBER[THRICE],)),)


def test_a_community_is_obeyed_by_its_owner_alone_and_an_action_needs_none() -> None:
    to_transit, to_exchange = BLUEPRINT.sites

    by_transit = hearing(BLUEPRINT, to_transit)
    by_exchange = hearing(BLUEPRINT, to_exchange)

    # 65010 is nobody's number: a private one is obeyed by whoever hears it, so here by both.
    assert set(by_transit.communities) == {"10:20", "10:2", "65010:0:20"}
    assert by_transit.rules == {V4: (NUMBER[THRICE],)}
    assert set(by_exchange.communities) == {"65010:0:20"}


def test_the_sites_own_session_is_mirrored_and_the_rest_has_one_session_for_both_families() -> None:
    listed = {one.name: one for one in neighbours(BLUEPRINT, BLUEPRINT.by_name["as10-fra"])}

    assert list(listed) == ["pop1_as10_nyc", "link1_as20_ams", "site4_site_fra_0", "site4_site_fra_1"]
    assert listed["link1_as20_ams"].families == (4, 6)
    assert listed["link1_as20_ams"].route_class == RouteClass.CUSTOMER
    assert listed["site4_site_fra_0"].remote == ip_address("100.72.0.9")
    mirrored = listed["site4_site_fra_0"].session
    assert mirrored is not None
    assert mirrored.is_gtsm


def test_a_route_server_has_members_and_sites_and_a_member_has_the_server() -> None:
    server = neighbours(BLUEPRINT, BLUEPRINT.by_name["rs-ams"])
    member = neighbours(BLUEPRINT, BLUEPRINT.by_name["as30-ams"])

    assert [(one.kind, one.node) for one in server] == [
        (SessionKind.MEMBER, "as20-ams"),
        (SessionKind.MEMBER, "as30-ams"),
        (SessionKind.SITE, "site-fra"),
        (SessionKind.SITE, "site-fra"),
    ]
    assert [one.route_class for one in member if one.kind == SessionKind.SERVER] == [RouteClass.PEER]


def test_kilometres_become_decametres_and_never_nothing() -> None:
    assert interior_cost(6200.5) == 620050
    assert interior_cost(0.0) == 1


def test_only_nodes_with_users_originate_a_network() -> None:
    with_users, without = BLUEPRINT.by_name["as30-ams"], BLUEPRINT.by_name["as10-fra"]

    assert [net.version for net in own_networks(BLUEPRINT, with_users)] == [4, 6]
    assert own_networks(BLUEPRINT, without) == ()
