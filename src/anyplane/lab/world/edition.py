"""edition: the design as the lab's agents read it: the same, with the lab's addresses, sockets and checks.

What a design says of the service, its policies, its health and its safety stays. What hangs on a place is
replaced: sessions (the blueprint's links), daemons (sockets in the node's own folder), the fleet's file, the
addresses of backends. A process that a check watches by name becomes the site's server by its pid file, since
all nodes share one table of processes. Where a design says nothing, the lab says it.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from ipaddress import ip_address

import yaml

from anyplane.design.document import Value, Written, read, resolve
from anyplane.design.operation import Address, DaemonKind
from anyplane.design.raw import groups
from anyplane.lab import paths
from anyplane.lab.blueprint import Blueprint, Exchange, Link, LinkKind, SiteLink
from anyplane.model.nouns import UpstreamKind

CHECK_NAME = "site.anyplane.test"
"""TXT: a name that every DNS server of the lab answers."""
INTERVAL, TIMEOUT, FALL, RISE = "200 ms", "150 ms", 2, 2
HAS_BFD = frozenset((DaemonKind.BIRD, DaemonKind.FRR))
WIDTH = 110
Mapped = dict[str, Value]


def edition(
    text: str,
    blueprint: Blueprint,
    *,
    daemons: Mapping[str, DaemonKind] | None = None,
    has_fast_checks: bool = False,
) -> str:
    """The lab's edition of the design in `text`, which is valid already.

    daemons: by site, instead of the design's own; where neither says anything, BIRD. has_fast_checks: every
    check runs each 200 ms and one failure counts.
    """
    document = read(text, file="design.yaml")
    root = _mapping(document.root)
    health = _mapping(root.get("health"))
    sites = _mapping(root.get("sites"))
    for name in sites:
        site = sites[name] = _mapping(sites[name])
        node = next((one.name for one in blueprint.site_nodes.values() if one.site == name), "")
        if not node:
            continue
        site["daemon"] = _daemon(site.get("daemon"), blueprint, node, (daemons or {}).get(name))
        kind = DaemonKind(str(_mapping(site["daemon"])["kind"]))
        links = [link for link in blueprint.sites if link.node == node]
        site["upstreams"] = _upstreams(site.get("upstreams"), links, blueprint, kind)
        own = _mapping(site.get("health"))
        site["health"] = {
            group: _health(own.get(group, health.get(group)), blueprint, node, is_fast=has_fast_checks)
            for group in groups(document.root)
        }
    root["sites"] = sites
    root.pop("health", None)  # every site has its own by now
    safety = _mapping(root.get("safety"))
    if "file" in _mapping(safety.get("fleet")):
        # Where a design declares no fleet its sites decide alone, and so they do in the lab.
        safety["fleet"] = {"file": str(paths.FLEET_FILE)}
        root["safety"] = safety
    return text_of(root, blueprint)


def text_of(root: Value, blueprint: Blueprint) -> str:
    """An edition as it is read."""
    return (
        f"# The edition of the lab {blueprint.name}, made from the design; changes here are lost.\n"
        + yaml.dump(root, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH)
    )


def own_checks(pidfile: str) -> Mapped:
    """What the lab checks where the design checks nothing, and how often."""
    checks: list[Value] = [
        {"name": "answers", "dns": {"name": CHECK_NAME, "type": "TXT"}},
        {"name": "alive", "process": {"pidfile": pidfile}},
    ]
    return {"checks": checks, "interval": INTERVAL, "timeout": TIMEOUT, "fall": FALL, "rise": RISE}


def _daemon(written: Value, blueprint: Blueprint, node: str, wanted: DaemonKind | None) -> Mapped:
    given = {"kind": written} if isinstance(written, str) else _mapping(written)
    # The design's daemon kind defaults to ExaBGP; a site that says nothing at all of its daemon gets BIRD.
    said = str(given.get("kind", DaemonKind.EXABGP)) if written is not None else DaemonKind.BIRD
    kind = wanted or DaemonKind(said.strip())
    made: Mapped = {"kind": str(kind), "router_id": str(blueprint.by_name[node].router_id)}
    match kind:
        case DaemonKind.BIRD:
            made["control"] = str(paths.bird_control(node))
            made["include"] = str(paths.bird_include(node))
        case DaemonKind.FRR:
            made["control"] = str(paths.frr_run(node) / "bgpd.vty")
            made["settings"] = {"vty_directory": str(paths.frr_run(node))}
        case DaemonKind.EXABGP:
            made["settings"] = {"directory": str(paths.exabgp_directory(node))}
        case DaemonKind.OPENBGPD:
            made["control"] = str(paths.run_of(node) / "bgpd.sock")
        case DaemonKind.GOBGP | DaemonKind.MEMORY:
            pass  # GoBGP listens on 127.0.0.1, which every node has for itself
    return made


def _upstreams(written: Value, links: list[SiteLink], blueprint: Blueprint, kind: DaemonKind) -> list[Value]:
    made: list[Value] = []
    is_all_served = all(one.kind == UpstreamKind.ROUTE_SERVER for one in links)
    # Links stand in the order of the design; an upstream that the topology lacks has none.
    waiting = list(links)
    for item in written if isinstance(written, list) else []:
        upstream = _mapping(item)
        said = _sessions(upstream.pop("session", None))
        asn = int(re.sub(r"\D", "", str(upstream.get("asn"))) or -1)
        link = next((one for one in waiting if int(one.upstream) == asn), None)
        if link is not None:
            waiting.remove(link)
            upstream["session"] = _session_pair(link, said, blueprint, kind, is_all_served=is_all_served)
        made.append(upstream)
    return made


def _sessions(written: Value) -> list[Mapped]:
    items = written if isinstance(written, list) else [written] if written is not None else []
    return [_mapping(item) for item in items]


def _session_pair(
    link: SiteLink, said: list[Mapped], blueprint: Blueprint, kind: DaemonKind, *, is_all_served: bool
) -> list[Value]:
    """A session for each family. Of the design's own for that family, the timers stay.

    is_all_served: the site has route servers alone, and so its way back to the users from there.
    """
    is_served = link.kind == UpstreamKind.ROUTE_SERVER
    over: Link | Exchange
    if is_served:
        over = blueprint.exchanges[link.exchange]
        far = over.route_server
    else:
        over = blueprint.links[link.link]
        far = over.far(link.node)
    made: list[Value] = []
    for family in blueprint.families:
        end = over.v4 if family == 4 else over.v6
        session: Mapped = {"neighbor": str(end(far).ip), "local": str(end(link.node).ip)}
        own = next((one for one in said if (":" in str(one.get("neighbor"))) == (family == 6)), None)
        if own is not None and "hold" in own:
            session["hold"] = own["hold"]
        bfd = own.get("bfd") if own is not None else True
        if bfd and kind in HAS_BFD and not is_served:
            session["bfd"] = copy.deepcopy(bfd)
        session["imports"] = "none" if is_served and not is_all_served else "default"
        made.append(session)
    return made


def _health(written: Value, blueprint: Blueprint, node: str, *, is_fast: bool) -> Mapped:
    made = _mapping(written)
    pidfile = str(paths.server_pidfile(node))
    backends = [_backend(item, blueprint, node) for item in _list(made.get("backends"))]
    moved = {
        str(address): str(_mapping(item)["address"])
        for item, before in zip(backends, _list(made.get("backends")), strict=True)
        if (address := _address(_mapping(before).get("address"))) is not None
    }
    checks = [_check(item, pidfile, moved) for item in _list(made.get("checks"))]
    if checks:
        made["checks"] = checks
    elif not backends:
        made |= own_checks(pidfile)
    if "backends" in made:
        made["backends"] = [_checked(item, blueprint, node, moved) for item in backends]
    if is_fast:
        made = _without_timers(made)
        made |= {"interval": INTERVAL, "timeout": TIMEOUT, "fall": 1, "rise": RISE}
    return made


def _without_timers(health: Mapped) -> Mapped:
    """The same, its own timers and those of every check in it gone."""
    made: Mapped = {key: value for key, value in health.items() if key not in _TIMERS}
    for key in ("checks", "backends"):
        if key in made:
            made[key] = [_without_timers(_mapping(item)) for item in _list(made[key])]
    return made


_TIMERS = frozenset(("interval", "timeout", "fall", "rise", "jitter"))


def _check(item: Value, pidfile: str, moved: Mapping[str, str]) -> Value:
    """The check itself: of a process, that of the server; of an address that moved, where it is now."""
    made = _mapping(item)
    if "process" in made:
        made["process"] = {"pidfile": pidfile}
    for kind in _ASKING:
        asked = made.get(kind)
        if isinstance(asked, dict):
            made[kind] = {
                key: _readdressed(value, moved) if key in _HOSTS else value for key, value in asked.items()
            }
        elif asked is not None and kind != "dns":  # a text there is the name that is asked for
            made[kind] = _readdressed(asked, moved)
    return made


_ASKING = ("dns", "http", "tcp", "tls", "icmp", "ntp", "grpc")
_HOSTS = frozenset(("server", "url", "address", "to"))
_LITERAL = re.compile(r"(?<![\w.:])(?:\d+(?:\.\d+){3}(?![\w.])|\[[0-9A-Fa-f:.]+\])")
"""An address as a host may stand in a URL or before a port."""


def _readdressed(value: Value, moved: Mapping[str, str]) -> Value:
    """The same with every address in it that moved."""
    if not isinstance(value, str):
        return value
    if (alone := _address(value)) is not None:
        return moved.get(str(alone), value)

    def placed(found: re.Match[str]) -> str:
        now = moved.get(str(_address(found[0].strip("[]"))), "")
        return (f"[{now}]" if ":" in now else now) or found[0]

    return _LITERAL.sub(placed, value)


def _address(value: Value) -> Address | None:
    try:
        return ip_address(value.strip()) if isinstance(value, str) else None
    except ValueError:
        return None


def _backend(item: Value, blueprint: Blueprint, node: str) -> Value:
    """The backend at the lab's address for it, in the family that it had."""
    made = _mapping(item)
    if (link := _cable(made, blueprint, node)) is not None:
        is_v6 = ":" in str(made.get("address"))
        made["address"] = str((link.v6 if is_v6 else link.v4)(link.b).ip)
        made["interface"] = link.device
    return made


