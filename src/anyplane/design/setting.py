"""Setting: how one upstream is announced to, as far as it can be turned: what search and playbooks choose.

An Uplink names one entry of a site's `upstreams`. `with_settings` gives the design with other settings: who
asks it anything (plan, announcements, configuration) is answered as if it had been written so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from anyplane.design import communities as words
from anyplane.design.design import Design, Site, Upstream
from anyplane.model.nouns import SiteName

OF_FLAGS = frozenset({words.NO_EXPORT, words.GRACEFUL_SHUTDOWN})
"""Communities that a flag of Setting stands for."""


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Uplink:
    """One upstream entry of one site, by index: design.sites[site].upstreams[upstream]."""

    site: int
    upstream: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What an uplink announces with. actions: those communities that the design knows a meaning of, sorted.

    Other communities stay as they are. Not announced: nothing else counts.
    """

    is_announced: bool = True
    prepend: int = 0
    med: int = 0
    is_no_export: bool = False
    is_backup: bool = False
    actions: tuple[str, ...] = ()

    def __str__(self) -> str:
        """In the words of operators: "prepend 2, no-export", "plain", "withdrawn"."""
        if not self.is_announced:
            return "withdrawn"
        parts = [f"prepend {self.prepend}"] if self.prepend else []
        parts += [f"MED {self.med}"] if self.med else []
        parts += ["no-export"] if self.is_no_export else []
        parts += ["graceful-shutdown"] if self.is_backup else []
        parts += list(self.actions)
        return ", ".join(parts) or "plain"


OFF = Setting(is_announced=False)


def uplinks(design: Design) -> tuple[Uplink, ...]:
    """Those of all enabled sites, in the file's order."""
    return tuple(
        Uplink(site=s, upstream=u)
        for s, site in enumerate(design.sites)
        if site.is_enabled
        for u in range(len(site.upstreams))
    )


def upstream_at(design: Design, uplink: Uplink) -> Upstream:
    """The upstream that an Uplink names."""
    return design.sites[uplink.site].upstreams[uplink.upstream]


def uplink_name(design: Design, uplink: Uplink) -> str:
    """ "fra/AS3320"; with a number where a site has several entries of one ASN: "fra/AS3320#2"."""
    site = design.sites[uplink.site]
    asn = int(site.upstreams[uplink.upstream].asn)
    same = [u for u, one in enumerate(site.upstreams) if int(one.asn) == asn]
    number = f"#{same.index(uplink.upstream) + 1}" if len(same) > 1 else ""
    return f"{site.name}/AS{asn}{number}"


def actions_known(design: Design, upstream: Upstream) -> tuple[str, ...]:
    """The action communities of the design that this upstream acts on, sorted."""
    return tuple(
        sorted(
            text
            for text in design.communities
            if words.owner(text) in (None, upstream.asn) and text not in OF_FLAGS
        )
    )


def setting_of(design: Design, upstream: Upstream) -> Setting:
    """How an upstream is announced to now."""
    known = actions_known(design, upstream)
    return Setting(
        prepend=upstream.prepend,
        med=upstream.med,
        is_no_export=upstream.is_no_export,
        is_backup=upstream.is_backup,
        actions=tuple(sorted(set(upstream.communities) & set(known))),
    )


def with_settings(design: Design, settings: Mapping[Uplink, Setting]) -> Design:
    """The design with these uplinks set otherwise; one that is not announced is gone.

    Sites keep their places; one that has no upstream left announces nothing.
    """

    def site_with(number: int, site: Site) -> Site:
        kept = []
        for position, upstream in enumerate(site.upstreams):
            wanted = settings.get(Uplink(site=number, upstream=position))
            if wanted is None:
                kept.append(upstream)
            elif wanted.is_announced:
                kept.append(upstream_with(design, upstream, wanted))
        return replace(site, upstreams=tuple(kept))

    return replace(design, sites=tuple(site_with(number, site) for number, site in enumerate(design.sites)))


def upstream_with(design: Design, upstream: Upstream, wanted: Setting) -> Upstream:
    """The upstream announced to in another way."""
    known = actions_known(design, upstream)
    unknown = set(wanted.actions) - set(known)
    if unknown:
        raise ValueError(f"AS{int(upstream.asn)} is not known to act on {', '.join(sorted(unknown))}")
    by_community = {
        rule for text in upstream.communities if text in known for rule in design.communities[text]
    }
    rules = [rule for rule in upstream.rules if rule not in by_community or rule in upstream.agreed]
    rules += [rule for text in wanted.actions for rule in design.communities[text]]
    left_out = (set(known) - set(wanted.actions)) | OF_FLAGS
    sent = [text for text in upstream.communities if text not in left_out]
    return replace(
        upstream,
        prepend=wanted.prepend,
        med=wanted.med,
        communities=tuple(dict.fromkeys((*sent, *wanted.actions))),
        rules=tuple(dict.fromkeys(rules)),
        is_no_export=wanted.is_no_export,
        is_backup=wanted.is_backup,
    )


def site_of(design: Design, uplink: Uplink) -> SiteName:
    """The name of the uplink's site."""
    return design.sites[uplink.site].name
