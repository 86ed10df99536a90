"""`anyplane witness`: stands in for an upstream and shows what a router really announces to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from anyplane.model.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.table import Table

    from anyplane.bgp.witness import Change, Stand, Witness
    from anyplane.design.operation import Address
    from anyplane.model.nouns import Asn

REFRESH_PER_S = 4
LAST_CHANGES = 8


def witness(
    listen: Annotated[
        list[str], typer.Option("--listen", metavar="ADDRESS:PORT", help="Where to listen; may be repeated.")
    ],
    asn: Annotated[
        list[str],
        typer.Option("--asn", metavar="ASN", help="The upstream's AS number, one for each --listen."),
    ],
    peer: Annotated[
        list[str] | None,
        typer.Option("--peer", metavar="ADDRESS", help="Who may connect; without it, this machine alone."),
    ] = None,
    origin: Annotated[
        str | None, typer.Option("--origin", metavar="ASN", help="The router's AS number; any without it.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option("--for", metavar="SECONDS", min=0, help="End after so long.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line for every change.")] = False,
) -> None:
    """Listen as an upstream would, and show what really leaves the router. No route is ever sent.

    A live table on a terminal, a line for each change in a pipe. Exit code 0 after --for; Ctrl-C ends it.
    """
    import sys

    import anyio

    from anyplane.bgp.witness import Witness

    witnessing = Witness(_stands(listen, asn, peer or [], origin))
    is_live = sys.stdout.isatty() and not as_json
    anyio.run(_watch, witnessing, seconds, is_live, as_json)


async def _watch(witnessing: Witness, seconds: float | None, is_live: bool, as_json: bool) -> None:
    import math

    import anyio

    failure: BaseException | None = None
    try:
        with anyio.move_on_after(math.inf if seconds is None else seconds):
            async with anyio.create_task_group() as group:
                await group.start(witnessing.serve)
                if is_live:
                    await _live(witnessing)
                else:
                    await _lines(witnessing, as_json)
    except BaseExceptionGroup as several:
        # The task group wraps what `serve` says; the user should read that alone.
        failure = several.exceptions[0] if len(several.exceptions) == 1 else several
    if failure is not None:
        raise failure


async def _lines(witnessing: Witness, as_json: bool) -> None:
    import sys

    with witnessing.changes() as changes:
        for stand in witnessing.stands:
            sys.stderr.write(f"listening on {_place(stand)} as AS{stand.asn}\n")
        sys.stderr.flush()
        async for change in changes:
            sys.stdout.write((_as_json(change) if as_json else _as_line(change)) + "\n")
            sys.stdout.flush()


async def _live(witnessing: Witness) -> None:
    from collections import deque

    import anyio
    from rich.console import Group
    from rich.live import Live
    from rich.text import Text

    last: deque[str] = deque(maxlen=LAST_CHANGES)

    async def collect() -> None:
        with witnessing.changes() as changes:
            async for change in changes:
                last.append(_as_line(change))

    def picture() -> Group:
        return Group(as_table(witnessing), *(Text(line, style="dim") for line in last))

    async with anyio.create_task_group() as group:
        group.start_soon(collect)
        with Live(picture(), auto_refresh=False) as live:
            while True:
                # People read it; four times a second is as fast as they do.
                await anyio.sleep(1 / REFRESH_PER_S)
                live.update(picture(), refresh=True)


def as_table(witnessing: Witness) -> Table:
    """Every session and its routes."""
    import time

    from rich.markup import escape
    from rich.table import Table

    table = Table(title="what leaves", title_justify="left")
    for heading in ("upstream", "session", "prefix", "prepend", "MED", "communities", "for"):
        table.add_column(heading, justify="right" if heading in ("prepend", "MED", "for") else "left")
    for stand, session, mine in witnessing.held():
        name = f"AS{stand.asn} {_place(stand)}"
        shown = f"{session.state}: {session.reason}" if session.reason else str(session.state)
        if not mine:
            table.add_row(name, escape(shown), "nothing", "", "", "", "")
        for one in sorted(mine, key=lambda one: (one.route.prefix.version, one.route.prefix)):
            route = one.route
            age = f"{time.monotonic() - one.since:.0f} s"
            communities = " ".join(sorted(route.communities))
            row = (
                name,
                escape(shown),
                str(route.prefix),
                str(route.prepend),
                str(route.med),
                communities,
                age,
            )
            table.add_row(*row)
            name = shown = ""
    return table


def _as_line(change: Change) -> str:
    who = f"AS{change.upstream} {change.neighbor}"
    if change.prefix is None:
        return f"{who}  {change.reason}"
    if change.after is None:
        return f"{who}  - {change.prefix}  {change.reason}"
    route = change.after.route
    path = " ".join(map(str, change.after.as_path))
    parts = [f"{who}  {'+' if change.before is None else '~'} {change.prefix}  path {path}"]
    if route.prepend:
        parts.append(f"prepend {route.prepend}")
    if route.med:
        parts.append(f"MED {route.med}")
    parts += sorted(route.communities)
    return "  ".join(parts)


def _as_json(change: Change) -> str:
    import json

    after = change.after
    return json.dumps(
        {
            "at": round(change.at, 6),
            "neighbor": str(change.neighbor),
            "upstream": change.upstream,
            "prefix": str(change.prefix) if change.prefix else None,
            "event": "session" if change.prefix is None else "withdrawn" if after is None else "announced",
            "as_path": list(after.as_path) if after else None,
            "prepend": after.route.prepend if after else None,
            "med": after.route.med if after else None,
            "communities": sorted(after.route.communities) if after else None,
            "next_hop": after.next_hop if after else None,
            "reason": change.reason,
        }
    )


def _stands(
    listen: Iterable[str], asn: Iterable[str], peer: Iterable[str], origin: str | None
) -> tuple[Stand, ...]:
    from anyplane.bgp.witness import Stand

    places, numbers = [_endpoint(one) for one in listen], [_asn(one) for one in asn]
    if len(numbers) == 1:
        numbers *= len(places)
    if len(numbers) != len(places):
        raise UsageError(
            f"{len(places)} --listen and {len(numbers)} --asn",
            hint="say one --asn for each --listen, or one for all",
        )
    allowed = frozenset(_address(one) for one in peer)
    for host, _ in places:
        if not host.is_loopback and not allowed:
            raise UsageError(
                f"{host} can be reached from outside", hint="say with --peer which router may connect"
            )
    return tuple(
        Stand(
            host=host,
            port=port,
            asn=number,
            neighbor=host,
            peer_asn=_asn(origin) if origin else None,
            allowed=allowed,
        )
        for (host, port), number in zip(places, numbers, strict=True)
    )


def _endpoint(text: str) -> tuple[Address, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or len(port) > 5 or int(port) > 65535:
        raise UsageError(f"{text!r} is no address and port", hint="write 127.0.0.1:1790 or [::1]:1790")
    return _address(host.removeprefix("[").removesuffix("]")), int(port)


def _address(text: str) -> Address:
    from ipaddress import ip_address

    try:
        return ip_address(text)
    except ValueError:
        raise UsageError(f"{text!r} is not an IP address", hint="write 127.0.0.1 or ::1") from None


def _asn(text: str) -> Asn:
    from anyplane.model.nouns import ASN_MAX, Asn

    digits = text.upper().removeprefix("AS")
    if not digits.isdecimal() or len(digits) > 10 or not 0 < int(digits) <= ASN_MAX:
        raise UsageError(f"{text!r} is not an AS number", hint="write 64510")
    return Asn(int(digits))


def _place(stand: Stand) -> str:
    host = f"[{stand.host}]" if stand.host.version == 6 else str(stand.host)
    return f"{host}:{stand.port}"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("witness")(witness)
