"""calibration_report: Calibration -> what it was made of, site by site, and the most that it learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from anyplane.calibration.calibration import Calibration, SiteFacts, Used
from anyplane.planning.learned import doubt, strongest

SHOWN = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteLearned:
    """What collector paths to one site alone taught, in numbers; see SiteFacts."""

    site: str
    paths: int
    heard: int
    """Networks that hear the site itself."""
    unheard: int
    """Networks with a session that take another way all the same."""
    observed: int
    """Networks whose next hop towards the site is known."""
    refused: int
    """Links that do not carry it though the rules say so."""
    leaks: int
    """Links that hand it over though the rules forbid it."""
    absent: int
    """Links seen on paths that the graph lacks."""
    unexplained: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationReport:
    """All that `anyplane calibrate` says. never_alone: sites that no collector path shows by themselves."""

    version: int
    origin: str
    graph: str
    used: tuple[Used, ...]
    sites: tuple[SiteLearned, ...]
    never_alone: tuple[str, ...]
    preferences: int
    networks: int
    """That have a preference."""
    strongest: tuple[str, ...]
    certainty: float
    spread: float
    meaning: tuple[str, ...]
    warnings: tuple[str, ...]


def report(
    calibration: Calibration, *, sites: Sequence[str] = (), shown: int = SHOWN, graph: str | None = None
) -> CalibrationReport:
    """The CalibrationReport. sites: those of the design; graph: the one in use, where that is known."""
    known = {facts.site for facts in calibration.sites}
    together = {name for item in calibration.used if item.is_used for name in item.sites}
    warnings = []
    if graph is not None and graph != calibration.graph:
        warnings.append(f"it was learned on another graph: {calibration.graph}, not {graph}")
    if not any(item.is_used for item in calibration.used):
        warnings.append(
            "nobody measured while two or more sites announced together: no preference was learned, "
            "and nothing says how sure the forecast may be"
        )
    elif sum(item.is_used for item in calibration.used) == 1:
        warnings.append("one announcement set only: nothing says how well this carries over to another")
    return CalibrationReport(
        version=1,
        origin=calibration.origin,
        graph=calibration.graph,
        used=calibration.used,
        sites=tuple(_of_site(facts) for facts in calibration.sites),
        never_alone=tuple(sorted(({*sites} or together) - known)),
        preferences=len(calibration.preferences),
        networks=len({item.asn for item in calibration.preferences}),
        strongest=tuple(item.sentence() for item in strongest(calibration, most=shown)),
        certainty=calibration.certainty,
        spread=calibration.spread,
        meaning=doubt(calibration),
        warnings=tuple(warnings),
    )


def _of_site(facts: SiteFacts) -> SiteLearned:
    return SiteLearned(
        site=facts.site,
        paths=facts.paths,
        heard=len(facts.heard),
        unheard=facts.unheard,
        observed=len({item.asn for item in facts.heard} | {item.asn for item in facts.taken}),
        refused=len(facts.refused),
        leaks=sum(item.is_leak for item in facts.taken),
        absent=sum(not item.is_in_graph for item in facts.taken),
        unexplained=facts.unexplained,
    )
