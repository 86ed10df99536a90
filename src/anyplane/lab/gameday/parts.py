"""Parts: what the fields of steps and expectations hold, each with its reader, its writer and its words."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from typing import Annotated, Any, ClassVar, Protocol, get_args, get_type_hints

from anyplane.design import quantities, timing
from anyplane.design.quantities import Unfit, shown
from anyplane.lab.gameday.clients import Clients
from anyplane.model.nouns import Asn, Prefix, SiteName

MOST_TIMES = 100
KINDS = ("udp", "tcp", "http", "stream")
LONGEST_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """How one field is read from YAML, written back and shown, and what it is for the reference page.

    `refers` says whose name it is ("site", "upstream", ...), so that it can be looked up in the lab.
    """

    what: str
    example: str
    read: Callable[[object], object]
    refers: str = ""
    write: Callable[[Any], object] = str  # Any: the field's own type


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a step or an expectation as declared."""

    name: str
    part: Part
    is_required: bool


class Worded(Protocol):
    """A step or an expectation: a frozen dataclass whose `words` name its fields in {braces}."""

    words: ClassVar[str]


_FIELDS: dict[type, tuple[Field, ...]] = {}


def fields_of(kind: type) -> tuple[Field, ...]:
    """The fields of a step or an expectation, in order."""
    if kind not in _FIELDS:
        _FIELDS[kind] = _read_fields(kind)
    return _FIELDS[kind]


def _read_fields(kind: type) -> tuple[Field, ...]:
    hints = get_type_hints(kind, include_extras=True)
    found = []
    for one in fields(kind):
        (part,) = [item for item in _annotations(hints[one.name]) if isinstance(item, Part)]
        found.append(Field(name=one.name, part=part, is_required=one.default is MISSING))
    return tuple(found)


def key_of(kind: type) -> str:
    """KillService -> kill_service: the key in a scenario."""
    return re.sub(r"(?<=.)(?=[A-Z])", "_", kind.__name__).lower()


def text(value: Worded) -> str:
    """The words with its fields filled in; what stands in [brackets] is left out where its field is empty."""
    written = {field.name: _shown(field, getattr(value, field.name)) for field in fields_of(type(value))}

    def optional(found: re.Match[str]) -> str:
        inner = found[1]
        return inner if all(written[name] for name in re.findall(r"\{(\w+)\}", inner)) else ""

    return re.sub(r"\[([^\]]*)\]", optional, value.words).format(**written)


def yaml_value(value: Worded) -> object:
    """What stands behind the key in a scenario: reading it gives an equal value."""
    given = {
        field.name: _written(field, getattr(value, field.name))
        for field in fields_of(type(value))
        if field.is_required or getattr(value, field.name) != default_of(type(value), field.name)
    }
    return given or True


def default_of(kind: type, name: str) -> object:
    """The value of a field that is left out."""
    return next(one.default for one in fields(kind) if one.name == name)


def _annotations(hint: object) -> tuple[object, ...]:
    nested = [item for one in get_args(hint) for item in _annotations(one)]
    return (*getattr(hint, "__metadata__", ()), *nested)


def _written(field: Field, value: object) -> object:
    return value if value is None or isinstance(value, bool) else field.part.write(value)


def _shown(field: Field, value: object) -> str:
    if value is None or value == () or value is False:
        return ""
    if value is True:
        return field.name.replace("_", " ")
    written = field.part.write(value)
    return ", ".join(map(str, written)) if isinstance(written, list) else str(written)


def _times(value: object) -> int:
    return quantities.whole(value, what="a number of times", low=1, high=MOST_TIMES)


def _count(value: object) -> int:
    return quantities.whole(value, what="a count", low=0, high=1_000_000_000)


def _sites(value: object) -> tuple[SiteName, ...]:
    listed = value if isinstance(value, list) else [value]
    if not listed:
        raise Unfit("the list of sites is empty")
    return tuple(SiteName(quantities.name(one)) for one in listed)


