"""peer_python: the interpreter of `.venv-peers`, in which BGPy lives; made when it is missing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENT = "bgpy_pkg==13.0.13"
WANTED = (3, 12)
_VERSION = "import sys; print(sys.version_info[0], sys.version_info[1])"


def peer_python() -> str:
    """Path of a Python that has BGPy; ANYPLANE_PEERS names another environment than `.venv-peers`."""
    directory = Path(os.environ.get("ANYPLANE_PEERS", ROOT / ".venv-peers"))
    python = directory / "bin" / "python"
    if not _has_bgpy(python):
        base, found = _newest()
        if found < WANTED:
            version, wanted = (".".join(map(str, pair)) for pair in (found, WANTED))
            sys.stderr.write(f"no Python {wanted} or later was found; BGPy runs on {version}\n")
        sys.stderr.write(f"making {directory.name} with {base}\n")
        subprocess.run([base, "-m", "venv", "--clear", directory], check=True)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", REQUIREMENT]
        done = subprocess.run(install, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode or not _has_bgpy(python):
            sys.stderr.write(done.stderr)
            sys.exit(f"{REQUIREMENT} could not be installed; is there a package index to install from?")
    return str(python)


def _has_bgpy(python: Path) -> bool:
    if not python.exists():
        return False
    ask = "from importlib.metadata import version; print(version('bgpy_pkg'))"
    told = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=False)
    return told.stdout.strip() == REQUIREMENT.partition("==")[2]


def _newest() -> tuple[str, tuple[int, int]]:
    """The newest Python up to 3.13 on PATH or of pyenv, else the one that runs this."""
    names = [f"python3.{minor}" for minor in (13, 12)]
    paths = [path for name in names if (path := shutil.which(name))]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    if pyenv.is_dir():
        paths += [str(d / "bin" / "python3") for d in pyenv.iterdir() if re.match(r"3\.1[23](\.|$)", d.name)]
    paths.append(sys.executable)
    versions = {path: version for path in paths if (version := _version(path))}
    return max(versions.items(), key=lambda item: item[1])


def _version(path: str) -> tuple[int, int] | None:
    try:
        told = subprocess.run([path, "-c", _VERSION], capture_output=True, text=True, check=False)
    except OSError:
        return None
    numbers = told.stdout.split()
    return (int(numbers[0]), int(numbers[1])) if told.returncode == 0 and len(numbers) == 2 else None
