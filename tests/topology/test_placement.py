"""Placement and users, on small graphs whose answer one can see and on random ones that must add up."""

import numpy as np
import pytest

from anyplane.datasets import world
from anyplane.topology import Metros
from anyplane.topology.known import Country
from anyplane.topology.placement import hash01, place
from anyplane.topology.users import KNOWN_SHARE, estimate_users, split_users

NO_LINKS = np.empty((0, 2), dtype=np.int64)


def code_of(metro: int) -> str:
    return world.metros().code[metro]


def where(asns: list[int], countries: list[str], **options: object) -> dict[int, set[str]]:
    arguments = {
        "known": {},
        "providers_customers": NO_LINKS,
        "peers": NO_LINKS,
        "countries": world.countries(),
    }
    asn, metro = place(asns, countries, world.metros(), **(arguments | options))  # type: ignore[arg-type]
    return {a: {code_of(m) for m in metro[asn == a]} for a in asns}


def country(code: str, *, online: float = 0.5) -> Country:
    return Country(
        code=code,
        name=code,
        continent="EU",
        population=1e6,
        online=online,
        networks=1,
        groups=frozenset(),
        metro="",
    )


def tiny_world() -> Metros:
    """Two metros in AA (30 and 10 people, 100 km apart), one in BB (60 people, far away)."""
    km = np.array([[0, 100, 5000], [100, 0, 5100], [5000, 5100, 0]], dtype=np.float32)
    return Metros(
        code=("AAA", "AAB", "BBA"),
        name=("a", "b", "c"),
        country=("AA", "AA", "BB"),
        continent=("EU", "EU", "AS"),
        lat=np.zeros(3),
        lon=np.zeros(3),
        population=np.array([30.0, 10.0, 60.0]),
        km=km,
    )


def test_a_known_network_is_where_it_is_known_to_be() -> None:
    fra, nyc = world.metros().code.index("FRA"), world.metros().code.index("NYC")

    assert where([10, 20], ["DE", "DE"], known={20: (nyc, fra)})[20] == {"FRA", "NYC"}


def test_a_stub_is_in_one_metro_of_its_country() -> None:
    spread = where(list(range(1, 400)), ["DE"] * 399)

    assert all(len(metros) == 1 for metros in spread.values())
    assert set.union(*spread.values()) == {"FRA", "BER", "HAM", "MUC", "DUS", "STR", "NUE", "LEJ"}


def test_stubs_follow_the_population() -> None:
    metros = world.metros()
    asns = np.arange(1, 20_001)
    _, metro = place(
        asns, np.full(len(asns), "AU"), metros, known={}, providers_customers=NO_LINKS, peers=NO_LINKS
    )

    here = np.array(metros.country) == "AU"
    share = np.bincount(metro, minlength=len(metros.code))[here] / len(asns)
    assert share == pytest.approx(metros.population[here] / metros.population[here].sum(), abs=0.02)


