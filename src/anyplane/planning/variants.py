"""Variants: many ways of announcing one scenario as rows over one set of seeds, for `routing.batch`.

For each uplink there are options (Settings). Whatever an option is heard as lies among the seeds once; one
option chosen for each uplink is a row that switches off the seeds of the others. Options that differ in
prepends alone share their seeds, since a prepend is only another length. So prepends, selective announcement,
NO_EXPORT, action communities, MED and GRACEFUL_SHUTDOWN cost one run of routing each, and no compilation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from anyplane.design import announcements
from anyplane.design.design import Design
from anyplane.design.setting import (
    Setting,
    Uplink,
    setting_of,
    uplink_name,
    uplinks,
    upstream_at,
    with_settings,
)
from anyplane.model.errors import TopologyError, UsageError
from anyplane.planning.compile import Scenario, blackhole_at
from anyplane.planning.sessions import Sessions
from anyplane.routing import Seed, Seeds
from anyplane.routing.batch import Rows
from anyplane.routing.state import OFF
from anyplane.topology import Topology

Choices = NDArray[np.int16]
"""(R, U) for each row and each uplink the index of its option; 0 is as designed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What one option of one uplink is heard as: which seeds, and with what lengths."""

    seeds: NDArray[np.int64]
    lengths: NDArray[np.uint16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variants:
    """One scenario with every option of every uplink (U of them); K seeds.

    scenario: its seeds are those of all options together, and so are its owners; everything else is the
    design's. options[u][0] is the setting as designed; an uplink that may not be turned has that one alone.
    An uplink that does not carry this scenario's prefixes is heard as nothing.
    """

    scenario: Scenario
    uplinks: tuple[Uplink, ...]
    options: tuple[tuple[Setting, ...], ...]
    heard: tuple[tuple[Heard, ...], ...]

    def rows(self, choices: Choices) -> Rows:
        """(R, K) the seed lengths of each choice."""
        seeds = len(self.scenario.owners)
        # A seed is of one uplink: lengths[o, k] is what seed k has when that uplink is set to its option o.
        lengths = np.full((max(map(len, self.heard), default=1), seeds), OFF, np.uint16)
        of_uplink = np.zeros(seeds, np.int64)
        for u, options in enumerate(self.heard):
            for o, heard in enumerate(options):
                if len(heard.seeds):
                    lengths[o, heard.seeds] = heard.lengths
                    of_uplink[heard.seeds] = u
        rows: Rows = lengths[choices[:, of_uplink], np.arange(seeds)]
        return rows

    def failing(self, rows: Rows, site: int) -> Rows:
        """The same rows after the failure of a site of the design; its blackholes go with it."""
        failed = rows.copy()
        failed[:, np.array(self.scenario.owners) == site] = OFF
        return failed

    def as_designed(self) -> Choices:
        """(1, U) the choice that changes nothing."""
        return np.zeros((1, len(self.uplinks)), np.int16)

    def settings(self, choice: Sequence[int] | NDArray[np.int16]) -> dict[Uplink, Setting]:
        """What a choice turns: the settings that differ from the design, by uplink."""
        return {
            uplink: self.options[u][int(choice[u])]
            for u, uplink in enumerate(self.uplinks)
            if int(choice[u]) != 0
        }


def variants(
    design: Design,
    topology: Topology,
    scenarios: Sequence[Scenario],
    wanted: Mapping[Uplink, Sequence[Setting]],
) -> tuple[Variants, ...]:
    """Variants of each scenario, all over the same uplinks and options, so that one Choices serves them all.

    scenarios: of planning.compile for this design. wanted: for the uplinks that may be turned, the settings
    to choose from; the one as designed comes first whether it is among them or not, repeats are left out. A
    scenario's prefixes must all be carried by the same uplinks (else UsageError): those that are announced
    alike by different entries of `upstreams` would part ways when one entry is turned.
    """
    places = uplinks(design)
    options = tuple(_options(design, uplink, wanted.get(uplink, ())) for uplink in places)
    sessions = Sessions(topology)
    made = tuple(_of_scenario(design, sessions, scenario, places, options) for scenario in scenarios)
    if sessions.problems:
        raise TopologyError("\n".join(dict.fromkeys(sessions.problems)))
    return made


def _options(design: Design, uplink: Uplink, wanted: Sequence[Setting]) -> tuple[Setting, ...]:
    now = setting_of(design, upstream_at(design, uplink))
    return tuple(dict.fromkeys((now, *wanted)))


def _of_scenario(
    design: Design,
    sessions: Sessions,
    scenario: Scenario,
    places: Sequence[Uplink],
    options: Sequence[Sequence[Setting]],
) -> Variants:
    _refuse_mixed(design, scenario, places)
    seeds: dict[tuple[Uplink, Seed], int] = {}
    owners: list[int] = []
    heard: list[tuple[Heard, ...]] = []
    warnings: list[str] = []
    for uplink, settings in zip(places, options, strict=True):
        found = []
        for setting in settings:
            at, lengths = [], []
            for seed in _seeds(design, sessions, scenario, uplink, setting, warnings):
                # The length is the row's; what else a seed is makes it the same one or another. Two ports of
                # one member at one pop are one seed, as in routing.
                key = (uplink, replace(seed, length=0))
                if key not in seeds:
                    seeds[key] = len(seeds)
                    owners.append(uplink.site)
                at.append(seeds[key])
                lengths.append(seed.length)
            found.append(Heard(seeds=np.array(at, np.int64), lengths=np.array(lengths, np.uint16)))
        heard.append(tuple(found))
    made = replace(
        scenario,
        seeds=Seeds.of([seed for _, seed in seeds], sites=len(scenario.sites)),
        owners=tuple(owners),
        warnings=tuple(dict.fromkeys((*scenario.warnings, *warnings))),
    )
    return Variants(
        scenario=made, uplinks=tuple(places), options=tuple(map(tuple, options)), heard=tuple(heard)
    )


def _seeds(
    design: Design,
    sessions: Sessions,
    scenario: Scenario,
    uplink: Uplink,
    setting: Setting,
    warnings: list[str],
) -> list[Seed]:
    if not setting.is_announced:
        return []
    turned = with_settings(design, {uplink: setting})
    site = turned.sites[uplink.site]
    only = replace(turned, sites=(replace(site, upstreams=(site.upstreams[uplink.upstream],)),))
    for item in announcements(only):
        if item.prefix == scenario.prefixes[0]:
            index = scenario.sites.index(blackhole_at(item.upstream)) if item.is_blackhole else uplink.site
            return sessions.seeds(item, site, index=index, warnings=warnings)
    return []


def _refuse_mixed(design: Design, scenario: Scenario, places: Sequence[Uplink]) -> None:
    for uplink in places:
        carried = set(upstream_at(design, uplink).prefixes)
        mine = set(scenario.prefixes)
        if carried & mine and mine - carried:
            raise UsageError(
                f"{uplink_name(design, uplink)} announces {min(map(str, carried & mine))} but not "
                f"{min(map(str, mine - carried))}, which is announced alike elsewhere",
                hint="announce both with the same entries of `upstreams`, or name one group with --group",
            )
