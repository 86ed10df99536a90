"""assign: a colour of the Okabe-Ito palette for each site; where colours repeat, neighbours still differ.

Okabe and Ito, "Color Universal Design", 2008: eight colours told apart with every common colour vision. A
site is known by its label, its row and the lines to its users; colour only helps the eye to follow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import hypot

from anyplane.planning.page.equal_earth import on_map

# The eighth, black, is the page's ink, so that it turns white in the dark; yellow, the palest, comes last.
PALETTE = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "var(--ink)", "#f0e442")


def assign(places: Sequence[tuple[str, float, float]]) -> Mapping[str, int]:
    """Index into PALETTE for each (name, lat, lon), the most important site first.

    The first eight sites get eight colours. Each later site gets the colour whose nearest bearer is farthest.
    """
    bearers: list[list[tuple[float, float]]] = [[] for _ in PALETTE]
    colours: dict[str, int] = {}
    for name, lat, lon in places:
        x, y = on_map(lat, lon)
        room = [min((hypot(x - p, y - q) for p, q in taken), default=1e9) for taken in bearers]
        # Of unused colours the first in the palette, else the one with most room.
        best = max(range(len(PALETTE)), key=lambda index: (room[index], -index))
        bearers[best].append((x, y))
        colours[name] = best
    return colours
