"""status: what stands in a lab, as values out of the engine's reply, and the page that shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

NARROW = 80
DEAD_SHOWN = 8
UNKNOWN = "-"
_WORDS = {"full": "announced", "none": "withdrawn"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteStatus:
    """One site. None: nobody could say it.

    word: the agent's own of its announcement (full, drain, none ...). is_announced: what that comes to.
    in_table: do the routers of its upstreams hold its routes? has_server, has_agent, has_daemon: do they run?
    """

    site: str
    node: str
    metro: str
    daemon: str
    word: str | None
    is_announced: bool | None
    in_table: bool | None
    has_server: bool
    has_agent: bool
    has_daemon: bool

    @property
    def is_contradicted(self) -> bool:
        """Do the agent and the routers say different things?"""
        return None not in (self.is_announced, self.in_table) and self.is_announced != self.in_table


@dataclass(frozen=True, slots=True, kw_only=True)
class LabStatus:
    """A lab at one moment. dead: "node label" of processes that ended without being asked to."""

    name: str
    age_s: float
    routers_up: int
    routers: int
    """With the route servers of the exchanges."""
    route_servers: int
    sessions_up: int
    sessions: int
    probers: int
    clients: int
    relay_p50_us: float | None
    relay_p99_us: float | None
    memory_mb: float | None
    processes: int
    dead: tuple[str, ...]
    faults: tuple[str, ...]
    """What was broken on purpose and is not mended, in words."""
    sites: tuple[SiteStatus, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """What is not as it was built, worst first; empty when all stands."""
        found = []
        if self.dead:
            listed = ", ".join(self.dead[:DEAD_SHOWN])
            more = f" and {len(self.dead) - DEAD_SHOWN} more" if len(self.dead) > DEAD_SHOWN else ""
            found.append(f"{several(len(self.dead), 'process', 'processes')} died: {listed}{more}")
        if self.routers_up < self.routers:
            found.append(f"{self.routers - self.routers_up} of {several(self.routers, 'router')} are down")
        if self.sessions_up < self.sessions:
            missing = self.sessions - self.sessions_up
            found.append(f"{missing} of {several(self.sessions, 'BGP session')} are not established")
        for site in self.sites:
            if site.is_contradicted:
                agent, table = ("announced", "lacks") if site.is_announced else ("withdrawn", "holds")
                found.append(f"{site.site}: the agent says {agent}, the upstreams' table {table} it")
        return tuple(found)


def page(found: LabStatus, *, width: int = 100, silent: str = "") -> RenderableType:
    """A verdict, the figures, a row for each site. silent: why the lab does not answer any more."""
    problems = (silent, *found.problems) if silent else found.problems
    parts: list[RenderableType] = [_verdict(found, problems)]
    parts += [Text(f"broken on purpose: {', '.join(found.faults)}", style="cyan")] if found.faults else []
    parts += [Text(""), _figures(found), Text(""), _sites(found.sites, width=width)]
    return Group(*parts)


def labs_page(labs: Sequence[Mapping[str, object]]) -> RenderableType:
    """`lab list`: a row for each."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for heading in ("lab", "routers", "sites", "clients", "up for"):
        table.add_column(heading, justify="left" if heading == "lab" else "right", no_wrap=True)
    for one in labs:
        age = duration(float(str(one["up_for_s"]))) if one["is_up"] else "coming up"
        table.add_row(*(str(one[key]) for key in ("name", "routers", "sites", "clients")), age)
    return table


def _verdict(found: LabStatus, problems: Sequence[str]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    if not problems:
        standing = f"{found.name}: all of it stands, for {duration(found.age_s)}"
        table.add_row(Text("OK", style="bold green"), Text(standing))
    for number, text in enumerate(problems):
        table.add_row(Text("PROBLEM", style="bold red"), Text(text if number else f"{found.name}: {text}"))
    return table


def _figures(found: LabStatus) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    servers = f", {several(found.route_servers, 'route server')} among them" if found.route_servers else ""
    table.add_row("routers", f"{found.routers_up} of {found.routers} up{servers}")
    table.add_row("sessions", f"{found.sessions_up} of {found.sessions} established")
    probing = several(found.probers, "prober") if found.probers else "none is probing"
    table.add_row("clients", f"{several(found.clients, 'client')}, {probing}")
    if found.relay_p50_us is None:
        table.add_row("delays", "none: links are cables without length, or the kernel delays them")
    else:
        worst = "" if found.relay_p99_us is None else f", p99 {found.relay_p99_us:.0f} us"
        table.add_row("delays", f"by relay, late by p50 {found.relay_p50_us:.0f} us{worst}")
    memory = UNKNOWN if found.memory_mb is None else f"{found.memory_mb:,.0f} MB"
    table.add_row("memory", f"{memory} in {several(found.processes, 'process', 'processes')}")
    return table


def _sites(sites: Sequence[SiteStatus], *, width: int) -> Table:
    is_wide = width >= NARROW
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    table.add_column("site", no_wrap=True)
    if is_wide:
        table.add_column("in", no_wrap=True)
        table.add_column("daemon", no_wrap=True)
    table.add_column("agent says", no_wrap=True)
    table.add_column("upstreams hold it" if is_wide else "held", no_wrap=True)
    table.add_column("server", no_wrap=True)
    table.add_column("")
    for site in sites:
        cells: list[Text | str] = [site.site]
        if is_wide:
            cells += [site.metro, site.daemon if site.has_daemon else Text("dead", style="bold red")]
        said = _WORDS.get(site.word or "", site.word or UNKNOWN) if site.has_agent else "agent dead"
        cells.append(
            Text(said, style="green" if site.is_announced else "bold red" if not site.has_agent else "")
        )
        cells.append(_yes(site.in_table))
        cells.append("runs" if site.has_server else Text("dead", style="bold red"))
        cells.append(Text("DIFFERS", style="bold red") if site.is_contradicted else "")
        table.add_row(*cells)
    return table


def _yes(value: bool | None) -> Text:
    if value is None:
        return Text(UNKNOWN)
    return Text("yes", style="green") if value else Text("no")


def several(number: int, noun: str, nouns: str = "") -> str:
    """ "1 client", "7 clients", "2 processes"."""
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"


def duration(seconds: float) -> str:
    """ "12 s", "5 min", "3 h"."""
    for limit, unit, factor in ((120, "s", 1), (7200, "min", 60)):
        if seconds < limit:
            return f"{seconds / factor:.0f} {unit}"
    return f"{seconds / 3600:.0f} h"


def as_plain(found: LabStatus) -> Mapping[str, object]:
    """For `--json`: all fields, and the problems in words."""
    from dataclasses import asdict

    return {**asdict(found), "problems": list(found.problems)}
