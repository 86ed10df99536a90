"""Case: what RPKI makes of our route and of each attacker's, and Variant: one way to run all attackers.

Many cells of the report are provably the same runs. `canonical` finds them: where nothing invalid takes part
it does not matter who validates, and how far a more-specific is heard does not depend on how long its path
is, since it competes with nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, collapse_addresses

import numpy as np
from numpy.typing import NDArray

from anyplane.model.nouns import Prefix
from anyplane.model.rpki import Vrp, covers
from anyplane.planning.figures import listed
from anyplane.planning.trust.report import Attack, World
from anyplane.planning.trust.roas import ACCEPTED
from anyplane.planning.trust.validity import NOBODY, State, validate

EVERY_SITE = -1
Asked = dict["Variant", NDArray[np.bool_]]
"""(A,) for each variant that is needed: the attackers to run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One announcement of ours, one attack, one world: a run for each attacker.

    site: the only one that announces, or EVERY_SITE.
    """

    attack: Attack
    world: World
    is_own_invalid: bool = False
    is_attack_invalid: bool = False
    site: int = EVERY_SITE

    @property
    def turn(self) -> tuple[int, ...]:
        """When it is run: the plainest first, so that an early end still answers most."""
        attack, world = list(Attack).index(self.attack), list(World).index(self.world)
        return self.site, attack, world, self.is_own_invalid, self.is_attack_invalid

    @property
    def name(self) -> str:
        """In a file of finished runs."""
        ours, theirs = ("invalid" if bad else "ok" for bad in (self.is_own_invalid, self.is_attack_invalid))
        where = "all sites" if self.site == EVERY_SITE else f"site {self.site}"
        return f"{self.attack.value}/{self.world.value}/{where}/ours {ours}/theirs {theirs}"


def canonical(variant: Variant, *, has_list: bool) -> Variant:
    """The simplest variant with the same result. has_list: does today's list name anybody?"""
    found = variant
    if found.attack is Attack.FORGED_SPECIFIC:
        found = replace(found, attack=Attack.SPECIFIC)
    is_idle = found.world is World.NOBODY or (found.world is World.LIST and not has_list)
    if is_idle or not (found.is_own_invalid or found.is_attack_invalid):
        found = replace(found, world=World.NOBODY, is_own_invalid=False, is_attack_invalid=False)
    return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """What RPKI says around one prefix, A attackers.

    own: of our route. invalid: by attack, (A,) is that attacker's route invalid? impossible: by attack, why
    nobody can do it.
    """

    own: State
    invalid: dict[Attack, NDArray[np.bool_]]
    impossible: dict[Attack, str]

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for prefixes whose hijacks are the same runs."""
        flags = tuple((attack.value, bits.tobytes()) for attack, bits in self.invalid.items())
        return self.own is State.INVALID, flags, tuple(self.impossible.items())

    def variants(self, attack: Attack, world: World) -> tuple[tuple[Variant, NDArray[np.bool_]], ...]:
        """The variants of this attack in this world, with the attackers that each is for."""
        bits = self.invalid[attack]
        base = Variant(attack=attack, world=world, is_own_invalid=self.own is State.INVALID)
        both = ((replace(base, is_attack_invalid=True), bits), (base, ~bits))
        return tuple((variant, who) for variant, who in both if who.any())


def case_of(
    prefix: Prefix,
    origin: int,
    asns: Sequence[int],
    vrps: Sequence[Vrp],
    *,
    announced: Iterable[Prefix] = (),
) -> Case:
    """The Case of a prefix under these VRPs, for attackers with these ASNs.

    announced: all that the design announces; parts of the prefix among them are not the attacker's to gain.
    """
    parts = frozenset(part for part in announced if part != prefix and covers(prefix, part))
    own = validate(prefix, origin, vrps).state
    named = {int(vrp.asn) for vrp in vrps}
    invalid = {
        Attack.SAME: _by_attacker([prefix], asns, vrps, named),
        Attack.FORGED: np.full(len(asns), own is State.INVALID),
    }
    impossible: dict[Attack, str] = {}
    if prefix.prefixlen >= ACCEPTED[prefix.version]:
        longer = "networks drop what is longer than /24 or /48: there is no more-specific to hijack"
        impossible = {Attack.SPECIFIC: longer, Attack.FORGED_SPECIFIC: longer}
    elif set(collapsed(parts)) == {prefix}:
        moot = (
            f"we announce all of it in more-specifics ourselves ({listed(sorted(map(str, parts)), most=2)}): "
            "what can be hijacked are those, see there"
        )
        impossible = {Attack.SPECIFIC: moot, Attack.FORGED_SPECIFIC: moot}
    else:
        held = collapsed(parts)
        halves: list[Prefix] = [half for half in prefix.subnets() if half not in held]
        invalid[Attack.SPECIFIC] = _by_attacker(halves, asns, vrps, named)
        states = [validate(half, origin, vrps).state for half in halves]
        if _is_forgeable(prefix, origin, vrps, parts):
            invalid[Attack.FORGED_SPECIFIC] = np.zeros(len(asns), bool)
        elif all(state is State.INVALID for state in states):
            impossible[Attack.FORGED_SPECIFIC] = (
                f"no ROA lets AS{origin} announce anything longer: forged or not, it is invalid"
            )
        else:
            impossible[Attack.FORGED_SPECIFIC] = "there is no ROA, so nothing is gained by a forged origin"
    return Case(own=own, invalid=invalid, impossible=impossible)


def shadowed(prefixes: Sequence[Prefix], announced: Sequence[Prefix]) -> list[str]:
    """Warnings: what the figures of a prefix are not about: its parts that are announced as well."""
    found = []
    for prefix in prefixes:
        parts = collapsed(part for part in announced if part != prefix and covers(prefix, part))
        if parts == (prefix,):
            text = "all of it is announced in more-specifics too: nobody who hears those loses by its hijack"
        else:
            inside = listed([*map(str, parts)], most=3)
            text = f"not of users of {inside}, which we announce too: it wins where heard"
        found += [f"hijacks of {prefix}: {text}"] if parts else []
    return found


def collapsed(prefixes: Iterable[Prefix]) -> tuple[Prefix, ...]:
    """The fewest prefixes with the same addresses."""
    found = tuple(prefixes)
    four = collapse_addresses(prefix for prefix in found if isinstance(prefix, IPv4Network))
    six = collapse_addresses(prefix for prefix in found if isinstance(prefix, IPv6Network))
    return (*four, *six)


def _is_forgeable(prefix: Prefix, origin: int, vrps: Sequence[Vrp], parts: frozenset[Prefix]) -> bool:
    """Does a VRP of ours allow a route inside of the prefix that networks accept and we do not announce?"""
    for vrp in vrps:
        if vrp.asn != origin or vrp.max_length <= prefix.prefixlen:
            continue
        if vrp.covers(prefix):
            return True  # one of its halves at least, as not all of it is announced in parts
        is_inside = prefix != vrp.prefix and covers(prefix, vrp.prefix)
        if is_inside and vrp.prefix.prefixlen <= ACCEPTED[prefix.version] and vrp.prefix not in parts:
            return True
    return False


def _by_attacker(
    routes: Sequence[Prefix], asns: Sequence[int], vrps: Sequence[Vrp], named: Iterable[int]
) -> NDArray[np.bool_]:
    """(A,) are all these routes invalid with this attacker as the origin?"""

    def are_invalid(asn: int) -> bool:
        return all(validate(route, asn, vrps).state is State.INVALID for route in routes)

    bits = np.full(len(asns), are_invalid(NOBODY))
    special = set(named)
    for index, asn in enumerate(asns):
        if asn in special:
            bits[index] = are_invalid(asn)
    return bits
