"""The design file as the agent sees it: read whole, watched, refused when it silently announces less.

An accepted design is kept beside the journal. When the agent begins and the file is missing, broken, empty or
shrunken against that copy, it runs on the copy, and says so loudly: a deployment that went wrong takes no
site off the air.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from anyplane import design as designs
from anyplane.agent.files import read_whole
from anyplane.bgp.router import RouterPlan, router_plan
from anyplane.control.site import SiteState
from anyplane.control.site_plan import SitePlan, site_plan
from anyplane.control.succession import missing, parted
from anyplane.design.design import Design
from anyplane.design.operation import Address, Backend
from anyplane.model.errors import AnyplaneError, UsageError
from anyplane.model.nouns import Asn, Prefix

BYTES = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A design, as far as one site's agent needs it.

    `addresses`: service addresses, by group. `backends`: by group, then by name; a group that has some is not
    served by this host itself. `text` is the file.
    """

    text: str
    plan: SitePlan
    router: RouterPlan
    addresses: dict[str, tuple[Address, ...]]
    backends: dict[str, dict[str, Backend]]

    @property
    def served_here(self) -> frozenset[Address]:
        """The service addresses that stand on lo."""
        return frozenset(
            one for group, listed in self.addresses.items() if not self.backends[group] for one in listed
        )

    @property
    def forwarded(self) -> frozenset[Prefix]:
        """Prefixes that go to backends as a whole, and must not end at this host."""
        return frozenset(
            prefix
            for service in self.plan.services
            if service.backends and not self.addresses[service.group]
            for prefix in service.prefixes
        )

    def owns(self, prefix: Prefix) -> bool:
        """Does `prefix` lie in the design's space?"""
        return any(
            prefix.version == one.version
            and prefix.prefixlen >= one.prefixlen
            and prefix.network_address in one
            for one in self.router.prefixes
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """What an agent begins with; `refused`: why that is the kept copy, empty when it is the file.

    `before`: the copy, which names the services as the standing orders do; None where there is none.
    """

    accepted: Accepted
    refused: str = ""
    before: Accepted | None = None


def read(path: Path, *, site: str) -> Accepted:
    """The design at `path` for `site`; AnyplaneError where there is none."""
    try:
        content = read_whole(path, limit=BYTES)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {(error.strerror or str(error)).lower()}", hint="is it a design file?"
        ) from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text; is it a design?") from None
    return narrowed(designs.parse(text, file=str(path)), site=site)


def narrowed(design: Design, *, site: str) -> Accepted:
    """What `site` needs of a design; UsageError where the design lacks it."""
    plan = site_plan(design, site)
    here = next(one for one in design.sites if one.name == site)
    healths = {
        service.group: here.health.get(service.group) or design.health[service.group]
        for service in plan.services
    }
    return Accepted(
        text=design.source,
        plan=plan,
        router=router_plan(design, site),
        addresses={group: health.addresses for group, health in healths.items()},
        backends={group: {one.name: one for one in health.backends} for group, health in healths.items()},
    )


def begin(path: Path, copy: Path, *, site: str) -> Beginning:
    """The design to begin with; AnyplaneError where neither the file nor an accepted copy can serve."""
    kept: Accepted | None
    try:
        kept = read(copy, site=site) if copy.exists() else None
    except AnyplaneError:
        kept = None
    try:
        found = read(path, site=site)
    except AnyplaneError as error:
        if kept is None:
            raise
        return Beginning(accepted=kept, refused=str(error), before=kept)
    less = () if kept is None else missing(pairs(kept.plan), found.plan)
    if kept is not None and less:
        return Beginning(accepted=kept, refused=shrunken(less), before=kept)
    return Beginning(accepted=found, before=kept)


def succeed(old: Accepted, new: Accepted, *, state: SiteState | None = None) -> None:
    """UsageError where `new` may not follow `old` in a running agent whose services are in `state`."""
    less = missing(pairs(old.plan), new.plan)
    if less:
        raise UsageError(shrunken(less))
    if _router_facts(old) != _router_facts(new):
        raise UsageError(
            "the daemon or its sessions changed, and a running agent keeps those it began with",
            hint="configure the router (anyplane render), then: anyplane site upgrade",
        )
    # The daemon's backend refuses a set with a foreign prefix as a whole, its withdrawals included.
    if foreign := set(new.router.prefixes) - set(old.router.prefixes):
        raise UsageError(
            f"{', '.join(sorted(map(str, foreign)))} is new, and the router does not know it yet",
            hint="configure the router (anyplane render), then: anyplane site upgrade",
        )
    if state is not None and (told := parted(old.plan, new.plan, state)):
        raise UsageError(
            "; ".join(told), hint="wait until they are in the same state, then: anyplane site upgrade"
        )


def _router_facts(one: Accepted) -> tuple[object, ...]:
    return one.router.daemon, one.router.sessions, one.router.asn


def shrunken(less: tuple[str, ...]) -> str:
    """What a design that announces less is told."""
    listed = ", ".join(less[:5]) + (f" and {len(less) - 5} more" if len(less) > 5 else "")
    return (
        f"the design no longer announces {listed}\n"
        "hint: name what shall go under safety: retire: (prefixes, or AS64500 for an upstream)"
    )


def pairs(plan: SitePlan) -> frozenset[tuple[Prefix, Asn]]:
    """What a plan announces when all is well, as (prefix, upstream)."""
    return frozenset((one.prefix, one.upstream) for one in plan.announcements)


class FileWatch:
    """`has_settled()` is true once after each change of a file, when two looks in a row saw the same."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._taken = self._look()
        self._last = self._taken

    def has_settled(self) -> bool:
        """Called each second: a file that is still being written looks different each time."""
        seen = self._look()
        is_settled = seen == self._last and seen != self._taken
        self._last = seen
        if is_settled:
            self._taken = seen
        return is_settled

    def _look(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size
