"""Routing feeds in: what route collectors heard of a prefix, from MRT files."""

from anyplane.observe.origins import read_rib_origins
from anyplane.observe.paths import SiteOfPath, read_mrt_paths

__all__ = ["SiteOfPath", "read_mrt_paths", "read_rib_origins"]
