"""The score as anybody would write it down: dicts, loops, no arrays."""

from __future__ import annotations

from itertools import pairwise
from math import log

Row = tuple[int, str, float]
"""network, site that answered, weight"""
EDGES = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 1.01)


def truth_of(rows: list[Row]) -> dict[int, dict[str, float]]:
    """The share of each site in the answers of each network."""
    seen: dict[int, dict[str, float]] = {}
    for asn, site, weight in rows:
        sites = seen.setdefault(asn, {})
        sites[site] = sites.get(site, 0.0) + weight
    return {
        asn: {site: part / sum(sites.values()) for site, part in sites.items()} for asn, sites in seen.items()
    }


def scored(
    odds: dict[int, dict[str, float]],
    truth: dict[int, dict[str, float]],
    weight: dict[int, float],
    *,
    sites: list[str],
    floor: float,
) -> dict[str, object]:
    """Accuracy, balanced accuracy, majority, log loss, Brier, bins and confusion; sites in order of ties."""
    both = sorted(set(odds) & set(truth))
    total = sum(weight[asn] for asn in both)
    likely = {asn: most_probable(odds[asn], sites) for asn in both}
    hit = {asn: truth[asn].get(likely[asn], 0.0) for asn in both}
    observed = {site: sum(weight[asn] * truth[asn].get(site, 0.0) for asn in both) / total for site in sites}
    recalls = []
    for site in sites:
        there = sum(weight[asn] * truth[asn].get(site, 0.0) for asn in both)
        if there > 0:
            found = sum(weight[asn] * truth[asn].get(site, 0.0) for asn in both if likely[asn] == site)
            recalls.append(found / there)
    loss = brier = 0.0
    for asn in both:
        nowhere = 1 - sum(odds[asn].values())
        for site, part in truth[asn].items():
            loss -= weight[asn] * part * log(max(odds[asn].get(site, 0.0), floor))
            error = nowhere**2
            for other in sites:
                error += (odds[asn].get(other, 0.0) - (other == site)) ** 2
            brier += weight[asn] * part * error
    bins = []
    for low, high in pairwise(EDGES):
        mine = [asn for asn in both if low <= round(max(odds[asn].values(), default=0.0), 6) < high]
        inside = sum(weight[asn] for asn in mine)
        right = sum(weight[asn] * hit[asn] for asn in mine) / inside if inside else None
        bins.append((len(mine), right))
    confusion: dict[tuple[str, str], float] = {}
    for asn in both:
        for site, part in truth[asn].items():
            key = (site, likely[asn])
            confusion[key] = confusion.get(key, 0.0) + weight[asn] * part / total
    return {
        "accuracy": sum(weight[asn] * hit[asn] for asn in both) / total,
        "balanced": sum(recalls) / len(recalls),
        "majority": max(observed.values()),
        "log_loss": loss / total,
        "brier": brier / total,
        "bins": bins,
        "confusion": confusion,
    }


def most_probable(odds: dict[str, float], sites: list[str]) -> str:
    """Of equal ones the first; "" where none is possible."""
    best = max(sites, key=lambda site: odds.get(site, 0.0))
    return best if odds.get(best, 0.0) > 0 else ""
