"""Who reaches whom: one readable definition (`reference`), and fast kernels that equal it (`frontier`)."""

from anyplane.routing.frontier import Engine, propagate
from anyplane.routing.routes import NO_NEXT, NO_SITE, UNREACHED, Routes
from anyplane.routing.seeds import NO_EXPORT, ExportFilter, Seed, Seeds
from anyplane.routing.ties import expected

__all__ = [
    "NO_EXPORT",
    "NO_NEXT",
    "NO_SITE",
    "UNREACHED",
    "Engine",
    "ExportFilter",
    "Routes",
    "Seed",
    "Seeds",
    "expected",
    "propagate",
]
