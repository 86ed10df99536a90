"""problems: names of a scenario that the place where it runs does not have, each at its line and column."""

from __future__ import annotations

from collections.abc import Iterator

from anyplane.design.document import Path
from anyplane.design.faults import near
from anyplane.lab.gameday import parts
from anyplane.lab.gameday.clients import Clients, named
from anyplane.lab.gameday.expectations import Expectation
from anyplane.lab.gameday.parts import Field
from anyplane.lab.gameday.scenario import Scenario
from anyplane.lab.gameday.stage import Facts
from anyplane.lab.gameday.step import Step
from anyplane.model.errors import Problem


def problems(scenario: Scenario, facts: Facts) -> tuple[Problem, ...]:
    """Every name that is unknown there, in the order of the file."""
    document = scenario.document
    found: list[Problem] = []
    for message, hint in _clients(scenario.probes.clients, facts):
        found.append(document.problem(("probes", "clients"), message, hint=hint))
    entries: list[tuple[Path, Step | Expectation]] = [
        (("steps", one.place), one.step) for one in scenario.steps
    ]
    entries += [(("expect", place), one) for place, one in enumerate(scenario.expectations)]
    for start, value in entries:
        for field in parts.fields_of(type(value)):
            given = getattr(value, field.name)
            if given is not None:
                path = (*start, parts.key_of(type(value)), field.name)
                found += [
                    document.problem(path, message, hint=hint)
                    for message, hint in _wrong(field, given, value, facts)
                ]
    return tuple(sorted(dict.fromkeys(found), key=lambda one: (one.line, one.column)))


def _wrong(field: Field, given: object, value: object, facts: Facts) -> Iterator[tuple[str, str]]:
    sites = {site.name: site for site in facts.sites}
    site = sites.get(getattr(value, "site", ""))
    kind = "backend" if field.part is parts.BACKEND else field.part.refers
    if kind == "site":
        for name in given if isinstance(given, tuple) else (given,):
            if name not in sites:
                yield f"there is no site {name}", near(str(name), sites, what="the sites")
    elif kind == "upstream" and site is not None:
        if given not in site.upstreams:
            listed = ", ".join(f"AS{asn}" for asn in site.upstreams)
            yield f"AS{given} is no upstream of {site.name}", f"its upstreams are {listed}"
    elif kind == "network" and given not in facts.networks:
        yield (
            f"AS{given} has no router here",
            near(f"AS{given}", [f"AS{asn}" for asn in sorted(facts.networks)], what="the networks"),
        )
    elif kind == "backend" and site is not None and given not in site.backends:
        yield f"{site.name} has no backend {given}", near(str(given), site.backends, what="backends")
    elif kind in ("continent", "country"):
        areas = {getattr(one, kind) for one in facts.sites}
        if given not in areas:
            yield f"no site is in {given}", f"the sites are in {', '.join(sorted(areas))}"
    elif isinstance(given, Clients):
        yield from _clients(given, facts)


def _clients(clients: Clients, facts: Facts) -> Iterator[tuple[str, str]]:
    for word in clients.words:
        if not any(named(word, client) for client in facts.clients):
            known = dict.fromkeys(
                name for one in facts.clients for name in (one.metro, one.node, f"AS{one.asn}")
            )
            yield f"no client is {word}", near(word, known, what="the clients")
