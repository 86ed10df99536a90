"""`anyplane lab ...`: the design on real routers, on this machine: bring it up, look at it, take it down."""

from __future__ import annotations

import typer

from anyplane.cli import lab_ask, lab_demo, lab_export, lab_look, lab_up
from anyplane.cli.planning_options import JsonCommand

lab_app = typer.Typer(help="Run the design on real routers on this machine.", no_args_is_help=True)

lab_app.command("up")(lab_up.up)
lab_app.command("down")(lab_up.down)
lab_app.command("list")(lab_up.listed)
lab_app.command("status")(lab_look.status)
lab_app.command("catchment", cls=JsonCommand)(lab_ask.catchment)
lab_app.command("dig")(lab_ask.dig)
lab_app.command("trace")(lab_ask.trace)
lab_app.command("shell")(lab_look.shell)
lab_app.command("logs")(lab_look.logs)
lab_app.command("demo")(lab_demo.demo)
lab_app.command("compare")(lab_export.compare)
lab_app.command("export")(lab_export.export)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(lab_app, name="lab")
