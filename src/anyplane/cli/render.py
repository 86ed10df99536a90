"""`anyplane render`: the whole configuration of a site's router, in the language of its daemon."""

from __future__ import annotations

from typing import Annotated

import typer

from anyplane.cli.design_file import read_design
from anyplane.cli.output import refuse_overwriting, write


def render(
    design: Annotated[str, typer.Argument(metavar="DESIGN", help="A design file, or - for standard input.")],
    site: Annotated[str, typer.Option("--site", metavar="NAME", help="Which of its sites.")],
    daemon: Annotated[
        str,
        typer.Option(
            "--daemon", metavar="KIND", help="bird, frr, gobgp, openbgpd or exabgp; else the site's own."
        ),
    ] = "",
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="Write to FILE instead of standard output.")
    ] = "-",
) -> None:
    """Print the router configuration of a site, commented, for its own or another daemon."""
    from dataclasses import replace

    from anyplane.bgp import speakers
    from anyplane.bgp.router import router_plan
    from anyplane.design.operation import DaemonKind
    from anyplane.model.errors import UsageError

    refuse_overwriting((design,), (output,))
    plan = router_plan(read_design(design), site)
    kinds = [str(one) for one in DaemonKind if one is not DaemonKind.MEMORY]
    kind = daemon or str(plan.daemon.kind)
    if kind not in kinds:
        raise UsageError(
            f"there is no configuration for the daemon {kind}", hint=f"there is {', '.join(kinds)}"
        )
    write(output, speakers.render(replace(plan, daemon=replace(plan.daemon, kind=DaemonKind(kind)))))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("render")(render)
