"""scenarios: what the template needs beside the report: order, scales, colours, the matrix of failures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor, log10

from anyplane.planning.page import certainty_plot, colours, wording
from anyplane.planning.page.certainty_plot import CertaintyPlot
from anyplane.planning.page.world_map import WorldMap, draw
from anyplane.planning.report import (
    CountryRow,
    Failure,
    Report,
    ScenarioReport,
    Site,
    SiteResult,
    SiteUsers,
    State,
    Takeover,
    Unicast,
)

MATRIX_SITES = 14
"""More columns than this do not fit on a page; the list of failures says the same."""
DETAILED_FAILURES = 40
TAKERS = 8
LABELLED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRow:
    """One line of the tables of sites; `place` is where it is, `result` what it got."""

    place: Site
    result: SiteResult
    colour: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixRow:
    """One failed site and what each site of the columns takes over; None: nothing, or itself."""

    failure: Failure
    cells: tuple[Takeover | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRow:
    """One failure with its largest takers; `more` further sites gain `more_users` together."""

    failure: Failure
    takers: tuple[Takeover, ...]
    more: int
    more_users: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CountryBar:
    """A country and the parts of its bar."""

    row: CountryRow
    parts: tuple[SiteUsers, ...]
    others: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioView:
    """One section of the page; the `*_top` are the right ends of the scales."""

    id: str
    scenario: ScenarioReport
    colours: Mapping[str, int]
    map: WorldMap
    sites: tuple[SiteRow, ...]
    nearest: float
    unserved: float
    kept: int
    may_break: int
    broken: int
    share_top: float
    load_top: float
    rtt_top: float
    unicast: tuple[Unicast, ...]
    unicast_top: float
    matrix_sites: tuple[str, ...]
    matrix: tuple[MatrixRow, ...]
    failures: tuple[FailureRow, ...]
    has_details: bool
    countries: tuple[CountryBar, ...]
    certainty: CertaintyPlot | None


def scenarios(report: Report) -> tuple[ScenarioView, ...]:
    """A view per scenario, in the order of the report."""
    return tuple(_view(report, scenario, f"s{number}") for number, scenario in enumerate(report.scenarios, 1))


def along(value: float | None, top: float) -> str:
    """Where a value lies on a scale from 0 to top, in percent, for a style attribute."""
    return f"{max(0.0, min(100.0, 100 * (value or 0.0) / top)):.2f}".rstrip("0").rstrip(".")


def named(asn: int, name: str) -> str:
    """AS3320 Deutsche Telekom, or the number alone."""
    return f"AS{asn}{wording.NBSP}{name}" if name else f"AS{asn}"


def _view(report: Report, scenario: ScenarioReport, name: str) -> ScenarioView:
    places = {site.name: site for site in report.sites}
    results = sorted(
        (row for row in scenario.sites if row.site in places),
        key=lambda row: (not places[row.site].is_enabled, places[row.site].is_virtual, -row.users, row.site),
    )
    live = [row.site for row in results if places[row.site].is_enabled and not places[row.site].is_virtual]
    paint = colours.assign([(site, places[site].lat, places[site].lon) for site in live])
    promises = [item.state for item in scenario.objectives] + [item.state for item in scenario.residency]
    failures = sorted(scenario.failures, key=lambda item: (-item.moved, item.site))
    columns = tuple(item.site for item in failures) if 2 <= len(failures) <= MATRIX_SITES else ()
    return ScenarioView(
        id=name,
        scenario=scenario,
        colours=paint,
        map=draw(report, scenario, paint),
        sites=tuple(
            SiteRow(place=places[row.site], result=row, colour=paint.get(row.site)) for row in results
        ),
        nearest=max(0.0, round(1 - scenario.ideal.share - report.unserved(scenario), 6)),
        unserved=report.unserved(scenario),
        kept=promises.count(State.KEPT),
        may_break=promises.count(State.MAY_BREAK),
        broken=promises.count(State.BROKEN),
        share_top=min(1.0, _round_up([row.share.possible for row in results])),
        load_top=min(2.0, max(1.0, _round_up([row.utilisation_possible for row in results]))),
        rtt_top=_round_up([row.rtt.p99 for row in results]),
        unicast=tuple(
            sorted(scenario.unicast, key=lambda row: (row.rtt.p50 is None, row.rtt.p50 or 0.0, row.site))
        ),
        unicast_top=_round_up([row.rtt.p95 for row in scenario.unicast] + [scenario.rtt.p95]),
        matrix_sites=columns,
        matrix=tuple(_matrix_row(failure, columns) for failure in failures) if columns else (),
        failures=tuple(_failure_row(failure) for failure in failures),
        has_details=len(failures) <= DETAILED_FAILURES,
        countries=tuple(
            _country(row) for row in sorted(scenario.countries, key=lambda row: (-row.users, row.country))
        ),
        certainty=None if scenario.certainty is None else certainty_plot.draw(scenario.certainty),
    )


def _round_up(values: Sequence[float | None]) -> float:
    """The next of 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8 times a power of ten: a number that an axis may end with."""
    most = max((value for value in values if value is not None), default=0.0)
    if most <= 0:
        return 1.0
    power = 10.0 ** floor(log10(most))
    step = next((step for step in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8) if step * power >= most * 0.9999), 10)
    return round(step * power, 9)


def _matrix_row(failure: Failure, columns: Sequence[str]) -> MatrixRow:
    takers = {taker.site: taker for taker in failure.takeovers if taker.gained > 0}
    return MatrixRow(failure=failure, cells=tuple(takers.get(column) for column in columns))


def _failure_row(failure: Failure) -> FailureRow:
    gaining = [taker for taker in failure.takeovers if taker.gained > 0]
    # The overloaded ones are why people read this; they are shown however little they gain.
    shown = [taker for rank, taker in enumerate(gaining) if rank < TAKERS or taker.is_overloaded][
        : TAKERS * 2
    ]
    return FailureRow(
        failure=failure,
        takers=tuple(shown),
        more=len(gaining) - len(shown),
        more_users=sum(taker.gained for taker in gaining) - sum(taker.gained for taker in shown),
    )


def _country(row: CountryRow) -> CountryBar:
    parts = row.sites[: LABELLED + 2]
    served = sum(entry.users for entry in row.sites)
    return CountryBar(row=row, parts=parts, others=max(0.0, served - sum(entry.users for entry in parts)))
