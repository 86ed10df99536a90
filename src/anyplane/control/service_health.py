"""Verdicts of single checks -> the health of one service: all, any or k of n, backends, dependencies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from anyplane.control.health import CheckState, Verdict
from anyplane.control.site_plan import ServicePlan, SitePlan
from anyplane.design.operation import Scope

_UNHEARD = CheckState()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceHealth:
    """What the checks of a service say together.

    `verdict` is of the local checks and the backends alone. `failing`: ids of the local checks that fail (all
    of them, also those that k of n forgives), `shaky`: that failed lately but not often enough, `impairing`:
    of dependency checks that fail. `is_climbing`: every failing or unknown check succeeds by now.
    """

    verdict: Verdict
    failing: tuple[str, ...] = ()
    shaky: tuple[str, ...] = ()
    impairing: tuple[str, ...] = ()
    unheard: tuple[str, ...] = ()
    is_climbing: bool = False
    live_backends: tuple[str, ...] = ()


def service_health(
    plan: SitePlan,
    service: ServicePlan,
    checks: Mapping[str, CheckState],
    *,
    is_trusted: bool,
    is_heir: bool,
) -> ServiceHealth:
    """The health of `service`.

    `is_trusted`: it is announced on evidence already, so that a check that has not spoken (a new one, after a
    reload) does not count against it. `is_heir`: it was announced by a predecessor of this process, so that
    one success of each check is enough.
    """
    local: list[str] = []
    impairing: list[str] = []
    unheard: list[str] = []
    for one in service.checks:
        state = checks.get(one, _UNHEARD)
        if state.streak == 0:
            unheard.append(one)
        if plan.checks[one].scope is Scope.LOCAL:
            local.append(one)
        elif state.verdict is Verdict.FAIL:
            impairing.append(one)

    def verdict(one: str) -> Verdict:
        state = checks.get(one, _UNHEARD)
        if state.verdict is not Verdict.UNKNOWN:
            return state.verdict
        return Verdict.PASS if is_trusted or (is_heir and state.streak > 0) else Verdict.UNKNOWN

    verdicts = [verdict(one) for one in local]
    need = len(local) if service.need is None else service.need
    parts = [_k_of_n(verdicts, need)] if local else []
    backends = {
        name: _k_of_n([verdict(one) for one in ids], len(ids)) for name, ids in service.backends.items()
    }
    # A packet goes to a backend of its own family, whatever the other family has.
    for family in sorted({service.backend_families.get(name, 4) for name in backends}):
        pool = [one for name, one in backends.items() if service.backend_families.get(name, 4) == family]
        parts.append(_k_of_n(pool, service.need_backends))
    whole = _k_of_n(parts, len(parts))
    if whole is Verdict.PASS and unheard and not is_trusted:
        # Nothing is announced before the first complete pass, and a dependency's word belongs to it.
        whole = Verdict.UNKNOWN
    asked = [*local, *(one for ids in service.backends.values() for one in ids)]
    states = [(one, checks.get(one, _UNHEARD)) for one in asked]
    behind = [state for _, state in states if state.verdict is not Verdict.PASS]
    return ServiceHealth(
        verdict=whole,
        failing=tuple(one for one, state in states if state.verdict is Verdict.FAIL),
        shaky=tuple(one for one, state in states if state.verdict is Verdict.PASS and state.streak < 0),
        impairing=tuple(impairing),
        unheard=tuple(unheard) + tuple(one for one in asked if one not in local and _is_unheard(checks, one)),
        is_climbing=bool(behind) and all(state.streak > 0 for state in behind),
        live_backends=tuple(name for name, one in backends.items() if one is Verdict.PASS),
    )


def _k_of_n(verdicts: Sequence[Verdict], need: int) -> Verdict:
    passing = sum(one is Verdict.PASS for one in verdicts)
    if passing >= need:
        return Verdict.PASS
    unknown = sum(one is Verdict.UNKNOWN for one in verdicts)
    return Verdict.FAIL if passing + unknown < need else Verdict.UNKNOWN


def _is_unheard(checks: Mapping[str, CheckState], one: str) -> bool:
    return checks.get(one, _UNHEARD).streak == 0
