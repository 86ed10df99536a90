"""The Internet as arrays: networks, relationships, presence in metros, users, distances."""

from anyplane.topology.build import build, without_metros
from anyplane.topology.topology import Metros, Topology

__all__ = ["Metros", "Topology", "build", "without_metros"]
