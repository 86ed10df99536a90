"""cascade: if every drowned site withdraws itself, where the attack goes next, round by round.

What a health check does that cannot tell an attack from a broken server: the site is withdrawn, its attack
moves on with its users, and drowns the next. It ends when nothing drowns, or when nothing is left.
"""

from __future__ import annotations

from anyplane.planning.attack.harm import Capacities, harm
from anyplane.planning.attack.origins import LEAST_GBPS
from anyplane.planning.attack.ranking import LEAST_USERS, loads_at
from anyplane.planning.attack.report import Round
from anyplane.planning.attack.sweep import Sweep
from anyplane.planning.rounding import people


def cascade(sweep: Sweep, room: Capacities, served: float) -> tuple[Round, ...]:
    """The rounds; the first is as things are now, the last one is stable. served: users served now."""
    names = sweep.scenario.sites
    gone: list[int] = []
    rounds: list[Round] = []
    landing = sweep.now
    while True:
        hurt = harm(landing, room, served=served)
        users = landing.by_site[0]
        drowned = [s for s in hurt.drowned if s in sweep.scenario.announcing and s not in gone]
        rounds.append(
            Round(
                number=len(rounds) + 1,
                withdrawn=tuple(names[s] for s in gone),
                drowned=tuple(names[s] for s in drowned),
                users_hurt=people(hurt.hurt),
                users_cut=people(hurt.cut),
                loads=loads_at(
                    sweep,
                    room,
                    landing,
                    hurt,
                    [
                        s
                        for s in range(len(room.gbps))
                        if users[s] >= LEAST_USERS or hurt.attack[s] >= LEAST_GBPS
                    ],
                ),
            )
        )
        if not drowned:
            return tuple(rounds)
        gone += drowned
        landing = sweep.without(gone)
