"""assess_rows: Figures of many rows in one call of compiled code, for search: no Python between two rows.

`Assessor.all` goes back to Python after each row, which on a small Internet is most of the time and on any
holds the GIL while it lasts. Here routing, flow and counting of a whole chunk of rows run without it, so two
threads do twice the work. The numbers are the same to the last digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields

import numpy as np
from numba import njit

# The compiled parts of three files, put one after the other; from Python each has its public face.
from anyplane.planning.assess import Assessor, Figures, _count
from anyplane.planning.latency import FIBRE_KM_PER_MS
from anyplane.planning.tally import POINTS
from anyplane.planning.weighted import ALMOST, Float64
from anyplane.routing.batch import Rows
from anyplane.routing.flow import _hand_on
from anyplane.routing.frontier import Engine
from anyplane.routing.kernels import settle_metros
from anyplane.topology import Topology

CHUNK = 16
"""Rows that go to a thread at once."""
WORTH_A_THREAD = 100_000
"""Rows times networks below which threads cost more than they bring."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FiguresTable:
    """The Figures of R rows as columns: their arrays with one more axis in front."""

    users: Float64
    served: Float64
    unserved: Float64
    rtt: Float64
    rtt_of_all: Float64
    mean: Float64
    astray: Float64

    def __len__(self) -> int:
        return len(self.served)

    def row(self, number: int) -> Figures:
        """The Figures of one row."""
        return Figures(
            users=self.users[number],
            served=float(self.served[number]),
            unserved=float(self.unserved[number]),
            rtt=self.rtt[number],
            rtt_of_all=self.rtt_of_all[number],
            mean=float(self.mean[number]),
            astray=self.astray[number],
        )


class RowAssessor:
    """Reads FiguresTables out of rows of one scenario's seeds; keeps its arrays from call to call.

    has_users: reckon the users of each site; where nobody asks for them their array is NaN, and a row takes
    two thirds of the time.
    """

    def __init__(
        self, topology: Topology, assessor: Assessor, *, threads: int = 2, has_users: bool = True
    ) -> None:
        self.topology = topology
        self.assessor = assessor
        self.threads = threads
        self.has_users = has_users
        self._engine = Engine(topology, assessor.scenario.seeds)
        self._free: list[Engine] = []

    def table(self, rows: Rows) -> FiguresTable:
        """The figures of every row, in their order."""
        if self._engine.has_backups or not len(rows):
            # A backup is settled in several runs, one after the other; see routing.state.settle_backups.
            return _stacked(
                self.assessor.all(self.topology, rows, threads=self.threads), len(rows), self._empty
            )
        admitted = self._admitted(rows)
        if self.threads == 1 or len(rows) * self.topology.networks < WORTH_A_THREAD:
            return self._chunk(admitted)
        size = max(1, min(CHUNK, -(-len(rows) // self.threads)))
        with ThreadPoolExecutor(self.threads) as pool:
            futures = [
                pool.submit(self._chunk, admitted[start : start + size])
                for start in range(0, len(rows), size)
            ]
            try:
                return _joined([future.result() for future in futures])
            except BaseException:
                for future in futures:
                    future.cancel()
                raise

    def _admitted(self, rows: Rows) -> Rows:
        arrays = self._engine.seed_arrays
        if len(arrays.compared):
            return np.stack([arrays.admitted(row) for row in rows])
        admitted = rows.copy()
        admitted[:, arrays.dropped] = 65535
        return admitted

    def _empty(self, rows: int) -> FiguresTable:
        sites, rules = self.assessor.scenario.seeds.sites, len(self.assessor.rules)
        return FiguresTable(
            users=np.zeros((rows, sites)) if self.has_users else np.full((rows, sites), np.nan),
            served=np.zeros(rows),
            unserved=np.zeros(rows),
            rtt=np.zeros((rows, len(POINTS))),
            rtt_of_all=np.zeros((rows, len(POINTS))),
            mean=np.zeros(rows),
            astray=np.zeros((rows, rules, 3)),
        )

    def _chunk(self, rows: Rows) -> FiguresTable:
        # list.pop and append are atomic: two threads never hold the same Engine.
        try:
            engine = self._free.pop()
        except IndexError:
            engine = self._engine.twin()
        out, work, assessor = self._empty(len(rows)), engine.workspace, self.assessor
        clients, latency = assessor.clients, assessor.latency
        sums = np.zeros((len(rows), 3))
        _assess(
            engine.graph,
            engine.seed_arrays.table,
            np.ascontiguousarray(rows),
            work.node,
            work.offer,
            work.bucket,
            work.queued,
            work.order,
            work.settled,
            work.site,
            work.km,
            work.hops,
            work.next_hop,
            work.possible,
            assessor._weight,  # noqa: SLF001  # it is this one's other half
            clients.pop,
            clients.users,
            clients.country,
            assessor.scenario.real_sites,
            2.0 * latency.inflation / FIBRE_KM_PER_MS,
            latency.hop_ms,
            latency.last_mile_ms,
            assessor._covered,  # noqa: SLF001
            assessor._forbidden,  # noqa: SLF001
            np.array(POINTS),
            ALMOST,
            self.has_users,
            out.users,
            sums,
            out.rtt,
            out.rtt_of_all,
            out.astray,
        )
        self._free.append(engine)
        out.served[:] = sums[:, 0]
        out.unserved[:] = sums[:, 1]
        np.divide(sums[:, 2], sums[:, 0], out=out.mean, where=sums[:, 0] > 0)
        out.mean[sums[:, 0] <= 0] = np.nan
        return out


def _stacked(rows: Sequence[Figures], count: int, empty) -> FiguresTable:  # type: ignore[no-untyped-def]
    table: FiguresTable = empty(count)
    for number, figures in enumerate(rows):
        for spec in fields(FiguresTable):
            getattr(table, spec.name)[number] = getattr(figures, spec.name)
    return table


def _joined(tables: Sequence[FiguresTable]) -> FiguresTable:
    return FiguresTable(
        **{
            spec.name: np.concatenate([getattr(table, spec.name) for table in tables])
            for spec in fields(FiguresTable)
        }
    )


@njit(cache=True, nogil=True)
def _assess(  # type: ignore[no-untyped-def]
    graph,
    seeds,
    rows,
    node,
    offer,
    bucket,
    queued,
    order,
    settled,
    site,
    km,
    hops,
    next_hop,
    possible,
    weight,
    pop,
    users,
    country,
    real_sites,
    light,
    hop_ms,
    last_mile_ms,
    covered,
    forbidden,
    points,
    almost,
    has_users,
    out_users,
    out_sums,
    out_rtt,
    out_rtt_of_all,
    out_astray,
):
    handed = np.empty(len(weight), np.float64)
    drawn = np.empty(len(weight), np.int32)
    for r in range(len(rows)):
        settle_metros(
            graph,
            seeds,
            rows[r],
            node,
            offer,
            bucket,
            queued,
            order,
            settled,
            site,
            km,
            hops,
            next_hop,
            possible,
        )
        if has_users:
            handed[:] = weight
            drawn[:] = 0
            _hand_on(graph, seeds, node, offer, order[: settled[0]], drawn, handed, out_users[r])
        sums, rtt, astray = _count(
            site,
            km,
            hops,
            possible,
            pop,
            users,
            country,
            real_sites,
            light,
            hop_ms,
            last_mile_ms,
            covered,
            forbidden,
            points,
            almost,
        )
        out_sums[r] = sums
        out_rtt[r] = rtt[0]
        out_rtt_of_all[r] = rtt[1]
        out_astray[r] = astray
