"""Which node a word means, and what is said when it means none or several."""

from __future__ import annotations

import pytest
from lab_worlds import World, two_sites

from anyplane.lab.faces.names import client_named, node_named
from anyplane.model.errors import UsageError

CITIES = {"LIS": "Lisbon", "MAD": "Madrid", "FRA": "Frankfurt", "AMS": "Amsterdam"}


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("as200-mad", "as200-mad"),
        ("AS200-MAD", "as200-mad"),
        ("as1", "as100-lis"),
        ("as400", "as400-ams"),
        ("site-m", "site-mad"),
        ("mad", "site-mad"),
        ("LIS", "as100-lis"),
        ("lisbon", "as100-lis"),
        ("Amst", "as400-ams"),
    ],
)
def test_a_word_means_one_node(word: str, name: str) -> None:
    assert node_named(two_sites(), word, cities=CITIES).name == name


def test_of_several_in_a_city_the_one_with_the_most_users_is_meant() -> None:
    world = World()
    world.router(100, "tyo")
    world.router(150, "tyo", is_client=True, users=1000)
    world.router(200, "tyo", is_client=True, users=2000)

    assert node_named(world.blueprint(), "tokyo", cities={"TYO": "Tokyo"}).name == "as200-tyo"


def test_a_word_that_may_be_several_is_refused_with_their_names() -> None:
    world = World()
    world.router(100, "tyo", is_client=True)
    world.router(200, "tyo", is_client=True)

    with pytest.raises(UsageError) as refused:
        node_named(world.blueprint(), "TYO")
    assert str(refused.value) == "TYO may be one of 2 nodes\nhint: say which: as100-tyo, as200-tyo"


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("as210-mad", "did you mean as200-mad?"),
        ("lizbon", "did you mean lisbon?"),
        ("", "it has as200-mad, as300-fra, as100-lis, as400-ams, site-mad, site-fra"),
        ("zzz", "it has as200-mad, as300-fra, as100-lis, as400-ams, site-mad, site-fra"),
    ],
)
def test_an_unknown_node_is_answered_with_the_nearest(word: str, hint: str) -> None:
    with pytest.raises(UsageError) as refused:
        node_named(two_sites(), word, cities=CITIES)
    assert refused.value.hint == hint


def test_who_asks_is_a_client_before_it_is_a_site() -> None:
    world = World()
    world.router(200, "mad")
    world.router(300, "mad", is_client=True)
    world.site("mad")
    blueprint = world.blueprint()

    assert node_named(blueprint, "mad").name == "site-mad"
    assert client_named(blueprint, "mad").name == "as300-mad"
    assert client_named(blueprint, "as200").name == "as200-mad"
    with pytest.raises(UsageError, match="has no node zzz"):
        client_named(blueprint, "zzz")
