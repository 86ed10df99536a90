"""lint: what a router's configuration would do to an anycast site, found before it does."""

from __future__ import annotations

from collections.abc import Callable

from anyplane.bgp.lint.facts import RouterFacts
from anyplane.bgp.lint.guess import guess
from anyplane.bgp.lint.looks import traps
from anyplane.bgp.lint.read_bird import read_bird
from anyplane.bgp.lint.read_exabgp import read_exabgp
from anyplane.bgp.lint.read_frr import read_frr
from anyplane.bgp.lint.read_gobgp import read_gobgp
from anyplane.bgp.lint.read_openbgpd import read_openbgpd
from anyplane.bgp.lint.rules import BY_ID, RULES
from anyplane.bgp.router import RouterPlan
from anyplane.design.finding import Finding, worst_first
from anyplane.design.operation import DaemonKind
from anyplane.model.errors import UsageError

__all__ = ["READERS", "RULES", "RouterFacts", "guess", "lint", "read"]

READERS: dict[DaemonKind, Callable[..., RouterFacts]] = {
    DaemonKind.BIRD: read_bird,
    DaemonKind.FRR: read_frr,
    DaemonKind.GOBGP: read_gobgp,
    DaemonKind.OPENBGPD: read_openbgpd,
    DaemonKind.EXABGP: read_exabgp,
}


def read(text: str, *, file: str, daemon: DaemonKind | None = None) -> RouterFacts:
    """The facts of a configuration; UsageError where nothing tells which daemon it is for."""
    kind = daemon or guess(text)
    if kind is None or kind not in READERS:
        raise UsageError(
            f"{file}: nothing in it tells which daemon it is for",
            hint="say it: --daemon bird, frr, gobgp (TOML), openbgpd or exabgp",
        )
    return READERS[kind](text, file=file)


def lint(
    facts: RouterFacts, *, plan: RouterPlan | None = None, mode: int | None = None
) -> tuple[Finding, ...]:
    """Every finding, worst first, then in the order of the file; silenced ones carry the reason given.

    `plan`: the site's router in the design, to compare with. `mode`: the file's permissions.
    """
    findings = {
        Finding(
            rule=BY_ID[trap.rule],
            path=trap.path,
            message=trap.message,
            hint=trap.hint,
            location=trap.location,
            silenced=facts.silenced.get(trap.rule, ""),
        ): None
        for trap in traps(facts, plan=plan, mode=mode)
    }
    return worst_first(findings)
