"""remarks: what a reader must know about the file of VRPs and the routes before believing the verdict."""

from __future__ import annotations

from collections.abc import Sequence

from anyplane.model.rpki import Vrp, VrpSet, covers
from anyplane.planning.trust.asking import Asking
from anyplane.planning.trust.report import Loose, Purpose, Roa, Route
from anyplane.planning.trust.roas import ACCEPTED, Checked
from anyplane.planning.trust.states import moment
from anyplane.planning.trust.validity import State, living

STALE_S = 86_400
"""A file of VRPs older than a day says little about now: validators run every ten minutes to an hour."""
MOST = 5
"""ROAs of other networks that are named one by one."""
WHOLE = 1000
"""A file with fewer VRPs is an extract."""


def remarks(
    vrps: VrpSet,
    asking: Asking,
    routes: Sequence[Route],
    roas: Sequence[Roa],
    too_loose: Sequence[Loose],
    checked: Sequence[Checked],
) -> list[str]:
    """The warnings, in the order of their weight."""
    found = []
    if not vrps.total:
        found.append(
            f"{vrps.source} holds no VRP at all, so nothing is found: is it a filtered export, or of a "
            "validator that had not finished?"
        )
    if vrps.generated is not None and asking.now - vrps.generated > STALE_S:
        days = (asking.now - vrps.generated) / 86_400
        found.append(f"{vrps.source} is {days:.0f} days old: what it says may no longer hold")
    found += [f"{vrps.source}: {text}: left out, no ROA may have that" for text in vrps.broken[:5]]
    if len(vrps.broken) > 5:
        found.append(f"{vrps.source}: {len(vrps.broken) - 5} more VRPs are left out for their maximum length")
    for item in checked:
        if item.prefix.prefixlen > ACCEPTED[item.prefix.version] and item.purpose is not Purpose.BLACKHOLE:
            accepted = ACCEPTED[item.prefix.version]
            found.append(f"{item.prefix} is longer than /{accepted}: most networks drop it, valid or not")
    hosts = [
        route.prefix
        for route in routes
        if route.host_state is State.INVALID
        and route.state is State.VALID
        and route.purpose is Purpose.ANNOUNCED
    ]
    if hosts:
        found.append(
            f"a blackhole route to one address in {', '.join(hosts[:3])}{' …' if len(hosts) > 3 else ''} is "
            "invalid by maxLength: agree with upstreams that they take those anyway, and do not loosen the "
            "ROA for it (RFC 9319 section 6)"
        )
    expiring = [route for route in routes if route.is_expiring]
    by = vrps.half_expire_by
    is_whole = vrps.total >= WHOLE  # of a few, half says nothing
    if expiring and is_whole and by is not None and by <= asking.now + asking.expires_within_s:
        found.append(
            f"half of all VRPs in {vrps.source} end by {moment(by)}: this validator counts certificates and "
            "revocation lists, which are renewed every day, so an end within days is nothing unusual"
        )
    if any(item.is_exploitable for item in too_loose) and not roas:
        found.append("a loose VRP stands beside exact ones: let its ROA go")
    others = _others(living(vrps.vrps, asking.now), checked)
    found += [
        f"ROA {vrp}: this AS, and whoever forges it as the origin, can validly announce what is yours; if it "
        "is a scrubber, name it with --scrubber, else ask for that ROA to go"
        for vrp in others[:MOST]
    ]
    if len(others) > MOST:
        found.append(f"{len(others) - MOST} more ROAs let other networks announce what is yours")
    return found


def _others(vrps: Sequence[Vrp], checked: Sequence[Checked]) -> list[Vrp]:
    """The VRPs by which a network that was not named may announce one of the routes, or a part of it."""
    ours = {item.origin for item in checked}
    routes = {item.prefix for item in checked if item.purpose is not Purpose.BLACKHOLE}
    return [
        vrp
        for vrp in vrps
        if vrp.asn not in ours
        and any(
            vrp.matches(route, vrp.asn)
            or (covers(route, vrp.prefix) and vrp.prefix.prefixlen <= ACCEPTED[route.version])
            for route in routes
        )
        and vrp.asn != 0
    ]
