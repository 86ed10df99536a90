"""`anyplane playbook`: what each prepared response does to each site's users and to an attack on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from anyplane.cli.answers import HtmlOption, deliver, progress, refuse_both_to_standard_output
from anyplane.cli.attack_options import (
    BOTNET,
    BotsNetworksOption,
    PoisonOption,
    ResumeFile,
    ResumeOption,
    SeedOption,
    attack_of,
    interruptible,
    poisoned,
)
from anyplane.cli.design_file import read_design
from anyplane.cli.output import refuse_overwriting
from anyplane.cli.planning_options import (
    GroupOption,
    InflationOption,
    JsonCommand,
    JsonOption,
    MetrosOption,
    UsersOption,
    load_world,
)
from anyplane.cli.topology_option import CacheOption, TopologyOption, TopologySeedOption

if TYPE_CHECKING:
    from anyplane.planning.attack.sources import Attack


def playbook(
    design: Annotated[str, typer.Argument(metavar="DESIGN", help="A design file, or - for standard input.")],
    site: Annotated[
        str,
        typer.Option("--site", metavar="SITE", help="Only what takes load off this site, and what to type."),
    ] = "",
    sources: Annotated[
        str,
        typer.Option(
            "--sources",
            metavar="FILE|botnet:NAME",
            help="The attack: a CSV `asn,gbps`, or a botnet (see `attack`).",
            show_default="botnet:global, and one of each continent",
        ),
    ] = "",
    bots_networks: BotsNetworksOption = 1000,
    seed: SeedOption = 1,
    topology: TopologyOption = None,
    topology_seed: TopologySeedOption = 1,
    cache: CacheOption = None,
    json_file: JsonOption = None,
    html: HtmlOption = None,
    group: GroupOption = "",
    metros: MetrosOption = True,
    users: UsersOption = None,
    inflation: InflationOption = None,
    poison: PoisonOption = None,
    resume: ResumeOption = None,
    threads: Annotated[int, typer.Option("--threads", min=1, max=64, help="Runs at the same time.")] = 2,
) -> None:
    """Say what each prepared response does to the users and the attack at each site, to look up at night.

    With --html a page to print and keep in the drawer: the whole table, and what to type. Exit code 0; 2: bad
    input; 130: interrupted.
    """
    refuse_both_to_standard_output(json_file=json_file, html=html)
    source_file = sources if sources and not sources.startswith(BOTNET) else None
    refuse_overwriting((design, topology, users, source_file), (json_file, html, resume))
    bad = poisoned(poison)
    parsed = read_design(design)
    # Nobody's announcement is invalid here, so who validates does not matter.
    world = load_world(topology, seed=topology_seed, cache=cache, metros=metros, rov=True, users=users)
    from anyplane.planning.latency import INFLATION, LatencyModel
    from anyplane.planning.playbook import html as page
    from anyplane.planning.playbook import text
    from anyplane.planning.playbook.playbook import playbook as reckon
    from anyplane.planning.playbook.playbook import usual_attacks
    from anyplane.planning.playbook.report import to_json

    attacks: tuple[Attack, ...]
    if sources:
        attacks = (attack_of(world, sources, gbps=1.0, networks=bots_networks, seed=seed),)
    else:
        attacks = usual_attacks(world, networks=bots_networks, seed=seed)
    with interruptible(resume), progress("trying responses") as bar:
        report = reckon(
            parsed,
            world,
            attacks,
            group=group,
            site=site,
            poison=bad,
            seed=seed,
            latency=LatencyModel(inflation=INFLATION if inflation is None else inflation),
            threads=threads,
            resume=None if resume is None else ResumeFile(resume),
            progress=bar,
        )
    deliver(
        text=lambda is_plain, width: text.render(report, is_plain=is_plain, width=width),
        json_text=lambda: to_json(report),
        section=lambda: page.section(report),
        json_file=json_file,
        html=html,
    )


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("playbook", cls=JsonCommand)(playbook)
