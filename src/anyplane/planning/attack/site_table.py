"""site_table: each site as things are now: what lands there, through which upstreams, and what is lost."""

from __future__ import annotations

import numpy as np

from anyplane.design.design import Design
from anyplane.design.setting import uplink_name, upstream_at
from anyplane.planning.attack.harm import Capacities, Harm
from anyplane.planning.attack.origins import LEAST_GBPS, gbps
from anyplane.planning.attack.ranking import utilisation
from anyplane.planning.attack.report import SiteUnderAttack, UplinkGbps
from anyplane.planning.attack.sweep import Sweep
from anyplane.planning.rounding import fraction, part, people
from anyplane.planning.weighted import Float64
from anyplane.topology import Topology


def site_table(
    sweep: Sweep, design: Design, room: Capacities, now: Harm, by_calibration: Float64 | None
) -> tuple[SiteUnderAttack, ...]:
    """The sites that announce, or carry others' load; the hardest hit first. by_calibration: (S,) Gbit/s."""
    landing = sweep.now
    came = sweep.by_uplink(sweep.spread(sweep.weights[1:2]).by_seed)[0]
    users, total = landing.by_site[0], float(sweep.totals[1])
    rows = []
    for s, site in enumerate(design.sites):
        if s not in sweep.scenario.announcing and not now.load[s]:
            continue
        capacity = room.gbps[s]
        is_sized = bool(np.isfinite(capacity))
        uplinks = []
        for u, uplink in enumerate(sweep.variants.uplinks):
            if uplink.site == s and came[u] >= LEAST_GBPS:
                asn = int(upstream_at(design, uplink).asn)
                uplinks.append(
                    UplinkGbps(
                        name=uplink_name(design, uplink),
                        asn=asn,
                        network=_network_name(sweep.topology, asn),
                        gbps=gbps(came[u]),
                    )
                )
        rows.append(
            SiteUnderAttack(
                site=str(site.name),
                users=people(users[s]),
                users_share=part(users[s], sweep.clients.total),
                legit_gbps=gbps(now.legit[s]) if room.per_user else None,
                others_gbps=gbps(room.others[s]),
                attack_gbps=gbps(now.attack[s]),
                attack_share=part(now.attack[s], total),
                capacity_gbps=gbps(capacity) if is_sized else None,
                utilisation=utilisation(now, room, s),
                loss=fraction(now.loss[s]) if is_sized else None,
                users_hurt=people(users[s] * now.loss[s]) if is_sized else None,
                is_drowned=s in now.drowned,
                uplinks=tuple(sorted(uplinks, key=lambda one: (-one.gbps, one.name))),
                calibrated_gbps=None if by_calibration is None else gbps(by_calibration[s]),
            )
        )
    return tuple(sorted(rows, key=lambda row: (-row.attack_gbps, row.site)))


def _network_name(topology: Topology, asn: int) -> str:
    index = topology.index_of(asn)
    return str(topology.name[index]) if index >= 0 and topology.name else ""
