"""site_screen: an agent's page on the terminal that is there: its width, its colours, or a pipe."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any, NoReturn

from rich.console import Console
from rich.live import Live

from anyplane.cli.site_text import WIDTH, page, plain
from anyplane.cli.streams import write_utf8
from anyplane.model.errors import AgentUnreachable

WATCH_S = 0.5
Answered = dict[str, Any]  # what came over the socket


def show(found: Answered, *, is_whole: bool) -> None:
    """The page once."""
    if sys.stdout.isatty():
        console().print(page(found, is_whole=is_whole))
    else:
        write_utf8(plain(found, is_whole=is_whole))


def watch(ask: Callable[[], Answered], *, is_whole: bool, as_json: bool) -> NoReturn:
    """The page twice a second until Ctrl-C; an agent that goes away is waited for, and that is said."""
    found = ask()
    if as_json or not sys.stdout.isatty():
        while True:
            write_utf8(json.dumps(found) + "\n" if as_json else plain(found, is_whole=is_whole) + "\n")
            time.sleep(WATCH_S)
            found = ask()
    silent = ""
    # The other screen: what stood in the terminal is there again at the end.
    with Live(page(found, is_whole=is_whole), console=console(), auto_refresh=False, screen=True) as live:
        while True:
            time.sleep(WATCH_S)
            try:
                found, silent = ask(), ""
            except AgentUnreachable as error:
                silent = error.message
            live.update(page(found, is_whole=is_whole, silent=silent), refresh=True)


def console() -> Console:
    """Standard output, 100 columns at most; NO_COLOR and TERM are heeded."""
    found = Console(highlight=False)
    found.width = min(found.width, WIDTH)
    return found
