"""Words: what a scenario says of the design for its own day (`with:`), merged into the design's text. Pure.

    with:
      safety: {floor: 0}                       # keys are merged, as deep as they go
      health: {dns: {checks: {alive: null}}}   # null takes a key away
      sites: {mad: {upstreams: {174: {no_export: true}}}}

Where the design has a list of named things, a mapping changes those that it names (a check by its name, an
upstream by its AS number); a list takes the place of the whole list.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping

import yaml

from anyplane.design.document import Path, Value, read
from anyplane.design.quantities import Unfit

Words = Mapping[str, Value]


def worded(text: str, words: Words) -> str:
    """The design in `text`, which is valid, with these words; Unfit where they do not fit its form."""
    root = read(text, file="design.yaml").root
    made = copy.deepcopy(root) if isinstance(root, dict) else {}
    rest = {key: value for key, value in words.items() if key != "health"}
    for key, value in rest.items():
        _put(made, key, value, (key,))
    if "health" in words:
        _put_health(made, words["health"])
    return yaml.dump(made, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def _put_health(root: dict[str, Value], health: Value) -> None:
    """Of all sites; in the lab's edition of a design each site has its own, and nothing stands above."""
    if "health" in root:
        _put(root, "health", health, ("health",))
    sites = root.get("sites")
    for site in sites.values() if isinstance(sites, dict) else ():
        if isinstance(site, dict) and "health" in site:
            _put(site, "health", health, ("health",))


def _put(made: dict[str, Value], key: str, value: Value, path: Path) -> None:
    if value is None:
        made.pop(key, None)
    else:
        made[key] = _merged(made.get(key), value, path)


def _merged(before: Value, words: Value, path: Path) -> Value:
    if not isinstance(words, dict):
        return words
    if isinstance(before, list):
        return _in_list(before, words, path)
    made = dict(before) if isinstance(before, dict) else {}
    for key, value in words.items():
        _put(made, key, value, (*path, key))
    return made


def _in_list(before: list[Value], words: dict[str, Value], path: Path) -> list[Value]:
    made = [*before]
    for name, value in words.items():
        here = [one for one in made if isinstance(one, dict) and _name(one) == _plain(name)]
        if not here:
            known = ", ".join(_name(one) for one in made if isinstance(one, dict)) or "none has a name"
            where = ".".join(map(str, path))
            raise Unfit(f"{where} of the design has no {name}", hint=f"it has {known}")
        for one in here:
            place = next(number for number, item in enumerate(made) if item is one)
            if value is None:
                del made[place]
            else:
                made[place] = _merged(one, value, (*path, name))
    return made


def _name(entry: dict[str, Value]) -> str:
    return _plain(str(entry.get("name", entry.get("asn", ""))))


def _plain(name: str) -> str:
    """AS174 and 174 are one."""
    text = name.strip().upper()
    return text.removeprefix("AS") if text.removeprefix("AS").isdigit() else name.strip()


class _Dumper(yaml.SafeDumper):
    """Every text is quoted: what is text in YAML 1.2 stays text."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002  # as PyYAML calls it
        """Always."""
        return True


_Dumper.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, "'"))
_Dumper.add_multi_representer(float, lambda dumper, value: dumper.represent_float(float(value)))
