"""The committed tables: complete, consistent with each other and with well-known distances."""

import time

import numpy as np
import pytest

from anyplane.datasets import world
from anyplane.model.nouns import Place
from anyplane.topology.known import NetworkKind

CLIQUE = (
    174,
    209,
    286,
    701,
    1239,
    1299,
    2828,
    2914,
    3257,
    3320,
    3356,
    3491,
    5511,
    6453,
    6461,
    6762,
    6830,
    7018,
)


def index(code: str) -> int:
    return world.metros().code.index(code)


def test_metro_codes_are_distinct_sorted_and_three_letters() -> None:
    codes = world.metros().code

    assert list(codes) == sorted(set(codes))
    assert all(len(code) == 3 and code.isalpha() and code.isupper() for code in codes)
    assert 400 <= len(codes) <= 600


@pytest.mark.parametrize(
    ("here", "there", "km"),
    [("FRA", "NYC", 6204), ("SYD", "LON", 16994), ("TYO", "OSA", 397), ("SAO", "BUE", 1676)],
)
def test_distances_are_those_of_the_great_circle(here: str, there: str, km: float) -> None:
    table = world.metros().km

    assert table[index(here), index(there)] == pytest.approx(km, rel=0.01)


def test_the_distance_matrix_is_symmetric_with_a_zero_diagonal() -> None:
    km = world.metros().km

    assert km.dtype == np.float32
    assert (km == km.T).all()
    assert (np.diagonal(km) == 0).all()
    assert float(km.max()) < 20_038


def test_no_two_metros_share_a_place() -> None:
    km = world.metros().km + np.eye(len(world.metros().code), dtype=np.float32) * 1e6

    assert float(km.min()) > 5.0


def test_populations_add_up_to_the_world_and_to_each_country() -> None:
    metros = world.metros()
    people = dict.fromkeys(metros.country, 0.0)
    for country, population in zip(metros.country, metros.population, strict=True):
        people[country] += population

    assert 7.9e9 < float(metros.population.sum()) < 8.3e9
    for country in world.countries():
        if country.code in people:
            assert people[country.code] == pytest.approx(country.population, rel=1e-3)


def test_about_five_and_a_half_billion_people_are_online() -> None:
    assert 5.3e9 < sum(country.users for country in world.countries()) < 5.7e9


def test_every_country_of_a_metro_is_listed_and_every_country_has_a_metro_to_go_to() -> None:
    codes = {country.code for country in world.countries()}

    assert set(world.metros().country) <= codes
    assert {country.metro for country in world.countries()} <= set(world.metros().code)


def test_the_european_union_has_27_members_and_iceland_is_not_one() -> None:
    groups = {country.code: country.groups for country in world.countries()}
    members = {code for code, group in groups.items() if "EU" in group}

    overseas = {"GP", "MQ", "GF", "RE", "YT", "MF", "AX"}
    assert len(members - overseas) == 27
    assert groups["IS"] == {"EEA"}
    assert groups["CH"] == groups["GB"] == frozenset()


def test_known_networks_hold_the_clique_and_live_in_known_metros() -> None:
    networks = {network.asn: network for network in world.known_networks()}
    codes = set(world.metros().code)

    assert len(networks) == len(world.known_networks())
    assert all(networks[asn].kind is NetworkKind.TIER1 for asn in CLIQUE)
    for network in networks.values():
        assert network.home in network.metros
        assert set(network.metros) <= codes
    assert networks[6939].kind is NetworkKind.TRANSIT


def test_known_networks_have_no_more_users_than_their_country_has_people() -> None:
    people = {country.code: country.population for country in world.countries()}

    for network in world.known_networks():
        assert network.users < people[network.country]


def test_exchanges_are_in_known_metros_and_have_distinct_names() -> None:
    names = [ixp.name for ixp in world.known_ixps()]

    assert len(set(names)) == len(names) >= 60
    assert {ixp.metro for ixp in world.known_ixps()} <= set(world.metros().code)
    assert next(ixp for ixp in world.known_ixps() if ixp.asn == 6695).metro == "FRA"


def test_aliases_lead_from_airports_to_metros_and_hide_no_metro() -> None:
    aliases = world.aliases()

    assert aliases["LHR"] == "LON"
    assert aliases["JFK"] == "NYC"
    assert aliases["IAD"] == "WAS"
    assert set(aliases.values()) <= set(world.metros().code)
    assert not set(aliases) & set(world.metros().code)


def test_the_nearest_metro_to_ashburn_is_washington() -> None:
    nearest = world.nearest_metro(world.metros(), Place(lat=39.0437, lon=-77.4875))

    assert world.metros().code[nearest] == "WAS"


def test_the_metros_load_at_once() -> None:
    world.metros.cache_clear()
    start = time.process_time()
    world.metros()

    # 13 ms on a slow machine; the bound leaves room for a busier one.
    assert time.process_time() - start < 0.1
