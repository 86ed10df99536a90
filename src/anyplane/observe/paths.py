"""read_mrt_paths: the AS paths that route collectors saw for one anycast prefix, and the site behind each.

Every site announces the same prefix from the same AS, so a path does not name its site; something in it must:

    1. a marker, an ASN that one site alone puts into its path (beside the origin: `47065 61574 47065`)
    2. a community that one site alone adds
    3. only one site was announced
    4. the upstream, the last AS before the first origin: the site whose alone it is

Where none of these decides, the site is unknown and the path stays: it still says who was preferred.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from anyplane.datasets.compressed import opened
from anyplane.model.errors import DataError
from anyplane.model.observations import UNKNOWN_SITE, Announced, Method, Observations
from anyplane.model.reading import Reading, Tally
from anyplane.observe.mrt import DamagedMrt, IPNetwork, Route, Skipped, What, routes


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteOfPath:
    """How a path tells its site; names of sites must be among those announced."""

    origin: int | None = None
    """The AS that announces the prefix; None: whoever stands last"""
    upstreams: Mapping[str, frozenset[int]] = field(default_factory=dict)
    """Site -> the ASNs of its neighbours"""
    markers: Mapping[int, str] = field(default_factory=dict)
    communities: Mapping[str, str] = field(default_factory=dict)

    def of(self, path: tuple[int, ...], communities: tuple[str, ...], announced: tuple[str, ...]) -> str:
        """The site of this path, observer first; "" where the path does not decide."""
        for table, found in ((self.markers, path), (self.communities, communities)):
            marked = {table[one] for one in found if one in table}  # type: ignore[index]  # each by its own kind
            if marked:
                return marked.pop() if len(marked) == 1 else ""
        if len(announced) == 1:
            return announced[0]
        origin = path[-1] if self.origin is None else self.origin
        first = path.index(origin) if origin in path else 0
        sites = [site for site in announced if first and path[first - 1] in self.upstreams.get(site, ())]
        return sites[0] if len(sites) == 1 else ""


def read_mrt_paths(
    path: Path, prefix: IPNetwork, *, sites: SiteOfPath, announced: Announced | None = None
) -> Reading:
    """What each peer's route to exactly this prefix is at the end of the file: of a table, or of updates.

    A later update of a peer replaces what it said before, and a withdrawal ends it; both are counted. The
    observer is the first AS of the path (the peers of a route server stand there without it). DataError where
    the file is no MRT, is cut off, or has no route to the prefix.
    """
    tally = Tally()
    skipped = Skipped()
    near: set[IPNetwork] = set()

    def meet(found: IPNetwork) -> None:
        if len(near) < 100 and found.version == prefix.version and found.prefixlen and found.overlaps(prefix):
            near.add(found)

    last: dict[tuple[int, IPv4Address | IPv6Address, int], Route] = {}
    with opened(path) as file:
        try:
            for route in routes(file, prefix=prefix, skipped=skipped, meet=meet):
                tally.rows += 1
                key = (route.peer_asn, route.peer, route.path_id)
                if key in last:
                    gone = route.what is What.WITHDRAWN
                    tally.lose(
                        "route withdrawn later" if gone else "route replaced by a later one of its peer"
                    )
                if route.what is What.WITHDRAWN:
                    tally.lose("withdrawal")
                    last.pop(key, None)
                else:
                    last[key] = route
        except DamagedMrt as error:
            raise DataError(
                str(path), f"{error.message} (byte {error.offset:,})", hint="is it an MRT file, and whole?"
            ) from error
    read = skipped.records - skipped.damaged - sum(skipped.kinds.values())
    if not read:
        what = skipped.first_damage or ", ".join(skipped.kinds) or "nothing in it"
        raise DataError(str(path), f"is no MRT file of routes: {what}")
    for kind, count in skipped.kinds.items():
        tally.note(f"records of {kind}, which say no route", rows=count)
    if skipped.damaged:
        tally.note(f"records damaged, the first of {skipped.first_damage}", rows=skipped.damaged)
    if not tally.rows:
        nearest = ", ".join(map(str, sorted(near, key=lambda one: (-one.prefixlen, str(one)))[:5]))
        raise DataError(
            str(path),
            f"has no route to {prefix} in {read:,} records",
            hint=f"it has {nearest}" if nearest else "give the prefix as it is announced: --prefix",
        )
    return _reading(tally, list(last.values()), sites, announced, prefix, path)


def _reading(
    tally: Tally,
    found: list[Route],
    sites: SiteOfPath,
    announced: Announced | None,
    prefix: IPNetwork,
    path: Path,
) -> Reading:
    if announced is None:
        names = {*sites.upstreams, *sites.markers.values(), *sites.communities.values()}
        announced = Announced(sites=tuple(names), prefix=str(prefix))
    place = {site: number for number, site in enumerate(announced.sites)} | {"": UNKNOWN_SITE}
    kept: list[tuple[Route, int]] = []
    for route in found:
        hops = route.attributes.path
        if route.attributes.has_set:
            tally.lose("AS set in the path")
        elif not hops:
            tally.lose("empty AS path")
        elif sites.origin is not None and hops[-1] != sites.origin:
            tally.lose(f"the origin is AS{hops[-1]}, not AS{sites.origin}")
        else:
            site = sites.of(hops, route.attributes.communities, announced.sites)
            if site not in place:
                tally.lose(f"the site {site!r} was not announced")
                continue
            if not site:
                tally.note("path that does not tell its site")
            kept.append((route, place[site]))
    source = f"{path.parent.name}/{path.name}" if path.parent.name else path.name
    observations = Observations.of(
        [route.attributes.path[0] for route, _ in kept],
        [site for _, site in kept],
        sites=announced.sites,
        method=Method.PATHS,
        announced=announced,
        source=source,
        at=[route.at for route, _ in kept],
        paths=[route.attributes.path for route, _ in kept],
    )
    return tally.reading(source, observations)
