"""Stand: the site of lab_worlds.two_sites or of one made here, wired as the engine does, with real upstreams.

Its tests use the fixture `own_run`, so that the folders of nodes are this session's own. The sites' names
hold our pid: what an agent keeps beside a daemon is called after its site.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Self

from anyplane.design import parse
from anyplane.lab import paths
from anyplane.lab.blueprint import Blueprint, LinkKind
from anyplane.lab.container.processes import Process, Processes
from anyplane.lab.container.zygote import Zygote
from anyplane.lab.places.ground import Ground
from anyplane.lab.places.servers.serving import ServerKind
from anyplane.lab.places.sites import Place
from anyplane.lab.wires.wiring import Wiring

V4, V6 = "198.51.100.53", "2001:db8:a::53"
CHECKS = """\
- name: answers
  dns: {name: www.example.net, type: A, expect: [192.0.2.80]}
  interval: 200 ms
  rise: 1
  fall: 1
- {name: alive, process: {pidfile: PIDFILE}, interval: 1 s, rise: 1, fall: 1}
"""


def unique(name: str) -> str:
    """A site's name of this test session."""
    return f"{name}{os.getpid()}"


def design_of(
    blueprint: Blueprint, *, kind: str = "bird", checks: str = CHECKS, extra: str = "", backends: str = ""
) -> str:
    """A design as the lab's edition would be: every site with its sessions."""
    sites = []
    for site, node in blueprint.site_nodes.items():
        run = paths.run_of(node.name)
        daemon = {
            "bird": f"control: {paths.bird_control(node.name)}, include: {paths.bird_include(node.name)}",
            "frr": f"control: {paths.frr_run(node.name)}/bgpd.vty",
            "gobgp": f"control: {run}/gobgp.sock",
            "openbgpd": f"control: {run}/openbgpd.sock",
            "exabgp": f"settings: {{directory: {run}}}",
        }[kind]
        listed = []
        for one in blueprint.sites:
            if one.site != site or one.link < 0:
                continue
            link = blueprint.links[one.link]
            pairs = ((link.v4(link.a).ip, link.v4(link.b).ip), (link.v6(link.a).ip, link.v6(link.b).ip))
            sessions = "".join(
                f'          - {{neighbor: "{neighbor}", local: "{local}"}}\n' for neighbor, local in pairs
            )
            listed.append(f"      - asn: {one.upstream}\n        session:\n{sessions}")
        own = checks.replace("PIDFILE", str(paths.server_pidfile(node.name)))
        sites.append(
            f"  {site}:\n    metro: MAD\n"
            f"    daemon: {{kind: {kind}, router_id: {node.router_id}, {daemon}}}\n"
            f"    health:\n      dns:\n        addresses: [{V4}, '{V6}']\n"
            + (f"        checks:\n{_indented(own, 10)}" if own else "")
            + backends
            + "    upstreams:\n"
            + "".join(listed)
        )
    prefixes = ", ".join(f"'{one}'" for one in blueprint.prefixes)
    return (
        f"version: 1\nservice:\n  name: lab\n  origin: {blueprint.origin}\n"
        f"  prefixes: {{dns: [{prefixes}]}}\n"
        "safety: {lease: 2 s, floor: 0, quarantine: {first: 1 s, longest: 1 s}}\n"
        f"{extra}sites:\n{''.join(sites)}"
    )


def _indented(text: str, by: int) -> str:
    return "".join(f"{' ' * by}{line}\n" for line in text.splitlines())


class Stand:
    """A wired blueprint, BIRD at every upstream of a site, and the places on demand."""

    def __init__(
        self,
        blueprint: Blueprint,
        directory: Path,
        *,
        has_zygote: bool = True,
        dns: str = "",
        kinds: Iterable[ServerKind] = (ServerKind.DNS, ServerKind.WEB),
    ) -> None:
        design = parse(blueprint.design_text, file="lab.yaml")
        self.blueprint = blueprint
        self.directory = directory
        self.wiring = Wiring(blueprint)
        self.wiring.build()
        self.processes = Processes(self.wiring.namespaces, directory)
        self.zygote = Zygote() if has_zygote else None
        self.places: list[Place] = []
        self.ground = Ground(
            blueprint=blueprint,
            design=design,
            wiring=self.wiring,
            processes=self.processes,
            directory=directory,
            zygote=self.zygote,
            kinds=frozenset(kinds),
            dns=dns,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for place in self.places:
            place.agent.close()
        for node in self.blueprint.nodes:
            self.processes.kill(node.name)
        self.processes.close()
        if self.zygote is not None:
            self.zygote.close()
        self.wiring.close()
        for node in self.blueprint.nodes:
            shutil.rmtree(paths.run_of(node.name), ignore_errors=True)

    def place(self, site: str) -> Place:
        """The place of that site, made and not started."""
        found = Place(self.ground, self.blueprint.site_nodes[site])
        self.places.append(found)
        return found

    def upstream(self, node: str) -> Process:
        """BIRD as the router of an upstream: passive to its sites, gives them a default route, has a FIB."""
        lines = [f"router id {self.blueprint.by_name[node].router_id};", "protocol device { scan time 1; }"]
        lines += [f"protocol kernel {{ ipv{f} {{ export all; import none; }}; }}" for f in (4, 6)]
        lines += ["protocol static { ipv4; route 0.0.0.0/0 unreachable; }"]
        lines += ["protocol static { ipv6; route ::/0 unreachable; }"]
        asn = self.blueprint.by_name[node].asn
        for link in self.blueprint.links_of[node]:
            if link.kind is not LinkKind.SITE:
                continue
            for family in (4, 6):
                ours = (link.v4 if family == 4 else link.v6)(node).ip
                far = (link.v4 if family == 4 else link.v6)(link.far(node)).ip
                lines.append(
                    f"protocol bgp {link.device}_v{family} {{ local {ours} as {asn}; neighbor {far} as "
                    f"{self.blueprint.origin}; connect delay time 1; error wait time 1,2; hold time 90; "
                    f"ipv{family} {{ import all; export where source = RTS_STATIC; next hop self; }}; }}"
                )
        run = paths.run_of(node)
        run.mkdir(parents=True, exist_ok=True)
        conf = run / "bird.conf"
        conf.write_text("\n".join(lines) + "\n")
        return self.processes.start(
            node, ("/usr/sbin/bird", "-f", "-c", conf, "-s", run / "bird.ctl"), label="bird"
        )


def with_design(blueprint: Blueprint, text: str) -> Blueprint:
    """The blueprint with that edition."""
    return replace(blueprint, design_text=text)
