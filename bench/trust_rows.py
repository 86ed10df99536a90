"""The rows about trust: hijacks by 1,000 attackers on the full graph, and a whole file of VRPs."""

from __future__ import annotations

import json
from ipaddress import ip_network
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from anyplane import design
from anyplane.datasets.vrps import read_vrps
from anyplane.model.nouns import Prefix
from anyplane.model.rpki import Vrp, VrpSet
from anyplane.planning.trust import trust
from anyplane.routing.frontier import Engine
from bench.internet import DESIGN, Internet
from bench.measured import Measured, of_calls

NOW = 1_795_284_000
VRPS = 700_000
VALIDATING = 300


def sweep(internet: Internet, _runs: int, _full: bool) -> Measured:
    """All attacks, all worlds and each single site of the design of 20 sites, with a ROA; once."""
    topology = internet.placed
    parsed = design.parse(DESIGN.read_text(encoding="utf-8"), file=DESIGN.name)
    prefixes = [prefix for group in parsed.groups for prefix in group.prefixes]
    vrps = tuple(Vrp(prefix=p, max_length=p.prefixlen, asn=parsed.origin) for p in prefixes)
    held = VrpSet(source="made", form="made", total=len(vrps), vrps=vrps)
    asking = trust.Asking(now=NOW)
    # As many networks as published lists name, the ones with most customers.
    customers = topology.adj_start[1:] - topology.adj_customers
    rov = np.zeros(topology.networks, bool)
    rov[np.argsort(-customers, kind="stable")[:VALIDATING]] = True

    def whole() -> None:
        work = trust.prepare(parsed, topology, held, asking, rov=rov)
        trust.run(work)
        trust.report(parsed, held, asking, work)

    engine = Engine(topology, internet.seeds(20))
    return of_calls(
        whole, lambda: engine.run(reuse=True), runs=1, against="one stable state", note="2 threads"
    )


def read(_internet: Internet, runs: int, _full: bool) -> Measured:
    """700,000 made-up VRPs as rpki-client writes them."""
    rng = np.random.default_rng(1)
    lengths = rng.choice([16, 20, 22, 24], VRPS)
    addresses = rng.integers(0, 2**32, VRPS) >> (32 - lengths) << (32 - lengths)
    asns = rng.integers(1, 400_000, VRPS)
    about: list[Prefix] = [ip_network("198.18.0.0/24")]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "vrps.json"
        rows = zip(addresses.tolist(), lengths.tolist(), asns.tolist(), strict=True)
        path.write_text(
            json.dumps(
                {
                    "roas": [
                        {
                            "asn": asn,
                            "prefix": str(ip_network((address, length))),
                            "maxLength": length,
                            "ta": "ripe",
                            "expires": NOW,
                        }
                        for address, length, asn in rows
                    ]
                }
            )
        )
        text = path.read_text()
        return of_calls(
            lambda: read_vrps(path, about), lambda: json.loads(text), runs=runs, against="json.loads alone"
        )
