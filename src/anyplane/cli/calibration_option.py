"""CalibrationOption and load_calibration: how commands are told what was learned."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from anyplane.calibration.calibration import Calibration

CalibrationOption = Annotated[
    Path | None,
    typer.Option(
        "--calibration",
        metavar="FILE",
        help="What measurements taught: a file of `anyplane calibrate`. Gives probabilities.",
        rich_help_panel="Certainty",
    ),
]


def load_calibration(file: Path | None) -> Calibration:
    """The calibration of this file, or NOTHING where there is none."""
    from anyplane.calibration.calibration import NOTHING

    if file is None:
        return NOTHING
    from anyplane.datasets.calibration_file import read_calibration

    return read_calibration(file)
