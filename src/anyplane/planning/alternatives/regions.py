"""Regions: which sites share one regional prefix, as given or by the continents of the sites."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anyplane.design.countries import CONTINENT_NAMES
from anyplane.design.design import Design
from anyplane.model.errors import UsageError
from anyplane.planning.latency import km_to
from anyplane.topology import Topology

EXAMPLE = "for example eu=fra,ams;us=nyc"


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRegion:
    """A name, and the sites that announce its prefix, ascending by their index in the design."""

    name: str
    sites: tuple[int, ...]


def by_continent(design: Design, topology: Topology, announcing: Sequence[int]) -> tuple[SiteRegion, ...]:
    """One region for each continent with a site; a site is on the continent of the metro nearest to it."""
    names = {code: name for name, code in CONTINENT_NAMES.items()}
    found: dict[str, list[int]] = {}
    for site in announcing:
        place = design.sites[site]
        metro = int(np.argmin(km_to(topology.metros, place.metro, place.place.lat, place.place.lon)))
        found.setdefault(topology.metros.continent[metro], []).append(site)
    return tuple(
        SiteRegion(name=names.get(code, code).replace(" ", "-"), sites=tuple(found[code]))
        for code in sorted(found)
    )


def parse(text: str, design: Design, announcing: Sequence[int], *, file: str = "") -> tuple[SiteRegion, ...]:
    """The regions of "eu=fra,ams;us=nyc"; in a file one on each line, `#` begins a comment.

    Each site that announces must be in exactly one; sites that do not are left out. UsageError names the
    place.
    """
    names = [str(site.name) for site in design.sites]
    taken: dict[int, str] = {}
    regions: list[SiteRegion] = []
    for where, part in _parts(text, file):
        name, equals, members = (piece.strip() for piece in part.partition("="))
        if not equals or not name or not members:
            raise UsageError(f"{where}: {part!r} is not NAME=SITE,SITE", hint=EXAMPLE)
        if name in {region.name for region in regions}:
            raise UsageError(f"{where}: there are two regions {name}", hint="give each its own name")
        sites = []
        for word in members.split(","):
            site = word.strip()
            if site not in names:
                near = difflib.get_close_matches(site, names, n=1)
                hint = f"did you mean {near[0]}?" if near else "it has " + ", ".join(names[:12])
                raise UsageError(f"{where}: the design has no site {site!r}", hint=hint)
            index = names.index(site)
            if index in taken:
                raise UsageError(
                    f"{where}: {site} is in {taken[index]} already", hint="a site announces one region"
                )
            taken[index] = name
            if index in announcing:
                sites.append(index)
        if sites:
            regions.append(SiteRegion(name=name, sites=tuple(sorted(sites))))
    left_out = [names[site] for site in announcing if site not in taken]
    if left_out:
        some = ", ".join(left_out[:8]) + (f" and {len(left_out) - 8} more" if len(left_out) > 8 else "")
        raise UsageError(
            f"{file or '--regions'}: no region has {some}", hint="each site that announces must be in one"
        )
    return tuple(regions)


def _parts(text: str, file: str) -> list[tuple[str, str]]:
    """(where it stands, the words) of each region."""
    if not file:
        return [("--regions", part.strip()) for part in text.split(";") if part.strip()]
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0]
        found += [(f"{file}:{number}", part.strip()) for part in words.split(";") if part.strip()]
    return found
