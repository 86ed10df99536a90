"""kernel_cache: where numba keeps compiled kernels when it cannot keep them beside the modules."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "NUMBA_CACHE_DIR"
COMPILED = ("calibration", "routing", "topology")


def prepare() -> None:
    """Name a directory to numba where the package is read-only (an installation by root, an image).

    numba itself would go to the home directory, and fail at import where that is read-only as well. To be
    called before numba is imported.
    """
    package = Path(__file__).resolve().parent.parent
    if os.environ.get(VARIABLE) or all(_can_write(package / name) for name in COMPILED):
        return
    for choose in (_in_cache, _of_this_user):
        try:
            directory = choose()
            # Compiled kernels are pickles, which run what is in them: the directory must be our own.
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            is_ours = directory.stat().st_uid == os.geteuid() and not directory.is_symlink()
        except OSError:
            continue
        if is_ours and os.access(directory, os.W_OK):
            os.environ[VARIABLE] = str(directory)
            return


def _in_cache() -> Path:
    from anyplane.cli.topology_option import cache_directory

    return cache_directory() / "kernels"


def _of_this_user() -> Path:
    import tempfile

    return Path(tempfile.gettempdir()) / f"anyplane-{os.geteuid()}"


def _can_write(folder: Path) -> bool:
    kept = folder / "__pycache__"
    return os.access(kept if kept.is_dir() else folder, os.W_OK)
