"""draw: an attack as bands from where it comes from to the sites that it lands on, as wide as the traffic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from anyplane.planning.attack.report import AttackReport, Source

WIDTH = 900
LEFT, RIGHT, BAR = 230.0, 650.0, 12.0
GAP, LABEL = 7.0, 17.0
SCALE = 300.0
"""Height of all of the attack."""
MOST_SOURCES, MOST_SITES = 8, 12
NOWHERE = "nowhere"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One source or site: its box and the height of its name's baseline; key names its colour."""

    name: str
    key: str
    gbps: float
    y: float
    height: float
    label_y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """What goes from a source to a site: an SVG path, and words for the tooltip."""

    key: str
    path: str
    source: str
    site: str
    gbps: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Alluvial:
    """The picture; height in the units of WIDTH."""

    height: float
    sources: tuple[Bar, ...]
    sites: tuple[Bar, ...]
    bands: tuple[Band, ...]


def draw(report: AttackReport) -> Alluvial | None:
    """Continents on the left, or the networks where they are few; None where nothing lands."""
    sources: Sequence[Source] = report.regions
    if report.asked.networks <= MOST_SOURCES or len(report.regions) < 2:
        sources = report.sources[:MOST_SOURCES]
    flows = [(source.name, _flows(source)) for source in sources]
    whole = sum(value for _, found in flows for value in found.values())
    if whole <= 0:
        return None
    by_site: dict[str, float] = {}
    for _, found in flows:
        for site, value in found.items():
            by_site[site] = by_site.get(site, 0.0) + value
    order = sorted(by_site, key=lambda site: (site == NOWHERE, -by_site[site], site))
    shown = [site for site in order if site != NOWHERE][:MOST_SITES]
    rest = [site for site in order if site not in shown and site != NOWHERE]
    key_of = {site: site for site in shown} | dict.fromkeys(rest, "")
    columns = [(site, site) for site in shown]
    if rest:
        columns.append((f"{len(rest)} more site{'s' if len(rest) > 1 else ''}", ""))
    if NOWHERE in by_site:
        key_of[NOWHERE] = NOWHERE
        columns.append((NOWHERE, NOWHERE))
    totals: dict[str, float] = {}
    for site, value in by_site.items():
        totals[key_of[site]] = totals.get(key_of[site], 0.0) + value

    scale = SCALE / whole
    left = _stack([(name, name, sum(found.values())) for name, found in flows], scale)
    right = _stack([(name, key, totals[key]) for name, key in columns], scale)
    return Alluvial(
        height=round(max(bar.y + max(bar.height, LABEL) for bar in (*left, *right)) + 12, 1),
        sources=left,
        sites=right,
        bands=_bands(flows, key_of, left, right, scale),
    )


def _flows(source: Source) -> dict[str, float]:
    found = {one.site: one.gbps for one in source.landed}
    if source.unreached_gbps >= source.gbps / 1000:
        found[NOWHERE] = source.unreached_gbps
    return found


def _stack(items: Sequence[tuple[str, str, float]], scale: float) -> tuple[Bar, ...]:
    """One below the other, far enough apart for their names."""
    bars, y, free = [], 10.0, 0.0
    for name, key, value in items:
        height = max(1.0, value * scale)
        label = max(y + height / 2 + 4.5, free)
        y = max(y, label - 4.5 - height / 2)
        bars.append(
            Bar(
                name=name,
                key=key,
                gbps=value,
                y=round(y, 1),
                height=round(height, 1),
                label_y=round(label, 1),
            )
        )
        free = label + LABEL
        y += height + GAP
    return tuple(bars)


def _bands(
    flows: Sequence[tuple[str, Mapping[str, float]]],
    key_of: Mapping[str, str],
    left: Sequence[Bar],
    right: Sequence[Bar],
    scale: float,
) -> tuple[Band, ...]:
    start = {bar.name: bar.y for bar in left}
    end = {bar.key: bar.y for bar in right}
    place = {bar.key: position for position, bar in enumerate(right)}
    bands = []
    for name, found in flows:
        merged: dict[str, float] = {}
        for site, value in found.items():
            merged[key_of[site]] = merged.get(key_of[site], 0.0) + value
        for key in sorted(merged, key=lambda key: place[key]):
            height = merged[key] * scale
            a, b = start[name], end[key]
            start[name] += height
            end[key] += height
            if height >= 0.15:
                bands.append(
                    Band(
                        key=key,
                        path=_ribbon(a, b, height),
                        source=name,
                        site=right[place[key]].name,
                        gbps=merged[key],
                    )
                )
    return tuple(bands)


def _ribbon(a: float, b: float, height: float) -> str:
    x0, x1 = LEFT + BAR, RIGHT
    half = (x0 + x1) / 2
    return (
        f"M{x0:g} {a:.1f}C{half:g} {a:.1f} {half:g} {b:.1f} {x1:g} {b:.1f}V{b + height:.1f}"
        f"C{half:g} {b + height:.1f} {half:g} {a + height:.1f} {x0:g} {a + height:.1f}Z"
    )
