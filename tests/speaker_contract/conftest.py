"""Fixtures of the contract suite: every Case that a file in cases/ registers, and its stage."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest
from case import Case
from namespaces import Network, needs_namespaces, needs_program
from stage import Stage


def _cases() -> list[Case]:
    found: list[Case] = []
    for path in sorted((Path(__file__).parent / "cases").glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"speaker_case_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found.extend(module.CASES)
    return found


@pytest.fixture(scope="session", params=_cases(), ids=lambda case: case.name)
def settled(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """The daemon's network, made once."""
    case: Case = request.param
    needs_namespaces()
    needs_program(*case.programs, *(("bird",) if case.is_wired else ()))
    case.needs()
    with Network() as network, contextlib.closing(Stage(case, network)) as stage:
        yield stage


@pytest.fixture
def stage(settled: Stage) -> Stage:
    """The daemon alive, its sessions up, nothing announced."""
    settled.clean()
    return settled
