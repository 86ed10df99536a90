"""Ground: what the engine has for every place."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from anyplane.design.design import Design
from anyplane.lab.blueprint import Blueprint
from anyplane.lab.container.namespaces import Namespace
from anyplane.lab.container.processes import Processes
from anyplane.lab.container.zygote import Zygote
from anyplane.lab.places.servers.serving import ServerKind
from anyplane.lab.wires.wiring import Wiring


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What the engine has for every place.

    design          `blueprint.design_text`, parsed once
    directory       of the lab; logs go to nodes/NODE/ in it
    zygote          agents are forked from it; None: each is a program of its own
    kinds           servers that run at every site, whether a check asks for them or not
    dns             "knot" or "nsd"; "": the first of them that is installed
    """

    blueprint: Blueprint
    design: Design
    wiring: Wiring
    processes: Processes
    directory: Path
    zygote: Zygote | None = None
    kinds: frozenset[ServerKind] = frozenset((ServerKind.DNS, ServerKind.WEB))
    dns: str = ""
    agent_env: dict[str, str] = field(default_factory=dict)

    def namespace(self, node: str) -> Namespace:
        """Where that node's processes run."""
        return self.wiring.namespaces[node]
