"""Standing orders: they outlive the agent, expire by themselves, and mean only what is ours."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from site_parts import DESIGN, accepted

from anyplane.agent import standing_orders
from anyplane.agent.standing_orders import StandingOrders
from anyplane.model.errors import UsageError

PLAN = accepted().plan
HOST = ip_network("198.51.100.7/32")
SERVED = frozenset({ip_address("198.51.100.53")})


def given_orders() -> StandingOrders:
    orders = StandingOrders().drained(frozenset({"dns/v4"}), is_forced=True).frozen(is_frozen=True)
    return orders.blackholed(HOST, for_s=3600, now=50.0, wall=1000.0)


def test_orders_come_back_after_a_reboot_with_what_is_left_of_their_time() -> None:
    found = standing_orders.from_text(standing_orders.to_text(given_orders()), now=7.0, wall=1600.0)

    assert found.orders.drained == found.orders.forced == {"dns/v4"}
    assert found.orders.is_frozen
    assert [one.expires_at for one in found.orders.blackholes] == [7.0 + 3000.0]


def test_a_blackhole_that_expired_meanwhile_does_not_come_back() -> None:
    found = standing_orders.from_text(standing_orders.to_text(given_orders()), now=7.0, wall=5000.0)

    assert found.orders.blackholes == ()


def test_a_clock_that_was_set_back_lengthens_no_blackhole_beyond_a_day() -> None:
    found = standing_orders.from_text(standing_orders.to_text(given_orders()), now=0.0, wall=-1e9)

    assert found.orders.blackholes[0].expires_at == 86_400.0


@given(st.text())
def test_a_broken_file_is_a_value_error_and_nothing_else(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        standing_orders.from_text(text, now=0, wall=0)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("192.0.2.1", "not in our own space"),
        ("2001:db8::1", "not in our own space"),
        ("198.51.100.0/24", "not one address"),
        ("everything", "not an address"),
        ("198.51.100.53", "service address"),
        ("0.0.0.0/0", "not one address"),
    ],
)
def test_only_one_address_of_ours_that_serves_nobody_is_blackholed(text: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        standing_orders.blackhole_host(PLAN, text, addresses=SERVED)


def test_a_service_address_is_blackholed_by_force() -> None:
    host = standing_orders.blackhole_host(PLAN, "198.51.100.53", addresses=SERVED, is_forced=True)

    assert host == ip_network("198.51.100.53/32")


def test_a_word_means_a_service_a_group_or_all() -> None:
    assert standing_orders.services_meant(PLAN, "dns") == {"dns/v4"}
    assert standing_orders.services_meant(PLAN, "dns/v4") == {"dns/v4"}
    assert standing_orders.services_meant(PLAN, "") == {"dns/v4", "web/v4"}
    with pytest.raises(UsageError, match="no service mail"):
        standing_orders.services_meant(PLAN, "mail")


def test_a_drain_holds_on_when_a_new_design_moves_the_families_together() -> None:
    together = accepted(DESIGN.replace("dns: {rise: 1,", "dns: {together: true, rise: 1,")).plan

    assert "dns" in standing_orders.fitted(given_orders(), together).orders.drained
    back = StandingOrders().drained(frozenset({"dns"}), is_forced=False)
    assert "dns/v4" in standing_orders.fitted(back, PLAN).orders.drained


def copies(tmp_path: Path, *texts: str | None) -> tuple[Path, ...]:
    paths = tuple(tmp_path / f"orders{number}.json" for number in range(len(texts)))
    for path, content in zip(paths, texts, strict=True):
        if content is not None:
            path.write_text(content)
    return paths


GOOD = standing_orders.to_text(StandingOrders().drained(frozenset({"dns/v4"}), is_forced=False))


@pytest.mark.parametrize("lost", [None, "", "{", GOOD.replace('"version": 1', '"version": 9'), GOOD[:40]])
def test_a_drain_survives_the_loss_of_one_copy_and_the_loss_is_told(tmp_path: Path, lost: str | None) -> None:
    for texts in ((lost, GOOD), (GOOD, lost)):
        found, troubles = standing_orders.read(copies(tmp_path, *texts), now=0, wall=0)
        assert found.orders.drained == {"dns/v4"}
        assert not found.orders.is_frozen
        assert bool(troubles) == (texts[0] is lost)
        for path in tmp_path.iterdir():
            path.unlink()


@pytest.mark.parametrize("texts", [("{", "{"), ("{", None), (None, "")])
def test_where_no_copy_is_whole_the_site_is_frozen_so_that_nothing_drained_comes_back(
    tmp_path: Path, texts: tuple[str | None, str | None]
) -> None:
    found, troubles = standing_orders.read(copies(tmp_path, *texts), now=0, wall=0)

    assert found.orders.is_frozen
    assert troubles


def test_a_site_that_was_never_given_an_order_has_none(tmp_path: Path) -> None:
    assert standing_orders.read(copies(tmp_path, None, None), now=0, wall=0) == (StandingOrders(), ())


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace('["dns/v4"]', '"dns/v4"'),
        GOOD.replace("false", '"no"'),
        GOOD.replace('"blackholes": {}', '"blackholes": {"198.51.100.0/25": 9}'),
        GOOD.replace('"blackholes": {}', '"blackholes": {"198.51.100.7": 1' + "0" * 400 + "}"),
        "[" * 100_000,
    ],
)
def test_a_file_of_orders_that_says_something_else_is_not_half_believed(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        standing_orders.from_text(text, now=0, wall=0)


def test_a_drained_service_with_a_new_name_stays_drained() -> None:
    renamed = accepted(DESIGN.replace("dns:", "resolver:")).plan
    before = StandingOrders().drained(frozenset({"dns/v4"}), is_forced=True)

    assert standing_orders.fitted(before, renamed, before=PLAN).orders.drained == {"resolver/v4"}
    assert standing_orders.fitted(before, renamed, before=PLAN).orders.forced == {"resolver/v4"}


def test_what_is_undrained_under_its_new_name_is_not_drained_again_by_the_old_one() -> None:
    together = accepted(DESIGN.replace("dns: {rise: 1,", "dns: {together: true, rise: 1,")).plan
    moved = standing_orders.fitted(given_orders(), together)
    back = moved.undrained(frozenset({"dns"}))

    assert standing_orders.fitted(back, together).orders.drained == frozenset()
