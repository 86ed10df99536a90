"""packages: which programs a lab runs, which are missing here, and how Debian calls what holds them."""

from __future__ import annotations

from collections.abc import Iterable

from anyplane.design.design import Design
from anyplane.design.operation import DaemonKind
from anyplane.lab.blueprint import Blueprint, NodeKind, RouterKind
from anyplane.lab.places.servers.serving import program
from anyplane.model.errors import LabError

PACKAGES = {
    "bird": "bird2",
    "/usr/lib/frr/bgpd": "frr",
    "gobgpd": "gobgpd",
    "bgpctl": "openbgpd",
    "knotd": "knot",
    "nsenter": "util-linux",
    "ip": "iproute2",
}
"""Program (or path) -> Debian package."""
_OF_SITES = {
    DaemonKind.BIRD: "bird",
    DaemonKind.FRR: "/usr/lib/frr/bgpd",
    DaemonKind.GOBGP: "gobgpd",
    DaemonKind.OPENBGPD: "bgpctl",
}
ALWAYS = ("bird", "nsenter")
"""What every lab needs."""
SERVERS = ("knotd", "nsd")
"""Either serves DNS; the first is what is recommended."""


def needed(blueprint: Blueprint, design: Design | None = None) -> tuple[str, ...]:
    """The programs that this lab starts, its servers left out."""
    found = dict.fromkeys(ALWAYS, True)
    if any(node.kind == NodeKind.ROUTER and node.daemon == RouterKind.FRR for node in blueprint.nodes):
        found["/usr/lib/frr/bgpd"] = True
    for site in design.sites if design else ():
        if site.daemon is not None and site.daemon.kind in _OF_SITES:
            found[_OF_SITES[site.daemon.kind]] = True
    return tuple(found)


def missing(programs: Iterable[str]) -> tuple[str, ...]:
    """Those that this machine lacks; a DNS server is lacking when there is none of either kind."""
    lacking = [name for name in programs if not program(name)]
    if not any(program(name) for name in SERVERS):
        lacking.append(SERVERS[0])
    return tuple(lacking)


def require(programs: Iterable[str]) -> None:
    """LabError with the one command that installs what is missing."""
    if lacking := missing(programs):
        listed = ", ".join(name.rpartition("/")[2] for name in lacking)
        packages = " ".join(dict.fromkeys(PACKAGES.get(name, name) for name in lacking))
        raise LabError(
            f"the lab runs programs that this machine lacks: {listed}",
            hint=f"sudo apt-get install --no-install-recommends {packages}",
        )
