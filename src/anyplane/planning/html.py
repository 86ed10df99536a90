"""render_html: a report as one self-contained page that asks nothing of any network and runs no foreign code.

The template, style, script and land outline lie in the package `page`. Everything that comes from the design
or the topology passes through autoescaping; none of it enters the style or the script. The script is allowed
by its hash, so that even a hole in the escaping would run nothing.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from anyplane import __version__
from anyplane.design import countries
from anyplane.planning import figures
from anyplane.planning.page import colours, equal_earth, view, wording
from anyplane.planning.report import Report

if TYPE_CHECKING:
    from anyplane.planning.page.answers import Section


def render_html(report: Report, *, sections: Sequence[Section] = ()) -> str:
    """The page; equal reports give equal bytes from the same version of the program.

    sections: what other commands said of the same design, after the scenarios.
    """
    return (
        environment()
        .get_template("report.html")
        .render(
            report=report,
            scenarios=view.scenarios(report),
            sections=sections,
            styles=[Markup(section.style) for section in sections],  # noqa: S704  # our own text, no data in it
            **frame(),
            land=asset("land.path").strip(),
            palette=colours.PALETTE,
            map_width=equal_earth.WIDTH,
            map_height=equal_earth.HEIGHT,
        )
    )


def frame() -> dict[str, object]:
    """What every page's template needs besides its content: program, style, script and the script's hash."""
    script = asset("page.js")
    return {
        "program": f"anyplane {__version__}",
        "style": Markup(asset("page.css")),  # noqa: S704  # our own file, no data in it
        "script": Markup(script),  # noqa: S704  # our own file, no data in it
        "script_hash": "sha256-" + b64encode(sha256(script.encode()).digest()).decode(),
    }


def asset(name: str) -> str:
    """A file of the package `page`."""
    return files("anyplane.planning.page").joinpath(name).read_text(encoding="utf-8")


@cache
def environment() -> Environment:
    """The one environment of all pages: autoescaping, and undefined names are errors."""
    made = Environment(
        loader=PackageLoader("anyplane.planning.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        users=wording.users,
        percent=wording.percent,
        whole=wording.whole,
        ms=wording.ms,
        load=wording.load,
        count=wording.count,
        along=view.along,
    )
    made.globals.update(
        objective=wording.objective,
        objective_names=wording.OBJECTIVES,
        users_of=wording.users_of,
        in_words=figures.areas,
        areas=countries.named,
        none=None,
        named=view.named,
    )
    return made
