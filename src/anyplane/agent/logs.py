"""One line per fact on standard error, key=value or JSON, from a thread, so that a full pipe stops nobody."""

from __future__ import annotations

import contextlib
import queue
import threading
from typing import Any, Protocol, TextIO

import structlog

from anyplane.agent.settings import LogFormat

LINES = 10_000
CLOSING_S = 1.0


class Log(Protocol):
    """What the agent needs of a logger: an event and its facts."""

    def info(self, event: str, **facts: object) -> object: ...

    def warning(self, event: str, **facts: object) -> object: ...

    def error(self, event: str, **facts: object) -> object: ...


class LineWriter:
    """Writes lines to a stream from its own thread; what does not fit the queue is counted and dropped."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: queue.Queue[str | None] = queue.Queue(LINES)
        self._thread = threading.Thread(target=self._write, name="log", daemon=True)
        self._thread.start()
        self.dropped = 0

    def msg(self, message: str) -> None:
        """Queue one line."""
        try:
            self._lines.put_nowait(message)
        except queue.Full:
            self.dropped += 1

    debug = info = warning = error = critical = msg

    def close(self) -> None:
        """Write what is queued, for a second at most."""
        with contextlib.suppress(queue.Full):
            self._lines.put(None, timeout=CLOSING_S)
        self._thread.join(CLOSING_S)

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            # A reader that went away must not end the agent.
            with contextlib.suppress(OSError, ValueError):
                self._stream.write(line + "\n")
                self._stream.flush()


def open_log(writer: LineWriter, form: LogFormat, site: str) -> Log:
    """A logger on `writer`; `site` stands on each line."""
    renderer: Any  # structlog's processors are typed loosely
    if form is LogFormat.JSON:
        renderer = structlog.processors.JSONRenderer()
    else:
        renderer = structlog.processors.LogfmtRenderer(
            key_order=["timestamp", "level", "event", "site"], bool_as_flag=False
        )
    bound: Log = structlog.wrap_logger(
        writer,
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        cache_logger_on_first_use=False,
        site=site,
    )
    return bound
