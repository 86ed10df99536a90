"""beliefs: where a DNS server that answers by place believes each user to be, as probabilities.

The server sees the address of the user's resolver, or the user's own prefix where the resolver sends it along
(EDNS Client Subnet, RFC 7871), and asks a GeoIP database for its place. Three things are uncertain: whether
the prefix is sent, where the resolver stands, and whether the database is right. Nothing is drawn: every
matrix here has the odds themselves, so that a comparison has no noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyplane.planning.weighted import Float64
from anyplane.topology import Metros

Bools = NDArray[np.bool_]
ROUND_ERROR = 1e-9
FARTHEST_KM = 20_100.0
"""Half of the way around the Earth, and some."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """How well DNS knows where users are. The defaults are round figures that nobody has measured.

    geoip_error: share of addresses believed in another metro; wrong_country: those of them in another
    country. ecs: share of users whose resolver sends their prefix. resolvers: (share of users, at most so
    many km away) in rising order, shares adding up to 1; 0 km is the user's own metro.
    """

    geoip_error: float = 0.1
    wrong_country: float = 0.01
    ecs: float = 0.1
    resolvers: tuple[tuple[float, float], ...] = ((0.75, 0.0), (0.15, 500.0), (0.08, 2000.0), (0.02, 8000.0))

    def faults(self) -> list[str]:
        """What is wrong with these numbers, in words."""
        found = []
        if not 0 <= self.geoip_error <= 1:
            found.append(f"--geoip-error: {self.geoip_error:g} is not a share, 0 to 1")
        if not 0 <= self.wrong_country <= self.geoip_error:
            found.append(
                f"--geoip-error: {self.wrong_country:g} in another country is more than "
                f"{self.geoip_error:g} in error altogether"
            )
        if not 0 <= self.ecs <= 1:
            found.append(f"--ecs-share: {self.ecs:g} is not a share, 0 to 1")
        shares = [share for share, _ in self.resolvers]
        bounds = [km for _, km in self.resolvers]
        if not shares or not all(0 <= share <= 1 for share in shares) or abs(sum(shares) - 1) > ROUND_ERROR:
            found.append("--resolver-distance: the shares must each be 0 to 1 and add up to 1")
        if not all(0 <= km <= FARTHEST_KM for km in bounds) or bounds != sorted(set(bounds)):
            found.append(
                "--resolver-distance: distances are kilometres, 0 to 20,000, each farther than the one before"
            )
        return found


PERFECT = Resolution(geoip_error=0.0, wrong_country=0.0, ecs=0.0, resolvers=((1.0, 0.0),))
"""DNS that knows where everybody is."""


def beliefs(metros: Metros, users: Float64, resolution: Resolution) -> Float64:
    """(M, M) row m: the odds of the metros in which DNS believes a user who is in metro m.

    users: (M,) of each metro; resolvers, and whatever an address is mistaken for, are where people are.
    """
    believed = misplaced(metros, users, resolution)
    seen = resolver_places(metros, users, resolution.resolvers)
    return resolution.ecs * believed + (1.0 - resolution.ecs) * (seen @ believed)


def resolver_places(metros: Metros, users: Float64, bands: Sequence[tuple[float, float]]) -> Float64:
    """(M, M) row m: the odds of each metro to hold the resolver of a user in metro m.

    Within a band of distance a resolver is in the user's country if that has a metro there, and in metros by
    their users. A band without any metro counts as the next nearer one; the nearest one always has the
    user's own metro.
    """
    country = np.array(metros.country)
    is_home = country[:, None] == country[None, :]
    km = metros.km.astype(np.float64)
    out = np.zeros_like(km)
    nearer = np.eye(len(km))
    beyond = -1.0
    for share, up_to in bands:
        within = (km > beyond) & (km <= up_to)
        if beyond < 0:
            within |= np.eye(len(km), dtype=bool)
        at_home = within & is_home
        within = np.where(at_home.any(axis=1)[:, None], at_home, within)
        nearer = _by_users(within, users, otherwise=nearer)
        out += share * nearer
        beyond = up_to
    return out


def misplaced(metros: Metros, users: Float64, resolution: Resolution) -> Float64:
    """(M, M) row m: where a GeoIP database believes an address that is in metro m.

    An error within the country picks another metro of it, one beyond it a metro of any other country, both by
    users. Where the country has no other metro such an error does no harm: the address stays where it is.
    """
    country = np.array(metros.country)
    here = np.eye(len(country))
    same = country[:, None] == country[None, :]
    inside = _by_users(same & (here == 0), users, otherwise=here)
    outside = _by_users(~same, users, otherwise=here)
    near = resolution.geoip_error - resolution.wrong_country
    return (1.0 - resolution.geoip_error) * here + near * inside + resolution.wrong_country * outside


def _by_users(chosen: Bools, users: Float64, *, otherwise: Float64) -> Float64:
    """Rows of odds over the chosen metros, by users, evenly without any; `otherwise` where none is chosen."""
    weight = np.where(chosen, users[None, :], 0.0)
    nobody = weight.sum(axis=1) <= 0
    weight[nobody] = chosen[nobody]
    total = weight.sum(axis=1, keepdims=True)
    return np.where(total > 0, weight / np.where(total > 0, total, 1.0), otherwise)
