"""What an agent leaves for its successor: levels by service, so that an upgrade or a crash moves no traffic.

Theory of operation. The proof that a predecessor was alive a moment ago is not this file but what it kept
alive: an anchor on lo whose kernel lifetime has not run out (or a keeper that still waits). The file says
only at which level each service was announced. It lives in the run directory and names the boot, so that
after a reboot nothing is adopted; times are monotonic seconds, which do not jump.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from anyplane.agent.files import read_whole
from anyplane.control.site import Penalty, SiteState
from anyplane.control.site_plan import ServicePlan, SitePlan
from anyplane.control.states import Level
from anyplane.model.nouns import Prefix

VERSION = 1
BYTES = 4_000_000
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
PROLONGED_S = 10.0
"""Lease while the agent replaces itself."""
_LEVELS = (Level.NONE, Level.LOW, Level.DRAIN, Level.FULL)
CRASH_AGE_S = 30.0
"""A state file is written each second; one that is older than this was left by no recent crash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Legacy:
    """`at`: monotonic seconds. `penalties`: by service, (strikes, monotonic seconds until it may rise).

    `draining`: by service, since when (monotonic). `prefixes`: what each service announces, for the new
    program may know it by another name.
    """

    boot: str
    at: float
    levels: Mapping[str, Level]
    is_handover: bool = False
    penalties: Mapping[str, tuple[int, float]] = field(default_factory=dict)
    keeper: Mapping[str, object] = field(default_factory=dict)
    draining: Mapping[str, float] = field(default_factory=dict)
    prefixes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    confirmed_at: float | None = None
    """When the keeper was last renewed on evidence of checks (monotonic); heirs hand it on unchanged."""


def boot_id() -> str:
    """This boot's name; empty where the kernel does not say, and then nothing is adopted."""
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return ""


def of(
    plan: SitePlan,
    state: SiteState,
    *,
    boot: str,
    now: float,
    keeper: Mapping[str, object] | None = None,
    confirmed_at: float | None = None,
) -> Legacy:
    """What to leave at `now`; with `keeper`, what it needs, on the way to becoming another program."""
    return Legacy(
        boot=boot,
        at=now,
        levels={key: one.level for key, one in state.services.items()},
        penalties={
            key: (one.strikes, one.penalty_until) for key, one in state.services.items() if one.strikes
        },
        is_handover=keeper is not None,
        keeper=keeper or {},
        draining={
            key: one.draining_since for key, one in state.services.items() if one.draining_since is not None
        },
        prefixes={one.key: tuple(map(str, one.prefixes)) for one in plan.services},
        confirmed_at=confirmed_at,
    )


def adopted(
    plan: SitePlan,
    legacy: Legacy | None,
    *,
    held: frozenset[Prefix],
    has_lease: bool,
    is_kept: bool = False,
) -> dict[str, Level]:
    """The services still announced on a live lease: every prefix on lo, or all by a keeper that waits.

    `is_kept`: the keeper of a predecessor that was killed waits still.
    """
    if legacy is None:
        return {}
    is_kept = is_kept or (legacy.is_handover and bool(legacy.keeper))
    return {
        service.key: level
        for service in plan.services
        if (level := _level_of(service, legacy)) is not Level.NONE
        and (set(service.prefixes) <= held if has_lease else is_kept)
    }


def _level_of(service: ServicePlan, legacy: Legacy) -> Level:
    """The least at which anything of `service` was announced; NONE unless all of it was."""
    if not legacy.prefixes:  # left by an older program
        return legacy.levels.get(service.key, Level.NONE)
    ours = set(map(str, service.prefixes))
    known = [key for key, prefixes in legacy.prefixes.items() if ours & set(prefixes)]
    levels = [legacy.levels.get(key, Level.NONE) for key in known]
    is_whole = ours <= {prefix for key in known for prefix in legacy.prefixes[key]}
    return min(levels, key=_LEVELS.index) if levels and is_whole else Level.NONE


def penalties(legacy: Legacy, *, now: float, longest_s: float = float("inf")) -> dict[str, Penalty]:
    """What flapping services still owe at `now`; never more than the longest that the design knows."""
    return {
        key: Penalty(strikes=max(0, strikes), wait_s=min(max(0.0, until - now), longest_s))
        for key, (strikes, until) in legacy.penalties.items()
    }


def draining(legacy: Legacy, *, now: float) -> dict[str, float]:
    """Since when services are being drained, as far as that is past."""
    return {key: since for key, since in legacy.draining.items() if since <= now}


def to_text(legacy: Legacy) -> str:
    """As JSON."""
    return json.dumps(
        {
            "version": VERSION,
            "boot": legacy.boot,
            "at": legacy.at,
            "is_handover": legacy.is_handover,
            "levels": {key: str(level) for key, level in legacy.levels.items()},
            "keeper": dict(legacy.keeper),
            "draining": dict(legacy.draining),
            "prefixes": {key: list(listed) for key, listed in legacy.prefixes.items()},
            "confirmed_at": legacy.confirmed_at,
            "penalties": {key: list(pair) for key, pair in legacy.penalties.items()},
        }
    )


def from_text(text: str) -> Legacy | None:
    """What `to_text` wrote; None for anything else."""
    try:
        plain = json.loads(text)
        if plain["version"] != VERSION:
            return None
        return Legacy(
            boot=str(plain["boot"]),
            at=float(plain["at"]),
            is_handover=plain["is_handover"] is True,
            levels={str(key): Level(level) for key, level in plain["levels"].items()},
            keeper=dict(plain.get("keeper", {})),
            penalties={
                str(key): (int(pair[0]), float(pair[1])) for key, pair in plain.get("penalties", {}).items()
            },
            draining={str(key): float(since) for key, since in plain.get("draining", {}).items()},
            prefixes={str(key): tuple(map(str, listed)) for key, listed in plain.get("prefixes", {}).items()},
            confirmed_at=None if plain.get("confirmed_at") is None else float(plain["confirmed_at"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, ArithmeticError, RecursionError):
        return None


def read(path: Path, *, boot: str, now: float, hold_s: float = 0.0) -> Legacy | None:
    """The predecessor's word if it is of this boot and young enough; None otherwise.

    `hold_s`: how long its announcements outlive it (`on_agent_death: hold`), and so its word.
    """
    try:
        legacy = from_text(read_whole(path, limit=BYTES).decode())
    except (OSError, ValueError):
        return None
    if legacy is None or not boot or legacy.boot != boot:
        return None
    oldest = max(hold_s, PROLONGED_S if legacy.is_handover else CRASH_AGE_S)
    return legacy if 0.0 <= now - legacy.at <= oldest else None
