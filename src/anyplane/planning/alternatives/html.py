"""section: a Comparison as a part of a page: the table, two pictures, what each needs, assumptions."""

from __future__ import annotations

from anyplane.planning.alternatives import plots, wording
from anyplane.planning.alternatives.report import Comparison
from anyplane.planning.figures import count, listed, ms, percent
from anyplane.planning.page.answers import Section, joined, render
from anyplane.planning.page.wording import NBSP

RTTS = (10.0, 20.0, 50.0, 100.0, 150.0, 200.0, 300.0)
TIMES = (1.0, 10.0, 30.0, 60.0, 120.0, 300.0, 1800.0, 3600.0)
STYLE = """
.compare-plot { display: block; width: 100%; min-width: 620px; max-width: 960px; height: auto; }
.compare-plot text { font-size: 13px; fill: var(--soft); }
.compare-plot .grid { stroke: var(--line); }
.compare-plot polyline { fill: none; stroke-width: 2.2; stroke-linejoin: round; }
.compare-plot g text {
  fill: var(--ink); stroke: var(--paper); stroke-width: 4px; stroke-linejoin: round; paint-order: stroke;
}
.compare-plot .compare-chosen polyline { stroke-width: 3.6; }
.compare-plot .compare-chosen text { font-weight: 700; }
.compare-unicast { --way: var(--soft); }
.compare-geodns { --way: #d55e00; }
.compare-global { --way: var(--accent); }
.compare-regional { --way: #56b4e9; }
.compare-both { --way: #009e73; }
.compare-plot polyline { stroke: var(--way); }
.compare-unicast polyline { stroke-dasharray: 2 4; }
.compare-geodns polyline { stroke-dasharray: 10 4; }
.compare-regional polyline { stroke-dasharray: 6 3; }
.compare-both polyline { stroke-dasharray: 14 3 3 3; }
.compare-key {
  display: inline-block; width: 0.7em; height: 0.7em; margin-right: 0.4em; border-radius: 2px;
  background: var(--way);
}
.compare-steps { padding-left: 1.4em; max-width: 86ch; }
.compare-steps li { margin-bottom: 8px; }
.compare-steps ul { padding-left: 1.2em; color: var(--soft); }
tr.compare-chosen th, tr.compare-chosen td { background: var(--wash); font-weight: 650; }
"""


def section(report: Comparison) -> Section:
    """The Section; equal reports give equal bytes from the same version of the program."""
    ways = report.alternatives
    chosen = report.recommendation.way
    cut = plots.cut_plot(report)
    rules = [promise.name for promise in ways[0].promises if promise.is_residency]
    rows = [
        {
            "item": item,
            "is_chosen": item.way is chosen,
            "speed": [joined(cell) for cell in wording.speed_cells(item)],
            "fail": ([joined(cell) for cell in wording.fail_cells(item.failover)] if item.failover else None),
            "failed": item.failover.site if item.failover else "",
            "residency": [joined(wording.residency_cell(p)) for p in item.promises if p.is_residency],
            "broken": wording.broken(item),
            "details": [p.detail for p in item.promises],
            "space": wording.space(item.needs),
        }
        for item in ways
    ]
    rtts = plots.twin([item.rtts for item in ways], RTTS)
    hurt = [item for item in ways if item.failover is not None and item.failover.affected > 0]
    times = plots.twin([item.failover.cut for item in hurt if item.failover is not None], TIMES)
    return Section(
        id="compare",
        name="Ways compared",
        kicker="GeoDNS or anycast",
        service=report.service,
        sub=(
            f"AS{report.origin_asn}, {report.scenario}. Design: {report.design}. "
            f"Internet: {report.internet}: {report.networks:,} networks."
        ),
        style=STYLE,
        warnings=report.warnings,
        body=render(
            "alternatives.html",
            report=report,
            verdict=wording.verdict(report),
            rows=rows,
            rules=rules,
            promised=any(item.promises for item in ways),
            speed_heads=wording.SPEED_HEADS,
            fail_heads=wording.FAIL_HEADS,
            rtt_plot=plots.rtt_plot(report),
            cut_plot=cut,
            rtt_heads=[f"≤{NBSP}{point:g}{NBSP}ms" for point in RTTS],
            rtt_rows=[
                (item.name, [joined(percent(share)) for share in row])
                for item, row in zip(ways, rtts, strict=True)
            ],
            cut_heads=[joined(wording.after(point)) for point in TIMES],
            cut_rows=[
                (item.name, [joined(percent(share)) for share in row])
                for item, row in zip(hurt, times, strict=True)
            ],
            assumed=wording.assumed(report.assumptions),
            alone=sorted(report.alone, key=lambda row: (row.rtt.mean is None, row.rtt.mean or 0.0)),
            width=plots.WIDTH,
            height=plots.HEIGHT,
            left=plots.LEFT,
            top=plots.TOP,
            people=lambda value: joined(count(value)),
            ms=lambda value: joined(ms(value)),
            pct=lambda value: joined(percent(value)),
            after=lambda value: joined(wording.after(value)),
            listed=listed,
        ),
    )
