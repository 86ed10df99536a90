"""Who reaches whom: one readable definition (`reference`) and fast kernels that must equal it (`frontier`)."""

from anyplane.routing.routes import NO_NEXT, NO_SITE, UNREACHED, Routes
from anyplane.routing.seeds import NO_EXPORT, ExportFilter, Seed, Seeds

__all__ = ["NO_EXPORT", "NO_NEXT", "NO_SITE", "UNREACHED", "ExportFilter", "Routes", "Seed", "Seeds"]
