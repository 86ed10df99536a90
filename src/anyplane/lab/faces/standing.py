"""standing: a lab that runs, as the command line sees it: its files, its engine, the doors of its nodes."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

from anyplane.lab.blueprint import Blueprint, Node
from anyplane.lab.container.client import Lab, running
from anyplane.lab.faces.catchment import Answer, Expected, expected
from anyplane.lab.world.prediction import Prediction, from_json
from anyplane.model.errors import LabError, UsageError

if TYPE_CHECKING:
    from anyplane.design.design import Design
    from anyplane.lab.faces.route_text import Step
    from anyplane.lab.probes.asking import Errand, Outcome
    from anyplane.model.nouns import Prefix

MARGIN_S = 15.0
PREDICTION, DESIGN = "prediction.json", "design.yaml"
TOPOLOGY = "topology.anyplane"
"""The small Internet that the lab stands for, beside its blueprint: `anyplane plan --topology` reads it."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A service address and the prefix that it is announced in."""

    address: str
    prefix: str
    family: int


class Standing:
    """One lab that runs; closes its connection, never the lab."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    @classmethod
    def named(cls, name: str) -> Self:
        """The lab of that name, or the only one of this user; LabError, UsageError where there is none."""
        return cls(Lab.attach(only_one(name)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.lab.close()

    @property
    def blueprint(self) -> Blueprint:
        """What was built."""
        return self.lab.blueprint

    @cached_property
    def design(self) -> Design:
        """The lab's edition of the design."""
        from anyplane import design

        return design.parse(self.blueprint.design_text, file=f"{self.blueprint.name}.yaml")

    @cached_property
    def targets(self) -> tuple[Target, ...]:
        """Each service address of the design, in its order."""
        return targets(self.design)

    @cached_property
    def prediction(self) -> Prediction:
        """The plan that the lab is held to; an empty one where nobody made one."""
        try:
            return from_json((self.lab.directory / PREDICTION).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return Prediction(prefixes=(), last_mile_ms=0.0)

    def expected(self, prefix: str) -> dict[str, Expected]:
        """The plan's word on every router for this prefix."""
        return expected(self.prediction, prefix, self.blueprint)

    def ask(self, errands: Sequence[Errand]) -> list[Outcome]:
        """What became of them, all done at the same time, by a process of the lab."""
        from anyplane.lab.probes.asking import outcome

        longest = max((one.timeout_s * one.tries for one in errands), default=0.0)
        done = self.lab.call(
            "run",
            node=self.blueprint.nodes[0].name,
            argv=[sys.executable, "-P", "-m", "anyplane.lab.probes.asking"],
            stdin=json.dumps({"errands": [asdict(one) for one in errands]}),
            timeout_s=longest + MARGIN_S,
            timeout=longest + 2 * MARGIN_S,
        )
        if done["exit_code"] != 0:
            last = (str(done["errors"]).strip().splitlines() or [f"exit code {done['exit_code']}"])[-1]
            raise LabError(f"nobody could ask inside the lab: {last}", hint="anyplane lab status")
        return [outcome(one) for one in json.loads(done["output"])]

    def errand(self, node: Node, target: Target, *, name: str = "id.server", record: str = "TXT") -> Errand:
        """A question from a node: clients ask from their own network, any other node from its loopback."""
        from anyplane.lab.probes.asking import Errand

        loopback = node.loopback4 if target.family == 4 else node.loopback6
        source = node.client_address(target.family) if node.is_client else loopback
        return Errand(
            namespace=f"/proc/{self._pid}/fd/{self._descriptors[node.name]}",
            source=str(source),
            server=target.address,
            name=name,
            type=record,
        )

    def answers(self, target: Target) -> dict[str, Answer]:
        """id.server of a target, asked by every client at once."""
        if not self.blueprint.clients:
            return {}
        from anyplane.lab.probes.asking import TIMEOUT_S, TRIES

        found = self.lab.call("probe_once", address=target.address, tries=TRIES, timeout_s=TIMEOUT_S)
        return {
            node: Answer(site=site_of(one["site"]), rtt_ms=one["rtt_ms"], error=one["error"])
            for node, one in found.items()
        }

    def trace(self, node: Node, target: Target) -> tuple[str, tuple[Step, ...]]:
        """The site that a client reaches, and its way there; only clients are answered from everywhere."""
        if not node.is_client:
            clients = ", ".join(one.name for one in self.blueprint.clients[:3])
            raise UsageError(
                f"no users sit at {node.name}, and no site knows the way back to it",
                hint=f"trace from a client: {clients}",
            )
        from anyplane.lab.faces.route_text import Step
        from anyplane.lab.probes.asking import TIMEOUT_S

        found = self.lab.call("probe_trace", client=node.name, address=target.address, timeout_s=TIMEOUT_S)
        known = self.blueprint.by_name
        hops = tuple(
            Step(ttl=hop["ttl"], address=hop["address"], node=known.get(hop["node"]), rtt_ms=hop["rtt_ms"])
            for hop in found["hops"]
        )
        return site_of(found["site"]), hops

    @cached_property
    def _descriptors(self) -> dict[str, int]:
        """Of each node's namespace, in the engine."""
        return dict(self.lab.call("doors")["descriptors"])

    @cached_property
    def _pid(self) -> int:
        """Of the engine, in its own numbers."""
        return int(self.lab.call("status")["pid"])


def only_one(name: str) -> str:
    """That name, or the name of the only lab of this user; LabError, UsageError where there is no such."""
    labs = () if name else running()
    if name or len(labs) == 1:
        return name or labs[0]
    if labs:
        raise UsageError(f"{len(labs)} labs run: {', '.join(labs)}", hint="say which one")
    raise LabError("no lab runs", hint="anyplane lab up DESIGN brings one up")


def targets(design: Design) -> tuple[Target, ...]:
    """Each service address of a design, with the prefix that it lies in."""
    prefixes: list[Prefix] = [prefix for group in design.groups for prefix in group.prefixes]
    found: dict[str, Target] = {}
    for health in (design.health, *(site.health for site in design.sites)):
        for one in health.values():
            for address in one.addresses:
                inside = [prefix for prefix in prefixes if address in prefix]
                if inside:
                    found.setdefault(
                        str(address),
                        Target(address=str(address), prefix=str(inside[0]), family=address.version),
                    )
    return tuple(found.values())


def target_of(found: tuple[Target, ...], *, family: int, address: str = "") -> Target:
    """The one meant: of that address, else the first of the family; UsageError where there is none."""
    chosen = [one for one in found if (one.address == address if address else one.family == family)]
    if not chosen:
        listed = ", ".join(one.address for one in found) or "no service address at all"
        raise UsageError(
            f"the design has not {address or f'an IPv{family} service address'}", hint=f"it has {listed}"
        )
    return chosen[0]


def site_of(word: str) -> str:
    """The site that a server calls itself after; a backend answers as SITE/BACKEND."""
    return word.partition("/")[0]
