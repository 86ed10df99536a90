"""answerable: a lab's edition without the checks that nothing in a lab can answer, and which those were.

A check that can never pass keeps its service down, and the lab from coming up. It is left out and named, so
that nobody takes its silence for a success. A group that is left without any check has the lab's own.
"""

from __future__ import annotations

from anyplane.design import parse
from anyplane.design.document import Value, read
from anyplane.lab import paths
from anyplane.lab.blueprint import Blueprint
from anyplane.lab.places.servers.needs import needs
from anyplane.lab.world.edition import own_checks, text_of


def answerable(text: str, blueprint: Blueprint) -> tuple[str, tuple[str, ...]]:
    """The edition in `text` without them; and `check: reason` of each, once however many sites have it."""
    design = parse(text, file="edition.yaml")
    left_out: dict[str, None] = {}
    where: list[tuple[str, str, str]] = []
    for site in design.sites:
        asked = needs(design, site.name)
        left_out |= dict.fromkeys(asked.unmet)
        for group in site.health:
            prefix = f"sites.{site.name}.health.{group}."
            own = {path.removeprefix(prefix) for path in asked.unmet_paths if path.startswith(prefix)}
            where += [(str(site.name), group, one) for one in sorted(own)]
    if not where:
        return text, ()
    root = read(text, file="edition.yaml").root
    judged: dict[tuple[str, str], set[str]] = {}
    for name, group, path in where:
        judged.setdefault((name, group), set()).add(path)
    for (name, group), gone in judged.items():
        node = next(one.name for one in blueprint.site_nodes.values() if one.site == name)
        health = _at(root, "sites", name, "health", group)
        _drop(health, gone, node)
    return text_of(root, blueprint), tuple(left_out)


def _drop(health: dict[str, Value], gone: set[str], node: str) -> None:
    """Of one group, the checks at these paths: checks.2, backends.0.checks.1."""
    kept = _without(health.get("checks"), gone, "checks")
    backends = health.get("backends")
    for number, backend in enumerate(backends if isinstance(backends, list) else []):
        if isinstance(backend, dict) and "checks" in backend:
            backend["checks"] = _without(backend["checks"], gone, f"backends.{number}.checks")
    need = health.get("need")
    if isinstance(need, int) and need > len(kept):
        health["need"] = "all"
    if kept:
        health["checks"] = kept
    else:
        health.pop("checks", None)
        if not backends:
            health |= own_checks(str(paths.server_pidfile(node)))


def _without(checks: Value, gone: set[str], path: str) -> list[Value]:
    listed = checks if isinstance(checks, list) else []
    return [one for number, one in enumerate(listed) if f"{path}.{number}" not in gone]


def _at(value: Value, *path: str) -> dict[str, Value]:
    for key in path:
        value = value[key] if isinstance(value, dict) else None
    assert isinstance(value, dict)  # noqa: S101  # the edition has it, for it was parsed
    return value
