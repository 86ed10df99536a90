"""ExaBGP: neighbours of an exabgp.conf. It announces what it is told and imports into nothing."""

from __future__ import annotations

from anyplane.bgp.lint.facts import Mark, Restart, RouterFacts, SessionFacts
from anyplane.bgp.lint.tokens import Statement, silences, statements
from anyplane.design.operation import DaemonKind

_HOLD_S = 180


def read_exabgp(text: str, *, file: str) -> RouterFacts:
    """The facts of an exabgp.conf."""
    tree = statements(text)
    templates = {
        inner.words[1].text: inner
        for one in tree
        if one.begins("template")
        for inner in one.block or []
        if inner.begins("neighbor") and len(inner.words) > 1
    }
    sessions = tuple(
        _session(one, templates) for one in tree if one.begins("neighbor") and len(one.words) > 1
    )
    return RouterFacts(
        file=file,
        source=text,
        kind=DaemonKind.EXABGP,
        sessions=sessions,
        passwords=tuple(one.password for one in sessions if one.password),
        silenced=silences(text),
    )


def _session(one: Statement, templates: dict[str, Statement]) -> SessionFacts:
    own = one.block or []
    inherited = [
        said
        for inner in own
        if inner.begins("inherit")
        for word in inner.texts[1:]
        if word in templates
        for said in templates[word].block or []
    ]
    said = [*inherited, *own]
    hold = _value(said, "hold-time")
    password = _value(said, "md5-password")
    restart, restart_at = Restart.OFF, None
    for inner in (inner for block in said if block.begins("capability") for inner in block.block or []):
        if inner.begins("graceful-restart") and inner.texts[1:2] not in (("disable",), ("disabled",), ("0",)):
            restart, restart_at = Restart.ON, inner.location
    return SessionFacts(
        name=f"neighbor {one.words[1].text}",
        location=one.location,
        neighbor=one.words[1],
        peer_asn=_value(said, "peer-as"),
        local_asn=_value(said, "local-as"),
        restart=restart,
        restart_at=restart_at,
        password=password,
        has_password=password is not None,
        has_gtsm=_value(said, "incoming-ttl") is not None or _value(said, "outgoing-ttl") is not None,
        hold_s=(hold.number if hold else None) or _HOLD_S,
    )


def _value(said: list[Statement], word: str) -> Mark | None:
    found = [one.words[1] for one in said if one.begins(word) and len(one.words) > 1]
    return found[-1] if found else None
