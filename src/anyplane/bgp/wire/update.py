"""Update: the routes withdrawn and announced by one message, of both families (RFC 4271 section 4.3)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from anyplane.bgp.wire.attributes import Attributes, parse_attributes, render_attributes
from anyplane.bgp.wire.capabilities import Family
from anyplane.bgp.wire.fault import UPDATE, WireError
from anyplane.bgp.wire.prefixes import parse_prefixes, render_prefixes
from anyplane.model.nouns import Prefix


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """`withdrawn_v4` and `announced_v4` are the message's own fields; the rest stands in the attributes.

    What a receiver acts on is `withdrawn` and `announced`.
    """

    withdrawn_v4: tuple[Prefix, ...] = ()
    attributes: Attributes = field(default_factory=Attributes)
    announced_v4: tuple[Prefix, ...] = ()

    @property
    def announced(self) -> tuple[Prefix, ...]:
        """Announced, of both families; none where RFC 7606 treats them as withdrawn."""
        return () if self.attributes.faults else self._named

    @property
    def withdrawn(self) -> tuple[Prefix, ...]:
        """Withdrawn, of both families, and announced with faults (RFC 7606 section 2)."""
        unreach = self.attributes.unreach
        explicit = (*self.withdrawn_v4, *(unreach.prefixes if unreach else ()))
        return (*explicit, *self._named) if self.attributes.faults else explicit

    @property
    def end_of_rib(self) -> Family | None:
        """The family whose initial routes are complete (RFC 4724 section 2); None: another message."""
        if self == Update():
            return Family.IPV4
        unreach = self.attributes.unreach
        if (
            unreach is not None
            and not unreach.prefixes
            and self == Update(attributes=Attributes(unreach=unreach))
        ):
            return unreach.family
        return None

    @property
    def _named(self) -> tuple[Prefix, ...]:
        reach = self.attributes.reach
        return (*self.announced_v4, *(reach.prefixes if reach else ()))


def parse_update(body: bytes, *, is_as4: bool = True, is_external: bool = True) -> Update:
    """The message after its header; WireError only where RFC 7606 still resets the session."""
    withdrawn, rest = _field(body, "withdrawn routes")
    attributes, announced = _field(rest, "path attributes")
    parsed = parse_attributes(attributes, is_as4=is_as4, is_external=is_external)
    update = Update(
        withdrawn_v4=parse_prefixes(withdrawn, version=4),
        attributes=parsed,
        announced_v4=parse_prefixes(announced, version=4),
    )
    if not update._named or parsed.faults:  # noqa: SLF001  # its own
        return update
    missing = [
        name
        for name, is_missing in (
            ("ORIGIN", parsed.origin is None),
            ("AS_PATH", parsed.as_path is None),
            ("NEXT_HOP", bool(update.announced_v4) and parsed.next_hop is None),
        )
        if is_missing
    ]
    if not missing:
        return update
    fault = f"{' and '.join(missing)} missing (RFC 7606 section 3(d): treat as withdraw)"
    return _with_fault(update, fault)


def render_update(update: Update, *, is_as4: bool = True) -> bytes:
    """The message after its header."""
    withdrawn = render_prefixes(update.withdrawn_v4)
    attributes = render_attributes(update.attributes, is_as4=is_as4)
    return (
        len(withdrawn).to_bytes(2, "big")
        + withdrawn
        + len(attributes).to_bytes(2, "big")
        + attributes
        + render_prefixes(update.announced_v4)
    )


def _with_fault(update: Update, fault: str) -> Update:
    return replace(update, attributes=replace(update.attributes, faults=(fault,)))


def _field(data: bytes, what: str) -> tuple[bytes, bytes]:
    """A field behind its two bytes of length, and what follows it."""
    length = int.from_bytes(data[:2], "big")
    if len(data) < 2 or 2 + length > len(data):
        raise WireError(UPDATE, 1, f"the {what} overrun the message", rfc="RFC 4271 section 6.3")
    return data[2 : 2 + length], data[2 + length :]