def _area(value: object) -> str:
    word = value.strip().upper() if isinstance(value, str) else ""
    if re.fullmatch(r"[A-Z]{2}", word):
        return word
    raise Unfit(f"{shown(value)} is not a code of two letters", hint="write for example EU, or ES")


def _kind(value: object) -> str:
    if value in KINDS:
        return str(value)
    raise Unfit(f"{shown(value)} is not a kind of probe", hint=f"the kinds are {', '.join(KINDS)}")


def _address(value: object) -> str:
    from ipaddress import ip_address

    try:
        return str(ip_address(str(value).strip()))
    except ValueError:
        raise Unfit(f"{shown(value)} is not an address", hint="write for example 198.51.100.53") from None


def _share(value: object) -> float:
    return (
        0.0
        if isinstance(value, str) and re.fullmatch(r"\s*0(\.0*)?\s*%\s*", value)
        else quantities.share(value)
    )


def seconds_text(value: float) -> str:
    """0.32 -> "320 ms"; 5.0 -> "5 s"."""
    return f"{value * 1000:g} ms" if value < 1 else f"{value:g} s"


_PAUSE = timing.between(0.001, LONGEST_S, what="a time in a game day")

SITE = Part(what="a site of the design", example="mad", read=quantities.name, refers="site")
SITES = Part(what="a site, or a list of sites", example="[tyo, chi]", read=_sites, refers="site", write=list)
UPSTREAM = Part(
    what="one upstream's AS number; all upstreams of the site where it is left out",
    example="64501", read=quantities.asn, refers="upstream", write=int,
)  # fmt: skip
NETWORK = Part(
    what="a network's AS number", example="64501", read=quantities.asn, refers="network", write=int
)
TIME = Part(what="a time", example="500 ms", read=_PAUSE, write=seconds_text)
TIMES = Part(what=f"how often, 1 to {MOST_TIMES}", example="10", read=_times, write=int)
COUNT = Part(what="a count", example="150", read=_count, write=int)
SHARE = Part(
    what="a share of all users", example="1 %", read=_share, write=lambda share: f"{share * 100:g} %"
)
FLAG = Part(what="true or false", example="true", read=quantities.flag)
ADDRESS = Part(what="one address of the service", example="198.51.100.53", read=_address)
PREFIX = Part(what="a prefix", example="198.51.100.0/24", read=quantities.prefix)
BACKEND = Part(what="a backend of the site", example="web1", read=quantities.name)
GROUP = Part(what="a group of prefixes; all where it is left out", example="dns", read=quantities.name)
KIND = Part(
    what="a kind of probe: udp, tcp, http or stream; all where it is left out", example="udp", read=_kind
)
STEP = Part(what="the name of a step", example="fault", read=quantities.name, refers="step")
CONTINENT = Part(what="a continent (AF AN AS EU NA OC SA)", example="EU", read=_area, refers="continent")
COUNTRY = Part(what="a country (ISO 3166 alpha-2)", example="ES", read=_area, refers="country")
CLIENTS = Part(
    what="clients: all, or a list of metros, AS numbers, node names, country:XX, continent:XX",
    example="[LIS, AS64512]", read=Clients.from_value, refers="clients", write=Clients.to_value,
)  # fmt: skip

SiteField = Annotated[SiteName, SITE]
SitesField = Annotated[tuple[SiteName, ...], SITES]
UpstreamField = Annotated[Asn | None, UPSTREAM]
NetworkField = Annotated[Asn, NETWORK]
TimeField = Annotated[float, TIME]
CountField = Annotated[int, COUNT]
TimesField = Annotated[int, TIMES]
PrefixField = Annotated[Prefix, PREFIX]
ClientsField = Annotated[Clients, CLIENTS]
KindField = Annotated[str | None, KIND]
StepField = Annotated[str | None, STEP]