def _checked(item: Value, blueprint: Blueprint, node: str, moved: Mapping[str, str]) -> Value:
    """The backend with its own checks where they can be answered."""
    made = _mapping(item)
    link = _cable(made, blueprint, node)
    if link is not None and "checks" in made:
        pidfile = str(paths.backend_pidfile(link.b))
        made["checks"] = [_check(one, pidfile, moved) for one in _list(made["checks"])]
    return made


def _cable(backend: Mapped, blueprint: Blueprint, node: str) -> Link | None:
    """From the site to that backend."""
    host = f"{_plain(blueprint.by_name[node].site)}-{_plain(str(backend.get('name')))}"
    links = blueprint.links_of[node]
    return next((one for one in links if one.kind == LinkKind.BACKEND and one.b == host), None)


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _mapping(value: Value) -> Mapped:
    """A copy of a mapping; an empty one where there is none."""
    return copy.deepcopy(value) if isinstance(value, dict) else {}


def _list(value: Value) -> list[Value]:
    return value if isinstance(value, list) else []


class _Dumper(yaml.SafeDumper):
    """Writes no aliases, and quotes every text that either YAML 1.1 or 1.2 might read as something else."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002  # as PyYAML calls it
        """Always."""
        return True


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    is_plain = isinstance(resolve(value), str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 ./_-]*", value)
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if is_plain else '"')


def _number(dumper: _Dumper, value: Written) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:float", value.text)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(Written, _number)
