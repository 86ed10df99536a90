"""Places and areas: codes become coordinates and countries, slips become hints."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from anyplane.design.countries import CONTINENTS, GROUPS, area
from anyplane.design.places import locate
from anyplane.design.quantities import Unfit

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("code", "lat", "lon"),
    [
        ("FRA", 50.1, 8.7),
        ("JFK", 40.6, -73.8),
        ("HBE", 31.2, 29.9),
        ("nyc", 40.7, -74.0),
        ("LON", 51.5, -0.1),
        ("TYO", 35.7, 139.7),
    ],
)
def test_airport_and_city_codes_have_a_place(code: str, lat: float, lon: float) -> None:
    found, place = locate(code)

    assert found == code.upper()
    assert (place.lat, place.lon) == (pytest.approx(lat, abs=0.1), pytest.approx(lon, abs=0.1))


@pytest.mark.parametrize(
    ("written", "hint"),
    [("Frankfurt", "FRA"), ("FRX", "FRA"), ("london", "LON"), ("new york", "NYC"), (5, "FRA")],
)
def test_what_is_no_code_is_answered_with_near_ones(written: object, hint: str) -> None:
    with pytest.raises(Unfit) as caught:
        locate(written)

    assert hint in caught.value.hint


def test_continents_share_no_country_and_hold_both_unions() -> None:
    together = [code for countries in CONTINENTS.values() for code in countries]

    assert len(together) == len(set(together)) == 250
    assert (len(GROUPS["EU"]), len(GROUPS["EEA"])) == (27, 30)
    assert GROUPS["EEA"] <= set(together)


def test_a_bare_code_is_a_country_and_a_spelled_one_a_continent() -> None:
    assert area("NA") == {"NA"}
    assert area("EU") == GROUPS["EU"]
    assert "CH" in area("continent EU")
    assert area("continent south america") == CONTINENTS["SA"]


def test_importing_the_design_folder_loads_nothing_heavy() -> None:
    heavy = "'pydantic', 'airportsdata', 'numpy'"
    code = f"import sys, anyplane.design; print([m for m in ({heavy}) if m in sys.modules])"

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout == "[]\n"


def test_the_public_resolver_is_what_its_tool_makes() -> None:
    tool = ROOT / "tools" / "make_public_resolver.py"

    done = subprocess.run([sys.executable, str(tool)], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout == (ROOT / "examples/public-resolver.yaml").read_text(encoding="utf-8")
