"""`anyplane site ...`: look at a running agent and give it orders, over its socket."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from anyplane.agent.settings import RUN_DIR, STATE_DIR

site_app = typer.Typer(help="Look at a site's agent and give it orders.", no_args_is_help=True)

Site = Annotated[str, typer.Option("--site", metavar="NAME", help="Which agent; not needed where one runs.")]
RunDir = Annotated[Path, typer.Option("--run-dir", metavar="DIR", help="Where the agent's socket is.")]
StateDir = Annotated[Path, typer.Option("--state-dir", metavar="DIR", help="Where the agent's journal is.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Service = Annotated[str, typer.Argument(metavar="[SERVICE]", help="A service or a group; else all of them.")]
Force = Annotated[bool, typer.Option("--force", help="Do it although a guard says no.")]
Answered = dict[str, Any]  # what came over the socket

WATCH_S = 0.5
DRAIN_POLL_S = 0.2


@site_app.command()
def status(
    site: Site = "",
    run_dir: RunDir = RUN_DIR,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Show it anew twice a second.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show services, announcements, sessions and checks.

    Exit code 0: nothing is wrong; 1: an alarm stands; 4: no agent answers.
    """
    import time

    from rich.console import Console
    from rich.live import Live

    from anyplane.agent import client
    from anyplane.cli import site_text
    from anyplane.cli.streams import write_utf8

    path = client.find(run_dir, site)
    found: Answered = client.ask(path, {"do": "status"})
    if as_json:
        _print_json(found)
    elif not watch:
        write_utf8(site_text.plain(found))
    else:
        with Live(site_text.page(found), console=Console(), auto_refresh=False, screen=False) as live:
            while True:
                live.update(site_text.page(found), refresh=True)
                time.sleep(WATCH_S)
                found = client.ask(path, {"do": "status"})
    if found["alarms"]:
        raise typer.Exit(1)


@site_app.command()
def explain(
    service: Service = "", site: Site = "", run_dir: RunDir = RUN_DIR, as_json: AsJson = False
) -> None:
    """Say why each service is in the state it is in."""
    from anyplane.agent import client
    from anyplane.cli import site_text
    from anyplane.cli.streams import write_utf8

    found: Answered = client.ask(client.find(run_dir, site), {"do": "status"})
    meant = [one for one in found["services"] if service in ("", one["service"], one["group"])]
    _known(service, meant, found)
    if as_json:
        _print_json({"services": meant})
    else:
        write_utf8(site_text.explained(found, meant))


@site_app.command()
def drain(
    service: Service = "",
    wait: Annotated[
        str, typer.Option("--wait", metavar="TIME", help="Watch for so long at most; 0 s: not at all.")
    ] = "10 min",
    force: Force = False,
    site: Site = "",
    run_dir: RunDir = RUN_DIR,
) -> None:
    """Take a service off this site: GRACEFUL_SHUTDOWN and prepends first, then the withdrawal.

    Exit code 0: it is drained, and the daemon's table shows it; 1: a guard refused, or it took too long.
    """
    import time

    from anyplane.agent import client
    from anyplane.cli import site_text

    path = client.find(run_dir, site)
    until = time.monotonic() + _seconds(wait, "--wait")
    reply: Answered = client.ask(path, {"do": "drain", "service": service, "force": force})
    _warn(reply)
    said: dict[str, str] = {}
    while True:
        found: Answered = client.ask(path, {"do": "status"})
        lines, is_done, refused = site_text.draining(found, frozenset(reply["services"]))
        for key, line in lines.items():
            if said.get(key) != line:
                said[key] = line
                typer.echo(f"{key}: {line}")
        if refused:
            client.ask(path, {"do": "undrain", "service": service})
            typer.echo("the order is taken back; --force drains without asking", err=True)
            raise typer.Exit(1)
        if is_done:
            return
        if time.monotonic() >= until:
            if _seconds(wait, "--wait"):
                typer.echo("it is still draining; the order stands", err=True)
                raise typer.Exit(1)
            return
        time.sleep(DRAIN_POLL_S)


@site_app.command()
def undrain(service: Service = "", site: Site = "", run_dir: RunDir = RUN_DIR) -> None:
    """End a drain: the service is announced again as soon as its checks allow it."""
    _order({"do": "undrain", "service": service}, site, run_dir)


@site_app.command()
def freeze(site: Site = "", run_dir: RunDir = RUN_DIR) -> None:
    """Keep everything announced as it is, whatever the checks say, until `thaw`."""
    _order({"do": "freeze"}, site, run_dir)


@site_app.command()
def thaw(site: Site = "", run_dir: RunDir = RUN_DIR) -> None:
    """End a freeze: the checks decide again."""
    _order({"do": "thaw"}, site, run_dir)


