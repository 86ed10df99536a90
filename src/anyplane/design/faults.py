"""pydantic's errors -> Problems in an operator's words, each at its line and column."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from anyplane.design import shape, shape_daemon, shape_health, shape_probes, shape_safety
from anyplane.design.document import Document, Path, Value
from anyplane.design.quantities import shown
from anyplane.model.errors import Problem

_SHAPES: dict[str, type[BaseModel]] = {
    "service": shape.ServiceShape,
    "policies": shape.PolicyShape,
    "communities": shape.ActionShape,
    "sites": shape.SiteShape,
    "upstreams": shape.UpstreamShape,
    "actions": shape.ActionShape,
    "objectives": shape.ObjectivesShape,
    "residency": shape.ResidencyShape,
    "check": shape.CheckShape,
    "health": shape_health.HealthShape,
    "checks": shape_probes.CheckItemShape,
    "degraded": shape_health.DegradedShape,
    "backends": shape_health.BackendShape,
    "safety": shape_safety.SafetyShape,
    "budget": shape_safety.BudgetShape,
    "same_check": shape_safety.SameCheckShape,
    "on_agent_death": shape_safety.DeathShape,
    "quarantine": shape_safety.QuarantineShape,
    "drain": shape_safety.DrainShape,
    "fleet": shape_safety.FleetShape,
    "daemon": shape_daemon.DaemonShape,
    "session": shape_daemon.SessionShape,
    "bfd": shape_daemon.BfdShape,
}
_PROBES: dict[str, type[BaseModel]] = {
    "dns": shape_probes.DnsShape,
    "http": shape_probes.HttpShape,
    "tls": shape_probes.TlsShape,
    "ntp": shape_probes.NtpShape,
    "grpc": shape_probes.GrpcShape,
    "process": shape_probes.ProcessShape,
}
SECRETS = frozenset(("password", "passwd", "pass", "secret", "key", "md5", "md5_password", "auth", "tcp_md5"))
_KIND_SLIPS = {
    "ping": "icmp",
    "icmp6": "icmp",
    "https": "http",
    "url": "http",
    "command": "exec",
    "cmd": "exec",
    "script": "exec",
    "shell": "exec",
    "pid": "process",
    "pidfile": "process",
    "systemd": "process",
    "unit": "process",
    "ssl": "tls",
    "udp": "dns",
    "port": "tcp",
    "connect": "tcp",
}
_BELONGS = {
    "service": "`service:`",
    "sites": "a site",
    "upstreams": "an upstream",
    "objectives": "`objectives:`",
    "residency": "a rule of `residency:`",
    "check": "`check:`",
    "health": "a group under `health:`",
    "checks": "a check",
    "safety": "`safety:`",
    "daemon": "`daemon:` of a site",
    "session": "`session:` of an upstream",
}
_EXAMPLES = {
    "version": "add version: 1 at the top",
    "name": "add for example name: acme-dns",
    "origin": "add your AS number, for example origin: 64500",
    "prefixes": "add for example prefixes: [198.51.100.0/24]",
    "service": "add service: with name, origin and prefixes",
    "sites": "add sites: with a metro and upstreams for each",
    "upstreams": "add for example upstreams: [{asn: 174}]",
    "announce": "leave the key out to announce all",
    "asn": "add the neighbour's AS number, for example asn: 174",
    "neighbor": "add the upstream's address, for example neighbor: 192.0.2.1",
    "checks": "add for example checks: [{dns: {name: www.example.net}}]",
    "addresses": "leave the key out for the first host of each prefix",
    "url": "add for example url: http://service/health",
    "server": "add for example server: service",
    "to": "add for example to: service:443",
    "address": "add the backend's address, for example address: 10.0.0.11",
    "hold": "write withdraw, or {hold: 10 min}",
    "session": "leave the key out, or name the neighbor's address",
    "static": "name the other sites, for example static: [nyc, lon]",
    "rpki": "leave the key out, or write rpki: 127.0.0.1:323",
    "status": "leave the key out for 200",
    "users": "add for example users: [EU]",
    "except": "write users: [EU], or users: {except: [EU]}",
}
_SINGULAR = {
    "upstreams": "an upstream is",
    "actions": "an action is",
    "communities": "an action is",
    "checks": "a check is",
    "backends": "a backend is",
    "session": "a session is",
}


def problems(errors: Iterable[ErrorDetails], document: Document) -> list[Problem]:
    """One Problem for each error of pydantic."""
    return [_problem(error, document) for error in errors]


def near(word: str, known: Iterable[str], *, what: str = "") -> str:
    """A hint: the name that was probably meant, else all names there are (or the first dozen)."""
    names = list(known)
    lowered = {name.lower(): name for name in reversed(names)}
    close = difflib.get_close_matches(word.lower()[:80], lowered, n=1, cutoff=0.6)
    if close:
        return f"did you mean {lowered[close[0]]}?"
    if not names:
        return f"there are no {what} here" if what else ""
    listed = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f"{what or 'the names'} here: {listed}"


def _problem(error: ErrorDetails, document: Document) -> Problem:
    path, value = there(document.root, error["loc"])
    kind = error["type"]
    context = error.get("ctx", {})
    if kind == "design":
        return document.problem(path, str(context["text"]), hint=str(context["hint"]))
    if kind == "extra_forbidden":
        message, hint = _unknown_key(path, _parent(document.root, path))
        return document.problem(path, message, hint=hint, of_key=True)
    if kind == "missing":
        key = str(error["loc"][-1])
        message = f"`{key}` is missing"
        hint = _EXAMPLES.get(key, "")
        if "health" in path[:3] and key == "name":
            hint = "add for example name: " + ("web1" if "backends" in path[-2:] else "www.example.net")
        if path[:1] == ("residency",) and key == "sites":
            hint = "add for example sites: [fra, ams]"
        return document.problem(path, message, hint=hint, of_key=True)
    if kind in ("too_short", "dict_type", "model_type", "list_type"):
        hint = _form_hint(kind, path)
        return document.problem(path, _wrong_form(kind, path, value), hint=hint)
    return document.problem(path, f"{shown(value)} does not fit here")


def _form_hint(kind: str, path: Path) -> str:
    last = str(path[-1]) if path else ""
    if kind == "too_short":
        return _EXAMPLES.get(last, "")
    if path == ("service", "prefixes"):
        return "write [192.0.2.0/24, 2001:db8::/48], or groups of prefixes by name"
    if path[:2] == ("service", "prefixes") and len(path) == 3:
        return "write [192.0.2.0/24], or {prefixes: [192.0.2.0/24], users: [EU]}"
    if last == "health" and len(path) in (1, 3):
        return "say it for each group of prefixes: `dns: {checks: [...]}`"
    if "health" in path and last == "checks":
        return "write for example checks: [{dns: www.example.net}]"
    if len(path) == 1 and last in ("sites", "policies", "communities"):
        return f"give each of the {last} its name: `name: {{...}}`"
    return ""


def _wrong_form(kind: str, path: Path, value: Value) -> str:
    last = next((part for part in reversed(path) if isinstance(part, str)), "")
    if kind == "too_short":
        return f"{last} is empty; it needs at least one entry"
    if path[:2] == ("service", "prefixes") and len(path) <= 3:
        return f"{shown(value)} is neither a list nor a mapping"
    if kind == "list_type":
        return f"{shown(value)} is not a list"
    if path and isinstance(path[-1], int):
        return f"{shown(value)} is not a mapping; {_SINGULAR.get(last, 'an entry is')} written {{key: value}}"
    return f"{shown(value)} is not a mapping of keys to values"


def _unknown_key(path: Path, parent: Value) -> tuple[str, str]:
    key = str(path[-1])
    model = _shape_at(path[:-1])
    if key.lower() in SECRETS and "upstreams" in path:
        hint = (
            "write password_file: /etc/anyplane/NAME.key, a file that only the agent and the daemon may read"
        )
        return "a secret has no place in a design, which many read", hint
    if model is shape_probes.CheckItemShape and not set(parent or ()) & set(shape_probes.KINDS):  # type: ignore[arg-type]  # a mapping
        return f"{shown(key)} is not a kind of check", _kind_hint(key)
    keys = [spec.alias or name for name, spec in model.model_fields.items()]
    close = difflib.get_close_matches(key.lower().replace("-", "_"), keys, n=1, cutoff=0.7)
    message = f"{shown(key)} is not a key here"
    if close:
        return message, f"did you mean {close[0]}?"
    for name, where in _BELONGS.items():
        if key in _SHAPES[name].model_fields and _SHAPES[name] is not model:
            return message, f"`{key}` belongs under {where}"
    return message, f"the keys here are {', '.join(keys)}"


def _kind_hint(key: str) -> str:
    kinds = shape_probes.KINDS
    word = key.lower()
    close = _KIND_SLIPS.get(word) or next(iter(difflib.get_close_matches(word, kinds, n=1, cutoff=0.6)), "")
    return f"did you mean {close}?" if close else f"the kinds are {', '.join(kinds)}"


def _shape_at(path: Path) -> type[BaseModel]:
    if not path:
        return shape.DesignShape
    if path[:2] == ("service", "prefixes") and len(path) > 2:
        return shape.GroupShape if len(path) == 3 else shape.ExceptShape
    # sites.fra, policies.shy and communities.1:2 end in a user's name; anything deeper in our own key.
    if path[0] in ("sites", "policies", "communities") and len(path) <= 2:
        return _SHAPES[str(path[0])]
    own = path[2:] if path[0] in ("sites", "policies", "communities") else path
    if own[0] == "health":
        # The step after `health` is a group's name, however it is called.
        own = ("health", *own[2:])
        if len(own) > 1 and own[-1] in _PROBES and "checks" in own[:-1]:
            return _PROBES[str(own[-1])]
    named = [part for part in own if isinstance(part, str) and part in _SHAPES]
    return _SHAPES[named[-1]] if named else _SHAPES.get(str(path[0]), shape.DesignShape)


def _parent(root: Value, path: Path) -> Value:
    return there(root, path[:-1])[1]


def there(root: Value, loc: tuple[int | str, ...]) -> tuple[Path, Value]:
    """The part of pydantic's location that exists in the file, and the value there."""
    path: list[str | int] = []
    value = root
    for part in loc:
        if isinstance(value, dict) and part in value:
            value = value[str(part)]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            continue
        path.append(part)
    return tuple(path), value
