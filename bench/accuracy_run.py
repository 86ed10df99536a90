"""How often a predicted catchment is the measured one: PEERING's two-site experiments, one left out each.

    bench/accuracy --data DIR [--experiments 3,7,…] [--train DIR] [--graph FILE] [--json FILE]

For each experiment four answers to "which site does this network reach", held against what its pings say:
always the bigger site; a plain simulation (sites as origins at their transit, class, length, lowest ASN: what
BGPy does); this model with the list of sessions and no measurement; and this model calibrated on the other
experiments and on collectors' paths to single sites. Never on a measurement of the experiment that is scored.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from anyplane import design as designs
from anyplane.calibration.calibration import NOTHING, Calibration
from anyplane.calibration.chance import Terrain
from anyplane.design.design import Design
from anyplane.measure.observations.peering import experiments
from anyplane.model.errors import AnyplaneError, UsageError
from anyplane.model.nouns import Asn, RouteClass
from anyplane.planning.calibrating import calibrate
from anyplane.planning.certainty import stated_shares
from anyplane.planning.compile import Scenario
from anyplane.planning.compile import compile as compile_design
from anyplane.planning.forecasting import chances
from anyplane.routing import NO_SITE, Seed, Seeds, propagate
from anyplane.topology import Topology, without_metros
from bench.peering_data import PLACES, Truth, design_text, sites_of, to_learn, topology_of, truth

INFORMATIVE = (3, 7, 10, 20, 21, 26)
"""In the others one site takes more than 97 % of the networks."""
SURE = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One model's answers. right, balanced: accuracy and mean recall of the two sites. sure: part of the
    networks given 90 % or more, and how many of those are right. share: stated part of the second site, with
    the 90 % interval.
    """

    right: float
    balanced: float
    log_loss: float | None = None
    sure: float | None = None
    sure_right: float | None = None
    share: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One experiment. measured: part of the networks that reached the second site."""

    experiment: int
    sites: tuple[str, str]
    networks: int
    measured: float
    majority: float
    plain: Said
    unmeasured: Said
    calibrated: Said
    seconds: float


def main() -> int:
    """Run and print; exit code 0 whatever the figures are, 2 when there is nothing to run on."""
    asked = _arguments()
    train = asked.train or asked.data
    try:
        return _run(asked, train)
    except AnyplaneError as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _run(asked: argparse.Namespace, train: Path) -> int:
    there = experiments(asked.data)
    lacking = [number for number in asked.experiments if number not in there]
    if lacking:
        raise UsageError(
            f"{asked.data} has no experiment {', '.join(map(str, lacking))}",
            hint="it has " + ", ".join(map(str, sorted(there))) if there else "it has none at all",
        )
    unplaced = [site for site in sites_of(asked.data, train) if site not in PLACES]
    if unplaced:
        raise UsageError(
            f"nobody knows where {', '.join(unplaced)} stands",
            hint="add it to PLACES in bench/peering_data.py",
        )
    with tempfile.TemporaryDirectory() as scratch:
        topology = topology_of(asked.data, asked.graph, asked.cache or Path(scratch))
        terrain = Terrain(topology)
        text = design_text(asked.data, topology, sites_of(asked.data, train))
        parsed = designs.parse(text, file="peering.yaml")
        (scenario,) = compile_design(parsed, topology)
        lines = []
        for number in asked.experiments:
            sys.stderr.write(f"experiment {number}\n")
            lines.append(line(number, asked.data, train, parsed, scenario, terrain))
    _print(lines)
    if asked.json:
        asked.json.write_text(json.dumps([asdict(item) for item in lines], indent=1) + "\n", encoding="utf-8")
    return 0


def line(number: int, data: Path, train: Path, parsed: Design, scenario: Scenario, terrain: Terrain) -> Line:
    """The Line of one experiment."""
    topology = terrain.topology
    begin = time.perf_counter()
    learned = calibrate(parsed, topology, to_learn(number, data, train), terrain=terrain)
    took = time.perf_counter() - begin
    seen = truth(number, data, topology)
    second = float((seen.site == 1).mean())
    return Line(
        experiment=number,
        sites=seen.sites,
        networks=len(seen.site),
        measured=second,
        majority=max(second, 1 - second),
        plain=_judged_plain(seen, scenario, topology),
        unmeasured=_judged(seen, parsed, scenario, terrain, NOTHING),
        calibrated=_judged(seen, parsed, scenario, terrain, learned),
        seconds=took,
    )


def _judged(seen: Truth, parsed: Design, scenario: Scenario, terrain: Terrain, known: Calibration) -> Said:
    sites = [scenario.sites.index(name) for name in seen.sites]
    found = chances(parsed, scenario, terrain, known, sites=sites)
    of_network = terrain.of_networks(found.probability)[:, sites]
    stated = of_network[seen.network].astype(np.float64)
    chosen = stated.argmax(axis=1)
    is_right = (chosen == seen.site) & (stated.sum(axis=1) > 0)
    certainty = stated.max(axis=1)
    sure = np.round(certainty, 6) >= SURE
    share = float(stated[:, 1].sum() / stated.sum())
    asked = np.bincount(seen.network, minlength=terrain.topology.networks)
    users = asked[terrain.topology.pop_network] * terrain.weight
    (told,) = (row for row in stated_shares(found, users, known) if row.site == seen.sites[1])
    reached = float(stated.sum()) / len(seen.site)
    picked = np.maximum(stated[np.arange(len(seen.site)), seen.site], 1e-3)
    return Said(
        right=float(is_right.mean()),
        balanced=_balanced(is_right, seen.site),
        log_loss=float(-np.log(picked).mean()),
        sure=float(sure.mean()),
        sure_right=float(is_right[sure].mean()) if sure.any() else None,
        share=share,
        low=told.low / reached,
        high=told.high / reached,
    )


def _judged_plain(seen: Truth, scenario: Scenario, topology: Topology) -> Said:
    """Sites as origins at their transit, or at their peers where they have none; one place, lowest ASN."""
    flat = without_metros(topology)
    seeds: list[Seed] = []
    for column, name in enumerate(seen.sites):
        own = [seed for seed in scenario.seeds.seeds if scenario.sites[seed.site] == name]
        transit = [seed for seed in own if seed.route_class == RouteClass.CUSTOMER]
        seeds += [
            Seed(
                pop=int(flat.pop_start[topology.pop_network[seed.pop]]),
                site=column,
                route_class=RouteClass.CUSTOMER,
                length=1,
                asn=Asn(int(seed.asn)),
            )
            for seed in transit or own
        ]
    routes = propagate(flat, Seeds.of(seeds, sites=2))
    reached = routes.site[flat.pop_start[seen.network]].astype(np.int64)
    is_right = (reached == seen.site) & (reached != NO_SITE)
    return Said(right=float(is_right.mean()), balanced=_balanced(is_right, seen.site))


def _balanced(is_right: np.ndarray, site: np.ndarray) -> float:
    return float(np.mean([is_right[site == k].mean() for k in (0, 1) if (site == k).any()]))


def _print(lines: list[Line]) -> None:
    table = Table(title="Which site does a network reach? Share of networks right, against pings")
    for name in ("experiment", "networks", "majority", "plain", "no measurement", "calibrated", "balanced"):
        table.add_column(name, justify="left" if name == "experiment" else "right")
    for name in ("90 % sure", "of those right", "share stated", "measured", "s"):
        table.add_column(name, justify="right")
    for item in lines:
        told = item.calibrated
        table.add_row(
            f"{item.experiment} {item.sites[0]} {item.sites[1]}", f"{item.networks:,}",
            f"{item.majority:.3f}",
            f"{item.plain.right:.3f}", f"{item.unmeasured.right:.3f}", f"{told.right:.3f}",
            f"{told.balanced:.3f}",
            _percent(told.sure), _percent(told.sure_right),
            f"{_percent(told.share)} ({_percent(told.low)} to {_percent(told.high)})",
            _percent(item.measured),
            f"{item.seconds:.0f}",
        )  # fmt: skip
    sure = [item.calibrated for item in lines]
    held = sum(
        (s.low or 0.0) <= item.measured <= (s.high or 1.0) for s, item in zip(sure, lines, strict=True)
    )
    right = np.average([s.sure_right or 0.0 for s in sure], weights=[s.sure or 0.0 for s in sure])
    table.add_section()
    table.add_row(
        "mean", "", f"{np.mean([i.majority for i in lines]):.3f}",
        f"{np.mean([i.plain.right for i in lines]):.3f}",
        f"{np.mean([i.unmeasured.right for i in lines]):.3f}", f"{np.mean([s.right for s in sure]):.3f}",
        f"{np.mean([s.balanced for s in sure]):.3f}", _percent(float(np.mean([s.sure or 0.0 for s in sure]))),
        _percent(float(right)), f"{held} of {len(lines)} hold", "", "",
    )  # fmt: skip
    Console(width=190).print(table)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="a folder laid out as peering-catchments is")
    parser.add_argument(
        "--experiments",
        type=lambda text: tuple(int(part) for part in text.split(",")),
        default=INFORMATIVE,
        help="their numbers (default: the informative ones, " + ",".join(map(str, INFORMATIVE)) + ")",
    )
    parser.add_argument(
        "--train", type=Path, help="learn from the experiments of this folder (default: --data)"
    )
    parser.add_argument("--graph", type=Path, help="AS relationships (default: beside the data)")
    parser.add_argument("--cache", type=Path, help="keep the placed graph here")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
