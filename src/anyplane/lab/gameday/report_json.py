"""to_json and from_json: outcomes as versioned JSON; docs/reference/gameday.md says what each key means."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from anyplane.lab.gameday.outcome import VERSION, Outcome
from anyplane.model.errors import DataError

_OUTCOME = TypeAdapter(Outcome)


def to_json(outcomes: Sequence[Outcome]) -> str:
    """All outcomes of a suite (one is a suite too), with the verdict of each."""
    days = [{"is_kept": one.is_kept, "exit_code": one.exit_code, **plain(one)} for one in outcomes]
    whole = {"version": VERSION, "exit_code": exit_code(outcomes), "gamedays": days}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def plain(outcome: Outcome) -> dict[str, Any]:
    """One outcome as JSON has it."""
    found: dict[str, Any] = _OUTCOME.dump_python(outcome, mode="json")
    return found


def from_plain(value: object) -> Outcome:
    """The other way; ValidationError when it is none."""
    return _OUTCOME.validate_python(value)


def from_json(text: str, *, file: str = "gameday.json") -> tuple[Outcome, ...]:
    """What `to_json` wrote; DataError for anything else."""
    try:
        plain = json.loads(text)
        if plain["version"] != VERSION:
            raise DataError(file, f"version {plain['version']!r} is not one that this program reads")
        return tuple(
            _OUTCOME.validate_python(
                {key: value for key, value in day.items() if key not in ("is_kept", "exit_code")}
            )
            for day in plain["gamedays"]
        )
    except (ValueError, TypeError, KeyError, ValidationError) as error:
        raise DataError(file, f"is no report of game days: {error}") from None


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """Of a whole suite: the worst of its days."""
    return max((one.exit_code for one in outcomes), default=0)
