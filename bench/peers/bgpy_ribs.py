"""BGPy's RIBs for raw announcements, and how long it took; runs where `bgpy_pkg` is, needs nothing else.

    python bgpy_ribs.py GRAPH OUTPUT CASE...

GRAPH is a plain serial-2 file. CASE is a directory with anns.csv (seed_asn,prefix,rov_invalid[,prepend]) and
maybe rov_asns.csv. OUTPUT gets CASE.csv (asn,prefix,as_path for every network that holds a route, prefixes in
the order of the file, networks by number) and times.json. Engine and policies are BGPy's own; the one thing
added is a policy that refuses announcements flagged rov_invalid.
"""

from __future__ import annotations

import csv
import gc
import json
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any


def main(graph_file: Path, output: Path, cases: list[Path]) -> None:
    """Run every case on one graph; the graph's construction is timed apart."""
    begin = time.perf_counter()
    from bgpy.as_graphs import CAIDAASGraph, CAIDAASGraphConstructor
    from bgpy.simulation_engine import SimulationEngine

    imported = time.perf_counter()
    # Its public way to a graph downloads one first.
    constructor = CAIDAASGraphConstructor.__new__(CAIDAASGraphConstructor)
    graph = CAIDAASGraph(constructor._get_as_graph_info(graph_file))  # noqa: SLF001
    built = time.perf_counter()
    times: dict[str, Any] = {
        "bgpy": version("bgpy_pkg"),
        "python": sys.version.split()[0],
        "import_s": imported - begin,
        "graph_s": built - imported,
        "cases": {},
    }
    output.mkdir(parents=True, exist_ok=True)
    for case in cases:
        scenario = Scenario(case)
        gc.collect()
        begin = time.perf_counter()
        engine = SimulationEngine(graph)
        engine.setup(scenario)
        ready = time.perf_counter()
        engine.run(propagation_round=0, scenario=scenario)
        done = time.perf_counter()
        times["cases"][case.name] = {"setup_s": ready - begin, "run_s": done - ready}
        write(output / f"{case.name}.csv", graph, scenario)
    (output / "times.json").write_text(json.dumps(times, indent=2), encoding="utf-8")


class Scenario:
    """What BGPy's engine asks of a scenario: announcements, and the policy of each network."""

    def __init__(self, case: Path) -> None:
        from bgpy.simulation_engine import BGP
        from bgpy.simulation_engine import Announcement as Ann

        with (case / "anns.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        self.prefixes = list(dict.fromkeys(row["prefix"] for row in rows))
        self.announcements = tuple(
            Ann(
                prefix=row["prefix"],
                as_path=(int(row["seed_asn"]),) * (1 + int(row.get("prepend") or 0)),
                next_hop_asn=int(row["seed_asn"]),
                seed_asn=int(row["seed_asn"]),
            )
            for row in rows
        )
        invalid = {(row["prefix"], int(row["seed_asn"])) for row in rows if row["rov_invalid"] == "True"}

        class Validating(BGP):  # type: ignore[misc, unused-ignore]  # BGPy is not here when this is checked
            name = "RefusesFlagged"

            def _valid_ann(self, ann: Ann, recv_relationship: object) -> bool:
                return (ann.prefix, ann.as_path[-1]) not in invalid and super()._valid_ann(
                    ann, recv_relationship
                )

        rov = case / "rov_asns.csv"
        self.validating = {int(asn) for asn in rov.read_text().split()} if rov.exists() else set()
        self.policy, self.validating_policy = BGP, Validating

    def policy_of(self, as_obj: Any) -> type:
        """The policy of this network."""
        return self.validating_policy if as_obj.asn in self.validating else self.policy

    get_policy_cls = policy_of


def write(path: Path, graph: Any, scenario: Scenario) -> None:
    """One row for each prefix and network that holds a route to it."""
    networks = sorted(graph, key=lambda as_obj: as_obj.asn)
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["asn", "prefix", "as_path"])
        for prefix in scenario.prefixes:
            for as_obj in networks:
                ann = as_obj.policy.local_rib.get(prefix)
                if ann is not None:
                    rows.writerow([as_obj.asn, prefix, ann.as_path])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), [Path(case) for case in sys.argv[3:]])
