"""Observations made up by hypothesis, and as plain tuples."""

from __future__ import annotations

import math
from collections.abc import Iterator

from hypothesis import strategies as st

from anyplane.model.observations import Announced, Method, Observations

NAMES = st.sampled_from(["fra", "ams", "a site=1", "ütrecht", "x'; DROP"])
ANNOUNCED = st.builds(
    Announced,
    sites=st.sets(NAMES, min_size=1, max_size=3).map(tuple),
    prepends=st.lists(st.tuples(NAMES, st.integers(1, 9)), max_size=2, unique=True).map(tuple),
    prefix=st.sampled_from(["", "192.0.2.0/24"]),
)


def rows_of(observations: Observations) -> Iterator[tuple[object, ...]]:
    """Each row with names instead of indices; None instead of NaN."""
    for row in range(len(observations)):
        floats = (observations.at[row], observations.rtt_ms[row], observations.weight[row])
        yield (
            int(observations.asn[row]),
            observations.prefix[row],
            observations.site_of(row),
            int(observations.method[row]),
            *(None if math.isnan(number) else float(number) for number in floats),
            observations.announced[observations.policy[row]],
            observations.path_of(row),
            observations.sources[observations.source[row]],
        )


@st.composite
def tables(draw: st.DrawFn) -> Observations:
    """A merge of up to three files; few values, so that rows repeat."""
    parts = []
    for _ in range(draw(st.integers(0, 3))):
        announced = draw(ANNOUNCED)
        method = draw(st.sampled_from(list(Method)))
        count = draw(st.integers(0, 5))

        def column(values: st.SearchStrategy[object], count: int = count) -> list[object]:
            return draw(st.lists(values, min_size=count, max_size=count))

        asns = column(st.sampled_from([0, 1, 64500, 4294967295]))
        hops = st.lists(st.integers(0, 2**32 - 1), max_size=4)
        parts.append(
            Observations.of(
                asns,  # type: ignore[arg-type]
                column(st.integers(-1, len(announced.sites) - 1)),  # type: ignore[arg-type]
                sites=announced.sites,
                method=method,
                announced=announced,
                source=draw(st.sampled_from(["a.csv", "b/c.json"])),
                prefix=column(st.sampled_from(["", "fra", "2001:db8::/32"])),  # type: ignore[arg-type]
                at=column(st.sampled_from([math.nan, 0.0, 1.7e9 + 0.123456, 1573000000.5])),  # type: ignore[arg-type]
                rtt_ms=column(st.sampled_from([math.nan, 0.0, 12.5])),  # type: ignore[arg-type]
                weight=column(st.sampled_from([0.5, 1.0])),  # type: ignore[arg-type]
                paths=column(hops) if method is Method.PATHS else None,  # type: ignore[arg-type]
            )
        )
    return Observations.merge(*parts)
