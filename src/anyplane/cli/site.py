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

DRAIN_POLL_S = 0.2
JUDGING_S = 2.0


@site_app.command()
def status(
    site: Site = "",
    run_dir: RunDir = RUN_DIR,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Show it anew twice a second.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="A row for each, however many agree.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what is wrong and what to do, then services, announcements, sessions and checks.

    Exit code 0: nothing is wrong; 1: something is (the first line says what); 4: no agent answers.
    """
    from anyplane.agent import client
    from anyplane.cli import site_screen, site_verdict

    path = client.find(run_dir, site)
    if watch:
        site_screen.watch(lambda: client.ask(path, {"do": "status"}), is_whole=everything, as_json=as_json)
    found: Answered = client.ask(path, {"do": "status"})
    listed = site_verdict.findings(found)
    if as_json:
        _print_json({**found, "verdict": site_verdict.as_json(listed)})
    else:
        site_screen.show(found, is_whole=everything)
    if listed[0].word is site_verdict.Word.PROBLEM:
        raise typer.Exit(1)


@site_app.command()
def explain(
    service: Service = "", site: Site = "", run_dir: RunDir = RUN_DIR, as_json: AsJson = False
) -> None:
    """Say why each service is announced or not, what the guard thinks of it, and what comes next."""
    from anyplane.agent import client
    from anyplane.cli import site_reasons
    from anyplane.cli.streams import write_utf8

    found: Answered = client.ask(client.find(run_dir, site), {"do": "status"})
    meant = [one for one in found["services"] if service in ("", one["service"], one["group"])]
    _known(service, meant, found)
    if as_json:
        checks = {check for one in meant for check in one["checks"]}
        _print_json(
            {
                "site": found["site"],
                "services": meant,
                "checks": [one for one in found["checks"] if one["check"] in checks],
                "fleet": found["fleet"],
            }
        )
    else:
        write_utf8(site_reasons.explained(found, meant))


@site_app.command()
def drain(
    service: Service = "",
    wait: Annotated[
        str, typer.Option("--wait", metavar="TIME", help="Watch for so long at most; 0: not at all.")
    ] = "10 min",
    force: Force = False,
    site: Site = "",
    run_dir: RunDir = RUN_DIR,
    as_json: AsJson = False,
) -> None:
    """Take a service off this site: GRACEFUL_SHUTDOWN and prepends first, then the withdrawal.

    Exit code 0: it is drained, and the daemon's table shows it; 1: a guard refused, or it took too long.
    """
    import time

    from anyplane.agent import client
    from anyplane.cli import site_reasons

    wait_s = _seconds(wait, "--wait")
    path = client.find(run_dir, site)
    before: Answered = client.ask(path, {"do": "status"})
    began = time.monotonic()
    reply: Answered = client.ask(path, {"do": "drain", "service": service, "force": force})
    _warn(reply)
    meant = frozenset(reply["services"])
    said: dict[str, str] = {}
    while True:
        found: Answered = client.ask(path, {"do": "status"})
        lines, is_done, is_refused = site_reasons.draining(found, meant)
        waited = time.monotonic() - began
        # What the guard says comes with the agent's next turn; before that there is nothing to tell.
        is_judged = is_done or site_reasons.is_judged(found, meant) or waited >= JUDGING_S
        for key, line in lines.items():
            if is_judged and said.get(key) != line:
                said[key] = line
                if not as_json:
                    typer.echo(f"{key}: {line}")
        is_frozen = not is_done and bool(found["orders"]["is_frozen"])
        if is_judged and (is_refused or is_done or is_frozen or waited >= wait_s):
            break
        time.sleep(DRAIN_POLL_S)
    if is_refused:
        # Only what this order began: a service that was being drained before stays so.
        for key in sorted(meant - frozenset(before["orders"]["drained"])):
            client.ask(path, {"do": "undrain", "service": key})
        typer.echo("the order is taken back; --force drains without asking the guard", err=True)
    elif is_frozen:
        typer.echo("the site is frozen: the drain begins with `anyplane site thaw`", err=True)
    elif not is_done and wait_s:
        typer.echo(f"it is not drained after {wait}; the order stands", err=True)
    if as_json:
        word = "refused" if is_refused else "drained" if is_done else "frozen" if is_frozen else "draining"
        _print_json({"services": sorted(meant), "outcome": word, "said": said})
    if is_refused or is_frozen or (wait_s and not is_done):
        raise typer.Exit(1)


@site_app.command()
def undrain(
    service: Service = "", site: Site = "", run_dir: RunDir = RUN_DIR, as_json: AsJson = False
) -> None:
    """End a drain: the service is announced again as soon as its checks allow it."""
    from anyplane.agent import client

    path = client.find(run_dir, site)
    before: Answered = client.ask(path, {"do": "status"})
    reply: Answered = client.ask(path, {"do": "undrain", "service": service})
    ended = sorted(frozenset(reply["services"]) & frozenset(before["orders"]["drained"]))
    _said(
        reply,
        f"{_some(ended)}: drained no more; its checks decide" if ended else "nothing was drained",
        as_json=as_json,
    )


@site_app.command()
def freeze(site: Site = "", run_dir: RunDir = RUN_DIR, as_json: AsJson = False) -> None:
    """Keep everything announced as it is, whatever the checks say, until `thaw`."""
    reply = _order({"do": "freeze"}, site, run_dir)
    _said(reply, "frozen: what is announced stays so, whatever the checks say, until `thaw`", as_json=as_json)


@site_app.command()
def thaw(site: Site = "", run_dir: RunDir = RUN_DIR, as_json: AsJson = False) -> None:
    """End a freeze: the checks decide again."""
    _said(_order({"do": "thaw"}, site, run_dir), "thawed: the checks decide again", as_json=as_json)


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
    as_json: AsJson = False,
) -> None:
    """Ask the upstreams to drop all traffic to one address of ours (RFC 7999), for a while.

    Exit code 0: the daemon's table shows it; 1: the order stands, but the table does not show it.
    """
    from anyplane.cli import site_orders
    from anyplane.model.errors import UsageError

    if action not in ("add", "del"):
        raise UsageError(f"blackhole {action}: say add or del")
    if action == "add" and not lasting:
        raise UsageError("a blackhole needs an end", hint="say --for 1h (24 h at most)")
    request: dict[str, object] = {"do": "blackhole", "action": action, "host": host, "force": force}
    if lasting:
        request["for_s"] = _seconds(lasting, "--for")
    reply = _order(request, site, run_dir)
    text, is_seen = site_orders.blackholed(_path(site, run_dir), host, is_wanted=action == "add")
    _said({**reply, "is_seen": is_seen}, text, as_json=as_json)
    if not is_seen:
        raise typer.Exit(1)


@site_app.command()
def upgrade(site: Site = "", run_dir: RunDir = RUN_DIR, as_json: AsJson = False) -> None:
    """Let the agent replace itself by the program that is installed now, without a withdrawal."""
    from anyplane.cli import site_orders

    path = _path(site, run_dir)
    after = site_orders.upgraded(path, on_reply=_warn)
    if refused := after["alarms"].get("upgrade", ""):
        _said({"site": after["site"], "refused": refused}, f"{after['site']}: {refused}", as_json=as_json)
        raise typer.Exit(1)
    running = f"{after['running_s']:.1f}"
    _said(
        {"site": after["site"], "version": after["version"], "running_s": after["running_s"]},
        f"{after['site']}: version {after['version']} runs, for {running} s",
        as_json=as_json,
    )


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
    from anyplane.cli import site_reasons
    from anyplane.cli.streams import write_utf8
    from anyplane.model.errors import DataError

    path = _journal(state_dir, site)
    try:
        facts = read(path, since=time.time() - _seconds(since, "--since"), limit=limit)
    except (sqlite3.Error, OSError) as error:
        raise DataError(str(path), f"the journal cannot be read: {error}") from None
    if as_json:
        _print_json({"facts": [site_reasons.fact_as_json(one) for one in facts]})
    else:
        write_utf8(site_reasons.told(facts))


def _journal(state_dir: Path, site: str) -> Path:
    from anyplane.model.errors import UsageError

    found = sorted(state_dir.glob("*.journal.sqlite")) if not site else [state_dir / f"{site}.journal.sqlite"]
    if len(found) > 1:
        names = ", ".join(one.name.removesuffix(".journal.sqlite") for one in found)
        raise UsageError(f"several sites have a journal here: {names}", hint="say which with --site")
    if not found or not found[0].exists():
        there = sorted(one.name.removesuffix(".journal.sqlite") for one in state_dir.glob("*.journal.sqlite"))
        hint = f"there is one of {', '.join(there)}" if there else "say --state-dir, as for the agent"
        raise UsageError(f"there is no journal{f' of {site}' if site else ''} in {state_dir}", hint=hint)
    return found[0]


def _path(site: str, run_dir: Path) -> Path:
    from anyplane.agent import client

    return client.find(run_dir, site)


def _order(request: dict[str, object], site: str, run_dir: Path) -> Answered:
    from anyplane.agent import client

    return client.ask(_path(site, run_dir), request)


def _said(reply: Answered, text: str, *, as_json: bool) -> None:
    _warn(reply)
    if as_json:
        _print_json({key: value for key, value in reply.items() if key not in ("v", "ok")})
    else:
        typer.echo(text)


def _some(names: list[str]) -> str:
    from anyplane.cli.site_verdict import some

    return some(names, what="services")


def _warn(reply: Answered) -> None:
    if reply.get("warning"):
        typer.echo(f"warning: {reply['warning']}", err=True)


def _known(service: str, meant: list[Answered], found: Answered) -> None:
    import difflib

    from anyplane.model.errors import UsageError

    if not meant:
        names = [one["service"] for one in found["services"]]
        near = difflib.get_close_matches(service, [*names, *(one["group"] for one in found["services"])], n=1)
        hint = f"did you mean {near[0]}?" if near else f"it has {_some(names)}"
        raise UsageError(f"there is no service {service} at {found['site']}", hint=hint)


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
