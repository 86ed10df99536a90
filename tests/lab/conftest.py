"""What tests of the lab share that happens on the machine itself, and not inside of a lab."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from anyplane.lab import paths


@pytest.fixture
def own_run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folders of nodes are below this one: a lab covers /run, but here two sessions may run at once.

    It is short, for it holds sockets, and may be entered, for daemons give up root.
    """
    place = Path(tempfile.mkdtemp(prefix=f"anyplane-test-{os.getpid()}-", dir="/run"))
    place.chmod(0o755)
    monkeypatch.setattr(paths, "RUN", place)
    monkeypatch.setattr(paths, "LAB_RUN", place / "anyplane-lab")
    monkeypatch.setattr(paths, "FLEET_FILE", place / "anyplane-lab" / "fleet.json")
    yield place
    shutil.rmtree(place)
