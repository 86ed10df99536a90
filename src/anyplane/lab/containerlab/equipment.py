"""equipment: what each container of an export runs: a router, or a site's daemon, server and agent."""

from __future__ import annotations

from pathlib import Path

from anyplane import design as designs
from anyplane.bgp.router import router_plan
from anyplane.bgp.speakers import render
from anyplane.design.design import Design
from anyplane.design.operation import DaemonKind
from anyplane.lab import paths, routers
from anyplane.lab.blueprint import Blueprint, Node, NodeKind
from anyplane.lab.containerlab.export import INSIDE, Equip, Equipment
from anyplane.lab.places.servers import knot
from anyplane.lab.places.servers.needs import needs
from anyplane.model.errors import UsageError

HERE = Path(INSIDE)
Command = tuple[str, tuple[str, ...]]


def equipment(blueprint: Blueprint) -> Equip:
    """The function that `containerlab.export` asks for each node."""
    design = designs.parse(blueprint.design_text, file=f"{blueprint.name}.yaml")

    def equip(node: Node) -> Equipment:
        if node.kind in (NodeKind.ROUTER, NodeKind.ROUTE_SERVER):
            commands = routers.commands(blueprint, node, HERE)
            return Equipment(
                files=routers.configuration(blueprint, node),
                commands=tuple((label, (Path(argv[0]).name, *argv[1:])) for label, argv in commands),
            )
        return _site(blueprint, design, node) if node.kind == NodeKind.SITE else _backend(design, node)

    return equip


def _site(blueprint: Blueprint, design: Design, node: Node) -> Equipment:
    """Daemon, server, agent, in the order in which they start."""
    plan = router_plan(design, node.site)
    files = {"bgp.conf": render(plan), "design.yaml": blueprint.design_text}
    commands: list[Command] = list(_daemon(plan.daemon.kind, plan.daemon.control, node))
    asked = needs(design, node.site).own
    if asked.addresses:
        serving = knot.serving(asked, identity=node.site, directory=HERE / "dns")
        files |= {str(path.relative_to(HERE)): text for path, text in serving.files.items()}
        commands.append(("dns", ("knotd", *serving.argv[1:])))
    run, state = paths.agent_run(node.name), paths.agent_state(node.name)
    words = ("--run-dir", str(run), "--state-dir", str(state), "--metrics", "")
    commands.append(("agent", ("anyplane", "agent", f"{INSIDE}/design.yaml", "--site", node.site, *words)))
    return Equipment(files=files, commands=tuple(commands))


def _backend(design: Design, node: Node) -> Equipment:
    """A server of its own for each address that the design calls a backend."""
    files: dict[str, str] = {}
    commands: list[Command] = []
    for number, asked in enumerate(needs(design, node.site).backends.values(), start=1):
        serving = knot.serving(asked, identity=f"{node.site}/{node.name}", directory=HERE / f"dns{number}")
        files |= {str(path.relative_to(HERE)): text for path, text in serving.files.items()}
        commands.append((f"dns{number}", ("knotd", *serving.argv[1:])))
    return Equipment(files=files, commands=tuple(commands))


def _daemon(kind: DaemonKind, control: str, node: Node) -> tuple[Command, ...]:
    if kind is DaemonKind.BIRD:
        at = control or str(paths.bird_control(node.name))
        return (("bird", ("bird", "-f", "-c", f"{INSIDE}/bgp.conf", "-s", at)),)
    if kind is DaemonKind.EXABGP:
        return ()  # it is the agent's own child
    raise UsageError(
        f"{node.site}: a site with {kind} cannot be exported", hint=f"--daemon {node.site}=bird, or exabgp"
    )
