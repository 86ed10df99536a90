"""states: every route of a design, in peace and in an emergency, and what RPKI says of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from ipaddress import ip_network

from anyplane.design import announcements
from anyplane.design.design import Design
from anyplane.model.errors import UsageError
from anyplane.model.nouns import Prefix
from anyplane.model.rpki import Vrp, covers
from anyplane.planning.trust.report import Authorization, Level, Purpose, Route
from anyplane.planning.trust.roas import Checked
from anyplane.planning.trust.validity import Reason, State, Verdict, living, validate


def to_check(
    design: Design, *, group: str = "", scrubbers: Sequence[int] = (), more_specifics: Sequence[Prefix] = ()
) -> tuple[Checked, ...]:
    """The routes to look at, in the order of the design; a UsageError for a more-specific of nothing.

    Each prefix by the design's origin; then each more-specific by the origin; then what each scrubber would
    announce: the more-specifics of a prefix where there are some, else the prefix itself.
    """
    names = [item.name for item in design.groups]
    if group and group not in names:
        raise UsageError(f"the design has no group {group!r}", hint="it has " + ", ".join(names))
    heard: dict[Prefix, bool] = {}
    for item in announcements(design):
        heard[item.prefix] = heard.get(item.prefix, False) or not item.is_blackhole
    owners: dict[Prefix, list[str]] = {}
    for one in design.groups:
        for prefix in one.prefixes:
            if not group or one.name == group:
                owners.setdefault(prefix, []).append(one.name)
    origin = int(design.origin)
    found = [
        Checked(
            prefix=prefix, origin=origin, purpose=_purpose(prefix, heard), groups=tuple(dict.fromkeys(groups))
        )
        for prefix, groups in owners.items()
    ]
    inside: dict[Prefix, list[Prefix]] = {}
    for more in dict.fromkeys(more_specifics):
        parents = [prefix for prefix in owners if covers(prefix, more) and prefix != more]
        if not parents:
            raise UsageError(
                f"--more-specific {more} is not inside of any prefix of the design",
                hint="its prefixes are " + ", ".join(map(str, owners)),
            )
        parent = max(parents, key=lambda prefix: prefix.prefixlen)
        inside.setdefault(parent, []).append(more)
        if more not in owners:
            groups = tuple(owners[parent])
            found.append(Checked(prefix=more, origin=origin, purpose=Purpose.MORE_SPECIFIC, groups=groups))
    for scrubber in dict.fromkeys(scrubbers):
        if scrubber == origin:
            raise UsageError(f"--scrubber {scrubber} is the design's own origin", hint="leave it out")
        for prefix, names_of in owners.items():
            for route in inside.get(prefix, [prefix]):
                found.append(
                    Checked(
                        prefix=route, origin=int(scrubber), purpose=Purpose.SCRUBBER, groups=tuple(names_of)
                    )
                )
    return tuple(found)


def _purpose(prefix: Prefix, heard: dict[Prefix, bool]) -> Purpose:
    if prefix not in heard:
        return Purpose.STANDBY
    return Purpose.ANNOUNCED if heard[prefix] else Purpose.BLACKHOLE


def state_of(
    item: Checked, checked: Sequence[Checked], vrps: Sequence[Vrp], *, now: int, within_s: float
) -> Route:
    """What RPKI says of this route. vrps: of the file, expired ones too."""
    alive = living(vrps, now)
    verdict = validate(item.prefix, item.origin, alive)
    ends = _end(verdict)
    after = verdict.state if ends is None else validate(item.prefix, item.origin, living(vrps, ends)).state
    is_expiring = ends is not None and ends <= now + within_s
    # It was valid until a ROA ran out: somebody forgot to renew it.
    is_expired = (
        verdict.state is not State.VALID and validate(item.prefix, item.origin, vrps).state is State.VALID
    )
    shorter = {
        other.prefix for other in checked if other.prefix != item.prefix and covers(other.prefix, item.prefix)
    }
    dead = [vrp for vrp in vrps if vrp not in alive and vrp.covers(item.prefix)]
    return Route(
        prefix=str(item.prefix),
        origin=item.origin,
        purpose=item.purpose,
        groups=item.groups,
        state=verdict.state,
        reason=verdict.reason,
        level=_level(item, verdict.state, is_expired=is_expired, is_expiring=is_expiring),
        words=_words(item, verdict, is_expired=is_expired),
        inside=str(max(shorter, key=lambda prefix: prefix.prefixlen)) if shorter else "",
        host_state=validate(_host(item.prefix), item.origin, alive).state,
        ends=moment(ends),
        after=after,
        is_expiring=is_expiring,
        is_expired=is_expired,
        covering=tuple(
            Authorization(
                prefix=str(vrp.prefix),
                max_length=vrp.max_length,
                asn=int(vrp.asn),
                trust_anchor=vrp.trust_anchor,
                ends=moment(vrp.expires),
                is_match=vrp.matches(item.prefix, item.origin),
                is_expired=vrp in dead,
            )
            for vrp in (*verdict.covering, *dead)
        ),
    )


def _host(prefix: Prefix) -> Prefix:
    """The first address of a prefix, as a route."""
    return ip_network((prefix.network_address.packed, prefix.max_prefixlen))


def _end(verdict: Verdict) -> int | None:
    """When the last VRP that makes the route valid expires; None where one does not say, or none does."""
    ends = [vrp.expires for vrp in verdict.matching]
    known = [end for end in ends if end is not None]
    return max(known) if known and len(known) == len(ends) else None


def _level(item: Checked, state: State, *, is_expired: bool, is_expiring: bool) -> Level:
    if item.purpose is Purpose.BLACKHOLE:
        return Level.OK if state is not State.INVALID else Level.WARNING
    if state is State.INVALID or is_expired:
        return Level.BROKEN
    return Level.WARNING if state is State.NOT_FOUND or is_expiring else Level.OK


def _words(item: Checked, verdict: Verdict, *, is_expired: bool) -> str:
    asn = f"AS{item.origin}"
    named = ", ".join(dict.fromkeys(str(vrp) for vrp in verdict.covering[:3]))
    more = f" and {len(verdict.covering) - 3} more" if len(verdict.covering) > 3 else ""
    match verdict.state, verdict.reason:
        case State.VALID, _:
            return f"{verdict.matching[0]}"
        case State.NOT_FOUND, _:
            text = "no ROA covers it"
        case _, Reason.MAX_LENGTH:
            longest = max(vrp.max_length for vrp in verdict.covering if vrp.asn == item.origin)
            text = (
                f"{asn} may announce up to /{longest} here, this is a /{item.prefix.prefixlen}: {named}{more}"
            )
        case _, Reason.AS0:
            text = f"AS0: nobody may announce it: {named}{more}"
        case _:
            text = f"{asn} is not allowed here: {named}{more}"
    if item.purpose is Purpose.BLACKHOLE and verdict.state is State.INVALID:
        return f"{text}; ask the upstream to take blackhole routes that are invalid"
    return f"the ROA has expired; now {text}" if is_expired else text


def moment(at: int | None) -> str:
    """Unix time as ISO 8601 in UTC, "" for none."""
    if at is None:
        return ""
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, OSError, ValueError):
        return "never"
