"""parse: scenario text -> Scenario, or one DesignError with every fault found, in the order of the file.

`load` finds the text: a file, or one of the shipped scenarios by name.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path as File
from typing import TYPE_CHECKING, Any, TypeVar

from anyplane.design.document import Document, Path, read
from anyplane.design.faults import near
from anyplane.lab.gameday import parts
from anyplane.lab.gameday.expectations import EXPECTATIONS, Expectation
from anyplane.lab.gameday.network_steps import RegionBack, RegionLost
from anyplane.lab.gameday.scenario import Probes, Scenario, TimedStep
from anyplane.lab.gameday.step import Step, WaitUntil
from anyplane.lab.gameday.steps import STEPS
from anyplane.model.errors import DesignError, Problem, UsageError

if TYPE_CHECKING:
    from anyplane.lab.gameday.shape import ScenarioShape

T = TypeVar("T")
_FORMS: dict[type, tuple[str, ...]] = {
    WaitUntil: ("serves", "serves_not", "reaches"),
    RegionLost: ("continent", "country"),
    RegionBack: ("continent", "country"),
}
"""Of these fields exactly one is given."""


def shipped() -> tuple[str, ...]:
    """The names of the scenarios that come with the program."""
    return tuple(
        sorted(
            one.name.removesuffix(".yaml")
            for one in files("anyplane.lab.gameday").joinpath("scenarios").iterdir()
            if one.name.endswith(".yaml")
        )
    )


def load(source: str | File) -> Scenario:
    """The scenario in a file, or the shipped one of that name; UsageError where neither is there."""
    name = str(source)
    if name in shipped():
        text = files("anyplane.lab.gameday").joinpath("scenarios", f"{name}.yaml").read_text(encoding="utf-8")
        return parse(text, file=f"{name}.yaml")
    try:
        return parse(File(source).read_text(encoding="utf-8"), file=name)
    except FileNotFoundError:
        hint = near(name, shipped(), what="the shipped scenarios")
        raise UsageError(f"there is neither a file nor a shipped scenario {name}", hint=hint) from None
    except UnicodeDecodeError:
        raise UsageError(f"{name} is not text in UTF-8") from None
    except OSError as error:
        raise UsageError(f"{name}: {(error.strerror or str(error)).lower()}") from None


def parse(text: str, *, file: str = "scenario.yaml") -> Scenario:
    """The scenario in `text`; DesignError with all its faults where it is not one. `file` is only a name."""
    from pydantic import ValidationError

    from anyplane.lab.gameday import faults
    from anyplane.lab.gameday.shape import ScenarioShape

    document = read(text, file=file)
    if not isinstance(document.root, dict):
        message = (
            "the file is empty" if document.root is None else "a scenario is a mapping of keys to values"
        )
        hint = "docs/reference/gameday.md shows one to begin with"
        raise DesignError((Problem(file=file, line=1, column=0, path="", message=message, hint=hint),))
    problems = [*document.duplicates, *_forms(document)]
    shape: ScenarioShape | None = None
    try:
        shape = ScenarioShape.model_validate(document.root)
    except ValidationError as error:
        problems += faults.problems(error.errors(include_url=False), document)
    if problems or shape is None:
        raise _all_of(problems)
    scenario = _scenario(shape, document)
    if wrong := _step_names(scenario):
        raise _all_of(wrong)
    return scenario


def _all_of(problems: list[Problem]) -> DesignError:
    return DesignError(tuple(sorted(dict.fromkeys(problems), key=lambda one: (one.line, one.column))))


def _scenario(shape: ScenarioShape, document: Document) -> Scenario:
    steps = []
    for place, item in enumerate(shape.steps):
        step: Step = _made(item, STEPS)
        plain: Any = item  # the model is made at run time
        steps.append(
            TimedStep(
                step=step,
                name=plain.name or f"step-{place + 1}",
                at=plain.at,
                after=plain.after or 0.0,
                place=place,
            )
        )
    expectations: list[Expectation] = [_made(item, EXPECTATIONS) for item in shape.expect]
    return Scenario(
        name=shape.name,
        shows=shape.shows,
        design=shape.design,
        routers=shape.routers,
        probes=Probes(clients=shape.probes.clients, kinds=shape.probes.kinds, rate=shape.probes.rate),
        settle_s=shape.settle,
        steps=tuple(steps),
        expectations=tuple(expectations),
        document=document,
        words=shape.words,
    )


def _made(item: object, kinds: dict[str, type[T]]) -> T:
    (key,) = [key for key in kinds if getattr(item, key) is not None]
    shape = getattr(item, key)
    kind = kinds[key]
    return kind(**{field.name: getattr(shape, field.name) for field in parts.fields_of(kind)})


def _forms(document: Document) -> list[Problem]:
    """Entries that say nothing or several things at once, two times, or both of two things."""
    root = document.root
    found: list[Problem] = []
    for section, kinds in (("steps", STEPS), ("expect", EXPECTATIONS)):
        entries = root.get(section) if isinstance(root, dict) else None
        for place, entry in enumerate(entries if isinstance(entries, list) else []):
            if not isinstance(entry, dict):
                continue
            path: Path = (section, place)
            keys = [key for key in entry if key in kinds]
            unknown = set(entry) - set(kinds) - {"at", "after", "name"}
            what = "step" if section == "steps" else "expectation"
            if len(keys) > 1:
                message = f"one {what} says {' and '.join(keys)}"
                hint = "begin a new entry (-) for each"
                found.append(document.problem((*path, keys[1]), message, hint=hint, of_key=True))
            elif not keys and not unknown:
                message = f"this {what} says nothing"
                found.append(document.problem(path, message, hint=near("", kinds, what=f"the {section}")))
            if "at" in entry and "after" in entry:
                hint = "keep `at` (since the settling) or `after` (since the step before)"
                found.append(document.problem((*path, "after"), "two times", hint=hint, of_key=True))
            for key in keys[:1]:
                found += _one_of(document, (*path, key), kinds[key], entry[key])
    return found


def _one_of(document: Document, path: Path, kind: type, value: object) -> list[Problem]:
    names = _FORMS.get(kind)
    if not names or not isinstance(value, dict):
        return []
    given = [name for name in names if name in value]
    if len(given) == 1:
        return []
    message = f"{' and '.join(given)} at once" if given else "what is meant is missing"
    return [document.problem(path, message, hint=f"give one of {', '.join(names)}", of_key=True)]


def _step_names(scenario: Scenario) -> list[Problem]:
    """Names that two steps bear, and expectations that count from a step that is not there."""
    document = scenario.document
    names: list[str] = []
    found: list[Problem] = []
    for one in scenario.steps:
        if one.name in names:
            message = f"two steps are called {one.name}"
            found.append(document.problem(("steps", one.place, "name"), message, hint="rename one"))
        names.append(one.name)
    for place, expectation in enumerate(scenario.expectations):
        after = getattr(expectation, "after", None)
        if after is not None and after not in names:
            path = ("expect", place, parts.key_of(type(expectation)), "after")
            hint = near(after, names, what="the steps")
            found.append(document.problem(path, f"there is no step {after}", hint=hint))
    return found
