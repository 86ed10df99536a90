"""`anyplane agent`: the loop of one site, which keeps a BGP daemon announcing exactly what is healthy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anyplane.agent.settings import METRICS, RUN_DIR, STATE_DIR, LogFormat, Settings


def agent(
    design: Annotated[str, typer.Argument(metavar="DESIGN", help="The design file.")],
    site: Annotated[str, typer.Option("--site", metavar="NAME", help="Which of its sites this is.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check, decide and say; touch nothing.")] = False,
    state_dir: Annotated[
        Path, typer.Option("--state-dir", metavar="DIR", help="Journal, orders, accepted design.")
    ] = STATE_DIR,
    run_dir: Annotated[
        Path, typer.Option("--run-dir", metavar="DIR", help="Control socket and what a reboot ends.")
    ] = RUN_DIR,
    metrics: Annotated[
        str, typer.Option("--metrics", metavar="ADDR:PORT", help="Where Prometheus reads; '' for nowhere.")
    ] = METRICS,
    group: Annotated[
        str, typer.Option("--group", metavar="NAME", help="The Unix group that may give orders.")
    ] = "",
    log_format: Annotated[
        LogFormat, typer.Option("--log-format", help="How a line of the log is written.")
    ] = LogFormat.TEXT,
    panic_withdraw: Annotated[
        bool, typer.Option("--panic-withdraw", help="Withdraw everything of ours at once, and end.")
    ] = False,
    unless_leased: Annotated[
        bool, typer.Option("--unless-leased", help="With --panic-withdraw: leave to the lease what it ends.")
    ] = False,
    rehearse: Annotated[
        bool, typer.Option("--rehearse", hidden=True, help="Could this program take over? Touch nothing.")
    ] = False,
) -> None:
    """Run a site: check its services and keep its BGP daemon announcing exactly what is healthy.

    Exit code 0: told to stop, and everything was seen to be withdrawn; 2: it cannot begin; 4: the withdrawal
    was not seen, or the daemon or the machine refused.
    """
    import os

    from anyplane.model.errors import UsageError

    if design == "-":
        raise UsageError("an agent needs a file that it can read again", hint="name the design file")
    settings = Settings(
        design=Path(design).absolute(),
        site=site,
        state_dir=state_dir.absolute(),
        run_dir=run_dir.absolute(),
        metrics=metrics,
        log_format=log_format,
        group=group,
        is_dry_run=dry_run,
        is_traced=_wants_traces(os.environ.get("OTEL_TRACES_EXPORTER", "none"))
        or "OTEL_EXPORTER_OTLP_ENDPOINT" in os.environ,
    )
    if not site or "/" in site or "\0" in site:
        raise UsageError(f"{site!r} is not the name of a site")
    if panic_withdraw:
        from anyplane.agent import panic

        typer.echo(f"{site}: {panic.panic_withdraw(settings, is_sparing=unless_leased)}", err=True)
        return
    from anyplane.agent.run import rehearse as rehearsed
    from anyplane.agent.run import run

    if rehearse:
        rehearsed(settings)
        return
    code = run(settings, os.environ)
    if code:
        raise typer.Exit(code)


def _wants_traces(exporter: str) -> bool:
    return exporter not in ("", "none")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("agent")(agent)
