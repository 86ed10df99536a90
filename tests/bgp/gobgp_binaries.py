"""The two GoBGPs of the tests: 3 from Debian, 4 from scripts/install-gobgp4.sh."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from namespaces import needs_program

GOBGP4 = Path(__file__).resolve().parents[2] / ".cache" / "gobgp4" / "usr" / "bin" / "gobgpd"
ACTIVE = "hold time 9; connect delay time 1; error wait time 1, 2;"
"""The receiver calls, for GoBGP waits 5 to 10 s before it calls itself."""
BINARIES = ("gobgpd", str(GOBGP4))


def needs_gobgp(binary: str) -> None:
    """Skip where it is missing; fail in CI."""
    if "/" not in binary:
        needs_program(binary)
        return
    if Path(binary).exists():
        return
    reason = "GoBGP 4 is missing; scripts/install-gobgp4.sh installs it"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
