"""measure_tables: what `anyplane measure` prints, and the same as plain values for JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from anyplane.measure.observations.summary import agreements, counts

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from anyplane.model.observations import Observations
    from anyplane.model.reading import Reading

FILES_SHOWN = 20


def imported(readings: Sequence[Reading], new: Observations) -> RenderableType:
    """What the files held, and what of it could not be used."""
    from rich.console import Group
    from rich.markup import escape

    parts: list[RenderableType] = [_counts(new)]
    remarks = [
        (reading.source, sign, one)
        for reading in readings
        for sign, some in (("unusable", reading.unusable), ("remark", reading.notes))
        for one in some
    ]
    rows = sum(reading.rows for reading in readings)
    lost = sum(one.rows for reading in readings for one in reading.unusable)
    parts.append(f"{len(readings):,} files, {rows:,} rows read, {lost:,} unusable")
    for source, sign, one in remarks[:FILES_SHOWN]:
        parts.append(escape(f"  {sign}: {source}: {one}"))
    if len(remarks) > FILES_SHOWN:
        parts.append(f"  … and {len(remarks) - FILES_SHOWN:,} more remarks")
    return Group(*parts)


def shown(observations: Observations) -> RenderableType:
    """What is in the file, and where two methods overlap."""
    from rich.console import Group

    parts: list[RenderableType] = [_counts(observations)]
    pairs = [one for one in agreements(observations) if one.networks]
    if pairs:
        table = _table("Announced", "Methods", "Networks seen by both", "Agree")
        for one in pairs:
            table.add_row(
                _text(str(one.announced)),
                f"{one.one} and {one.other}",
                f"{one.networks:,}",
                f"{one.agreement:.1%}",
            )
        parts += ["", table]
    parts.append(
        f"{len(observations):,} observations, {len(np.unique(observations.asn)):,} networks, "
        f"{len(observations.sources):,} files, {_period(observations)}"
    )
    return Group(*parts)


def as_plain(observations: Observations) -> dict[str, Any]:  # JSON has no narrower type
    """The same for JSON; a share that does not exist is null."""
    return {
        "observations": len(observations),
        "networks": len(np.unique(observations.asn)),
        "sources": list(observations.sources),
        "announced": [
            {
                "policy": one.policy(),
                "sites": list(one.sites),
                "prepends": dict(one.prepends),
                "prefix": one.prefix,
            }
            for one in observations.announced
        ],
        "counts": [
            {
                "policy": one.announced.policy(),
                "method": str(one.method),
                "site": one.site or None,
                "networks": one.networks,
                "rows": one.rows,
                "weight": round(one.weight, 3),
                "share": None if math.isnan(one.share) else round(one.share, 6),
            }
            for one in counts(observations)
        ],
        "agreements": [
            {
                "policy": one.announced.policy(),
                "methods": [str(one.one), str(one.other)],
                "networks": one.networks,
                "agreement": None if math.isnan(one.agreement) else round(one.agreement, 6),
            }
            for one in agreements(observations)
        ],
    }


def _counts(observations: Observations) -> Table:
    table = _table("Announced", "Method", "Site", "Networks", "Rows", "Share")
    last = ("", "")
    for one in counts(observations):
        now = (str(one.announced), str(one.method))
        table.add_row(
            _text(now[0] if now[0] != last[0] else ""),
            now[1] if now != last else "",
            _text(one.site or "unknown"),
            f"{one.networks:,}",
            f"{one.rows:,}",
            "–" if math.isnan(one.share) else f"{one.share:.1%}",
        )
        last = now
    return table


def _table(*columns: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        is_text = column in ("Announced", "Method", "Methods", "Site")
        table.add_column(column, justify="left" if is_text else "right", no_wrap=not is_text, overflow="fold")
    return table


def _text(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _period(observations: Observations) -> str:
    known = observations.at[np.isfinite(observations.at)]
    if not len(known):
        return "no times"
    first, last = (
        f"{datetime.fromtimestamp(float(at), UTC):%Y-%m-%d %H:%M}" for at in (known.min(), known.max())
    )
    return f"{first} to {last} UTC" if first != last else f"{first} UTC"
