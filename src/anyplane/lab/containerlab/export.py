"""containerlab: a lab as files that containerlab runs, on one large host or on several.

containerlab (https://containerlab.dev) builds networks of containers from one YAML file. `export` gives that
file, one image to build, and for each node a folder with its addresses (setup.sh), its daemons (start.sh) and
their configurations. An exchange becomes a container with a bridge inside, so that the host needs none. The
delays are netem, set once the lab stands.

containerlab's own JSON schema is not ours to ship: the models below are the part of it that is used, with
what the schema cannot say (both ends of a link exist, no interface twice, every file bound is there).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from anyplane.lab.blueprint import Blueprint, Exchange, Node, NodeKind
from anyplane.lab.containerlab import text as containerlab_text
from anyplane.model.errors import DataError

FILE = "clab.yml"
INSIDE = "/lab"
"""Where a node's folder is in its container."""
INTERFACE_LENGTH = 15
_Endpoint = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*:[A-Za-z][A-Za-z0-9_.-]*$")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class ClabNode(_Model):
    """One container. exec: run inside once its links are there, in this order."""

    kind: Literal["linux"] = "linux"
    image: str = ""
    binds: tuple[str, ...] = ()
    exec: tuple[str, ...] = ()
    sysctls: dict[str, int] = Field(default_factory=dict)
    labels: dict[str, str] = Field(default_factory=dict)
    network_mode: Literal["none"] | None = Field(default=None, alias="network-mode")


class ClabLink(_Model):
    """A cable between two "node:interface"."""

    endpoints: tuple[_Endpoint, _Endpoint]


class ClabTopology(_Model):
    """kinds: what all nodes of a kind have in common."""

    kinds: dict[Literal["linux"], ClabNode] = Field(default_factory=dict)
    nodes: dict[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")], ClabNode]
    links: tuple[ClabLink, ...]

    @model_validator(mode="after")
    def _ends_exist_once(self) -> Self:
        used: set[str] = set()
        for end in (end for link in self.links for end in link.endpoints):
            node, _, interface = end.partition(":")
            if node not in self.nodes:
                raise ValueError(f"{end}: there is no node {node}")
            if len(interface) > INTERFACE_LENGTH:
                raise ValueError(f"{end}: an interface has {INTERFACE_LENGTH} letters at most")
            if end in used:
                raise ValueError(f"{end} is the end of two links")
            used.add(end)
        return self


class Clab(_Model):
    """The whole file."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    topology: ClabTopology


@dataclass(frozen=True, kw_only=True)
class Equipment:
    """What runs on a node: its files by name, and the commands (label, argv) that start it, from `INSIDE`."""

    files: Mapping[str, str] = field(default_factory=dict)
    commands: Sequence[tuple[str, Sequence[str]]] = ()


Equip = Callable[[Node], Equipment]


def export(blueprint: Blueprint, equip: Equip) -> dict[str, str]:
    """Every file by its relative name."""
    files = {
        FILE: render(topology(blueprint)),
        "README.md": containerlab_text.readme(blueprint),
        "delays.sh": containerlab_text.delays(blueprint),
        "image/Dockerfile": containerlab_text.DOCKERFILE,
        "design.yaml": blueprint.design_text,
    }
    for node in blueprint.nodes:
        folder, found = f"nodes/{node.name}", equip(node)
        files[f"{folder}/setup.sh"] = containerlab_text.setup(blueprint, node)
        files[f"{folder}/start.sh"] = containerlab_text.start(found.commands)
        files |= {f"{folder}/{name}": text for name, text in found.files.items()}
    for exchange in blueprint.exchanges:
        files[f"nodes/{lan_of(exchange)}/setup.sh"] = containerlab_text.lan(exchange)
    return files


def write(files: Mapping[str, str], directory: Path) -> None:
    """Put them there; scripts are made executable."""
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        if path.suffix == ".sh":
            path.chmod(0o755)


def lan_of(exchange: Exchange) -> str:
    """The name of the container that is an exchange's LAN."""
    return f"lan-{exchange.index}"


def topology(blueprint: Blueprint) -> Clab:
    """The file as values."""
    nodes = {node.name: _node(node) for node in blueprint.nodes}
    links = [
        ClabLink(endpoints=(f"{link.a}:{link.device}", f"{link.b}:{link.device}")) for link in blueprint.links
    ]
    for exchange in blueprint.exchanges:
        lan = lan_of(exchange)
        nodes[lan] = ClabNode(
            binds=(f"nodes/{lan}:{INSIDE}",), exec=(f"sh {INSIDE}/setup.sh",), labels={"anyplane": "exchange"}
        )
        links += [
            ClabLink(endpoints=(f"{port.node}:{exchange.device}", f"{lan}:p{port.position}"))
            for port in exchange.ports
        ]
    common = ClabNode(image=containerlab_text.IMAGE, network_mode="none")
    return Clab(
        name=blueprint.name,
        topology=ClabTopology(kinds={"linux": common}, nodes=nodes, links=tuple(links)),
    )


def render(found: Clab) -> str:
    """As YAML."""
    plain = found.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    for name, node in plain["topology"]["nodes"].items():
        plain["topology"]["nodes"][name] = {"kind": "linux", **node}
    head = "# Made by `anyplane lab export --containerlab`; README.md beside it says how to run it.\n"
    return head + yaml.safe_dump(plain, sort_keys=False, width=110)


def checked(directory: Path) -> Clab:
    """The topology in this directory; DataError when it is not one, or a file that it binds is missing."""
    path = directory / FILE
    try:
        found = Clab.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise DataError(str(path), f"is not a topology of containerlab: {error}") from error
    for name, node in found.topology.nodes.items():
        for bind in node.binds:
            folder = directory / bind.partition(":")[0]
            if not folder.is_dir():
                raise DataError(str(path), f"{name} binds {folder}, which is not there")
            for script in re.findall(rf"{INSIDE}/(\S+)", " ".join(node.exec)):
                if not (folder / script).is_file():
                    raise DataError(str(path), f"{name} runs {script}, which is not in {folder}")
    return found


def _node(node: Node) -> ClabNode:
    forwarding = node.kind != NodeKind.BACKEND
    sysctls = {"net.ipv4.ip_forward": int(forwarding), "net.ipv6.conf.all.forwarding": int(forwarding)}
    return ClabNode(
        binds=(f"nodes/{node.name}:{INSIDE}",),
        exec=(f"sh {INSIDE}/setup.sh", f"sh {INSIDE}/start.sh"),
        sysctls={**sysctls, "net.ipv6.conf.all.disable_ipv6": 0},
        labels={"anyplane": str(node.kind), "asn": str(int(node.asn)), "metro": node.location.metro},
    )
