"""answers: sections that answer one question each (search, attack, trust, …), and the page that holds them.

Every command whose answer is a section can write it as a page of its own (`--html`); `anyplane plan --html
PAGE --section FILE` puts the same section, out of the command's JSON, on the plan's page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from anyplane.planning import html as pages
from anyplane.planning.page.wording import NBSP


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One answer on a page: `<article>` elements, and the CSS that only they need.

    id: the anchor of the first heading, and what every other id in `body` begins with. name: in the menu.
    kicker: two or three words over the title of a page of its own ("Attack", "RPKI").
    sub: one line under the title: design, Internet, what was asked. body: from `render`, already escaped.
    """

    id: str
    name: str
    kicker: str
    service: str
    sub: str
    body: Markup
    style: str = ""
    warnings: tuple[str, ...] = ()


def render(template: str, **values: object) -> Markup:
    """A template of `page/templates`, with everything that comes from a design or a topology escaped."""
    text = pages.environment().get_template(template).render(joined=joined, **values)
    return Markup(text)  # noqa: S704  # what an autoescaping template made


def page(sections: Sequence[Section]) -> str:
    """A self-contained page of these sections; equal sections give equal bytes from the same version."""
    return (
        pages.environment()
        .get_template("answer.html")
        .render(
            sections=sections,
            first=sections[0],
            warnings=tuple(dict.fromkeys(text for section in sections for text in section.warnings)),
            styles=[Markup(section.style) for section in sections],  # noqa: S704  # our own text, no data in it
            **pages.frame(),
        )
    )


def joined(text: str) -> str:
    """A number that is never parted from its unit."""
    return text.replace(" ", NBSP)
