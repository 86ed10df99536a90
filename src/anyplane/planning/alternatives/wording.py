"""wording: the cells and sentences that terminal and page share, so that both say the same."""

from __future__ import annotations

from anyplane.planning.alternatives.report import (
    Alternative,
    Assumptions,
    Comparison,
    FailOver,
    Means,
    Needs,
    Promise,
    Way,
)
from anyplane.planning.convergence_text import seconds
from anyplane.planning.figures import count, listed, ms, percent
from anyplane.planning.report import State

SPEED_HEADS = ("p50", "p95", "p99", "far", "over best", "astray", "no site")
FAIL_HEADS = ("by", "cut", "half back", "99 % back", "mean", "user-hours")


def speed_cells(item: Alternative) -> tuple[str, ...]:
    """As SPEED_HEADS."""
    return (
        ms(item.rtt.p50),
        ms(item.rtt.p95),
        ms(item.rtt.p99),
        percent(item.far),
        f"{ms(item.lost_ms)} ms",
        percent(item.misled) if item.way not in (Way.UNICAST, Way.GLOBAL) else "–",
        percent(item.unserved),
    )


def fail_cells(cut: FailOver) -> tuple[str, ...]:
    """As FAIL_HEADS."""
    if cut.means is Means.UNHURT:
        return ("–", "0 %", "–", "–", "–", "0")
    return (
        cut.means.value,
        percent(cut.affected_share),
        after(cut.t50_s),
        after(cut.t99_s),
        seconds(cut.mean_s) if cut.never < 1 else "never",
        count(cut.user_s / 3600),
    )


def after(value: float | None) -> str:
    """A time, or never."""
    if value is None:
        return "never"
    return seconds(value) if value < 600 else f"{value / 60:,.0f} min"


def residency_cell(promise: Promise) -> str:
    """The share of the users under a rule who are expected in breach, with what ties may do."""
    if not promise.of:
        return "–"
    share = percent(promise.expected / promise.of)
    if promise.possible > promise.expected + 0.1 or promise.certain < promise.expected - 0.1:
        low, high = promise.certain / promise.of * 100, promise.possible / promise.of * 100
        return f"{share} ({low:.1f} – {high:.1f})"
    return share


def broken(item: Alternative) -> str:
    """The objectives that a way breaks."""
    found = [p for p in item.promises if not p.is_residency]
    names = [p.name for p in found if p.state is State.BROKEN]
    if not found:
        return "none is promised"
    return listed(names, most=4) if names else f"all {len(found)} kept"


def space(needs: Needs) -> str:
    """ "7 × /24 and 7 × /48"."""
    parts = [f"{n} × /{least}" for n, least in ((needs.v4, 24), (needs.v6, 48)) if n]
    return " and ".join(parts)


def verdict(report: Comparison) -> str:
    """The recommendation, whether it is close, and what it does not keep."""
    found = report.recommendation
    text = found.reason[0].upper() + found.reason[1:] + "."
    if found.is_close:
        names = [report.of(way).name for way in dict.fromkeys(found.rivals)]
        text += f" A close call: {listed(names, most=4)} {'is' if len(names) == 1 else 'are'} about as good."
    for other in found.instead:
        text += f" Where {other.when}: {report.of(other.way).name}."
    missed = [p.name for p in report.of(found.way).promises if p.state is State.BROKEN]
    if missed:
        text += f" It does not keep {listed(missed, most=4)}."
    return text


def convergence(a: Assumptions) -> str:
    """How the times of BGP were found."""
    return f"convergence of {a.seeds} seeds" if a.seeds else "convergence not reckoned"


def assumed(a: Assumptions) -> list[tuple[str, str, bool]]:
    """(what, value, is it a default and nobody's measurement?) of each assumption."""

    def row(option: str, name: str, value: str) -> tuple[str, str, bool]:
        return name, value, option not in a.changed

    bands = ", ".join(
        f"{percent(band.share)} "
        + ("in the user's metro" if not band.up_to_km else f"≤ {band.up_to_km:,.0f} km")
        for band in a.resolvers
    )
    over = ", ".join(f"{percent(item.share)} + {item.seconds:,.0f} s" for item in a.overruns) or "nobody"
    return [
        row("geoip-error", "GeoIP", f"{percent(a.geoip_error)} of addresses believed in another metro, "
            f"{percent(a.wrong_country)} in another country"),
        row("resolver-distance", "resolvers", bands),
        row("ecs-share", "ECS (RFC 7871)", f"{percent(a.ecs)} of users"),
        row("ttl", "TTL", f"{a.ttl_s:g} s"),
        row("ttl-overrun", "kept longer", over),
        row("detect", "a dead site leaves DNS", f"after {a.detect_s:g} s"),
        row("withdraw-after", "its routes are withdrawn", f"after {a.withdraw_s:g} s"),
    ]  # fmt: skip
