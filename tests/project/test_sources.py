"""The sources keep the rules that `make check` shows: format, lint, types and the import contract."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "format", "--check", "src", "tests", "bench", "tools"),
        ("ruff", "check", "src", "tests", "bench", "tools"),
        ("mypy",),
        ("lint-imports",),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_the_sources_pass(command: tuple[str, ...]) -> None:
    result = subprocess.run(
        [str(BIN / command[0]), *command[1:]], cwd=ROOT, capture_output=True, text=True, timeout=600
    )

    assert result.returncode == 0, result.stdout + result.stderr


def test_every_file_of_the_package_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "src").rglob("*.py")
        if not path.read_text().lstrip().startswith('"""')
    ]

    assert silent == []


def test_the_constraints_are_hashed_and_name_no_index() -> None:
    text = (ROOT / "constraints.txt").read_text()

    assert "--hash=sha256:" in text
    assert "://" not in text
    assert "index-url" not in text


def test_modules_of_tests_are_imported_by_a_name_that_is_theirs_alone() -> None:
    modules = [
        path.stem
        for path in (ROOT / "tests").rglob("*.py")
        # Those of cases/ are loaded by their path.
        if path.parent.name != "cases" and path.stem not in ("conftest", "__main__", "__init__")
    ]

    assert len(modules) == len(set(modules))
    assert not set(modules) & {*sys.stdlib_module_names, *packages_distributions()}
