"""A packet goes to a backend of its own address family: each family needs enough of its own."""

from __future__ import annotations

from dataclasses import replace

from sites import check, plan

from anyplane.control.health import CheckState, Verdict
from anyplane.control.service_health import service_health

NAMES = ("a4", "b4", "a6", "b6")
LIVE = CheckState(verdict=Verdict.PASS, streak=3, heard_at=1.0)
DEAD = CheckState(verdict=Verdict.FAIL, streak=-3, heard_at=1.0)


def verdict(*dead: str) -> Verdict:
    site = plan("fra", check("answers"), backends={name: (check("tcp"),) for name in NAMES}, need_backends=1)
    service = replace(site.services[0], backend_families={name: int(name[1]) for name in NAMES})
    checks = dict.fromkeys(site.checks, LIVE) | {f"dns/{name}/tcp": DEAD for name in dead}
    return service_health(site, service, checks, is_trusted=False, is_heir=False).verdict


def test_one_live_backend_of_each_family_is_enough() -> None:
    assert verdict("a4", "b6") is Verdict.PASS


def test_live_backends_of_the_other_family_do_not_help() -> None:
    assert verdict("a4", "b4") is Verdict.FAIL
