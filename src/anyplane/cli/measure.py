"""`anyplane measure`: observations of catchments: import those of others, and look at what there is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anyplane.cli.planning_options import print_text

_app = typer.Typer(no_args_is_help=True, help="Which site answers which network, as it was measured.")
_SITE_OF = "How a path tells its site"


def register(app: typer.Typer) -> None:
    """Add the command group `measure`."""
    app.add_typer(_app, name="measure")


@_app.command("import")
def import_(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files, or folders of experiments.")],
    into: Annotated[
        Path, typer.Option("--into", metavar="PARQUET", help="Where they are kept; what is there stays.")
    ],
    format_: Annotated[
        str,
        typer.Option(
            "--format", help="auto, peering, atlas-dns, mrt, manycastr, verfploeter or csv; auto looks."
        ),
    ] = "auto",
    announced: Annotated[
        str,
        typer.Option(
            metavar="SITE,SITE",
            help="The sites that announced the prefix meanwhile.",
            show_default="the design's, else those that answered",
        ),
    ] = "",
    prepend: Annotated[
        list[str] | None,
        typer.Option(metavar="SITE=N", help="More ASNs at a site, or at SITE>ASN; may be given again."),
    ] = None,
    prefix: Annotated[
        str, typer.Option(metavar="PREFIX", help="The anycast prefix; for MRT, which routes are read.")
    ] = "",
    design: Annotated[
        str | None,
        typer.Option(metavar="DESIGN", help="A design: its sites, prefix, upstreams and prepends."),
    ] = None,
    sites: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN=SITE|FILE", help="What servers or workers call themselves -> site."),
    ] = None,
    probes: Annotated[
        Path | None, typer.Option(metavar="FILE", help="RIPE Atlas probes and their networks.")
    ] = None,
    pfx2as: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Prefixes and their networks: CAIDA's pfx2as, or an MRT table."),
    ] = None,
    target: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Only answers from this address (atlas-dns).")
    ] = "",
    method: Annotated[
        str,
        typer.Option(
            metavar="METHOD",
            help="ping, atlas, dns, paths, http or other (csv, manycastr).",
            show_default="by format",
        ),
    ] = "",
    kind: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND", help="Only these files of experiments: ping, atlas, collectors, ..."),
    ] = None,
    only: Annotated[str, typer.Option(metavar="N,N", help="Only these experiments (peering).")] = "",
    origin: Annotated[
        int | None, typer.Option(metavar="ASN", help="Who announces the prefix.", rich_help_panel=_SITE_OF)
    ] = None,
    upstream: Annotated[
        list[str] | None,
        typer.Option(metavar="SITE=ASN,ASN", help="Neighbours of a site.", rich_help_panel=_SITE_OF),
    ] = None,
    site_of_asn: Annotated[
        list[str] | None,
        typer.Option(metavar="ASN=SITE", help="An ASN that one site puts in.", rich_help_panel=_SITE_OF),
    ] = None,
    site_of_community: Annotated[
        list[str] | None,
        typer.Option(metavar="COMMUNITY=SITE", help="One that a site adds.", rich_help_panel=_SITE_OF),
    ] = None,
) -> None:
    """Turn measurements of catchments into one table, and add it to a Parquet file.

    The same file imported twice adds nothing. Every row that could not be used is counted, with the reason.
    """
    from anyplane.cli.measure_files import Order, read
    from anyplane.cli.measure_tables import imported
    from anyplane.cli.output import refuse_overwriting
    from anyplane.cli.topology_option import steps
    from anyplane.measure.observations import append_observations
    from anyplane.model.observations import Observations

    refuse_overwriting((*files, probes, pfx2as, design), (into,))
    order = Order(
        format=format_,
        announced=announced,
        prepends=tuple(prepend or ()),
        prefix=prefix,
        design=design,
        sites=tuple(sites or ()),
        probes=probes,
        pfx2as=pfx2as,
        target=target,
        method=method,
        kinds=tuple(kind or ()),
        only=only,
        origin=origin,
        upstreams=tuple(upstream or ()),
        markers=tuple(site_of_asn or ()),
        communities=tuple(site_of_community or ()),
    )
    with steps() as step:
        readings = read(files, order, step=step)
        step(f"writing {into}")
        new = Observations.merge(*(reading.observations for reading in readings))
        whole = append_observations(into, new)
    print_text(lambda _plain, _width: imported(readings, new))
    typer.echo(f"{into}: {len(whole):,} observations of {len(whole.announced):,} announcement sets")


@_app.command()
def show(
    file: Annotated[Path, typer.Argument(metavar="PARQUET", help="A file of `anyplane measure import`.")],
    as_json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
) -> None:
    """Show what was observed while what was announced, and how far the methods agree."""
    from anyplane.cli.measure_tables import as_plain, shown
    from anyplane.cli.streams import write_utf8
    from anyplane.measure.observations import read_observations

    observations = read_observations(file)
    if as_json:
        import json

        write_utf8(json.dumps(as_plain(observations), indent=2, ensure_ascii=False) + "\n")
        return
    print_text(lambda _plain, _width: shown(observations))
