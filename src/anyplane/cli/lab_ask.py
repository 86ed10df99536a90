"""`anyplane lab dig`, `trace` and `catchment`: what a user of the lab sees, and the plan's word beside it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from anyplane.cli import lab_options
from anyplane.cli.lab_options import AsJson, Lab
from anyplane.cli.output import write
from anyplane.cli.planning_options import JsonOption
from anyplane.model.errors import UsageError

if TYPE_CHECKING:
    from anyplane.lab.blueprint import Node
    from anyplane.lab.faces.catchment import Comparison, Expected
    from anyplane.lab.faces.standing import Standing, Target
    from anyplane.lab.probes.asking import Outcome

WATCH_S = 1.0
From = Annotated[
    str,
    typer.Argument(metavar="FROM", help="A node, the start of its name, a site, a metro or a city: lisbon."),
]
Six = Annotated[bool, typer.Option("-6", "--v6", help="Over IPv6.")]
At = Annotated[
    str, typer.Option("--at", metavar="ADDRESS", help="Which service address; else the design's first.")
]


def dig(
    source: From,
    question: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME [TYPE]]", help="Else id.server TXT, class CHAOS.")
    ] = None,
    v6: Six = False,
    at: At = "",
    lab: Lab = "",
    as_json: AsJson = False,
) -> None:
    """Ask a service address from a node: which site answers, how fast, and what the plan says.

    Exit code 0: it is the site that the plan says; 1: it is not, or nobody answered.
    """
    words = question or ["id.server", "TXT"]
    if len(words) > 2:
        raise UsageError(f"{' '.join(words)} is more than a name and a type")
    name, record = words[0], (words[1] if len(words) == 2 else "A").upper()
    if words[0].lower() in ("id.server", "hostname.bind", "version.bind") and len(words) == 1:
        record = "TXT"
    with lab_options.standing(lab) as here:
        from anyplane.lab.faces.route_text import answered
        from anyplane.lab.probes.asking import CHAOS_NAMES

        node, target, planned = _meant(here, source, v6=v6, at=at)
        (found,) = here.ask([here.errand(node, target, name=name, record=record)])
        site = _site(found, is_told=name.lower() in CHAOS_NAMES[:1])
        if as_json:
            lab_options.show_json({**_plain(node, target, found, planned), "site": site or None})
        else:
            page = answered(
                node,
                address=target.address,
                question=f"{name} {record}",
                texts=found.texts,
                nsid=found.nsid,
                rtt_ms=found.rtt_ms,
                error=found.error or ("" if found.rcode in ("NOERROR", "") else found.rcode),
                planned=planned,
            )
            lab_options.show(page)
        if not site or (planned is not None and site != planned.site):
            raise typer.Exit(1)


def trace(source: From, v6: Six = False, at: At = "", lab: Lab = "", as_json: AsJson = False) -> None:
    """Show the way of a client's packets to the site, hop by hop, and the plan's way beside it."""
    with lab_options.standing(lab) as here:
        from anyplane.lab.faces.route_text import as_path, trace_page

        node, target, planned = _meant(here, source, v6=v6, at=at)
        site, way = here.trace(node, target)
        if as_json:
            hops = [
                {
                    "ttl": one.ttl,
                    "address": one.address or None,
                    "node": one.node.name if one.node else None,
                    "asn": int(one.node.asn) if one.node else None,
                    "metro": one.node.location.metro if one.node else None,
                    "rtt_ms": one.rtt_ms,
                }
                for one in way
            ]
            plain = {**_asked(node, target, planned), "site": site or None, "hops": hops}
            lab_options.show_json({**plain, "as_path": list(as_path(node, way))})
        else:
            lab_options.show(
                trace_page(
                    node,
                    address=target.address,
                    site=site,
                    found=way,
                    planned=planned,
                    width=lab_options.width(),
                )
            )


def catchment(
    json_file: JsonOption = None,
    v6: Six = False,
    at: At = "",
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Ask anew each second until Ctrl-C.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="A row for each client, however many.")] = False,
    as_diff: Annotated[
        bool, typer.Option("--diff", help="Say who moves from plan to lab, as `anyplane diff` does.")
    ] = False,
    lab: Lab = "",
) -> None:
    """Ask every client which site answers it, and compare with the plan.

    Exit code 0: each reaches the site that the plan says; 1: one does not.
    """
    if as_diff and (watch or everything):
        raise UsageError("--diff is one page of its own", hint="leave out --watch and --all")
    with lab_options.standing(lab) as here:
        from anyplane.lab.faces.catchment import as_plain
        from anyplane.lab.faces.catchment_text import page
        from anyplane.lab.faces.standing import target_of

        target = target_of(here.targets, family=_family(here, v6=v6), address=at)
        if as_diff:
            _show_difference(here, target, json_file)
            return
        found = _compared(here, target)
        if json_file is not None:
            import json

            write(json_file, json.dumps(as_plain(found), indent=2, ensure_ascii=False) + "\n")
        else:
            lab_options.show(page(found, width=lab_options.width(), is_whole=everything))
        while watch:
            time.sleep(WATCH_S)
            found = _compared(here, target)
            lab_options.show(page(found, width=lab_options.width(), is_whole=everything))
        if found.differing:
            raise typer.Exit(1)


def _show_difference(here: Standing, target: Target, json_file: str | None) -> None:
    """Exit code 1 where somebody moves."""
    from anyplane import design
    from anyplane.datasets import cache
    from anyplane.lab.faces.against_plan import difference
    from anyplane.lab.faces.standing import DESIGN, TOPOLOGY

    found = difference(
        design.parse((here.lab.directory / DESIGN).read_text(encoding="utf-8"), file=DESIGN),
        cache.read(here.lab.directory / TOPOLOGY),
        here.blueprint,
        prefix=target.prefix,
        planned=here.expected(target.prefix),
        answers=here.answers(target),
    )
    if json_file is not None:
        from anyplane.planning import jsonform

        write(json_file, jsonform.render(jsonform.to_plain(found)))
    else:
        from anyplane.planning.difference_text import render

        lab_options.show(render(found))
    if found.has_moves:
        raise typer.Exit(1)


def _compared(here: Standing, target: Target) -> Comparison:
    from anyplane.lab.faces.catchment import compared

    return compared(
        here.blueprint,
        prefix=target.prefix,
        address=target.address,
        planned=here.expected(target.prefix),
        answers=here.answers(target),
    )


def _meant(here: Standing, word: str, *, v6: bool, at: str) -> tuple[Node, Target, Expected | None]:
    from anyplane.lab.faces.names import client_named
    from anyplane.lab.faces.standing import target_of

    node = client_named(here.blueprint, word, cities=lab_options.cities())
    target = target_of(here.targets, family=_family(here, v6=v6), address=at)
    return node, target, here.expected(target.prefix).get(node.name)


def _family(here: Standing, *, v6: bool) -> int:
    families = here.blueprint.families
    return 6 if v6 or 4 not in families else 4


def _site(found: Outcome, *, is_told: bool) -> str:
    """The site that an outcome names: in its answer where id.server was asked, else as its NSID."""
    word = (found.texts[0] if found.texts else "") if is_told else found.nsid
    return word.partition("/")[0]


def _plain(node: Node, target: Target, found: Outcome, planned: Expected | None) -> dict[str, object]:
    return {
        **_asked(node, target, planned),
        "rcode": found.rcode or None,
        "answers": list(found.texts),
        "nsid": found.nsid or None,
        "rtt_ms": found.rtt_ms,
        "error": found.error or None,
    }


def _asked(node: Node, target: Target, planned: Expected | None) -> dict[str, object]:
    said = (
        {
            "site": planned.site or None,
            "rtt_ms": planned.rtt_ms,
            "as_path": list(planned.as_path),
            "metros": list(planned.metros),
        }
        if planned is not None
        else None
    )
    return {"from": node.name, "address": target.address, "prefix": target.prefix, "planned": said}
