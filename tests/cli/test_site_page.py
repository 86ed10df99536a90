"""The page of `anyplane site`: what is wrong comes first, agreement is summed up, nothing is too wide."""

from __future__ import annotations

import pytest

from anyplane.cli import site_reasons
from anyplane.cli.site_text import plain
from anyplane.cli.site_verdict import Answered, Word, findings, some

PLAIN_ROUTE = {"prepend": 0, "med": 0, "communities": []}


def service(name: str = "dns", state: str = "up", level: str = "full", **more: object) -> Answered:
    return {
        "service": name, "group": name, "prefixes": ["198.51.100.0/24"], "state": state, "level": level,
        "since_s": 90.0, "situation": "all checks pass", "reason": "all checks pass", "refused": "",
        "guard": None, "penalty_s": 0.0, "withdrawn_in_s": None, "need": None, "backends": [],
        "checks": [f"{name}/answers"], **more,
    }  # fmt: skip


def check(name: str = "dns/answers", **more: object) -> Answered:
    return {
        "check": name, "scope": "local", "rise": 3, "fall": 2, "verdict": "pass", "streak": 9,
        "latency_s": 0.001, "age_s": 0.5, "detail": "NOERROR", **more,
    }  # fmt: skip


def route(prefix: str = "198.51.100.0/24", *, wanted: bool = True, seen: bool = True) -> Answered:
    return {
        "prefix": prefix, "neighbor": "192.0.2.0", "upstream": 64510, "witness": None, "is_altered": False,
        "wanted": PLAIN_ROUTE if wanted else None, "seen": PLAIN_ROUTE if seen else False,
    }  # fmt: skip


def status(**more: object) -> Answered:
    return {
        "site": "fra", "version": "1.0", "pid": 7, "at": 1_767_225_600.0, "running_s": 100.0,
        "design": {"path": "/etc/anyplane/design.yaml", "refused": ""}, "services": [service()],
        "routes": [route()], "checks": [check()], "fleet": [], "alarms": {}, "sessions": [],
        "daemon": {"kind": "bird", "seen_age_s": 0.1},
        "lease": {"is_on": True, "length_s": 3.0, "age_s": 0.2, "held": ["198.51.100.0/24"]},
        "orders": {"drained": [], "forced": [], "is_frozen": False, "blackholes": []}, **more,
    }  # fmt: skip


def test_a_site_that_is_well_says_so_in_its_first_line() -> None:
    first = plain(status()).splitlines()[0]

    assert first.startswith("OK  fra: dns: announced, 1 prefix over 1 session")


def test_a_dead_service_stands_before_an_alarm_and_before_an_order_with_its_time_and_remedy() -> None:
    down = service("dns", "down", "none", reason="dns/answers failed 2 times")
    found = status(
        services=[service("web", "drained", "none", reason="an operator drained it"), down],
        alarms={"journal": "disk full\nhint: make room"},
    )

    listed = findings(found)

    assert [one.word for one in listed] == [Word.PROBLEM, Word.PROBLEM, Word.NOTE]
    assert listed[0].text.startswith("dns: DOWN, not announced, since 23:58:30Z")
    assert listed[1].todo == "make room"
    assert "undrain web" in listed[2].todo


def test_a_frozen_site_is_a_problem_only_when_something_fails_behind_the_freeze() -> None:
    orders = {"drained": [], "forced": [], "is_frozen": True, "blackholes": []}
    frozen = [service("dns", "frozen", reason="an operator froze the site")]

    calm = findings(status(services=frozen, orders=orders))
    hidden = findings(status(services=frozen, orders=orders, checks=[check(verdict="fail", streak=-4)]))

    assert calm[0].word is Word.NOTE
    assert hidden[0].word is Word.PROBLEM
    assert "dns/answers fails" in hidden[0].text


def test_a_hundred_routes_that_agree_are_one_row_and_the_one_that_differs_has_its_own() -> None:
    routes = [route(f"198.51.{number}.0/24") for number in range(99)] + [route("203.0.113.0/24", seen=False)]

    summed = plain(status(routes=routes))
    whole = plain(status(routes=routes), is_whole=True)

    assert "99 prefixes (198.51.0.0/24, ...)" in summed
    assert next(line for line in summed.splitlines() if "203.0.113.0/24" in line).endswith("DIFFERS")
    assert len(summed.splitlines()) < 25
    assert whole.count("198.51.") >= 99


def test_other_attributes_than_wanted_are_a_difference() -> None:
    assert "DIFFERS" in plain(status(routes=[{**route(), "is_altered": True}]))


@pytest.mark.parametrize("width", [60, 80, 100])
def test_the_page_is_never_wider_than_the_terminal(width: int) -> None:
    long = "no answer in 500 ms from 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff " * 8
    found = status(
        services=[service("a-service-with-a-long-name/v6", "held", reason=long)],
        routes=[route("2001:db8:ffff:ffff::/64")],
        checks=[check(verdict="fail", streak=-300, detail=long)],
        alarms={"daemon refuses": long},
    )

    assert max(len(line) for line in plain(found, width=width).splitlines()) <= width


def test_explain_says_how_many_good_answers_are_lacking_and_how_long_a_penalty_lasts() -> None:
    down = service(
        state="down", level="none", penalty_s=8.0, situation="it failed, and may go", reason="timeout"
    )
    found = status(services=[down], checks=[check(verdict="fail", streak=1)])

    text = site_reasons.explained(found, found["services"])

    assert "it is announced after 2 good answers in a row of dns/answers" in text
    assert "it is not announced before 8.0 s have passed" in text
    assert "because   it failed, and may go: timeout" in text


def test_explain_says_what_the_guard_would_answer_to_a_withdrawal() -> None:
    guard = {"ruling": "hold", "reason": "0 other sites fresh and healthy, the floor is 1"}
    found = status(services=[service(guard=guard)])

    text = site_reasons.explained(found, found["services"])

    assert "would keep it announced now: 0 other sites fresh and healthy, the floor is 1" in text


def test_a_drain_of_a_hundred_prefixes_names_two_of_them() -> None:
    prefixes = [f"198.51.{number}.0/24" for number in range(100)]
    found = status(
        services=[service(state="draining", level="drain", prefixes=prefixes)],
        routes=[route(one) for one in prefixes],
    )

    lines, is_done, is_refused = site_reasons.draining(found, frozenset({"dns"}))

    assert lines["dns"].endswith("the daemon announces 100 prefixes (198.51.0.0/24, 198.51.1.0/24, ...)")
    assert (is_done, is_refused) == (False, False)
    assert some(["a", "b", "c"], what="prefixes") == "a, b, c"
