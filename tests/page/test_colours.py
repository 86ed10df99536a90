"""Colours of sites: the palette first, then as far apart as can be; and text that can be read."""

from __future__ import annotations

import re
from importlib.resources import files
from math import hypot

import pytest
from invented_report import invented

from anyplane.planning.page.colours import PALETTE, assign
from anyplane.planning.page.equal_earth import on_map


def test_the_first_eight_sites_have_eight_colours() -> None:
    places = [(f"s{k}", 50.0 + k / 10, 8.0 + k / 10) for k in range(8)]

    assert sorted(assign(places).values()) == list(range(8))


def test_equal_colours_are_far_apart_when_there_are_more_sites() -> None:
    sites = invented(24).sites[:24]
    places = [(site.name, site.lat, site.lon) for site in sites]

    colours = assign(places)

    near = []
    for name, lat, lon in places:
        others = sorted(
            (hypot(on_map(lat, lon)[0] - on_map(b, c)[0], on_map(lat, lon)[1] - on_map(b, c)[1]), other)
            for other, b, c in places
            if other != name
        )
        near.append(colours[others[0][1]] != colours[name])
    assert all(near)
    assert set(colours.values()) == set(range(len(PALETTE)))


def _schemes() -> list[dict[str, str]]:
    css = files("anyplane.planning.page").joinpath("page.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    return [dict(re.findall(r"--(\w+): (#\w+)", block)) for block in blocks]


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[k : k + 2], 16) / 255 for k in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", _schemes(), ids=["light", "dark", "print"])
@pytest.mark.parametrize("ink", ["ink", "soft", "accent"])
def test_text_has_the_contrast_that_wcag_asks_for(scheme: dict[str, str], ink: str) -> None:
    lighter, darker = sorted((_luminance(scheme[ink]), _luminance(scheme["paper"])), reverse=True)

    assert (lighter + 0.05) / (darker + 0.05) >= 4.5
