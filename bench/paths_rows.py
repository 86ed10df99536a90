"""The rows about both ways: the ways back to the 1,000 networks with most users, and those of one client."""

from __future__ import annotations

from anyplane import design
from anyplane.design.design import Design
from anyplane.planning.both_ways.paths import of_clients, of_users
from anyplane.planning.explain import pops_from
from anyplane.routing import Engine
from bench.internet import DESIGN, Internet
from bench.measured import Measured, of_calls

NETWORKS = 1000
CLIENT = "AS3320@FRA"


def summary(internet: Internet, runs: int, _full: bool) -> Measured:
    """The summary over 1,000 networks, two threads."""
    topology, parsed = internet.placed, _design()
    found = of_users(parsed, topology, networks=NETWORKS, threads=2).summaries[0]
    return of_calls(
        lambda: of_users(parsed, topology, networks=NETWORKS, threads=2),
        Engine(topology, internet.seeds(20)).run,
        runs=max(1, runs // 4),
        against="one stable state",
        note=f"{found.covered_users / found.users:.0%} of users",
    )


def client(internet: Internet, runs: int, _full: bool) -> Measured:
    """Both ways of one client, compiled and told with every tie."""
    topology, parsed = internet.placed, _design()
    pops = pops_from(topology, CLIENT)
    return of_calls(
        lambda: of_clients(parsed, topology, pops),
        Engine(topology, internet.seeds(20)).run,
        runs=runs,
        against="one stable state",
    )


def _design() -> Design:
    return design.parse(DESIGN.read_text(encoding="utf-8"), file=DESIGN.name)
