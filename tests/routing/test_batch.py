"""Scenarios in a batch give what each gives alone, wherever they run."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from worlds import worlds

from anyplane.routing import NO_SITE, Routes, batch, frontier
from anyplane.routing.seeds import Seeds
from anyplane.routing.state import OFF, lengths_of


def reached(_scenario: int, routes: Routes) -> list[int]:
    return routes.site.tolist()


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(worlds())
def test_a_batch_equals_one_run_for_each_row(world):
    topology, seeds = world
    rows = np.array(list(batch.subsets(Seeds(seeds=seeds.seeds, sites=4)))).reshape(16, -1)
    finished = []

    results = batch.run(topology, seeds, rows, reached, threads=2, progress=finished.append)

    engine = frontier.Engine(topology, seeds)
    assert results == [engine.run(row).site.tolist() for row in rows]
    assert sum(finished) == len(rows)
    assert results[0] == [NO_SITE] * topology.pops
    assert results[-1] == frontier.propagate(topology, seeds).site.tolist()


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(worlds())
def test_a_failed_site_serves_nobody(world):
    topology, seeds = world

    single = batch.run(topology, seeds, batch.single_failures(seeds), reached)
    rows, pairs = batch.double_failures(seeds)

    assert all(site not in sites for site, sites in enumerate(single))
    assert len(pairs) == seeds.sites * (seeds.sites - 1) // 2
    for (a, b), sites in zip(pairs, batch.run(topology, seeds, rows, reached), strict=True):
        assert a not in sites
        assert b not in sites


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(worlds())
def test_prepends_lengthen_every_session_of_a_site(world):
    _, seeds = world

    for vector, row in batch.prepends(Seeds(seeds=seeds.seeds, sites=4), (0, 3)):
        extra = row.astype(int) - lengths_of(seeds).astype(int)
        assert extra.tolist() == [vector[seed.site] for seed in seeds.seeds]
        assert OFF not in row


def test_an_error_in_a_summary_stops_the_batch_and_is_told():
    topology, seeds = worlds_example()

    def fails(scenario: int, _routes: Routes) -> int:
        raise RuntimeError(f"scenario {scenario}")

    with pytest.raises(RuntimeError, match="scenario 0"):
        batch.run(topology, seeds, batch.baseline(seeds), fails)


def test_another_executor_gives_the_same():
    topology, seeds = worlds_example()
    rows = np.array(list(batch.subsets(seeds)))

    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        elsewhere = batch.run(topology, seeds, rows, reached, executor=pool)

    assert elsewhere == batch.run(topology, seeds, rows, reached)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_dask_cluster_of_two_workers_gives_the_same():
    from distributed import Client, LocalCluster

    topology, seeds = worlds_example()
    rows = np.array(list(batch.subsets(seeds)))

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        elsewhere = batch.run(
            topology,
            seeds,
            rows,
            reached,
            executor=client.get_executor(),
            share=partial(client.scatter, broadcast=True),
        )
        workers = len(client.scheduler_info()["workers"])

    assert workers == 2
    assert elsewhere == batch.run(topology, seeds, rows, reached)


def worlds_example():
    """A fixed small world: a provider over two transits, each with a site and two stubs."""
    from worlds import metros

    from anyplane.model.nouns import Asn, RouteClass
    from anyplane.routing import Seed
    from anyplane.topology import build

    asns = [10, 20, 30, 41, 42, 43, 44]
    topology = build(
        asn=asns,
        providers_customers=[(10, 20), (10, 30), (20, 41), (20, 42), (30, 43), (30, 44), (30, 42)],
        peers=[(20, 30)],
        presence=([*asns, 10, 20], [0, 0, 1, 0, 1, 1, 0, 1, 1]),
        metros=metros(np.array([[0, 100], [100, 0]])),
    )
    seeds = [
        Seed(
            pop=int(topology.pop_start[topology.index_of(asn)]),
            site=site,
            route_class=RouteClass.CUSTOMER,
            length=1,
            asn=Asn(64500),
        )
        for site, asn in enumerate([20, 30, 10])
    ]
    return topology, Seeds.of(seeds, sites=3)
