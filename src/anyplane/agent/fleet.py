"""What other sites say: read from a file that any transport may write, or a static list; and our own word.

The file is JSON: {"sites": {NAME: {"at": unix seconds, "services": {KEY: STATE}, "failing": {CHECK: unix
seconds of the first failure}, "load": ..., "capacity": ...}}, "withdrawals": [{"site", "service", "at"}]}.
Ages are reckoned by the wall clock here and nowhere else. What is garbage, or from the future, is no report.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from anyplane.agent.files import read_whole
from anyplane.control.fleet import FleetView, SiteReport, Withdrawal
from anyplane.control.site_plan import SitePlan
from anyplane.control.states import State
from anyplane.model.nouns import SiteName

AHEAD_S = 2.0
"""Two clocks kept by NTP differ by less; a report from further ahead is not believed."""
BYTES = 4_000_000
LARGEST = 1e18


def view_of(
    plan: SitePlan, text: str | None, *, wall: float, now: float | None = None
) -> tuple[FleetView, tuple[str, ...]]:
    """What is known of the other sites at `now` (monotonic, the moment of `wall`), and what is not believed.

    `text` None: there is no file.
    """
    static = tuple(
        SiteReport(
            site=name,
            age_s=0.0,
            services={one.key: State.UP for one in plan.services},
        )
        for name in sorted(plan.safety.fleet_sites)
        if name != plan.site
    )
    if text is None:
        return FleetView(reports=static, at=now), ()
    found, warnings = read(text, wall=wall)
    heard = {one.site for one in found.reports}
    others = tuple(one for one in found.reports if one.site != plan.site)
    own = next((one.load for one in found.reports if one.site == plan.site), None)
    view = FleetView(
        reports=(*others, *(one for one in static if one.site not in heard)),
        withdrawals=tuple(one for one in found.withdrawals if one.site != plan.site),
        load=own,
        at=now,
    )
    return view, warnings


def read(text: str, *, wall: float) -> tuple[FleetView, tuple[str, ...]]:
    """All reports of a fleet file with their ages at `wall`, and a warning for each that is not believed."""
    try:
        plain = json.loads(text)
        sites = _mapping(plain["sites"])
        listed = plain.get("withdrawals", [])
        if not isinstance(listed, list):
            raise TypeError("withdrawals is not a list")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return FleetView(), (f"the fleet file is not one: {type(error).__name__}: {error}",)
    warnings: list[str] = []
    reports: list[SiteReport] = []
    withdrawals: list[Withdrawal] = []
    for name, said in sites.items():
        try:
            reports.append(_report(str(name), _mapping(said), wall=wall))
        except (ValueError, KeyError, TypeError) as error:
            warnings.append(f"the report of {name} is not believed: {_said(error)}")
    for one in listed:
        try:
            entry = _mapping(one)
            withdrawals.append(
                Withdrawal(
                    site=SiteName(str(entry["site"])),
                    service=str(entry["service"]),
                    age_s=_age(entry["at"], wall=wall),
                )
            )
        except (ValueError, KeyError, TypeError) as error:
            warnings.append(f"a withdrawal is not believed: {_said(error)}")
    return FleetView(reports=tuple(reports), withdrawals=tuple(withdrawals)), tuple(warnings)


def merge(texts: Iterable[str]) -> str:
    """One fleet file from the report files of many sites; of two words of a site the newer one counts."""
    sites: dict[str, Mapping[str, object]] = {}
    withdrawals: list[object] = []
    for text in texts:
        plain = json.loads(text)
        for name, said in plain["sites"].items():
            if name not in sites or _number(said["at"]) > _number(sites[name]["at"]):
                sites[name] = said
        withdrawals += [one for one in plain.get("withdrawals", []) if one not in withdrawals]
    return json.dumps({"sites": sites, "withdrawals": withdrawals})


def to_text(report: SiteReport, withdrawals: Iterable[Withdrawal], *, wall: float) -> str:
    """Our own word in the form of the fleet file, so that any transport can carry it."""
    said: dict[str, object] = {
        "at": wall,
        "services": {key: str(state) for key, state in report.services.items()},
        "failing": {key: wall - since for key, since in report.failing.items()},
    }
    if report.load is not None:
        said["load"] = report.load
    if report.capacity is not None:
        said["capacity"] = report.capacity
    gone = [{"site": one.site, "service": one.service, "at": wall - one.age_s} for one in withdrawals]
    return json.dumps({"sites": {report.site: said}, "withdrawals": gone})


def text_of(path: str) -> str | None:
    """The fleet file's content, None where there is none; to be called in a thread, for disks are slow."""
    try:
        return read_whole(path, limit=BYTES).decode("utf-8", "replace")
    except OSError:
        return None


def _report(name: str, said: Mapping[str, object], *, wall: float) -> SiteReport:
    age_s = _age(said["at"], wall=wall)
    # As of the report, like everything in it: the guard adds its age.
    failing = {
        str(key): max(0.0, _age(at, wall=wall) - age_s)
        for key, at in _mapping(said.get("failing", {})).items()
    }
    services = {str(key): State(str(state)) for key, state in _mapping(said["services"]).items()}
    return SiteReport(
        site=SiteName(name),
        age_s=age_s,
        services=services,
        failing=failing,
        load=_optional(said.get("load")),
        capacity=_optional(said.get("capacity")),
    )


def _age(at: object, *, wall: float) -> float:
    age = wall - _number(at)
    if age < -AHEAD_S:
        raise ValueError(f"it is from {-age:.0f} s in the future")
    return max(0.0, age)


def _optional(value: object) -> float | None:
    return None if value is None else _number(value)


def _number(value: object) -> float:
    # An integer may be too long for a float, and even for its own text.
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not (-LARGEST <= value <= LARGEST):  # type: ignore[operator]  # is_number says so
        raise TypeError("there is something else where a number is expected")
    return float(value)  # type: ignore[arg-type]  # as above


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise TypeError(f"{type(value).__name__} where names and values are expected")
    return value


def _said(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)
