"""The table of commands: the order in which `anyplane --help` lists them."""

from __future__ import annotations

import typer

from anyplane.cli import (
    agent,
    attack,
    calibrate,
    check,
    compare,
    converge,
    diff,
    explain,
    gameday,
    lab,
    lint_router,
    measure,
    optimize,
    paths,
    plan,
    playbook,
    render,
    routes,
    schema,
    score,
    site,
    topology,
    trust,
    witness,
)


def register(app: typer.Typer) -> None:
    """Add every command to the application."""
    plan.register(app)
    explain.register(app)
    diff.register(app)
    optimize.register(app)
    compare.register(app)
    paths.register(app)
    converge.register(app)
    attack.register(app)
    playbook.register(app)
    trust.register(app)
    check.register(app)
    schema.register(app)
    topology.register(app)
    routes.register(app)
    measure.register(app)
    calibrate.register(app)
    score.register(app)
    agent.register(app)
    site.register(app)
    render.register(app)
    lint_router.register(app)
    witness.register(app)
    lab.register(app)
    gameday.register(app)
