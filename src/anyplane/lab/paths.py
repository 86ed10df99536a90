"""Where things of a node stand inside a lab: nodes share one /run, so each has a folder of its own there.

The /run of a lab is a tmpfs that only the lab sees (container.isolation): nothing here meets a daemon of the
machine. A function for each thing, because the design's edition, the routers, the servers and the agents all
have to name the same file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

RUN: Final = Path("/run")
LAB_RUN: Final = RUN / "anyplane-lab"
FLEET_FILE: Final = LAB_RUN / "fleet.json"
"""The fleet's words, as the edition names their file; each site reads a copy of its own (places.sites)."""


def run_of(node: str) -> Path:
    """The folder of a node: sockets, pid files and everything that a daemon there keeps while it runs."""
    return RUN / node


def server_pidfile(site_node: str) -> Path:
    """The pid of the server that answers users at a site; `process` checks watch it."""
    return run_of(site_node) / "server.pid"


def backend_pidfile(backend_node: str) -> Path:
    """The same for the server of one backend."""
    return run_of(backend_node) / "server.pid"


def agent_run(site_node: str) -> Path:
    """The agent's run folder: its lock and its control socket."""
    return run_of(site_node) / "agent"


def agent_state(site_node: str) -> Path:
    """What the agent remembers between two lives (journal, record, standing orders)."""
    return run_of(site_node) / "state"


def bird_control(node: str) -> Path:
    """BIRD's control socket: of a router, of a route server, or of a site."""
    return run_of(node) / "bird.ctl"


def bird_include(node: str) -> Path:
    """The file that the agent of a site owns and BIRD's main configuration includes."""
    return run_of(node) / "anyplane.conf"


def frr_run(node: str) -> Path:
    """FRR's folder of sockets (`vtysh --vty_socket`), pid files and per-daemon files."""
    return run_of(node) / "frr"


def exabgp_directory(node: str) -> Path:
    """Where the agent keeps what its ExaBGP needs (`daemon.settings.directory`)."""
    return run_of(node) / "exabgp"
