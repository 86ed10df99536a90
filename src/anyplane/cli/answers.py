"""answers: what commands of one question each have in common: --html, --json, where answers go, a bar."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from anyplane.cli.output import STANDARD_OUTPUT, write
from anyplane.cli.planning_options import print_text
from anyplane.model.errors import UsageError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from anyplane.planning.page.answers import Section

HtmlOption = Annotated[
    str | None,
    typer.Option("--html", metavar="FILE", help="Write one self-contained page."),
]


def refuse_both_to_standard_output(*, json_file: str | None, html: str | None) -> None:
    """UsageError where the page and the JSON would be mixed."""
    if json_file == html == STANDARD_OUTPUT:
        raise UsageError(
            "the page and the JSON cannot both go to standard output", hint="name a file for one"
        )


def deliver(
    *,
    text: Callable[[bool, int], RenderableType],
    json_text: Callable[[], str],
    section: Callable[[], Section],
    json_file: str | None,
    html: str | None,
) -> None:
    """Write the answer where it was asked for; text(is_plain, width) goes to the terminal."""
    if html is not None:
        from anyplane.planning.page.answers import page

        write(html, page([section()]))
    if json_file is not None:
        write(json_file, json_text())
    elif html != STANDARD_OUTPUT:
        print_text(text, has_markup=False)
    for path in (html, json_file):
        if path is not None and path != STANDARD_OUTPUT:
            sys.stderr.write(f"wrote {path}\n")


@contextmanager
def progress(doing: str) -> Iterator[Callable[[int, int], None]]:
    """A function to be told (done, of all): a bar on stderr, or nothing when that is no terminal."""
    if not sys.stderr.isatty():
        yield lambda _done, _wanted: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(doing, total=None)
        yield lambda done, wanted: bar.update(task, completed=done, total=wanted)
