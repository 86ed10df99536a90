"""Faults of `safety:` and `session:` that no single value shows; and where secrets stand, to hide them.

Like references.py these run on the raw values, tolerant of every shape.
"""

from __future__ import annotations

from collections.abc import Iterator

from anyplane.design import endpoints, timing
from anyplane.design.document import Document, Path, Value
from anyplane.design.faults import SECRETS, near
from anyplane.design.operation import Address
from anyplane.design.quantities import shown
from anyplane.design.raw import at, children, keys, one_or_many, readable
from anyplane.design.shape_daemon import symbol
from anyplane.model.errors import Problem


def problems(document: Document, root: Value) -> Iterator[Problem]:
    """Every such fault."""
    yield from _safety(document, root)
    for path, site in children(at(root, "sites")):
        yield from _sessions(document, ("sites", *path), site)
        for key in keys(at(site, "daemon", "settings")):
            if key.lower() in SECRETS:
                message = "a secret has no place in a design, which many read"
                where = ("sites", *path, "daemon", "settings", key)
                hint = "name a file that only the daemon may read, if the daemon knows such a setting"
                yield document.problem(where, message, hint=hint, of_key=True)


def secret_lines(document: Document) -> frozenset[int]:
    """The lines that no error may show, for a secret stands there."""
    found: set[int] = set()
    for path, value in _scalars((), document.root):
        steps = [part.lower() for part in path if isinstance(part, str)]
        # Elsewhere such a word may be a name of the user's, as in the group `auth`.
        is_key = bool(steps) and steps[-1] in SECRETS and (len(path) == 1 or path[0] == "sites")
        is_url = isinstance(value, str) and "://" in value and "@" in value
        if is_key or is_url:
            found |= {document.span(path).line, document.span(path, of_key=True).line}
    return frozenset(found)


def _scalars(path: Path, value: Value) -> Iterator[tuple[Path, Value]]:
    if not isinstance(value, dict | list):
        yield path, value
    for step, child in children(value):
        yield from _scalars((*path, *step), child)


def _safety(document: Document, root: Value) -> Iterator[Problem]:
    safety = at(root, "safety")
    sites = keys(at(root, "sites"))
    for place, item in one_or_many(at(safety, "fleet", "static")):
        if isinstance(item, str | int) and not isinstance(item, bool) and str(item) not in sites:
            where = ("safety", "fleet", "static", *place)
            hint = near(str(item), sites, what="sites")
            yield document.problem(where, f"there is no site {shown(item)}", hint=hint)
    first = readable(timing.seconds, at(safety, "quarantine", "first"))
    longest = readable(timing.seconds, at(safety, "quarantine", "longest"))
    if (first or 10.0) > (longest or 600.0):
        where = ("safety", "quarantine", "longest" if longest else "first")
        message = f"the longest rest, {timing.time_text(longest or 600.0)}, is shorter than the first"
        yield document.problem(where, message, hint=f"the first is {timing.time_text(first or 10.0)}")


def _sessions(document: Document, path: Path, site: Value) -> Iterator[Problem]:
    neighbors: dict[Address, Path] = {}
    names: dict[str, Path] = {}
    for place, upstream in children(at(site, "upstreams")):
        for number, session in one_or_many(at(upstream, "session")):
            where = (*path, "upstreams", *place, "session", *number)
            yield from _pair(document, where, session)
            neighbor = readable(endpoints.address, at(session, "neighbor"))
            if neighbor is not None:
                spot = (*where, "neighbor")
                if neighbor in neighbors:
                    line = document.span(neighbors[neighbor]).line
                    message = f"{neighbor} is the neighbor of another session already, on line {line}"
                    yield document.problem(spot, message, hint="one session for each address of a neighbor")
                neighbors.setdefault(neighbor, spot)
            name = readable(symbol, at(session, "name"))
            if name is not None:
                spot = (*where, "name")
                if name in names:
                    line = document.span(names[name]).line
                    message = f"{name} is the name of another session of this site, on line {line}"
                    yield document.problem(spot, message, hint="a daemon knows each session by its name")
                names.setdefault(name, spot)


def _pair(document: Document, path: Path, session: Value) -> Iterator[Problem]:
    neighbor = readable(endpoints.address, at(session, "neighbor"))
    local = readable(endpoints.address, at(session, "local"))
    if neighbor is None or local is None:
        return
    if neighbor.version != local.version:
        message = f"{local} is IPv{local.version}, but the neighbor {neighbor} is IPv{neighbor.version}"
        hint = "both ends of a session are of one family; make a second session for the other one"
        yield document.problem((*path, "local"), message, hint=hint)
    elif neighbor == local:
        message = f"{local} is the neighbor's address too"
        yield document.problem((*path, "local"), message, hint="give our end of the link")
