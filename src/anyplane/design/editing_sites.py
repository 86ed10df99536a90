"""with_sites: the text of a design with more sites at the end of `sites:`, all else as it was written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from anyplane.design import places, quantities
from anyplane.design.design import Design, Site, Upstream
from anyplane.design.document import Value
from anyplane.design.editing import alike
from anyplane.design.editing_places import (
    Kind,
    Node,
    column,
    line_break,
    line_end,
    line_start,
    located,
    next_line,
)
from anyplane.design.editing_surgery import Cut, applied, next_sign, written
from anyplane.design.reading import parse
from anyplane.model.errors import DesignError, UsageError
from anyplane.model.nouns import Asn, SiteName, UpstreamKind


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSite:
    """A site to be written into a design: its metro's code and its upstreams, announced to plainly.

    announce: the groups that it announces; () for all. capacity: as written in a design, "" for none said.
    comment: one line, written above it.
    """

    name: str
    metro: str
    upstreams: tuple[tuple[Asn, UpstreamKind], ...]
    announce: tuple[str, ...] = ()
    capacity: str = ""
    comment: str = ""


def free_name(design: Design, metro: str) -> str:
    """A name for a site in this metro that no site has: "ist", else "ist-2", ..."""
    taken, stem, number = {str(site.name) for site in design.sites}, metro.lower(), 1
    while (name := stem if number == 1 else f"{stem}-{number}") in taken:
        number += 1
    return name


def site_line(site: NewSite) -> str:
    """The site as one line of YAML, not indented: "ist: {metro: IST, upstreams: [{asn: 174}]}"."""
    return f"{written(site.name)}: {written(_value(site))}"


def design_with(design: Design, sites: Sequence[NewSite]) -> Design:
    """The design with these sites after its own, as parse(with_sites(...)) would have them; Unfit for a metro
    that is no place."""
    return replace(design, sites=(*design.sites, *(_site(design, site) for site in sites)))


def with_sites(text: str, design: Design, sites: Sequence[NewSite]) -> str:
    """`text`, which `design` was read from, with these sites written in; UsageError where it cannot be."""
    if design.source.removeprefix("\ufeff") != text.removeprefix("\ufeff"):
        raise ValueError("the design was not read from this text")
    if not sites:
        return text
    hint = "write under `sites:`  " + "; ".join(site_line(site) for site in sites)
    try:
        result = applied(text, _added(text, located(text), sites))
        if alike(parse(result, file=design.file)) == alike(design_with(design, sites)):
            return result
        why = "the file would say something else than these sites"
    except ValueError as error:
        why = str(error)
    except LookupError:
        why = "`sites:` cannot be found in it"
    except DesignError as error:
        why = error.problems[0].message
    raise UsageError(f"the sites cannot be written into {design.file}: {why}", hint=hint)


def _added(text: str, root: Node, sites: Sequence[NewSite]) -> list[Cut]:
    mapping = root.entries["sites"]
    if mapping.kind is not Kind.MAPPING:
        raise ValueError("`sites:` is an alias")
    last = list(mapping.entries.values())[-1]
    if last.key is None:
        raise ValueError("`sites:` has no key")
    indent = column(text, last.key.start)
    if mapping.is_flow:
        is_json = text[last.key.start] == '"'
        return _in_brackets(text, last, [_json_line(site) if is_json else site_line(site) for site in sites])
    end = line_end(text, last.end)
    # Comments that stand deeper than a site's name belong to the site above.
    while (start := next_line(text, end)) < len(text) and start > end:
        line = text[start : line_end(text, start)]
        if not line.lstrip(" ").startswith("#") or len(line) - len(line.lstrip(" ")) <= indent:
            break
        end = line_end(text, start)
    lines = [line for site in sites for line in _lines(site, indent=indent, in_flow=last.meant.is_flow)]
    return [Cut(start=end, end=end, text="".join(line_break(text) + line for line in lines))]


def _in_brackets(text: str, last: Node, lines: Sequence[str]) -> list[Cut]:
    """Behind the last site, on lines of their own if that one begins on a line of its own."""
    begin = last.key.start if last.key else last.start
    lead = text[line_start(text, begin) : begin]
    comma = next_sign(text, last.end)
    is_followed = text[comma : comma + 1] == ","
    end = line_end(text, comma if is_followed else last.end)
    rest = text[comma + 1 if is_followed else last.end : end].strip()
    if lead.strip() or (rest and not rest.startswith("#")):
        return [Cut(start=last.end, end=last.end, text="".join(f", {line}" for line in lines))]
    new = ",".join(line_break(text) + lead + line for line in lines)
    if is_followed:
        return [Cut(start=end, end=end, text=f"{new},")]
    return [Cut(start=last.end, end=last.end, text=","), Cut(start=end, end=end, text=new)]


def _json_line(site: NewSite) -> str:
    return f"{json.dumps(site.name)}: {json.dumps(_value(site), ensure_ascii=False)}"


def _lines(site: NewSite, *, indent: int, in_flow: bool) -> list[str]:
    lead = " " * indent
    comment = [f"{lead}# {site.comment}"] if site.comment else []
    if in_flow:
        return [*comment, lead + site_line(site)]
    value = _value(site)
    plain = [f"{lead}  {key}: {written(one)}" for key, one in value.items() if key != "upstreams"]
    upstreams = [f"{lead}    - {written(one)}" for one in _upstreams(site)]
    return [*comment, f"{lead}{written(site.name)}:", *plain, f"{lead}  upstreams:", *upstreams]


def _value(site: NewSite) -> dict[str, Value]:
    value: dict[str, Value] = {"metro": site.metro}
    if site.capacity:
        value["capacity"] = site.capacity
    if site.announce:
        value["announce"] = list(site.announce)
    return {**value, "upstreams": _upstreams(site)}


def _upstreams(site: NewSite) -> list[Value]:
    return [
        {"asn": int(asn)} if kind is UpstreamKind.TRANSIT else {"asn": int(asn), "kind": str(kind)}
        for asn, kind in site.upstreams
    ]


def _site(design: Design, site: NewSite) -> Site:
    found = places.locate(site.metro)
    prefixes = tuple(
        prefix
        for group in design.groups
        if not site.announce or group.name in site.announce
        for prefix in group.prefixes
    )
    return Site(
        name=SiteName(site.name),
        metro=found[0],
        place=found[1],
        upstreams=tuple(
            Upstream(asn=asn, kind=kind, prefixes=prefixes, path=f"sites.{site.name}.upstreams.{place}")
            for place, (asn, kind) in enumerate(site.upstreams)
        ),
        capacity=quantities.rate(site.capacity)[0] if site.capacity else None,
    )
