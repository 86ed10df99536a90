"""Designs written as text in many styles, with comments, policies, anchors and aliases, for tests of editing.

Every line is known to belong to an upstream, a site or nobody, so that a test can say which lines an edit may
touch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import strategies as st

NOBODY = ("", -1)
ASNS = (174, 3320, 1299, 2914)
COMMUNITIES = {174: ("64520:1", "174:970", "174:77"), 3320: ("64520:2", "3320:9", "3320:77")}
WELL_KNOWN = ("no-export", "graceful-shutdown", "no_export", "65535:0")
METROS = ("FRA", "NYC", "SIN", "LON")


@dataclass
class Written:
    """Lines and, of each, the (site, upstream) that it is about; upstream -1: the site, or its whole list."""

    lines: list[str] = field(default_factory=list)
    about: list[tuple[str, int]] = field(default_factory=list)
    breaks: str = "\n"
    is_closed: bool = True

    def add(self, line: str, about: tuple[str, int] = NOBODY) -> None:
        """One more line."""
        self.lines.append(line)
        self.about.append(about)

    @property
    def text(self) -> str:
        """The whole text."""
        return self.breaks.join(self.lines) + (self.breaks if self.is_closed else "")


@st.composite
def own_keys(draw: st.DrawFn, asn: int, policies: tuple[str, ...]) -> dict[str, str]:
    """Keys of an upstream or a policy as their values in flow style."""
    keys: dict[str, str] = {}
    if draw(st.booleans()):
        keys["prepend"] = str(draw(st.integers(0, 3)))
    if draw(st.integers(0, 3)) == 0:
        keys["med"] = str(draw(st.integers(0, 3)))
    if draw(st.integers(0, 3)) == 0:
        keys["no_export"] = draw(st.sampled_from(["true", "false"]))
    if draw(st.integers(0, 5)) == 0:
        keys["backup"] = draw(st.sampled_from(["true", "false"]))
    if draw(st.integers(0, 5)) == 0:
        keys["kind"] = draw(st.sampled_from(["peer", "transit", "route_server"]))
    if draw(st.booleans()):
        known = (*COMMUNITIES.get(asn, COMMUNITIES[174] + COMMUNITIES[3320]), *WELL_KNOWN)
        sent = draw(st.lists(st.sampled_from(known), min_size=1, max_size=3, unique=True))
        quoted = [f'"{one}"' if draw(st.booleans()) else one for one in sent]
        is_lone = len(sent) == 1 and draw(st.booleans())
        keys["communities"] = quoted[0] if is_lone else "[" + ", ".join(quoted) + "]"
    if draw(st.integers(0, 5)) == 0:
        keys["actions"] = "[{prepend: 3, to: AS6939}]"
    if draw(st.integers(0, 5)) == 0:
        keys["announce"] = "[b]"
    if policies and draw(st.booleans()):
        chosen = draw(st.lists(st.sampled_from(policies), min_size=1, max_size=2, unique=True))
        keys["policy"] = chosen[0] if len(chosen) == 1 and draw(st.booleans()) else f"[{', '.join(chosen)}]"
    return keys


@st.composite
def written_designs(draw: st.DrawFn) -> Written:
    """A design of one to four sites, in a style of its own."""
    made = Written(breaks=draw(st.sampled_from(["\n", "\n", "\r\n"])), is_closed=draw(st.booleans()))
    step = draw(st.sampled_from([2, 4]))
    comment = _comments(draw)
    made.add(f"version: 1{comment()}")
    made.add("service: {name: x, origin: 64500, prefixes: {a: [192.0.2.0/24], b: [198.51.100.0/24]}}")
    policies = draw(st.lists(st.sampled_from(["quiet", "loud", "far"]), unique=True, max_size=3))
    if policies:
        made.add(f"policies:{comment()}")
        for name in policies:
            keys = draw(own_keys(0, ())) or {"prepend": "1"}
            if draw(st.booleans()):
                made.add(" " * step + f"{name}: {_flow(keys)}{comment()}")
            else:
                made.add(" " * step + f"{name}:{comment()}")
                for key, value in keys.items():
                    made.add(" " * 2 * step + f"{key}: {value}{comment()}")
    made.add("communities:")
    made.add('  "64520:1": {no_export: true, to: AS3356}')
    made.add('  "64520:2": {prepend: 2, to: peers}')
    made.add('  "174:970": {no_export: true, to: country DE}' + comment())
    made.add('  "3320:9": {prepend: 1, to: customers}')
    made.add("")
    made.add(f"sites:{comment()}")
    shared: list[str] = []
    items: list[str] = []
    for number, metro in enumerate(METROS[: draw(st.integers(1, 4))]):
        _site(draw, made, f"s{number}", metro, tuple(policies), step, shared, items, comment)
    made.add(f"# the end{comment()}")
    return made


def _comments(draw: st.DrawFn) -> Callable[[], str]:
    count = iter(range(1000))

    def comment() -> str:
        return f"  # c{next(count)}c, {{x: 1}}" if draw(st.integers(0, 2)) == 0 else ""

    return comment


def _flow(keys: dict[str, str]) -> str:
    return "{" + ", ".join(f"{key}: {value}" for key, value in keys.items()) + "}"


def _site(
    draw: st.DrawFn,
    made: Written,
    name: str,
    metro: str,
    policies: tuple[str, ...],
    step: int,
    shared: list[str],
    items: list[str],
    comment: Callable[[], str],
) -> None:
    lead, inner = " " * step, " " * 2 * step
    if shared and draw(st.booleans()):
        alias = f"*{draw(st.sampled_from(shared))}"
        if draw(st.booleans()):
            made.add(f"{lead}{name}: {{metro: {metro}, upstreams: {alias}}}{comment()}", (name, -1))
        else:
            made.add(f"{lead}{name}:{comment()}", (name, -1))
            made.add(f"{inner}upstreams: {alias}{comment()}", (name, -1))
            made.add(f"{inner}metro: {metro}{comment()}", (name, -1))
        return
    asns = draw(st.lists(st.sampled_from(ASNS), min_size=1, max_size=3))
    keys = [{"asn": str(asn)} | draw(own_keys(asn, policies)) for asn in asns]
    keys = [dict(draw(st.permutations(list(one.items())))) for one in keys]
    anchor = ""
    if draw(st.booleans()):
        shared.append(f"list{name}")
        anchor = f" &list{name}"
    flows = []
    for place, one in enumerate(keys):
        if items and draw(st.integers(0, 3)) == 0:
            flows.append(f"*{draw(st.sampled_from(items))}")
        elif draw(st.integers(0, 3)) == 0:
            items.append(f"item{name}{place}")
            flows.append(f"&item{name}{place} {_flow(one)}")
        else:
            flows.append(_flow(one))
    style = draw(st.sampled_from(["line", "brackets", "flow items", "block"]))
    if style == "line":
        listed = ", ".join(flows)
        metro += ", enabled: false" if draw(st.integers(0, 4)) == 0 else ""
        made.add(f"{lead}{name}: {{metro: {metro}, upstreams:{anchor} [{listed}]}}{comment()}", (name, -1))
        return
    made.add(f"{lead}{name}:{comment()}", (name, -1))
    made.add(f"{inner}metro: {metro}{comment()}", (name, -1))
    if style == "brackets":
        made.add(f"{inner}upstreams:{anchor} [{comment()}", (name, -1))
        for place, flow in enumerate(flows):
            comma = "," if place < len(flows) - 1 or draw(st.booleans()) else ""
            made.add(f"{inner}  {flow}{comma}{comment()}", (name, place))
        made.add(f"{inner}]{comment()}", (name, -1))
        return
    made.add(f"{inner}upstreams:{anchor}{comment()}", (name, -1))
    dash = inner + " " * draw(st.sampled_from([0, 2, 4]))
    for place, flow in enumerate(flows):
        if draw(st.integers(0, 3)) == 0:
            made.add(f"{dash}# above{comment()}")
        if style == "flow items" or flow.startswith("*"):
            made.add(f"{dash}- {flow}{comment()}", (name, place))
            continue
        begin = f"{dash}- "
        if flow.startswith("&"):
            made.add(f"{begin}{flow.split()[0]}{comment()}", (name, place))
            begin = f"{dash}  "
        for key, value in keys[place].items():
            if key == "communities" and value.startswith("[") and draw(st.booleans()):
                made.add(f"{begin}{key}:{comment()}", (name, place))
                for one in value[1:-1].split(", "):
                    made.add(f"{dash}    - {one}{comment()}", (name, place))
            else:
                made.add(f"{begin}{key}: {value}{comment()}", (name, place))
            begin = f"{dash}  "
            if draw(st.integers(0, 5)) == 0:
                made.add(f"{begin}# inside{comment()}", (name, place))
