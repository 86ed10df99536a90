"""orders: what to type for a response: the edits of the design file, and what its sites are told directly."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from anyplane.design.communities import BLACKHOLE
from anyplane.design.design import Design
from anyplane.design.setting import OFF, Setting, Uplink, setting_of, upstream_at
from anyplane.model.nouns import Prefix
from anyplane.planning.attack.responses import Ground, Kind, Poison, Response, droppers_at

ADDRESS = "ADDRESS"
"""Stands for the attacked address."""


def orders(ground: Ground, response: Response, prefixes: Sequence[Prefix]) -> tuple[str, ...]:
    """Lines for people: edits first ("sites.fra.upstreams, each entry: prepend: 2"), then orders."""
    if response.kind is Kind.PAIR:
        return tuple(dict.fromkeys(line for one in response.parts for line in orders(ground, one, prefixes)))
    lines = _merged(
        [line for site, turned in _by_site(response) for line in _edits(ground, site, turned, prefixes)]
    )
    if response.kind is Kind.WITHDRAW:
        (site,) = response.sites
        lines += _draining(ground, site, prefixes)
    if response.poison is not None:
        lines += _poisoning(ground, response.poison)
    if response.droppers:
        lines += _blackholing(ground, response, prefixes)
    return tuple(lines)


def _draining(ground: Ground, site: int, prefixes: Sequence[Prefix]) -> list[str]:
    """Without an edit: an order to the site's agent, for each attacked group where there are others too."""
    groups = ground.design.groups
    meant = [group.name for group in groups if set(group.prefixes) & set(prefixes)]
    names = [""] if len(meant) == len(groups) else [f"{name} " for name in meant]
    wait = f"{ground.design.safety.drain_wait_s:g} s"
    return [
        f"or at {ground.name(site)}: anyplane site drain {name}--force (withdrawn after {wait} of prepends)"
        for name in names
    ]


def _merged(edits: Sequence[tuple[str, str]]) -> list[str]:
    """One line for all sites that are told the same: "sites.{fra,ams}.upstreams, each entry: prepend: 3"."""
    alike: dict[str, list[str]] = {}
    for site, rest in edits:
        alike.setdefault(rest, []).append(site)
    return [
        f"sites.{sites[0] if len(sites) == 1 else '{' + ','.join(sites) + '}'}{rest}"
        for rest, sites in alike.items()
    ]


def _by_site(response: Response) -> list[tuple[int, dict[Uplink, Setting]]]:
    ordered = sorted(response.settings.items())
    return [(site, dict(items)) for site, items in groupby(ordered, key=lambda item: item[0].site)]


def _edits(
    ground: Ground, site: int, turned: dict[Uplink, Setting], prefixes: Sequence[Prefix]
) -> list[tuple[str, str]]:
    """(site, what follows its name) of each edit."""
    design, name = ground.design, ground.name(site)
    extra = _entry_of_its_own(design, turned, prefixes)
    everything = len(turned) == len(design.sites[site].upstreams)
    words = {uplink: _words(design, uplink, setting, prefixes) for uplink, setting in turned.items()}
    is_all = all(set(upstream_at(design, uplink).prefixes) <= set(prefixes) for uplink in turned)
    if everything and is_all and all(setting == OFF for setting in turned.values()):
        return [(name, ": enabled: false")]
    if len(turned) > 1 and everything and len(set(words.values())) == 1:
        return [(name, f".upstreams, each entry: {next(iter(words.values()))}{extra}")]
    return [
        (
            name,
            f".upstreams.{uplink.upstream} (asn {_asn(design, uplink)}): {words[uplink]}{extra}",
        )
        for uplink in turned
    ]


def _asn(design: Design, uplink: Uplink) -> int:
    return int(upstream_at(design, uplink).asn)


def _words(design: Design, uplink: Uplink, setting: Setting, prefixes: Sequence[Prefix]) -> str:
    upstream = upstream_at(design, uplink)
    now = setting_of(design, upstream)
    if not setting.is_announced:
        rest = [str(prefix) for prefix in upstream.prefixes if prefix not in prefixes]
        kept = f"announce: [{', '.join(rest)}]" if rest else "take the entry out"
        return f"{kept}; safety: retire: [AS{_asn(design, uplink)}]"
    said = []
    if setting.prepend != now.prepend:
        said.append(f"prepend: {setting.prepend}")
    if setting.is_no_export != now.is_no_export:
        said.append("no_export: true")
    if setting.actions != now.actions:
        added = [text for text in setting.actions if text not in now.actions]
        sent = [*upstream.communities, *added]
        said.append(f"communities: [{', '.join(chr(34) + text + chr(34) for text in sent)}]")
    return ", ".join(said)


def _entry_of_its_own(design: Design, turned: dict[Uplink, Setting], prefixes: Sequence[Prefix]) -> str:
    """Where an entry carries more than the attacked prefixes, it has to be split first, unless it is only to
    announce less."""
    if all(setting == OFF for setting in turned.values()):
        return ""
    if all(set(upstream_at(design, uplink).prefixes) <= set(prefixes) for uplink in turned):
        return ""
    return f", in an entry of its own with announce: [{', '.join(map(str, prefixes))}]"


def _poisoning(ground: Ground, poison: Poison) -> list[str]:
    where = ", ".join(ground.name(site) for site in poison.sites)
    origin, asn = int(ground.design.origin), poison.asn
    path = f"announce with the path {origin} {asn} {origin} (FRR: set as-path prepend {asn} {origin})"
    return [
        f"on the routers of {where}: {path}",
        "no key of the design says this, so whoever renders the router's file anew takes it out again",
    ]


def _blackholing(ground: Ground, response: Response, prefixes: Sequence[Prefix]) -> list[str]:
    bits = "/".join(dict.fromkeys(f"/{prefix.max_prefixlen}" for prefix in prefixes)).replace("//", " or /")
    command = f"anyplane site blackhole add {ADDRESS} --for 1h --force"
    wanted = set(response.droppers)
    able = [ground.name(site) for site in response.sites if droppers_at(ground, site) == wanted]
    if able:
        enough = " (one of them is enough)" if len(able) > 1 else ""
        return [f"at {' or '.join(able)}{enough}: {command}"]
    if all(droppers_at(ground, site) <= wanted for site in response.sites):
        return [f"at each of {', '.join(ground.name(site) for site in response.sites)}: {command}"]
    asns = ", ".join(f"AS{asn}" for asn in response.droppers)
    some = " or ".join(ground.name(site) for site in response.sites)
    return [f"on the router of {some}: announce {ADDRESS}{bits} with {BLACKHOLE} to {asns} alone"]