def test_placement_does_not_depend_on_the_order_of_the_input() -> None:
    asns = np.arange(1, 500)
    countries = np.array(["US", "IN", "BR", ""])[asns % 4]
    pairs = np.stack([asns[asns // 3 > 0] // 3, asns[asns // 3 > 0]], axis=1)
    shuffle = np.random.default_rng(3).permutation(len(asns))

    def run(a: np.ndarray, c: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return place(a, c, world.metros(), known={}, providers_customers=p, peers=NO_LINKS)

    plain = run(asns, countries, pairs)
    mixed = run(asns[shuffle], countries[shuffle], pairs[::-1])
    assert (plain[0] == mixed[0]).all()
    assert (plain[1] == mixed[1]).all()


def test_an_unknown_country_is_that_of_most_providers() -> None:
    pairs = [(1, 9), (2, 9), (3, 9)]

    spread = where([1, 2, 3, 9], ["JP", "JP", "US", ""], providers_customers=pairs)

    assert spread[9] <= {"TYO", "OSA", "NGO", "FUK", "SPK", "SDJ", "OKA"}


def test_a_country_without_a_metro_goes_to_the_one_that_serves_it() -> None:
    assert where([7], ["LI"])[7] == {next(c.metro for c in world.countries() if c.code == "LI")}


def test_a_network_with_many_customers_is_where_they_are() -> None:
    metros = world.metros()
    lon, ams = metros.code.index("LON"), metros.code.index("AMS")
    customers = list(range(100, 160))
    known = {asn: (lon if asn < 140 else ams,) for asn in customers}

    spread = where(
        [5, *customers], ["GB"] * 61, known=known, providers_customers=[(5, asn) for asn in customers]
    )

    assert {"LON", "AMS"} <= spread[5]


def test_a_seller_with_few_customers_is_in_one_metro() -> None:
    spread = where([5, 6, 7, 8], ["US"] * 4, providers_customers=[(5, 6), (5, 7), (5, 8)])

    assert len(spread[5]) == 1


def test_links_that_name_unlisted_networks_are_ignored() -> None:
    assert where([5], ["NL"], providers_customers=[(5, 6)], peers=[(7, 8)])[5] <= {"AMS", "RTM", "GRQ"}


def test_the_hash_is_spread_evenly_and_never_changes() -> None:
    values = hash01(np.arange(100_000))

    assert values.min() >= 0
    assert values.max() < 1
    assert np.histogram(values, 10, (0, 1))[0] == pytest.approx(10_000, rel=0.05)
    assert hash01([174])[0] == hash01([3356, 174])[1]
    assert hash01([174])[0] != hash01([174], salt=1)[0]


def test_users_add_up_to_those_of_the_world() -> None:
    presence = ([1, 2, 2, 3], [0, 0, 1, 2])

    users = estimate_users(
        presence,
        tiny_world(),
        countries=[country("AA"), country("BB")],
        providers_customers=NO_LINKS,
        known={},
    )

    assert users.sum() == pytest.approx(50.0)
    assert users[:3].sum() == pytest.approx(20.0)
    assert (users > 0).all()


def test_known_users_win_and_are_split_by_population() -> None:
    presence = ([1, 2, 2, 3], [0, 0, 1, 2])

    users = estimate_users(
        presence,
        tiny_world(),
        countries=[country("AA"), country("BB")],
        providers_customers=NO_LINKS,
        known={2: 8.0},
    )

    assert users[1:3] == pytest.approx([6.0, 2.0])
    assert users[0] == pytest.approx(12.0)


def test_known_users_that_exceed_the_country_are_scaled_down() -> None:
    users = estimate_users(
        ([1, 2], [0, 0]),
        tiny_world(),
        countries=[country("AA")],
        providers_customers=NO_LINKS,
        known={2: 1e9},
    )

    # Nobody is in BB, so its users (65 % of 60 online by default) are handed over too.
    total = 20.0 + 0.65 * 60
    assert users[1] == pytest.approx(KNOWN_SHARE * total)
    assert users.sum() == pytest.approx(total)


def test_a_network_without_users_and_a_pop_abroad_get_none() -> None:
    presence = ([1, 1, 2, 3], [0, 2, 0, 2])

    users = estimate_users(
        presence,
        tiny_world(),
        countries=[country("AA"), country("BB")],
        providers_customers=NO_LINKS,
        known={2: 0.0},
        home=([1, 2, 3], ["AA", "AA", "BB"]),
    )

    assert users[[1, 2]] == pytest.approx([0.0, 0.0])
    assert users[[0, 3]] == pytest.approx([20.0, 30.0])


def test_given_users_are_split_over_the_metros_by_population() -> None:
    users = split_users(([1, 1, 2], [0, 2, 1]), tiny_world(), {1: 90.0})

    assert users == pytest.approx([30.0, 60.0, 0.0])


def test_nobody_is_put_on_an_island_that_no_transit_reaches() -> None:
    metros = world.metros()
    frankfurt = [metros.code.index("FRA")] * 5

    # 1 sells to 2 and 3; 4 is seen with a peer only, and 5 is alone.
    users = estimate_users(
        ([1, 2, 3, 4, 5], frankfurt),
        metros,
        countries=world.countries(),
        providers_customers=[(1, 2), (1, 3)],
        known={},
    )

    assert (users[:3] > 0).all()
    assert users[3:].tolist() == [0.0, 0.0]
