"""prepare: a design and an Internet -> all that a lab is brought up from, and the plan that it is held to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from anyplane.design.design import Design
from anyplane.design.operation import DaemonKind
from anyplane.lab.blueprint import Blueprint, NodeKind
from anyplane.lab.world.build import build
from anyplane.lab.world.prediction import Prediction, predict
from anyplane.model.errors import UsageError
from anyplane.planning.reduction import ROUTERS, Reduction, reduced
from anyplane.topology import Topology

CLIENTS = 60
"""Client networks, unless said otherwise: each is a route in every router, and routes take a lab its time."""


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
    clients: int = CLIENTS,
    frr: int = 0,
    mrai_s: int = 0,
    daemons: Mapping[str, DaemonKind] | None = None,
    has_delays: bool = True,
    has_fast_checks: bool = False,
    step: Callable[[str], None] = lambda _: None,
) -> Prepared:
    """Plan, reduce, draw, predict; `step` is told what is being done. clients: as in `speaking`."""
    step(f"looking for the {routers} pops that matter")
    small = speaking(reduced(design, topology, routers=routers), clients=clients)
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


def speaking(small: Reduction, *, clients: int) -> Reduction:
    """The same with users in at most so many pops: those with most, of equals the first.

    The others stay as routers. Their users are counted nowhere in the lab, neither in its plan nor in what it
    measures, and a note says how many that are.
    """
    if len(small.clients) <= clients:
        return small
    users = small.topology.users
    chosen = sorted(sorted(small.clients, key=lambda pop: (-float(users[pop]), pop))[:clients])
    kept = np.zeros_like(users)
    kept[chosen] = users[chosen]
    share = float(kept.sum()) / small.users if small.users > 0 else 0.0
    note = (
        f"{clients} of the {len(small.clients)} client networks speak, those with most users: {share:.1%} of "
        "theirs, and the others count nowhere; --clients N lets more speak, and the lab takes longer"
    )
    return replace(
        small,
        topology=replace(small.topology, users=kept),
        clients=tuple(chosen),
        users=float(kept.sum()),
        notes=(*small.notes, note),
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
