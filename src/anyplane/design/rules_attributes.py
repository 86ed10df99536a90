"""Rules AP03x: prepends, MEDs and communities that do nothing, or not what they seem to do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from anyplane.design.communities import BLACKHOLE, GRACEFUL_SHUTDOWN, NO_ADVERTISE, NO_EXPORT, owner
from anyplane.design.design import Design, Severity
from anyplane.design.finding import Hit, Rule, rule, sessions
from anyplane.model.nouns import UpstreamKind

MANY_PREPENDS = 5
_WELL_KNOWN = frozenset((BLACKHOLE, GRACEFUL_SHUTDOWN, NO_ADVERTISE, NO_EXPORT))


@rule(
    "AP030",
    Severity.WARNING,
    title="Prepends differ somewhere",
    reason="Networks compare path lengths: what every session of a prefix prepends cancels out and "
    "only makes a hijacker's shorter path win.",
)
def prepend_everywhere(design: Design) -> Iterator[Hit]:
    """Take the smallest prepend of each group's prefixes."""
    for group in design.groups:
        for prefix in group.prefixes:
            heard = [upstream for _, upstream in sessions(design) if prefix in upstream.prefixes]
            least = min((upstream.prepend for upstream in heard), default=0)
            if least:
                count = (
                    f"all {len(heard)} sessions prepend" if len(heard) > 1 else "the only session prepends"
                )
                message = f"{count} {least} or more for {prefix}"
                hint = f"subtract {least} everywhere"
                yield Hit(path=f"{heard[0].path}.prepend", message=message, hint=hint)
                break


@rule(
    "AP031",
    Severity.WARNING,
    title=f"No more than {MANY_PREPENDS} prepends",
    reason="Nearly all paths are shorter than seven networks: more prepends move nobody else, and some "
    "networks filter long paths (draft-ietf-grow-as-path-prepending).",
)
def many_prepends(design: Design) -> Iterator[Hit]:
    """Look for large numbers."""
    for _, upstream in sessions(design):
        if upstream.prepend > MANY_PREPENDS:
            hint = f"use {MANY_PREPENDS} at most, or do not announce there"
            yield Hit(path=f"{upstream.path}.prepend", message=f"{upstream.prepend} prepends", hint=hint)


@rule(
    "AP032",
    Severity.NOTE,
    title="Prepends go to transit",
    reason="A peer prefers a peer route to one through its providers whatever its length: a prepend to "
    "a peer or a route server moves only networks that hear several of your sites as peers.",
)
def prepend_to_peer(design: Design) -> Iterator[Hit]:
    """Look for prepends towards a neighbour that peers with us at this site only."""
    places: defaultdict[int, set[str]] = defaultdict(set)
    for site, upstream in sessions(design):
        places[upstream.asn].add(site.name)
    for site, upstream in sessions(design):
        is_peer = upstream.kind is not UpstreamKind.TRANSIT
        if is_peer and upstream.prepend and len(places[upstream.asn]) == 1:
            kind = "peer" if upstream.kind is UpstreamKind.PEER else "route server"
            message = f"{site.name} prepends to AS{upstream.asn}, a {kind} met nowhere else"
            hint = "to keep it from serving, use NO_EXPORT or do not announce there"
            yield Hit(path=f"{upstream.path}.prepend", message=message, hint=hint)


@rule(
    "AP033",
    Severity.WARNING,
    title="A MED has something to be compared with",
    reason="A network compares MEDs only between its sessions with one neighbour AS (RFC 4271, 9.1.2.2): "
    "one session alone, or the same MED on all, changes nothing.",
)
def lone_med(design: Design) -> Iterator[Hit]:
    """Compare the MEDs of the sessions with each neighbour."""
    by_asn: defaultdict[int, list[tuple[int, str, str]]] = defaultdict(list)
    for site, upstream in sessions(design):
        by_asn[upstream.asn].append((upstream.med, site.name, upstream.path))
    for asn, meds in by_asn.items():
        values = {med for med, _, _ in meds}
        if values == {0} or len(values) > 1:
            continue
        alone = len(meds) == 1
        said = (
            f"{meds[0][1]} has the only session with AS{asn}" if alone else f"all sessions with AS{asn} agree"
        )
        hint = "remove it, or give another session with this network another MED"
        yield Hit(path=f"{meds[0][2]}.med", message=f"the MED has no effect: {said}", hint=hint)


