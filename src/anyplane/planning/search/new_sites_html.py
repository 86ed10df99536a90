"""new_sites_html: a NewSitesReport as a section of a page: figures, a curve of the gain, a map, tables."""

from __future__ import annotations

from dataclasses import dataclass

from anyplane.planning.figures import count, ms, percent
from anyplane.planning.html import asset
from anyplane.planning.page.answers import Section, joined, render
from anyplane.planning.search import new_sites_text as words
from anyplane.planning.search.new_sites_map import draw
from anyplane.planning.search.new_sites_report import Aim, NewSitesReport

ARROW = "→"
STYLE = """
.newsites-bars {
  display: grid; gap: 4px 14px; grid-template-columns: max-content 1fr max-content; align-items: center;
  max-width: 760px; margin: 0 0 12px;
}
.newsites-bars i {
  display: block; height: 14px; width: var(--w); min-width: 3px;
  background: var(--pale); border-left: 3px solid var(--accent);
}
.newsites-bars .today i { background: var(--line); border-color: var(--soft); }
.newsites-bars b { font-weight: 600; white-space: nowrap; }
.newsites-bars span { white-space: nowrap; }
.newsites-shorter { fill: var(--accent); fill-opacity: 0.55; stroke: var(--paper); stroke-width: 0.6; }
.newsites-longer { fill: var(--paper); fill-opacity: 0.6; stroke: #d55e00; stroke-width: 2; }
.newsites-old { fill: var(--paper); stroke: var(--soft); stroke-width: 1.6; }
.newsites-new { fill: none; stroke: var(--ink); stroke-width: 3; }
.newsites-halo { fill: none; stroke: var(--paper); stroke-width: 6; }
@media (max-width: 640px) {
  .newsites-longer { stroke-width: 4; }
  .newsites-old { stroke-width: 2.4; }
  .newsites-new { stroke-width: 7; }
  .newsites-halo { stroke-width: 13; }
}
.newsites-each { margin-top: 24px; }
.newsites-yaml { overflow-x: auto; background: var(--wash); padding: 12px 14px; border-radius: 4px; }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar of the picture: the aim today, or after so many sites. width: percent of the widest."""

    name: str
    value: str
    width: float
    is_today: bool


def section(report: NewSitesReport) -> Section:
    """The section; equal reports give equal bytes."""
    body = render(
        "new_sites.html",
        report=report,
        lead=words.lead(report),
        aim=words.aim_words(report.aim),
        bars=_bars(report),
        map=draw(report),
        land=asset("land.path").strip(),
        facts=[_facts(report, number) for number in range(len(report.proposals))],
        gain=lambda value: joined(words.gain_words(report, value)),
        people=lambda value: joined(count(value)),
        share=lambda value: joined(percent(value)),
        pick=words.pick_words,
        picks=words.picks_words,
        ms=ms,
        yaml="\n".join(item.line for item in report.proposals),
    )
    return Section(
        id="new-sites",
        name="New sites",
        kicker="Where to go next",
        service=report.service,
        sub=f"AS{report.origin_asn}. Design: {report.design}. Internet: {report.internet}: "
        f"{report.networks:,} networks, {count(report.total_users)} users.",
        body=body,
        style=STYLE,
        warnings=report.warnings,
    )


def _bars(report: NewSitesReport) -> list[Bar]:
    values = [_aim_of(report, number) for number in range(-1, len(report.proposals))]
    widest = max((value for value in values if value is not None), default=0.0) or 1.0
    names = ["today", *(f"+ {item.site}" for item in report.proposals)]
    return [
        Bar(
            name=name,
            value=joined(words.aim_value(report, number - 1)),
            width=round(100 * (value or 0.0) / widest, 2),
            is_today=number == 0,
        )
        for number, (name, value) in enumerate(zip(names, values, strict=True))
    ]


def _aim_of(report: NewSitesReport, number: int) -> float | None:
    if report.aim is Aim.LOAD:
        return (report.load_today if number < 0 else report.proposals[number].load_after).utilisation
    rtt = report.rtt_today if number < 0 else report.proposals[number].rtt_after
    value: float | None = getattr(rtt, report.aim.value)
    return value


def _facts(report: NewSitesReport, number: int) -> list[tuple[str, str]]:
    item = report.proposals[number]
    facts = [
        ("Upstreams", "; ".join(words.pick_words(one) for one in item.upstreams)),
        ("RTT", words.rtt_words(item.rtt_before, item.rtt_after, ARROW)),
        ("Users", f"{count(item.users)} ({percent(item.share)}); {words.shift_words(item)}"),
        ("Routes", words.change_words(item)),
    ]
    if item.unserved_before != item.unserved_after:
        unserved = f"{count(item.unserved_before)} {ARROW} {count(item.unserved_after)} users"
        facts.append(("Unserved", unserved))
    if item.carries is not None:
        facts.append(("Carries", words.carries_words(report, item)))
    if item.load_after.utilisation is not None:
        facts.append(("Load", words.load_words(item.load_before, item.load_after, ARROW)))
    return facts + [("Residency", text) for text in words.residency_words(item, ARROW)]
