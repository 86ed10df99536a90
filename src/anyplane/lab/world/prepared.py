"""prepare: a design and an Internet -> all that a lab is brought up from, and the plan that it is held to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from anyplane.design.design import Design
from anyplane.design.operation import DaemonKind
from anyplane.lab.blueprint import Blueprint, NodeKind
from anyplane.lab.world.build import build
from anyplane.lab.world.prediction import Prediction, predict
from anyplane.model.errors import UsageError
from anyplane.planning.reduction import ROUTERS, Reduction, reduced
from anyplane.topology import Topology


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A lab before it is there; the prediction is the planner's word on the small Internet."""

    design: Design
    reduction: Reduction
    blueprint: Blueprint
    prediction: Prediction

    @property
    def routers(self) -> int:
        """How many there will be."""
        return sum(node.kind == NodeKind.ROUTER for node in self.blueprint.nodes)


def prepare(
    design: Design,
    topology: Topology,
    *,
    name: str,
    routers: int = ROUTERS,
    frr: int = 0,
    mrai_s: int = 0,
    daemons: Mapping[str, DaemonKind] | None = None,
    has_delays: bool = True,
    has_fast_checks: bool = False,
    step: Callable[[str], None] = lambda _: None,
) -> Prepared:
    """Plan, reduce, draw, predict; `step` is told what is being done."""
    step(f"looking for the {routers} pops that matter")
    small = reduced(design, topology, routers=routers)
    step("drawing routers, cables and sites")
    blueprint = build(
        design,
        small.topology,
        name=name,
        frr=frr,
        mrai_s=mrai_s if frr else 0,
        has_delays=has_delays,
        clients=small.clients,
        daemons=daemons,
        has_fast_checks=has_fast_checks,
    )
    step("predicting who reaches which site")
    prediction = predict(design, small.topology, blueprint)
    return Prepared(
        design=design,
        reduction=small,
        blueprint=blueprint,
        prediction=prediction,
    )


def daemons_of(words: list[str]) -> dict[str, DaemonKind]:
    """`site=gobgp` and the like; UsageError where a word is none."""
    found: dict[str, DaemonKind] = {}
    kinds = [str(kind) for kind in DaemonKind if kind is not DaemonKind.MEMORY]
    for word in words:
        site, equals, kind = word.partition("=")
        if not site or not equals or kind not in kinds:
            raise UsageError(f"--daemon {word}: that is no SITE=KIND", hint=f"KIND is {', '.join(kinds)}")
        found[site] = DaemonKind(kind)
    return found
