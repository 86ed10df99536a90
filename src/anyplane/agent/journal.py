"""Journal: decisions and facts in SQLite, bounded, written by a thread; a broken disk stops nothing."""

from __future__ import annotations

import contextlib
import json
import queue
import sqlite3
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROWS = 100_000
BYTES = 64_000_000
QUEUED = 10_000
RETRY_S = 5.0
CLOSING_S = 1.0
PRUNED_EVERY = 500

_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (
  id INTEGER PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL, service TEXT NOT NULL,
  before TEXT NOT NULL, after TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS facts_at ON facts (at);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One line of the history, `at` in unix seconds.

    `kind`: decision, wanted, seen, session, order, reload, alarm or agent.
    """

    at: float
    kind: str
    service: str = ""
    before: str = ""
    after: str = ""
    reason: str = ""
    detail: Mapping[str, object] = field(default_factory=dict)


class Journal:
    """`record` returns at once. `trouble` says why nothing can be written just now, "" when all is well."""

    def __init__(self, path: Path, *, rows: int = ROWS, size: int = BYTES) -> None:
        self.path = path
        self.trouble = ""
        self.dropped = 0
        self._rows = rows
        self._size = size
        self._facts: queue.Queue[Fact | None] = queue.Queue(QUEUED)
        self._thread = threading.Thread(target=self._write, name="journal", daemon=True)
        self._thread.start()

    def record(self, fact: Fact) -> None:
        """Write `fact` soon; when too many wait it is dropped and counted."""
        try:
            self._facts.put_nowait(fact)
        except queue.Full:
            self.dropped += 1

    def close(self) -> None:
        """Write what is queued, for a second at most."""
        with contextlib.suppress(queue.Full):
            self._facts.put(None, timeout=CLOSING_S)
        self._thread.join(CLOSING_S)

    def _write(self) -> None:
        connection: sqlite3.Connection | None = None
        retry_at = 0.0
        written = 0
        is_open = True
        while is_open:
            batch = self._batch()
            is_open = None not in batch
            facts = [one for one in batch if one is not None]
            if connection is None and time.monotonic() >= retry_at:
                connection = self._opened()
                retry_at = time.monotonic() + RETRY_S
            if connection is None:
                self.dropped += len(facts)
                continue
            try:
                _insert(connection, facts)
                written += len(facts)
                if written >= PRUNED_EVERY:
                    written = 0
                    self._prune(connection)
                self.trouble = ""
            except (sqlite3.Error, OSError) as error:
                self.trouble = f"{self.path}: {error}"
                self.dropped += len(facts)
                _close(connection)
                connection = None
                retry_at = time.monotonic() + RETRY_S
        if connection is not None:
            _close(connection)

    def _batch(self) -> list[Fact | None]:
        batch = [self._facts.get()]
        with contextlib.suppress(queue.Empty):
            while batch[-1] is not None and len(batch) < PRUNED_EVERY:
                batch.append(self._facts.get_nowait())
        return batch

    def _opened(self) -> sqlite3.Connection | None:
        try:
            return _open(self.path)
        except sqlite3.DatabaseError as error:
            self.trouble = f"{self.path}: {error}"
            if not isinstance(error, sqlite3.OperationalError):
                # No database at all: put it aside, so that the next try begins anew.
                for name in (
                    self.path,
                    *(self.path.with_name(self.path.name + end) for end in ("-wal", "-shm")),
                ):
                    with contextlib.suppress(OSError):
                        name.replace(name.with_name(name.name + ".broken"))
        except OSError as error:
            self.trouble = f"{self.path}: {error.strerror or error}"
        return None

    def _prune(self, connection: sqlite3.Connection) -> None:
        newest = connection.execute("SELECT max(id), count(*) FROM facts").fetchone()
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (page,) = connection.execute("PRAGMA page_size").fetchone()
        (free,) = connection.execute("PRAGMA freelist_count").fetchone()
        kept = self._rows
        used = (pages - free) * page
        if used > self._size:
            kept = min(kept, newest[1] * 3 * self._size // (4 * used))
        if newest[1] > kept:
            with connection:
                connection.execute("DELETE FROM facts WHERE id <= ?", (newest[0] - kept,))
            # A page for each row that is fetched.
            connection.execute("PRAGMA incremental_vacuum").fetchall()


def history(path: Path, *, since: float = 0.0, limit: int = 1000) -> tuple[Fact, ...]:
    """The newest `limit` facts since `since` (unix seconds), oldest first; works without an agent.

    FileNotFoundError where there is no journal, sqlite3.Error where it cannot be read.
    """
    if not path.exists():
        raise FileNotFoundError(path)
    try:
        rows = _select(f"{path.absolute().as_uri()}?mode=ro", since, limit)
    except sqlite3.OperationalError:
        # A reader that may not write the directory cannot share the WAL; what is in the main file it can see.
        rows = _select(f"{path.absolute().as_uri()}?mode=ro&immutable=1", since, limit)
    return tuple(
        Fact(
            at=at,
            kind=kind,
            service=service,
            before=before,
            after=after,
            reason=reason,
            detail=_plain(detail),
        )
        for at, kind, service, before, after, reason, detail in reversed(rows)
    )


def _select(uri: str, since: float, limit: int) -> Sequence[tuple[float, str, str, str, str, str, str]]:
    with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=2.0)) as connection:
        return connection.execute(
            "SELECT at, kind, service, before, after, reason, detail FROM facts WHERE at >= ?"
            " ORDER BY id DESC LIMIT ?",
            (since, limit),
        ).fetchall()


def _plain(detail: str) -> dict[str, object]:
    try:
        found = json.loads(detail)
    except ValueError:
        return {"detail": detail}
    return found if isinstance(found, dict) else {}


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=1.0, isolation_level="IMMEDIATE")
    try:
        # Before the first table: free pages are given back a few at a time.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA journal_size_limit = 4194304")
        connection.execute("PRAGMA cache_size = -512")
        connection.executescript(_SCHEMA)
    except BaseException:
        _close(connection)
        raise
    return connection


def _insert(connection: sqlite3.Connection, facts: list[Fact]) -> None:
    if not facts:
        return
    with connection:
        connection.executemany(
            "INSERT INTO facts (at, kind, service, before, after, reason, detail)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (one.at, one.kind, one.service, one.before, one.after, one.reason, json.dumps(one.detail))
                for one in facts
            ],
        )


def _close(connection: sqlite3.Connection) -> None:
    with contextlib.suppress(sqlite3.Error):
        connection.close()
