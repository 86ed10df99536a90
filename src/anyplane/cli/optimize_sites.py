"""`anyplane optimize --add-site N`: the next sites to add; called by optimize.py, which has the options."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anyplane.cli.answers import deliver, progress
from anyplane.model.errors import UsageError

if TYPE_CHECKING:
    from anyplane.design import Design
    from anyplane.planning.latency import LatencyModel
    from anyplane.topology import Topology

MOST = 50


def propose(
    design: Design,
    text: str,
    world: Topology,
    latency: LatencyModel,
    *,
    count: int,
    goal: str = "mean",
    group: str = "",
    only_used: bool = False,
    size: int = 2,
    capacity: str = "",
    threads: int = 2,
    json_file: str | None = None,
    html: str | None = None,
) -> str:
    """Delivers the report, and returns the text of the design with the proposed sites written in.

    text: what `design` was read from. goal: a value of Aim. only_used: no transit that the design has not.
    size: transits of each new site. capacity: of each, as a design writes it. UsageError for what cannot be.
    """
    from anyplane.design.editing_sites import with_sites
    from anyplane.planning.search import new_sites_html, new_sites_report, new_sites_text
    from anyplane.planning.search.new_sites_answer import proposed
    from anyplane.planning.search.new_sites_places import OTHERS, USED
    from anyplane.planning.search.new_sites_wish import Wish

    if not 1 <= count <= MOST:
        raise UsageError(f"--add-site {count}: so many sites cannot be proposed", hint=f"1 to {MOST}")
    if not 1 <= size <= USED + OTHERS:
        # So many are looked at in a metro; more would silently be fewer.
        raise UsageError(f"--transits {size}: a new site gets 1 to {USED + OTHERS}")
    aims = [aim.value for aim in new_sites_report.Aim]
    if goal not in aims:
        raise UsageError(f"{goal!r} is not what a new site can be chosen for", hint=", ".join(aims))
    aim = new_sites_report.Aim(goal)
    if aim is new_sites_report.Aim.LOAD and not any(site.capacity for site in design.sites):
        raise UsageError("no site of the design has a capacity", hint="give `capacity:`, or another goal")
    if aim is new_sites_report.Aim.LOAD and not capacity:
        raise UsageError(
            "which site relieves the others depends on what it can carry", hint='--capacity "2 Mqps", say'
        )
    wish = Wish(
        count=count,
        aim=aim,
        only_used=only_used,
        size=size,
        group=group,
        capacity=_capacity(design, capacity),
        capacity_text=capacity,
    )
    done = 0
    with progress("trying new sites") as tell:

        def reckoned(sets: int) -> None:
            nonlocal done
            done += sets
            tell(done, 0)

        report, sites = proposed(design, world, wish, latency=latency, threads=threads, progress=reckoned)
    deliver(
        text=lambda is_plain, _width: new_sites_text.render(report, is_plain=is_plain),
        json_text=lambda: new_sites_report.to_json(report),
        section=lambda: new_sites_html.section(report),
        json_file=json_file,
        html=html,
    )
    return with_sites(text, design, sites) if sites else text


def _capacity(design: Design, text: str) -> float | None:
    """The capacity in the design's unit, None where none is given."""
    from anyplane.design import quantities

    if not text:
        return None
    try:
        value, unit = quantities.rate(text)
    except quantities.Unfit as unfit:
        raise UsageError(f"--capacity: {unfit.message}", hint=unfit.hint) from None
    has_rates = any(site.capacity for site in design.sites) or any(
        group.load_per_user for group in design.groups
    )
    if has_rates and unit is not design.load_unit:
        raise UsageError(f"--capacity is in {unit.value}, but the design counts in {design.load_unit.value}")
    return value
