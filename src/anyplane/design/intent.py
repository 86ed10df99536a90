"""announcements: the one function that turns what the operator wants into BGP attributes.

The planner reads its result as seeds, the daemon backends as router configuration, so the simulator and the
routers cannot disagree about what drain, prepend, regional or blackhole means.
"""

from __future__ import annotations

import difflib
from dataclasses import replace

from anyplane.design.communities import BLACKHOLE, GRACEFUL_SHUTDOWN, NO_EXPORT
from anyplane.design.design import Design, Site, Upstream
from anyplane.design.operation import Degradation
from anyplane.model.errors import UsageError
from anyplane.model.nouns import Announcement, Effect, ExportRule, Prefix

_KEEP = ExportRule(effect=Effect.NO_EXPORT)


def announcements(design: Design, *, site: str | None = None) -> tuple[Announcement, ...]:
    """All that the design announces, or one site of it: by site, upstream and prefix, in the file's order.

    A disabled site announces nothing. NO_EXPORT (RFC 1997) and BLACKHOLE (RFC 7999, which asks that the
    route stay inside) each become their community and an export rule; backup becomes GRACEFUL_SHUTDOWN
    (RFC 8326). UsageError where the design has no such site.
    """
    names = [one.name for one in design.sites]
    if site is not None and site not in names:
        near = difflib.get_close_matches(site, names, n=1)
        hint = f"did you mean {near[0]}?" if near else f"its sites are {', '.join(names[:12])}"
        raise UsageError(f"the design has no site {site}", hint=hint)
    return tuple(
        announcement
        for one in design.sites
        if one.is_enabled and site in (None, one.name)
        for upstream in one.upstreams
        for announcement in _session(design, one, upstream)
    )


def _session(design: Design, site: Site, upstream: Upstream) -> tuple[Announcement, ...]:
    is_kept = upstream.is_no_export or upstream.is_blackhole
    wanted = {
        NO_EXPORT: is_kept,
        GRACEFUL_SHUTDOWN: upstream.is_backup,
        BLACKHOLE: upstream.is_blackhole,
    }
    added = tuple(text for text, is_wanted in wanted.items() if is_wanted)
    communities = tuple(dict.fromkeys((*upstream.communities, *added)))
    rules = tuple(dict.fromkeys((*upstream.rules, *((_KEEP,) if is_kept else ()))))
    return tuple(
        Announcement(
            prefix=prefix,
            site=site.name,
            upstream=upstream.asn,
            kind=upstream.kind,
            origin=design.origin,
            as_path_prepend=upstream.prepend,
            med=upstream.med,
            communities=communities,
            export_rules=rules,
            is_backup=upstream.is_backup,
            is_blackhole=upstream.is_blackhole,
        )
        for prefix in upstream.prefixes
    )


def lowered(announcement: Announcement, low: Degradation) -> Announcement:
    """DEGRADED: the announcement as a site makes it that would rather not be chosen."""
    return _less_wanted(
        announcement,
        prepend=low.prepend,
        med=low.med,
        communities=(*low.communities, *((GRACEFUL_SHUTDOWN,) if low.is_graceful_shutdown else ())),
    )


def drained(announcement: Announcement, *, prepend: int) -> Announcement:
    """DRAINING: GRACEFUL_SHUTDOWN (RFC 8326: any other route is preferred), and prepends for the rest."""
    return _less_wanted(announcement, prepend=prepend, med=None, communities=(GRACEFUL_SHUTDOWN,))


def blackholed(announcement: Announcement, host: Prefix) -> Announcement:
    """The announcement of `host`, a /32 or /128 inside the announced prefix, that upstreams drop (RFC 7999).

    It does not step back behind anybody's: of GRACEFUL_SHUTDOWN nothing is said. UsageError where `host` is
    not one address or lies outside.
    """
    kept = (text for text in announcement.communities if text != GRACEFUL_SHUTDOWN)
    if host.prefixlen != host.max_prefixlen:
        raise UsageError(f"{host} is not one address", hint=f"write a /{host.max_prefixlen}")
    if host.version != announcement.prefix.version or host.network_address not in announcement.prefix:
        raise UsageError(f"{host} is not inside {announcement.prefix}, and only our own space is blackholed")
    return replace(
        announcement,
        prefix=host,
        as_path_prepend=0,
        communities=tuple(dict.fromkeys((*kept, BLACKHOLE, NO_EXPORT))),
        export_rules=(_KEEP,),
        is_backup=False,
        is_blackhole=True,
    )


def _less_wanted(
    announcement: Announcement, *, prepend: int, med: int | None, communities: tuple[str, ...]
) -> Announcement:
    sent = tuple(dict.fromkeys((*announcement.communities, *communities)))
    return replace(
        announcement,
        as_path_prepend=announcement.as_path_prepend + prepend,
        med=announcement.med if med is None else med,
        communities=sent,
        is_backup=announcement.is_backup or GRACEFUL_SHUTDOWN in sent,
    )
