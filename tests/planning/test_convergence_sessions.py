"""Broken sessions: Little's law by hand, residual lengths against a sum over draws, and files of services."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyplane.model.errors import DataError
from anyplane.planning.broken_sessions import DEFAULT, Event, Service, broken, read_services

CONSTANT = Service(name="ten seconds", quic_share=0.25, per_user_hour=360.0, lengths=((1.0, 20.0),))
"""Lengths evenly from 0 to 20 s: 10 s in the mean; one connection each 10 s, so one is open."""


def event(*, at: float = 0.0, moved: float = 100.0, users: float = 1000.0, lost: float = 0.0) -> Event:
    return Event(users=users, at_s=np.array([at]), moved_by=np.array([moved]), lost_user_s=lost)


def test_one_connection_of_each_moved_user_breaks() -> None:
    found = broken(CONSTANT, event(), changes_per_day=0.5)

    assert found.open == 1000
    assert (found.dead_tcp, found.dead_quic) == (75, 25)
    assert (found.planned_tcp, found.planned_quic) == (75, 25)
    assert (found.day_tcp, found.day_quic) == (375, 125)
    assert found.regional == pytest.approx(100 * 0.1 * 0.5)


def test_what_ends_before_the_routes_move_does_not_break() -> None:
    """Of lengths evenly to 20 s, a quarter of what is open lasts another 10 s: (20 - 10)^2 / 20^2."""
    found = broken(CONSTANT, event(at=10.0), changes_per_day=0.0)

    assert found.planned_tcp + found.planned_quic == pytest.approx(25, abs=0.2)
    assert found.dead_tcp + found.dead_quic == 100


def test_questions_over_udp_are_lost_not_broken() -> None:
    dns = Service(name="dns", quic_share=None, per_user_hour=3600.0, median_s=0.01, sigma=0.0)
    found = broken(dns, event(lost=42.0), changes_per_day=1.0)

    assert found.failed == 42
    assert found.dead_tcp == found.dead_quic == found.regional == found.day_tcp == 0


@given(st.floats(0.1, 100), st.floats(0.0, 2.0), st.floats(0.0, 300.0))
def test_residual_lengths_are_those_of_a_draw_from_a_long_line_of_connections(
    median: float, sigma: float, at: float
) -> None:
    service = Service(name="x", quic_share=0.0, per_user_hour=60.0, median_s=median, sigma=sigma)
    lengths = service.sample()
    found = broken(service, event(at=at, moved=1e6, users=1e6), changes_per_day=0.0)

    still_open = float(np.maximum(lengths - at, 0).sum() / lengths.sum())
    assert found.planned_tcp == pytest.approx(found.dead_tcp * still_open, abs=1.0)
    assert found.planned_tcp <= found.dead_tcp + 0.1


def test_a_log_normal_has_the_mean_of_its_formula() -> None:
    http = next(service for service in DEFAULT if service.name == "HTTP")

    assert http.sample().mean() == pytest.approx(8 * np.exp(1.6**2 / 2), rel=0.01)


def test_services_are_read_from_a_table() -> None:
    text = (
        "service,quic_share,per_user_hour,median_s,sigma,lengths\n"
        "dns,,60,0.03,1,\n"
        "video,0.5,1,,,0.5:60 0.9:600 1:7200\n"
    )

    dns, video = read_services(text, file="s.csv")

    assert dns.quic_share is None
    assert video.lengths == ((0.5, 60.0), (0.9, 600.0), (1.0, 7200.0))
    assert np.quantile(video.sample(), 0.5) == pytest.approx(60, rel=0.01)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "lacks the column service"),
        ("service,quic_share,per_user_hour,speed\n", "unknown column 'speed'"),
        ("service,quic_share,per_user_hour\n", "no service"),
        ("service,quic_share,per_user_hour,median_s,sigma\nx,2,1,1,1\n", "s.csv:2: quic_share"),
        ("service,quic_share,per_user_hour,median_s,sigma\nx,1,many,1,1\n", "'many' is not a number"),
        ("service,quic_share,per_user_hour,median_s,sigma\n,1,1,1,1\n", "needs a name"),
        ("service,quic_share,per_user_hour,lengths\nx,1,1,0.9:5 0.5:9\n", "shares must rise"),
        ("service,quic_share,per_user_hour,lengths\nx,1,1,half\n", "not share:seconds"),
        ("service,quic_share,per_user_hour,lengths\nx,1,1,0.5:nan\n", "shares must rise"),
        ("service,quic_share,per_user_hour,lengths\nx,1,1,2:5\n", "shares must rise"),
    ],
)
def test_a_fault_in_a_table_is_named_with_its_line(text: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        read_services(text, file="s.csv")