@rule(
    "AP034",
    Severity.WARNING,
    title="Action communities are described",
    reason="A community in the upstream's own number space makes it do something; the planner can only take "
    "account of what `communities:` describes.",
)
def unknown_community(design: Design) -> Iterator[Hit]:
    """Look for communities of the upstream that the catalogue lacks."""
    for _, upstream in sessions(design):
        for number, text in enumerate(upstream.communities):
            is_its_own = text not in _WELL_KNOWN and owner(text) == upstream.asn
            if is_its_own and text not in design.communities:
                path = f"{upstream.path}.communities"
                path = f"{path}.{number}" if f"{path}.{number}" in design.locations else path
                hint = f'describe it under communities: "{text}": {{prepend: 1, to: AS3356}}'
                yield Hit(path=path, message=f"nothing says what AS{upstream.asn} does on {text}", hint=hint)


@rule(
    "AP035",
    Severity.WARNING,
    title="Action communities go to the network that acts on them",
    reason="A community of another network's number space is ignored or stripped by this upstream.",
)
def community_to_another(design: Design) -> Iterator[Hit]:
    """Look for described communities sent elsewhere."""
    for _, upstream in sessions(design):
        for number, text in enumerate(upstream.communities):
            whose = owner(text)
            if text in design.communities and whose is not None and whose != upstream.asn:
                path = f"{upstream.path}.communities"
                path = f"{path}.{number}" if f"{path}.{number}" in design.locations else path
                message = f"{text} is an action of AS{whose}, sent to AS{upstream.asn}"
                yield Hit(path=path, message=message, hint=f"send it to AS{whose}, or remove it")


@rule(
    "AP036",
    Severity.NOTE,
    title="Described communities are used",
    reason="An entry that no session sends is dead text that the next reader takes for live.",
)
def unused_community(design: Design) -> Iterator[Hit]:
    """Look for entries nobody sends."""
    sent = {text for site in design.sites for upstream in site.upstreams for text in upstream.communities}
    for text in design.communities:
        if text not in sent:
            yield Hit(path=f"communities.{text}", message=f"no session sends {text}")


@rule(
    "AP037",
    Severity.WARNING,
    title="Some session is not a backup",
    reason="GRACEFUL_SHUTDOWN (RFC 8326) makes a route the last choice; if every session has it, there is no "
    "first choice.",
)
def only_backups(design: Design) -> Iterator[Hit]:
    """Look for prefixes with backups only."""
    for group in design.groups:
        for prefix in group.prefixes:
            heard = [upstream for _, upstream in sessions(design) if prefix in upstream.prefixes]
            if heard and all(upstream.is_backup for upstream in heard):
                message = f"every session for {prefix} is a backup"
                yield Hit(path=f"{heard[0].path}.backup", message=message)
                break


@rule(
    "AP038",
    Severity.ERROR,
    title="No service prefix is blackholed",
    reason="BLACKHOLE (RFC 7999) on a whole service prefix drops every packet of users behind that upstream.",
)
def blackholed_service(design: Design) -> Iterator[Hit]:
    """Look for blackholed sessions."""
    for site, upstream in sessions(design):
        if upstream.is_blackhole:
            message = f"AS{upstream.asn} at {site.name} drops all traffic to {upstream.prefixes[0]}"
            hint = "do not announce there instead; blackhole single addresses under attack"
            yield Hit(path=f"{upstream.path}.blackhole", message=message, hint=hint)


RULES: tuple[Rule, ...] = (
    prepend_everywhere,
    many_prepends,
    prepend_to_peer,
    lone_med,
    unknown_community,
    community_to_another,
    unused_community,
    only_backups,
    blackholed_service,
)
