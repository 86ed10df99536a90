"""look: a lab that runs -> its LabStatus, gathered from what the engine, the routers and the agents say."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from anyplane.agent import client
from anyplane.lab import paths
from anyplane.lab.blueprint import Node, NodeKind
from anyplane.lab.faces.standing import Standing
from anyplane.lab.faces.status import LabStatus, SiteStatus
from anyplane.model.errors import AnyplaneError, LabError

PROBER = "prober"
SERVERS = ("dns", "web", "ntp")
"""Labels of what serves users, the first that is there being the service itself."""
_ROUTERS = (NodeKind.ROUTER, NodeKind.ROUTE_SERVER)
_NO_WORD = "nothing"
Plain = dict[str, Any]  # what came over a socket


def look(here: Standing) -> LabStatus:
    """The lab as it is now; LabError when it does not answer."""
    blueprint = here.blueprint
    status: Plain = here.lab.call("status")
    processes: list[Plain] = here.lab.call("processes")
    sessions: Plain = here.lab.call("sessions")
    wires: Plain = here.lab.call("wire_stats")
    routers = [node for node in blueprint.nodes if node.kind in _ROUTERS]
    # Of daemons and probers alike: one that was asked to end is forgotten; one that ended is missed.
    ended = [one for one in processes if one["ended"]]
    died = {one["node"] for one in ended}
    frozen = [name for name, node in status["nodes"].items() if node["is_frozen"]]
    lateness = wires.get("lateness") or {}
    inside = tuple(_inside(here.lab.pid))
    return LabStatus(
        name=blueprint.name,
        age_s=float(status["up_for_s"]),
        routers_up=sum(node.name not in died and node.name not in frozen for node in routers),
        routers=len(routers),
        route_servers=sum(node.kind == NodeKind.ROUTE_SERVER for node in routers),
        sessions_up=int(sessions["up"]),
        sessions=int(sessions["expected"]),
        probers=sum(PROBER in one["label"] and not one["ended"] for one in processes),
        clients=len(blueprint.clients),
        relay_p50_us=lateness.get("p50_us"),
        relay_p99_us=lateness.get("p99_us"),
        memory_mb=_megabytes(inside),
        processes=len(inside),
        dead=tuple(f"{one['node']} {one['label']}" for one in ended),
        faults=(
            *(f"{name} is frozen" for name in frozen),
            *(f"{device} has no carrier" for device in status["links_down"]),
            *(f"{cable}: {_words(shape)}" for cable, shape in wires.get("harmed", {}).items()),
        ),
        sites=tuple(_site(here, node, processes) for node in blueprint.site_nodes.values()),
    )


def _site(here: Standing, node: Node, processes: Iterable[Mapping[str, Any]]) -> SiteStatus:
    living = {str(one["label"]) for one in processes if one["node"] == node.name and not one["ended"]}
    known = {str(one["label"]) for one in processes if one["node"] == node.name}
    server = next((label for label in SERVERS if label in known), "")
    said = _said(here, node)
    levels = {str(one["level"]) for one in said["services"]} if said else set()
    return SiteStatus(
        site=node.site,
        node=node.name,
        metro=node.location.metro,
        daemon=_daemon(here, node) if said is None else str(said["daemon"]["kind"]),
        word=None if said is None else "/".join(sorted(levels)) or _NO_WORD,
        is_announced=None if said is None else bool(levels - {"none"}),
        in_table=_in_table(here, node),
        has_server=not server or server in living,
        has_agent=said is not None,
        # ExaBGP is the agent's child: where no process of ours is called after a daemon, the agent says.
        has_daemon=bool(living - {*SERVERS, "agent"}) or (said is not None and not said["daemon"]["trouble"]),
    )


def _daemon(here: Standing, node: Node) -> str:
    """What the design says that a site runs; parsed only where its agent does not say it."""
    (site,) = (one for one in here.design.sites if str(one.name) == node.site)
    return str(site.daemon.kind) if site.daemon else ""


def _said(here: Standing, node: Node) -> Plain | None:
    """What the agent says of itself on its socket, reached through the lab's own /run."""
    run = Path(f"/proc/{here.lab.pid}/root") / paths.agent_run(node.name).relative_to("/")
    try:
        return client.ask(run / f"{node.site}.sock", {"do": "status"})
    except AnyplaneError:
        return None


def _in_table(here: Standing, node: Node) -> bool | None:
    """Does any upstream's router hold a route that the site itself told it? None: none could be asked."""
    blueprint = here.blueprint
    upstreams = {
        blueprint.links[one.link].far(node.name)
        if one.link >= 0
        else blueprint.exchanges[one.exchange].route_server
        for one in blueprint.sites
        if one.node == node.name
    }
    answers = []
    for upstream in sorted(upstreams):
        with contextlib.suppress(LabError):
            answers.append(here.lab.call("routes", node=upstream)[upstream])
    if not answers:
        return None
    return any(
        route["from_"] == node.name for found in answers for routes in found.values() for route in routes
    )


def _inside(pid: int) -> Iterable[Path]:
    """/proc/PID of every process of the lab: those in the pid namespace of its engine."""
    with contextlib.suppress(OSError):
        ours = Path(f"/proc/{pid}/ns/pid").readlink()
        for path in Path("/proc").iterdir():
            if path.name.isdecimal():
                with contextlib.suppress(OSError):
                    if (path / "ns/pid").readlink() == ours:
                        yield path


def _megabytes(processes: Iterable[Path]) -> float | None:
    """Their memory, what they share counted once (PSS)."""
    kilobytes = 0
    for path in processes:
        with contextlib.suppress(OSError, ValueError, IndexError):
            lines = (path / "smaps_rollup").read_text().splitlines()
            kilobytes += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return kilobytes / 1024 if kilobytes else None


def _words(shape: Mapping[str, Any]) -> str:
    return ", ".join(
        key.removeprefix("is_") if value is True else f"{key} {value}" for key, value in shape.items()
    )
