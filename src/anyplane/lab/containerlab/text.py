"""containerlab_text: the scripts, the image and the README of an export to containerlab."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from anyplane.lab.blueprint import Blueprint, Exchange, Node, NodeKind

IMAGE = "anyplane-lab:latest"
DOCKERFILE = """\
# Everything that a node may run: BIRD, FRR, Knot, NSD, and anyplane's agent from the wheel beside this file.
FROM debian:12-slim
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \\
      bird2 frr knot nsd iproute2 procps iputils-ping traceroute tcpdump knot-dnsutils python3-venv \\
    && rm -rf /var/lib/apt/lists/*
COPY *.whl /tmp/
RUN python3 -m venv /opt/anyplane && /opt/anyplane/bin/pip install --no-cache-dir /tmp/*.whl && rm /tmp/*.whl
ENV PATH=/opt/anyplane/bin:/usr/sbin:/usr/bin:/sbin:/bin
CMD ["sleep", "infinity"]
"""
_HEAD = "#!/bin/sh\nset -eu\n"


def setup(blueprint: Blueprint, node: Node) -> str:
    """Addresses and permanent neighbours of a node: its interfaces are there already."""
    lines = [
        f"mkdir -p /run/{node.name}",
        "ip link set lo up",
        f"ip address replace {node.loopback4}/32 dev lo",
        f"ip address replace {node.loopback6}/128 dev lo nodad",
    ]
    if node.is_client:
        lines += [
            f"ip address replace {node.client_address(4)}/32 dev lo",
            f"ip address replace {node.client_address(6)}/128 dev lo nodad",
        ]
    for link in blueprint.links_of[node.name]:
        far = link.far(node.name)
        lines += _interface(
            link.device, link.mac(node.name), str(link.v4(node.name)), str(link.v6(node.name))
        )
        lines += _neighbour(link.device, link.mac(far), str(link.v4(far).ip), str(link.v6(far).ip))
    for exchange in blueprint.exchanges_of[node.name]:
        lines += _interface(
            exchange.device, exchange.mac(node.name), str(exchange.v4(node.name)), str(exchange.v6(node.name))
        )
        for port in exchange.ports:
            if port.node != node.name:
                there = port.node
                lines += _neighbour(
                    exchange.device,
                    exchange.mac(there),
                    str(exchange.v4(there).ip),
                    str(exchange.v6(there).ip),
                )
    return _HEAD + "\n".join(lines) + "\n"


def start(commands: Sequence[tuple[str, Sequence[str]]]) -> str:
    """Start what runs on a node, each with a log of its own in /var/log."""
    lines = [f"setsid {shlex.join(argv)} >/var/log/{label}.log 2>&1 </dev/null &" for label, argv in commands]
    return _HEAD + "\n".join([*lines, "exit 0"]) + "\n"


def lan(exchange: Exchange) -> str:
    """An exchange: a bridge between its ports, inside a container."""
    lines = ["ip link add br0 type bridge", "ip link set br0 up"]
    for port in exchange.ports:
        lines.append(f"ip link set p{port.position} master br0 up")
    return _HEAD + "\n".join(lines) + "\n"


def delays(blueprint: Blueprint) -> str:
    """Each end of each cable delays what it sends by the way's one-way delay."""
    lines = []
    for link in blueprint.links if blueprint.has_delays else ():
        if link.delay_ms > 0:
            lines += [_netem(blueprint, end, link.device, link.delay_ms) for end in (link.a, link.b)]
    for exchange in blueprint.exchanges if blueprint.has_delays else ():
        for port in exchange.ports:
            if port.delay_ms > 0:
                lines.append(_netem(blueprint, port.node, exchange.device, port.delay_ms))
                lines.append(_netem(blueprint, f"lan-{exchange.index}", f"p{port.position}", port.delay_ms))
    return _HEAD + "\n".join(lines) + "\n"


def readme(blueprint: Blueprint) -> str:
    """What this is and the steps, on one host and on several."""
    routers = sum(node.kind == NodeKind.ROUTER for node in blueprint.nodes)
    sites = sum(node.kind == NodeKind.SITE for node in blueprint.nodes)
    client = blueprint.clients[0].name if blueprint.clients else blueprint.nodes[0].name
    source = (blueprint.clients or blueprint.nodes)[0].client_address(4)
    address = f"clab-{blueprint.name}-{client}"
    return f"""\
# {blueprint.name} for containerlab

{routers} routers, {sites} sites, {len(blueprint.links)} links, {len(blueprint.exchanges)} exchanges; made by
`anyplane lab export --containerlab`. Every router is a real daemon with the configuration of the lab.

## On one host

It needs docker, containerlab, root and, for the delays, a kernel with netem.

1. Put the wheel of anyplane beside the Dockerfile: `pip wheel --no-deps -w image PATH-OF-ANYPLANE`
2. Build the image: `docker build -t {IMAGE} image`
3. Start: `sudo containerlab deploy -t clab.yml`
4. Give the links their length: `sudo sh delays.sh`
5. Ask: `docker exec {address} kdig +nsid CH TXT id.server @ADDRESS -b {source}`
   (ADDRESS is a service address of design.yaml)
6. End: `sudo containerlab destroy -t clab.yml --cleanup`

Ask a BIRD: `docker exec clab-{blueprint.name}-NODE birdc -s /run/NODE/bird.ctl show protocols`. Logs are in
/var/log of each container, addresses in `nodes/NODE/setup.sh`, configurations beside it. design.yaml is the
lab's edition of the design, which every site's agent reads.

## On several hosts

Cut the nodes into one clab.yml a host, with the links whose two ends are there. A link between two hosts
becomes a VXLAN of its own on both, numbered by the link, and keeps the name of its interface:

```yaml
- type: vxlan
  endpoint: {{node: as174-fra, interface: l7}}
  remote: 192.0.2.2        # the other host
  vni: 1007                # 1000 + the number of the link
  udp-port: 14789
```

Cut where delays are long (between continents), so that the real way between the hosts hides in them; subtract
it in delays.sh. An exchange stays on one host with its ports, or its `lan-` container has a VXLAN for
each port elsewhere. VXLAN takes 50 bytes: let the network between the hosts carry 1600.
"""


def _interface(device: str, mac: str, v4: str, v6: str) -> list[str]:
    return [
        f"ip link set {device} address {mac} up",
        f"ip address replace {v4} dev {device}",
        f"ip address replace {v6} dev {device} nodad",
    ]


def _neighbour(device: str, mac: str, v4: str, v6: str) -> list[str]:
    return [f"ip neighbour replace {address} lladdr {mac} dev {device} nud permanent" for address in (v4, v6)]


def _netem(blueprint: Blueprint, node: str, device: str, delay_ms: float) -> str:
    where = f"-n clab-{blueprint.name}-{node} -i {device}"
    return f"containerlab tools netem set {where} --delay {round(delay_ms * 1000)}us"
