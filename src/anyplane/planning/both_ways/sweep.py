"""sweep: the ways back to many client networks, one propagation for each, in threads; kept to go on from."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from anyplane.planning import kept
from anyplane.planning.both_ways.returning import Prefer, best_sessions, client_seeds
from anyplane.planning.both_ways.uplinks import Uplinks
from anyplane.planning.both_ways.walks import Walker
from anyplane.planning.jsonform import from_plain, to_plain
from anyplane.routing import Engine, Seeds
from anyplane.routing.frontier import Workspace
from anyplane.topology import Topology

KIND = kept.Kind(
    name="anyplane paths: ways back",
    words="ways back of `anyplane paths`",
    question="design, Internet or --prefer",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Back:
    """The way back from a site to one network, up to where it enters that.

    session: of the site's Edge, -1 where nobody tells it a route. pops: where each network is entered.
    km: from the site to the last of them. crossed: networks. is_open: is a tie among the choices, the site's
    own too?
    """

    asn: int
    site: int
    session: int
    pops: tuple[int, ...]
    km: float
    crossed: int
    is_open: bool


Backs = dict[tuple[int, int], Back]
"""By the client's ASN and the site."""


def sweep(
    topology: Topology,
    uplinks: Uplinks,
    wanted: Mapping[int, Sequence[int]],
    *,
    origin: int,
    prefer: Prefer = Prefer.PEER,
    threads: int = 1,
    known: Sequence[Back] = (),
    finished: Callable[[Sequence[Back], int, int], None] | None = None,
) -> tuple[Backs, bool]:
    """(the ways back of each network in `wanted` from its sites, was it interrupted?).

    wanted: sites by network index. known: done before. finished: told of the ways back to every new network,
    with how many networks are done and are to be done. A KeyboardInterrupt ends the work. The result does not
    depend on threads.
    """
    backs: Backs = {(item.asn, item.site): item for item in known}
    missing = [
        (network, tuple(sites))
        for network, sites in wanted.items()
        if any((int(topology.asn[network]), site) not in backs for site in sites)
    ]
    done = len(wanted) - len(missing)
    if not missing:
        return backs, False
    # Everything that a run writes is made once for each thread; the widest network needs most.
    pops = np.diff(topology.pop_start)
    widest = max((network for network, _ in missing), key=lambda network: (int(pops[network]), -network))
    largest = client_seeds(topology, widest, origin=origin)
    spare = deque(Workspace.of(topology, _with_room(largest)) for _ in range(threads))

    def one(network: int, sites: Sequence[int]) -> list[Back]:
        work = spare.pop()
        try:
            return ways_back(topology, uplinks, network, sites, origin=origin, prefer=prefer, work=work)
        finally:
            spare.append(work)

    is_interrupted = False
    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(one, network, sites) for network, sites in missing]
        try:
            for future in as_completed(futures):
                found = future.result()
                backs.update({(item.asn, item.site): item for item in found})
                done += 1
                if finished is not None:
                    finished(found, done, len(wanted))
        except KeyboardInterrupt:
            is_interrupted = True
            pool.shutdown(cancel_futures=True)
    return backs, is_interrupted


def ways_back(
    topology: Topology,
    uplinks: Uplinks,
    network: int,
    sites: Sequence[int],
    *,
    origin: int,
    prefer: Prefer,
    work: Workspace | None = None,
) -> list[Back]:
    """The Back of each of these sites to one network: one propagation of its prefix."""
    engine = Engine(topology, client_seeds(topology, network, origin=origin))
    if work is not None:
        engine.workspace = work
    routes = engine.run(reuse=True)
    walker = Walker(routes)
    found = []
    for site in sites:
        edge = uplinks.edges[site]
        sessions = best_sessions(routes, edge, prefer)
        asn = int(topology.asn[network])
        if not len(sessions):
            found.append(Back(asn=asn, site=site, session=-1, pops=(), km=0.0, crossed=0, is_open=False))
            continue
        session = int(sessions[0])
        first = int(edge.pop[session])
        walk = walker.walk(first)
        found.append(
            Back(
                asn=asn,
                site=site,
                session=session,
                pops=walk.pops,
                km=round(float(edge.km[session]) + float(routes.km[first]), 3),
                crossed=int(routes.hops[first]) + 1,
                is_open=walk.is_open or len(sessions) > 1,
            )
        )
    return found


def fingerprint(topology: Topology, uplinks: Uplinks, *, origin: int, prefer: Prefer) -> str:
    """A hash of all that a Back depends on but the network and the site; users are not among it."""
    digest = sha256(repr((uplinks.all, origin, prefer)).encode())
    for edge in uplinks.edges:
        digest.update(edge.pop.tobytes() + edge.km.tobytes() + edge.uplink.tobytes())
    digest.update(kept.graph_of(topology, without=("users",)))
    return digest.hexdigest()[:32]


def to_text(backs: Sequence[Back], mark: str) -> str:
    """The ways back as a file to go on from."""
    ordered = sorted(backs, key=lambda item: (item.asn, item.site))
    return kept.to_text(KIND, {"ways back": mark}, map(to_plain, ordered))


def from_text(text: str, mark: str, *, file: str) -> tuple[Back, ...]:
    """The ways back of this question; a UsageError for a file of something else."""
    listed = kept.from_text(text, KIND, {"ways back": mark}, file=file)
    return tuple(
        from_plain(Back, item, where=f"{file}: way {number + 1}") for number, item in enumerate(listed)
    )


def _with_room(seeds: Seeds) -> Seeds:
    """One seed more, for a network of our own number."""
    return Seeds.of([*seeds.seeds, seeds.seeds[0]], sites=seeds.sites)
