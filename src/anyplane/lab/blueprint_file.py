"""The blueprint of a lab as the file blueprint.json in its directory."""

from __future__ import annotations

from pathlib import Path

from anyplane.lab.blueprint import Blueprint
from anyplane.model.errors import LabError

NAME = "blueprint.json"


def write_blueprint(directory: Path, blueprint: Blueprint) -> None:
    """directory/blueprint.json says the whole lab."""
    from pydantic import TypeAdapter

    (directory / NAME).write_bytes(TypeAdapter(Blueprint).dump_json(blueprint))


def read_blueprint(directory: Path) -> Blueprint:
    """The blueprint that was written there; LabError when there is none, or it is no blueprint."""
    from pydantic import TypeAdapter, ValidationError

    path = directory / NAME
    try:
        return TypeAdapter(Blueprint).validate_json(path.read_bytes())
    except OSError as error:
        raise LabError(f"{path}: {error.strerror}", hint="was this lab made by `anyplane lab up`?") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise LabError(
            f"{path} is no blueprint of this version: {where}: {first['msg']}",
            hint="take the lab down and up again with the same anyplane",
        ) from error
