"""looks: where the facts of a router break a rule; one function for each kind of question."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from anyplane.bgp.lint.facts import Openness, Restart, RouterFacts, SessionFacts, Trap
from anyplane.bgp.lint.fixes import fix
from anyplane.bgp.router import RouterPlan
from anyplane.design.design import Location
from anyplane.design.operation import DaemonKind

WORLD_READABLE = 0o004
SLOW_HOLD_S = 9
_START = Location(line=1, column=1)


def traps(facts: RouterFacts, *, plan: RouterPlan | None, mode: int | None) -> Iterator[Trap]:
    """Every place of the file where a rule is broken."""
    yield from facts.traps
    yield from _file(facts, plan, mode)
    for session in facts.sessions:
        if session.is_internal:
            continue
        yield from _restart(facts.kind, session)
        yield from _policy(facts.kind, session)
        if not session.is_on_this_machine:
            yield from _protection(facts.kind, session)
    if plan is not None:
        yield from _design(facts, plan)


def _restart(kind: DaemonKind, one: SessionFacts) -> Iterator[Trap]:
    place = one.restart_at or one.location
    if one.restart is Restart.ON:
        yield _trap("AR001", one, place, "graceful restart is on", fix(kind, "restart", one))
    elif one.restart is Restart.HELPER and kind is DaemonKind.FRR:
        # FRR's "helper" default sends the capability with its families: the neighbour helps.
        message = "graceful restart is left at FRR's default, which asks the neighbour to keep the routes"
        yield _trap("AR001", one, place, message, fix(kind, "restart", one))
    elif one.restart is Restart.HELPER:
        message = "the router helps its neighbour to restart gracefully"
        yield _trap("AR002", one, place, message, fix(kind, "restart", one))
    if one.long_lived is not None:
        message = "long-lived graceful restart is on"
        yield _trap("AR003", one, one.long_lived.location, message, fix(kind, "long-lived", one))


def _policy(kind: DaemonKind, one: SessionFacts) -> Iterator[Trap]:
    for policy in one.imports:
        family = f" of IPv{policy.family}" if policy.family else ""
        if policy.openness is Openness.EVERYTHING:
            message = f"every route{family} is accepted"
            yield _trap("AR006", one, policy.location, message, fix(kind, "import", one))
        elif policy.openness is Openness.UNSAID:
            message = f"no import policy{family} is named, so that nothing is accepted"
            yield _trap("AR006", one, policy.location, message, fix(kind, "import", one))
    for policy in one.exports:
        family = f" of IPv{policy.family}" if policy.family else ""
        if policy.openness is Openness.EVERYTHING:
            message = f"every route{family} is announced"
            yield _trap("AR007", one, policy.location, message, fix(kind, "export", one))
        elif policy.openness is Openness.UNSAID:
            message = f"no export policy{family} is named, so that nothing is announced"
            yield _trap("AR007", one, policy.location, message, fix(kind, "export", one))
    accepts = any(policy.openness is not Openness.NOTHING for policy in one.imports)
    if accepts and not one.has_max_prefix:
        yield _trap("AR009", one, one.location, "no prefix limit", fix(kind, "limit", one))
    sends = any(policy.openness is not Openness.NOTHING for policy in one.exports)
    if one.export_table_at is not None and sends:
        message = "an export table is kept, and BIRD 2 then sends no MED"
        yield _trap("AR015", one, one.export_table_at, message, fix(kind, "export table", one))


def _protection(kind: DaemonKind, one: SessionFacts) -> Iterator[Trap]:
    if not one.has_password:
        yield _trap("AR010", one, one.location, "no TCP MD5 key", fix(kind, "password", one))
    if not one.has_gtsm and not one.is_multihop:
        yield _trap("AR011", one, one.location, "no TTL security", fix(kind, "gtsm", one))
    if not one.has_bfd and one.hold_s is not None and (one.hold_s > SLOW_HOLD_S or one.hold_s == 0):
        hold = f"a hold time of {one.hold_s} s" if one.hold_s else "no hold time"
        if one.has_bfd is None:
            message = f"{hold}, and the daemon has no BFD"
            yield _trap("AR012", one, one.location, message, fix(kind, "hold", one))
        else:
            yield _trap("AR012", one, one.location, f"{hold}, and no BFD", fix(kind, "bfd", one))


def _file(facts: RouterFacts, plan: RouterPlan | None, mode: int | None) -> Iterator[Trap]:
    if facts.passwords and mode is not None and mode & WORLD_READABLE:
        yield Trap(
            rule="AR019",
            location=facts.passwords[0].location,
            message=f"the file holds passwords and everybody may read it (mode {mode & 0o777:04o})",
            hint=f"run: chmod o-rwx {facts.file}",
        )
    wanted = plan.daemon.include if plan is not None and plan.daemon.kind is facts.kind else ""
    if facts.kind is DaemonKind.BIRD and wanted:
        is_there = any(fnmatchcase(wanted, mark.text) for mark in facts.includes)
        if not is_there:
            yield Trap(
                rule="AR016",
                location=_START,
                message=f"{wanted} is not included",
                hint=f'write: include "{wanted}";',
            )


def _design(facts: RouterFacts, plan: RouterPlan) -> Iterator[Trap]:
    external = [one for one in facts.sessions if not one.is_internal]
    by_address = {one.address: one for one in external}
    for wanted in plan.sessions:
        one = by_address.get(wanted.neighbor)
        if one is None:
            yield Trap(
                rule="AR021",
                location=_START,
                path=wanted.name,
                message=f"there is no session with {wanted.neighbor} (AS{wanted.upstream})",
                hint=f"`anyplane render` writes it for {facts.kind}",
            )
            continue
        for mark, asn, whose in (
            (one.peer_asn, wanted.upstream, "the neighbour"),
            (one.local_asn, plan.asn, "this router"),
        ):
            if mark is not None and mark.number is not None and mark.number != asn:
                message = f"{whose} is AS{mark.number} here and AS{asn} in the design"
                yield _trap("AR020", one, mark.location, message, f"write: {asn}")
        sent = [said for said in plan.announcements if said.upstream == wanted.upstream]
        if one.steered_at is None or not sent:
            continue
        prepend, med = one.prepend or 0, one.med or 0
        if all((said.as_path_prepend, said.med) != (prepend, med) for said in sent):
            message = (
                f"the export policy sends prepend {prepend} and MED {med}, "
                f"the design prepend {sent[0].as_path_prepend} and MED {sent[0].med}"
            )
            hint = "let the agent set the attributes, or say them under upstreams: in the design"
            yield _trap("AR023", one, one.steered_at, message, hint)
    known = {wanted.neighbor for wanted in plan.sessions}
    for one in external:
        if one.address is not None and one.address not in known and not one.is_on_this_machine:
            message = f"{one.address} is no neighbour of {plan.site} in the design"
            hint = f"add it under sites: {plan.site}: upstreams:, or take the session out"
            yield _trap("AR022", one, one.location, message, hint)


def _trap(rule: str, one: SessionFacts, place: Location, message: str, hint: str) -> Trap:
    return Trap(rule=rule, location=place, path=one.name, message=f"{one.name}: {message}", hint=hint)
