"""bringing_up: a prepared lab -> a lab that runs, with its plan and its Internet beside it."""

from __future__ import annotations

from anyplane.datasets import cache
from anyplane.lab.container import client
from anyplane.lab.container.client import Lab, OnEvent
from anyplane.lab.faces import packages
from anyplane.lab.faces.standing import DESIGN, PREDICTION, TOPOLOGY
from anyplane.lab.places.servers.needs import UNMET_HINT
from anyplane.lab.world.prediction import to_json
from anyplane.lab.world.prepared import Prepared
from anyplane.model.errors import LabError


def bring_up(made: Prepared, *, is_detached: bool = False, on_progress: OnEvent | None = None) -> Lab:
    """The lab, converged. LabError where one of that name runs, a program is missing, or it cannot be."""
    refuse_second(made.blueprint.name)
    packages.require(packages.needed(made.blueprint, made.design))
    lab = Lab.up(
        made.blueprint,
        is_detached=is_detached,
        on_progress=on_progress,
        files={PREDICTION: to_json(made.prediction), DESIGN: made.design.source},
    )
    try:
        cache.write(lab.directory / TOPOLOGY, made.reduction.topology)
    except BaseException:
        lab.down()
        raise
    return lab


def unmet(made: Prepared) -> str:
    """Which checks of the design no lab can answer, and what to do about them; "" where there are none."""
    if not made.blueprint.left_out:
        return ""
    said = "".join(f"\n  {one}" for one in made.blueprint.left_out)
    what = "no lab can answer these checks; they are left out, and the others decide:"
    return f"{what}{said}\nhint: {UNMET_HINT}"


def refuse_second(name: str) -> None:
    """LabError where a lab of that name runs: told before anything is planned for it."""
    if name and client.is_alive(client.place_of(name)):
        raise LabError(
            f"a lab called {name} runs already", hint=f"anyplane lab down {name}, or choose another --name"
        )
