"""OpenBGPD: neighbours, groups and the filter of a bgpd.conf."""

from __future__ import annotations

from collections.abc import Iterator

from anyplane.bgp.lint.facts import Mark, Openness, Policy, RouterFacts, SessionFacts, Trap
from anyplane.bgp.lint.tokens import Statement, silences, statements
from anyplane.design.operation import DaemonKind

_HOLD_S = 90
_NARROWING = (
    "prefix",
    "prefix-set",
    "community",
    "large-community",
    "source-as",
    "AS",
    "as-set",
    "origin-set",
)


def read_openbgpd(text: str, *, file: str) -> RouterFacts:
    """The facts of a bgpd.conf; macros of one word are resolved."""
    tree = statements(text, ends_with_line=True)
    macros = {
        one.words[0].text: one.words[2].text for one in tree if len(one.words) == 3 and one.texts[1] == "="
    }
    top = _Top(tree, macros)
    sessions = tuple(top.sessions())
    return RouterFacts(
        file=file,
        source=text,
        kind=DaemonKind.OPENBGPD,
        sessions=sessions,
        traps=tuple(_traps(tree)),
        includes=tuple(one.words[1] for one in tree if one.begins("include") and len(one.words) > 1),
        passwords=tuple(one.password for one in sessions if one.password),
        local_asn=top.asn,
        silenced=silences(text),
    )


class _Top:
    """The statements of the file and its macros."""

    def __init__(self, tree: list[Statement], macros: dict[str, str]) -> None:
        self.tree = tree
        self.macros = macros
        numbers = [one.words[1] for one in tree if one.begins("AS") and len(one.words) > 1]
        self.asn = self.value(numbers[0]) if numbers else None
        holds = [one.words[1].number for one in tree if one.begins("holdtime") and len(one.words) > 1]
        self.hold_s = holds[-1] if holds else _HOLD_S

    def value(self, mark: Mark) -> Mark:
        """The word with its macro resolved."""
        if not mark.text.startswith("$"):
            return mark
        return Mark(text=self.macros.get(mark.text[1:], mark.text), location=mark.location)

    def sessions(self) -> Iterator[SessionFacts]:
        """Every neighbour, in groups too."""
        for one in self.tree:
            if one.begins("neighbor") and len(one.words) > 1:
                yield self._session(one, [], group="")
            elif one.begins("group") and len(one.words) > 1:
                common = [inner for inner in one.block or [] if not inner.begins("neighbor")]
                for inner in one.block or []:
                    if inner.begins("neighbor") and len(inner.words) > 1:
                        yield self._session(inner, common, group=one.words[1].text)

    def _session(self, neighbor: Statement, common: list[Statement], *, group: str) -> SessionFacts:
        said = [*common, *(neighbor.block or [])]
        address = self.value(neighbor.words[1])
        remote, local = _last(said, "remote-as"), _last(said, "local-as")
        hold, security = _last(said, "holdtime"), _last(said, "ttl-security")
        password = next((mark for one in said if (mark := one.after("password"))), None)
        steering = [inner for one in said if one.begins("set") for inner in [one, *one.all()]]
        prepend = next((mark for one in steering if (mark := one.after("prepend-self"))), None)
        med = next((mark for one in steering if (mark := one.after("med") or one.after("metric"))), None)
        place = prepend or med
        has_none = any(one.texts == ("export", "none") for one in said)
        return SessionFacts(
            name=f"neighbor {address.text}",
            location=neighbor.location,
            neighbor=address,
            peer_asn=self.value(remote) if remote else None,
            local_asn=self.value(local) if local else self.asn,
            imports=(self._policy(neighbor, address.text, group, "from"),),
            exports=(
                Policy(openness=Openness.NOTHING, location=neighbor.location)
                if has_none
                else self._policy(neighbor, address.text, group, "to"),
            ),
            has_max_prefix=_last(said, "max-prefix") is not None,
            password=password,
            has_password=password is not None or any("ipsec" in one.texts for one in said),
            has_gtsm=security is not None and security.text == "yes",
            is_multihop=_last(said, "multihop") is not None,
            hold_s=hold.number if hold else self.hold_s,
            prepend=prepend.number if prepend else None,
            med=med.number if med else None,
            steered_at=place.location if place else None,
        )

    def _policy(self, neighbor: Statement, address: str, group: str, direction: str) -> Policy:
        """What the filter lets through for this neighbour; without a rule OpenBGPD passes nothing."""
        whom = {"any", "ebgp", address, group}
        result = Policy(openness=Openness.UNSAID, location=neighbor.location)
        for one in self.tree:
            words = one.texts
            if words[:1] not in (("allow",), ("deny",)) or direction not in words:
                continue
            peers = [self.value(mark).text for mark in one.words[words.index(direction) + 1 :][:2]]
            blocks = [text for inner in one.block or [] for text in inner.texts]
            if not whom & {*peers, *blocks, *(text.strip('"') for text in peers)}:
                continue
            is_narrow = any(word in words for word in _NARROWING) or one.block is not None
            if words[0] == "allow":
                openness = Openness.FILTERED if is_narrow else Openness.EVERYTHING
                result = Policy(openness=openness, location=one.location)
            elif not is_narrow:
                result = Policy(openness=Openness.NOTHING, location=one.location)
            elif result.openness is Openness.EVERYTHING:
                result = Policy(openness=Openness.FILTERED, location=one.location)
        return result


def _last(said: list[Statement], word: str) -> Mark | None:
    found = [one.words[1] for one in said if one.begins(word) and len(one.words) > 1]
    return found[-1] if found else None


def _traps(tree: list[Statement]) -> Iterator[Trap]:
    for one in tree:
        words = one.texts
        if words[:1] == ("network",) and words[2:3] in (("connected",), ("static",)):
            yield Trap(
                rule="AR017",
                location=one.location,
                message=f"every {words[2]} route of {words[1]} is announced",
                hint="write the prefix: network 198.51.100.0/24",
            )
        if words[:1] == ("network",) and words[1:2] and words[1] in ("0.0.0.0/0", "::/0"):
            yield Trap(
                rule="AR018",
                location=one.location,
                message="a default route is announced",
                hint="write the prefix of the service instead",
            )
