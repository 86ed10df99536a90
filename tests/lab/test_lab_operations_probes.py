"""The operations on probers, questions, traces and FIB watches, in a lab of three bare nodes in a row."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from lab_worlds import World
from namespaces import needs_namespaces, wait_until

from anyplane.lab.container.control import Arguments
from anyplane.lab.container.engine import Engine
from anyplane.lab.probes import fib_watch, query_log
from anyplane.lab.probes.fib_messages import Change
from anyplane.lab.probes.losses import losses
from anyplane.lab.probes.operations_probes import OPERATIONS
from anyplane.model.errors import LabError

RESPONDER = Path(__file__).with_name("lab_responder.py")
SERVICE = {4: "198.51.100.53", 6: "2001:db8:a::53"}
PREFIX = "198.51.100.0/24"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Users in Lisbon, a transit in Madrid, a site behind it that answers; routes by hand."""
    needs_namespaces()
    world = World("probes")
    lisbon, madrid = world.router(100, "lis", is_client=True, users=1000), world.router(200, "mad")
    site = world.site("mad")
    first = world.customer(madrid, lisbon, km=500)
    world.upstream(madrid, site)
    link = next(one for one in world.blueprint().links if one.b == site)
    made = Engine(world.blueprint(has_delays=False), tmp_path_factory.mktemp("lab"))
    try:
        made.wiring.build()
        blueprint = made.blueprint
        user = blueprint.by_name[lisbon]
        for family, prefix in ((4, PREFIX), (6, "2001:db8:a::/48")):
            users = str(user.client4 if family == 4 else user.client6)

            def end(cable: Any, node: str, family: int = family) -> str:
                return str((cable.v4(node) if family == 4 else cable.v6(node)).ip)

            run(made, lisbon, f"ip -{family} route add {prefix} via {end(first, madrid)}")
            run(made, madrid, f"ip -{family} route add {prefix} via {end(link, site)}")
            run(made, madrid, f"ip -{family} route add {users} via {end(first, lisbon)}")
            run(made, site, f"ip -{family} route add default via {end(link, madrid)}")
            length = 32 if family == 4 else 128
            run(made, site, f"ip address add {SERVICE[family]}/{length} dev lo")
        argv = (sys.executable, RESPONDER, "mad", *SERVICE.values())
        made.processes.start(site, argv, label="responder")
        log = made.directory_of(site) / "responder.log"
        wait_until(lambda: log.exists() and "ready" in log.read_text())
        yield made
    finally:
        made.processes.close()
        made.wiring.close()


@pytest.mark.parametrize("family", [4, 6])
def test_every_client_is_answered_and_told_how_fast(engine: Engine, family: int) -> None:
    found = asked(engine, "probe_once", address=SERVICE[family], tries=3)

    answers = found["as100-lis"]
    assert (answers["site"], answers["sites"], answers["error"]) == ("mad", ["mad"] * 3, "")
    assert 0 < answers["rtt_ms"] == min(answers["rtts_ms"]) < 50


def test_nobody_there_is_said_in_words(engine: Engine) -> None:
    refused = asked(engine, "probe_once", address=SERVICE[4], port=5353)
    lost = asked(engine, "probe_once", address="198.51.100.99", timeout_s=0.2)

    assert refused["as100-lis"]["error"] == "refused: nothing listens there"
    assert lost["as100-lis"]["site"] == ""
    assert lost["as100-lis"]["error"]


@pytest.mark.parametrize("family", [4, 6])
def test_a_trace_names_the_nodes_on_the_way(engine: Engine, family: int) -> None:
    found = asked(engine, "probe_trace", client="as100-lis", address=SERVICE[family])

    assert found["site"] == "mad"
    assert [(hop["ttl"], hop["node"], hop["asn"]) for hop in found["hops"]] == [
        (1, "as200-mad", 200),
        (2, "site-mad", 64500),
    ]
    assert found["as_path"] == [200, 64500]
    assert all(hop["rtt_ms"] > 0 and hop["metro"] for hop in found["hops"])


def test_a_prober_runs_until_stopped_and_says_where_its_log_is(engine: Engine) -> None:
    targets = [{"address": SERVICE[4], "port": 53, "kind": "udp", "rate": 200}]
    started = asked(engine, "probe_start", targets=targets, timeout_s=2.0)
    with pytest.raises(LabError, match="runs already"):
        asked(engine, "probe_start", targets=targets)

    def flushed() -> query_log.ProbeLog:
        return query_log.read(Path(asked(engine, "probe_flush")["log"]))

    wait_until(lambda: len(flushed().queries) > 20)
    known = len(flushed().queries)
    stopped = asked(engine, "probe_stop")

    (found,) = losses(query_log.read(Path(stopped["log"])))
    assert started["log"] == stopped["log"]
    assert (found.client, found.users, found.lost) == ("as100-lis", 1000, 0)
    assert found.answered >= known > 20
    assert not any(one.label == "prober" for one in engine.processes)  # it is not missed


def test_a_watch_sees_the_withdrawal_in_the_transit(engine: Engine) -> None:
    began = asked(engine, "fib_watch_start")["started"]
    run(engine, "as200-mad", f"ip route del {PREFIX}")
    gone = time.monotonic()
    done = asked(engine, "fib_watch_stop")
    last = fib_watch.read(Path(done["log"])).last(prefix=PREFIX, since=began)
    run(engine, "as200-mad", f"ip route add {PREFIX} dev l1")

    assert last is not None
    assert (last.node, last.change) == ("as200-mad", Change.REMOVED)
    assert began <= last.at <= gone + 1  # it is the time of hearing
    assert done["overflows"] == []


@pytest.mark.parametrize(
    ("do", "arguments", "word"),
    [
        ("probe_start", {}, "targets"),
        ("probe_start", {"targets": [{"address": "x", "port": 53}]}, "makes no sense|does not appear"),
        ("probe_start", {"targets": [{"address": "::1", "colour": 1}]}, "makes no sense"),
        ("probe_once", {"address": "198.51.100.53", "clients": ["as200-mad"]}, "no users sit"),
        ("probe_once", {"address": "198.51.100.53", "clients": ["nobody"]}, "no node"),
        ("probe_once", {"address": "nonsense"}, "no address"),
        ("probe_trace", {"client": "as100-lis", "address": "nonsense"}, "no address"),
        ("probe_stop", {"label": "other"}, "runs no other"),
        ("fib_watch_start", {"label": "../up"}, "no label"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(
    engine: Engine, do: str, arguments: dict[str, Any], word: str
) -> None:
    with pytest.raises(LabError, match=word):
        asked(engine, do, **arguments)


def asked(engine: Engine, do: str, **arguments: Any) -> Any:
    """The result of an operation."""

    async def say(_: object) -> None: ...

    return anyio.run(OPERATIONS[do], engine, Arguments(arguments), say)


def run(engine: Engine, node: str, command: str) -> None:
    """A command in a node; it must succeed."""
    engine.namespaces[node].call(lambda: subprocess.run(command.split(), check=True, timeout=10))
