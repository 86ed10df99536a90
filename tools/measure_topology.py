"""Measure a topology: the table of docs/explanation/synthetic-internet.md, one column for each source given.

    python tools/measure_topology.py synthetic-80k 20250901.as-rel2.txt.bz2

A source is what `anyplane plan --topology` takes. Cones are exact: every network reachable over
customer links. Path lengths are those of the preferred routes (class, then length) to random destinations.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numba import njit

from anyplane.datasets.load import load
from anyplane.model.nouns import Asn, RouteClass
from anyplane.routing import UNREACHED, Seed, Seeds
from anyplane.routing.levels import LevelEngine, rank
from anyplane.topology import Topology, without_metros

Row = tuple[str, str]


@njit(cache=False)
def cone_sizes(first, last, adj):  # type: ignore[no-untyped-def]
    """Networks in the customer cone of each network, itself counted."""
    count = len(first)
    size = np.zeros(count, np.int64)
    seen = np.full(count, -1, np.int64)
    queue = np.empty(count, np.int64)
    for network in range(count):
        queue[0] = network
        seen[network] = network
        done, filled = 0, 1
        while done < filled:
            here = queue[done]
            done += 1
            for a in range(first[here], last[here]):
                if seen[adj[a]] != network:
                    seen[adj[a]] = network
                    queue[filled] = adj[a]
                    filled += 1
        size[network] = filled
    return size


def percentiles(values: np.ndarray, *which: float) -> str:
    """These percentiles, separated by slashes."""
    return " / ".join(f"{np.percentile(values, p):,.0f}" for p in which)


def shares(counts: np.ndarray, digits: int = 0) -> str:
    """Parts of a whole in percent."""
    return " / ".join(f"{100 * part / counts.sum():.{digits}f}" for part in counts) + " %"


def depths(topology: Topology, top: np.ndarray, own: np.ndarray, is_up: np.ndarray) -> np.ndarray:
    """Links down from the networks at the top; 99 where there is no way."""
    provider, customer = topology.adj[is_up], own[is_up]
    depth = np.where(top, 0, 99)
    for step in range(1, 99):
        below = customer[(depth[provider] == step - 1) & (depth[customer] > step)]
        if not len(below):
            break
        depth[below] = step
    return depth


def path_lengths(topology: Topology, destinations: int, seed: int) -> tuple[np.ndarray, float]:
    """(links of every preferred path, share of pairs that have a route)."""
    flat = without_metros(topology)
    order = rank(flat)
    if order is None:
        raise SystemExit("the graph has a provider cycle")
    chosen = np.random.default_rng(seed).choice(flat.networks, destinations, replace=False)
    lengths = []
    for network in chosen.tolist():
        origin = Seed(
            pop=network, site=0, route_class=RouteClass.ORIGIN, length=0, asn=Asn(int(flat.asn[network]))
        )
        length = LevelEngine(flat, Seeds.of([origin], sites=1), ranked=order).run().length
        lengths.append(np.delete(length, network))
    every = np.concatenate(lengths)
    return every[every != UNREACHED], float((every != UNREACHED).mean())


def rows(topology: Topology, *, destinations: int, seed: int) -> Iterator[Row]:
    """Every row of the table for this topology."""
    start, end = topology.adj_start[:-1], topology.adj_start[1:]
    providers = topology.adj_peers - start
    peers = topology.adj_customers - topology.adj_peers
    customers = end - topology.adj_customers
    own = np.repeat(np.arange(topology.networks), np.diff(topology.adj_start))
    at = np.arange(len(topology.adj))
    is_up, is_peer = (
        at < topology.adj_peers[own],
        (at >= topology.adj_peers[own]) & (at < topology.adj_customers[own]),
    )
    links, count = len(topology.adj) // 2, topology.networks
    is_stub, degree = customers == 0, providers + peers + customers
    yield "networks", f"{count:,}"
    yield "links", f"{links:,}"
    yield "links for each network", f"{links / count:.2f}"
    yield "share of links that are peering", f"{peers.sum() / 2 / links:.1%}"
    mixed = is_stub[own[is_peer]].astype(int) + is_stub[topology.adj[is_peer]]
    yield "peering stub–stub / stub–transit / transit–transit", shares(np.bincount(mixed, minlength=3)[::-1])
    yield "stubs (no customer)", f"{is_stub.mean():.1%}"
    yield "providers of a stub, mean", f"{providers[is_stub].mean():.2f}"
    bought = np.minimum(providers[is_stub & (providers > 0)], 4)
    yield "stubs with 1 / 2 / 3 / more providers", shares(np.bincount(bought, minlength=5)[1:], 1)
    yield "providers of a transit network, mean", f"{providers[~is_stub].mean():.2f}"
    yield "degree: median / p90 / p99 / p99.9", percentiles(degree, 50, 90, 99, 99.9)
    yield "largest degree", f"{degree.max():,}"
    yield "networks with peers", f"{(peers > 0).mean():.1%}"
    yield "peers, where any: median / p90 / p99 / p99.9", percentiles(peers[peers > 0], 50, 90, 99, 99.9)
    yield "networks with 1,000 peers or more", f"{(peers >= 1000).mean():.2%}"
    yield (
        "customers, where any: median / p90 / p99 / p99.9",
        percentiles(customers[~is_stub], 50, 90, 99, 99.9),
    )
    yield "three largest by customers", " / ".join(f"{c:,}" for c in np.sort(customers)[::-1][:3])
    cone = cone_sizes(topology.adj_customers, end, topology.adj)
    yield "cone, where any: median / p75 / p90", percentiles(cone[~is_stub], 50, 75, 90)
    yield "cone, where any: p95 / p99", percentiles(cone[~is_stub], 95, 99)
    yield "networks with a cone above 1,000", f"{(cone > 1000).sum():,}"
    yield "largest cone, share of all networks", f"{cone.max() / count:.0%}"
    top = (providers == 0) & (cone > 0.01 * count)
    deep = np.bincount(np.minimum(depths(topology, top, own, is_up), 5), minlength=6)[1:5]
    yield (
        f"networks 1 / 2 / 3 / 4 steps below the {top.sum()} at the top",
        " / ".join(f"{100 * part / count:.1f}" for part in deep) + " %",
    )
    lengths, reached = path_lengths(topology, destinations, seed)
    yield "path length, mean (links)", f"{lengths.mean():.2f}"
    part = np.bincount(lengths, minlength=8)[2:8] / len(lengths)
    yield "paths of 2 / 3 / 4 / 5 / 6 / 7 links", " / ".join(f"{100 * p:.0f}" for p in part) + " %"
    yield "network pairs with a route", f"{reached:.1%}"
    yield "pops", f"{topology.pops:,}"
    yield "interconnects (directed)", f"{len(topology.ic_own):,}"


def main() -> None:
    """Print the table in Markdown."""
    parser = argparse.ArgumentParser(description="Print the statistics of topologies as a Markdown table.")
    parser.add_argument(
        "source", nargs="+", help="synthetic-10k, an AS relationships file or a built topology"
    )
    parser.add_argument("--destinations", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1, help="of the destinations")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        columns = [
            list(rows(load(source, cache=Path(cache)), destinations=chosen.destinations, seed=chosen.seed))
            for source in chosen.source
        ]
    print("| | " + " | ".join(chosen.source) + " |")
    print("|---|" + "---:|" * len(columns))
    for cells in zip(*columns, strict=True):
        label = cells[0][0] if len({cell[0] for cell in cells}) == 1 else cells[-1][0]
        print(f"| {label} | " + " | ".join(value for _, value in cells) + " |")


if __name__ == "__main__":
    main()
