"""What runs at a site for months, and what answers `--help`, loads nothing that only planning needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from anyplane.design.operation import DaemonKind

ROOT = Path(__file__).resolve().parents[2]
PLANNING = ("numpy", "numba", "llvmlite", "jinja2", "airportsdata")
READING = ("pydantic",)
OURS = ("anyplane.planning", "anyplane.routing", "anyplane.topology", "anyplane.datasets")
OBSERVED = (
    "anyplane.model.observations",
    "anyplane.model.reading",
    "anyplane.model.forecast",
    "anyplane.measure.observations",
)
"""What is measured and predicted, for planning: in folders that the agent shares, never imported by it."""
EXTRAS = ("grpc", "google.protobuf", "opentelemetry")
LOADED = """
import importlib, pkgutil, sys
def load(name):
    package = importlib.import_module(name)
    for module in pkgutil.iter_modules(getattr(package, "__path__", ()), name + "."):
        if not module.name.startswith({observed}):
            load(module.name)
for name in sys.argv[1].split(","):
    load(name)
{more}
print(*sorted(name for name in sys.modules if name.startswith(tuple(sys.argv[2:]))))
"""


def loaded(*packages: str, heavy: tuple[str, ...], more: str = "") -> list[str]:
    """Which of `heavy` a fresh Python has after the import of whole packages, and after what `more` does."""
    command = [sys.executable, "-c", LOADED.format(more=more, observed=OBSERVED), ",".join(packages), *heavy]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("kind", list(DaemonKind), ids=str)
def test_an_agent_with_any_daemon_loads_nothing_of_planning(kind: DaemonKind) -> None:
    folders = [f"anyplane.{name}" for name in ("agent", "control", "kernel", "measure", "model")]

    heavy = (*PLANNING, *READING, *OURS, *OBSERVED, *EXTRAS)

    assert loaded(*folders, f"anyplane.bgp.{kind}", heavy=heavy) == []


@pytest.mark.parametrize("kind", list(DaemonKind), ids=str)
def test_a_design_that_is_read_and_a_speaker_that_is_opened_load_nothing_of_planning(
    kind: DaemonKind,
) -> None:
    reading = f"""
from anyplane.agent import designs
from anyplane.bgp.speakers import open_speaker
text = open("examples/one-vm.yaml").read().replace("kind: bird", "kind: {kind}")
speaker = open_speaker(designs.narrowed(designs.designs.parse(text, file="one-vm.yaml"), site="ams").router)
"""

    assert loaded("anyplane.agent.run", heavy=(*PLANNING, *OURS, *EXTRAS), more=reading) == []


def test_help_loads_neither_the_agent_nor_what_it_runs_on() -> None:
    heavy = (*PLANNING, *READING, *OURS, *EXTRAS, "anyplane.bgp", "anyplane.control", "anyplane.measure")
    world = ("asyncio", "anyio", "socket", "ssl", "sqlite3", "structlog", "dns", "h11", "prometheus_client")

    assert loaded("anyplane.cli.app", heavy=(*heavy, "anyplane.agent.run", "yaml", *world)) == []


def test_what_runs_inside_a_lab_loads_nothing_of_planning() -> None:
    lab = "anyplane.lab"
    inside = (f"{lab}.{name}" for name in ("container", "wires", "probes", "places", "routers", "paths"))
    gameday = (
        f"{lab}.gameday.{name}" for name in ("operations_gameday", "lab_stage", "runner", "report_json")
    )

    assert loaded(*inside, *gameday, heavy=(*PLANNING, *OURS)) == []


def test_the_processes_of_a_lab_begin_light() -> None:
    """Before the first daemon starts nothing reads a design; relay, prober and FIB watch never do."""
    begins = (
        "container.inside",
        "container.inside_engine",
        "wires.relay",
        "probes.prober",
        "probes.fib_watch",
    )
    heavy = (
        *PLANNING,
        *READING,
        *OURS,
        "yaml",
        "rich",
        "structlog",
        "dns",
        "anyplane.design",
        "anyplane.agent",
    )

    assert loaded(*(f"anyplane.lab.{name}" for name in begins), heavy=heavy) == []