@site_app.command()
def blackhole(
    action: Annotated[str, typer.Argument(metavar="add|del", help="Begin or end it.")],
    host: Annotated[str, typer.Argument(metavar="HOST", help="One address of ours.")],
    lasting: Annotated[
        str, typer.Option("--for", metavar="TIME", help="How long, at most 24 h; add needs it.")
    ] = "",
    force: Force = False,
    site: Site = "",
    run_dir: RunDir = RUN_DIR,
) -> None:
    """Ask the upstreams to drop all traffic to one address of ours (RFC 7999), for a while."""
    from anyplane.model.errors import UsageError

    if action not in ("add", "del"):
        raise UsageError(f"blackhole {action}: say add or del")
    if action == "add" and not lasting:
        raise UsageError("a blackhole needs an end", hint="say --for 1h (24 h at most)")
    request: dict[str, object] = {"do": "blackhole", "action": action, "host": host, "force": force}
    if lasting:
        request["for_s"] = _seconds(lasting, "--for")
    _order(request, site, run_dir)


@site_app.command()
def upgrade(site: Site = "", run_dir: RunDir = RUN_DIR) -> None:
    """Let the agent replace itself by the program that is installed now, without a withdrawal."""
    import time

    from anyplane.agent import client
    from anyplane.model.errors import AgentUnreachable

    path = client.find(run_dir, site)
    before: Answered = client.ask(path, {"do": "status"})
    reply: Answered = client.ask(path, {"do": "upgrade"})
    _warn(reply)
    until = time.monotonic() + 10.0
    while time.monotonic() < until:
        time.sleep(DRAIN_POLL_S)
        try:
            after: Answered = client.ask(path, {"do": "status"})
        except AgentUnreachable:
            continue
        if after["running_s"] < before["running_s"]:
            typer.echo(f"{after['site']}: version {after['version']} runs, for {after['running_s']:.1f} s")
            return
    raise AgentUnreachable("the agent did not come back within 10 s", hint="journalctl -u 'anyplane-agent@*'")


@site_app.command()
def history(
    since: Annotated[str, typer.Option("--since", metavar="TIME", help="How far back.")] = "24 h",
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="The newest so many.")] = 1000,
    site: Site = "",
    state_dir: StateDir = STATE_DIR,
    as_json: AsJson = False,
) -> None:
    """Show the journal: decisions, orders, alarms, what was wanted and seen. Works without an agent."""
    import sqlite3
    import time

    from anyplane.agent.journal import history as read
    from anyplane.cli import site_text
    from anyplane.cli.streams import write_utf8
    from anyplane.model.errors import DataError

    path = _journal(state_dir, site)
    try:
        facts = read(path, since=time.time() - _seconds(since, "--since"), limit=limit)
    except (sqlite3.Error, OSError) as error:
        raise DataError(str(path), f"the journal cannot be read: {error}") from None
    if as_json:
        _print_json({"facts": [site_text.fact_as_json(one) for one in facts]})
    else:
        write_utf8(site_text.told(facts))


def _journal(state_dir: Path, site: str) -> Path:
    from anyplane.model.errors import UsageError

    found = sorted(state_dir.glob("*.journal.sqlite")) if not site else [state_dir / f"{site}.journal.sqlite"]
    if len(found) > 1:
        names = ", ".join(one.name.removesuffix(".journal.sqlite") for one in found)
        raise UsageError(f"several sites have a journal here: {names}", hint="say which with --site")
    if not found or not found[0].exists():
        raise UsageError(f"there is no journal in {state_dir}", hint="say --state-dir, as for the agent")
    return found[0]


def _order(request: dict[str, object], site: str, run_dir: Path) -> None:
    from anyplane.agent import client

    reply: Answered = client.ask(client.find(run_dir, site), request)
    _warn(reply)
    typer.echo("the order stands")


def _warn(reply: Answered) -> None:
    if reply.get("warning"):
        typer.echo(f"warning: {reply['warning']}", err=True)


def _known(service: str, meant: list[Answered], found: Answered) -> None:
    from anyplane.model.errors import UsageError

    if not meant:
        names = ", ".join(one["service"] for one in found["services"])
        raise UsageError(f"there is no service {service} at {found['site']}", hint=f"it has {names}")


def _seconds(text: str, option: str) -> float:
    from anyplane.cli.duration import seconds

    return seconds(text, option=option)


def _print_json(found: Answered) -> None:
    import json

    from anyplane.cli.streams import write_utf8

    write_utf8(json.dumps(found, indent=2, ensure_ascii=False) + "\n")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(site_app, name="site")
