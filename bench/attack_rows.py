"""The rows about attacks: 10,000 sources landed, responses ranked, the playbook; full graph, 20 sites."""

from __future__ import annotations

from anyplane import design
from anyplane.design.design import Design
from anyplane.planning.attack.attack import Question, attack
from anyplane.planning.attack.sources import Attack, botnet
from anyplane.planning.playbook.playbook import playbook, usual_attacks
from anyplane.routing.frontier import Engine
from bench.internet import DESIGN, SITES, Internet
from bench.measured import Measured, of_calls

NETWORKS = 10_000
ROOM = {"": 40.0}
BITS = 800.0


def landing(internet: Internet, runs: int, _full: bool) -> Measured:
    """`anyplane attack` without capacities: where 10,000 networks land, by site and uplink."""
    parsed, attacking = _asked(internet)

    def whole() -> None:
        attack(parsed, internet.placed, attacking, Question())

    return _against_routes(internet, whole, runs, note=f"{len(attacking.network):,} networks")


def ranking(internet: Internet, runs: int, _full: bool) -> Measured:
    """The same with capacities, so that every response is tried and the cascade is followed; two threads."""
    parsed, attacking = _asked(internet)
    question = Question(capacity_gbps=ROOM, bits_per_query=BITS)
    tried = len(attack(parsed, internet.placed, attacking, question).responses)

    def whole() -> None:
        attack(parsed, internet.placed, attacking, question)

    return _against_routes(internet, whole, runs, note=f"{tried} responses")


def table(internet: Internet, runs: int, _full: bool) -> Measured:
    """`anyplane playbook`: every response for the users and a botnet of each continent; two threads."""
    parsed, _ = _asked(internet)
    attacks = usual_attacks(internet.placed, networks=1000, seed=1)

    def whole() -> None:
        playbook(parsed, internet.placed, attacks)

    return _against_routes(internet, whole, runs, note=f"{len(attacks)} attacks")


def _asked(internet: Internet) -> tuple[Design, Attack]:
    parsed = design.parse(DESIGN.read_text(encoding="utf-8"), file=DESIGN.name)
    return parsed, botnet(internet.placed, "botnet:global", gbps=500.0, networks=NETWORKS)


def _against_routes(internet: Internet, whole: object, runs: int, *, note: str) -> Measured:
    engine = Engine(internet.placed, internet.seeds(SITES))
    assert callable(whole)
    return of_calls(whole, lambda: engine.run(reuse=True), runs=runs, against="one stable state", note=note)
