"""Files and downloads behind topology: formats, cache, checksum, licence."""

from anyplane.datasets.load import load

__all__ = ["load"]
