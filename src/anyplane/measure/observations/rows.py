"""Rows: what a reader has found so far, by column, and how it becomes Observations."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from anyplane.model.observations import UNKNOWN_SITE, Announced, Method, Observations
from anyplane.model.reading import Reading, Tally


@dataclass(slots=True)
class Rows:
    """Columns that grow; site "" = answered, and nobody knows from where."""

    asn: list[int] = field(default_factory=list)
    site: list[str] = field(default_factory=list)
    method: list[Method] = field(default_factory=list)
    prefix: list[str] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    rtt_ms: list[float] = field(default_factory=list)
    weight: list[float] = field(default_factory=list)
    line: list[int] = field(default_factory=list)

    def add(
        self,
        asn: int,
        site: str,
        method: Method,
        *,
        prefix: str = "",
        at: float | None = None,
        rtt_ms: float | None = None,
        weight: float = 1.0,
        line: int = 0,
    ) -> None:
        """One row more."""
        self.asn.append(asn)
        self.site.append(site)
        self.method.append(method)
        self.prefix.append(prefix)
        self.at.append(np.nan if at is None else at)
        self.rtt_ms.append(np.nan if rtt_ms is None else rtt_ms)
        self.weight.append(weight)
        self.line.append(line)

    def reading(self, tally: Tally, *, announced: Announced | None, source: str) -> Reading:
        """Everything found, while these sites were announced; None: those that answered.

        A row whose site was not announced is lost and counted: a misspelt site must not pass for measured.
        """
        if announced is None:
            announced = Announced(sites=tuple({site for site in self.site if site}))
        place = {site: number for number, site in enumerate(announced.sites)} | {"": UNKNOWN_SITE}
        keep = []
        for row, site in enumerate(self.site):
            if site in place:
                keep.append(row)
            else:
                tally.lose(f"the site {site!r} was not announced", self.line[row])
        parts = []
        for method in dict.fromkeys(self.method):
            rows = [row for row in keep if self.method[row] is method]
            parts.append(
                Observations.of(
                    np.array([self.asn[row] for row in rows], np.uint32),
                    [place[self.site[row]] for row in rows],
                    sites=announced.sites,
                    method=method,
                    announced=announced,
                    source=source,
                    prefix=np.array([self.prefix[row] for row in rows], object),
                    at=[self.at[row] for row in rows],
                    rtt_ms=[self.rtt_ms[row] for row in rows],
                    weight=[self.weight[row] for row in rows],
                )
            )
        return tally.reading(source, Observations.merge(*parts))
