"""Whole files, read with a bound and written by a thread (FileWriter), so that no disk delays us."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
import threading
from pathlib import Path

CLOSING_S = 1.0


def read_whole(path: Path | str, *, limit: int) -> bytes:
    """The content of a regular file; OSError where there is none, or it has more than `limit` bytes.

    A FIFO would block its reader until somebody writes, a device may never end: neither is opened for long.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "Not a regular file")
        content = file.read(limit + 1)
    if len(content) > limit:
        raise OSError(errno.EFBIG, f"It has more than {limit / 1e6:.3g} MB")
    return content


def write_whole(path: Path, content: str, *, mode: int = 0o644, is_synced: bool = True) -> None:
    """Replace `path` in one step; OSError where that cannot be."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(content)
            file.flush()
            if is_synced:
                os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
        if is_synced:
            _sync_directory(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def _sync_directory(path: Path) -> None:
    """The new name too outlives a power cut."""
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


class FileWriter:
    """`put(path, content)` returns at once; `troubles` holds, by path, why the last write of it failed."""

    def __init__(self) -> None:
        self.troubles: dict[Path, str] = {}
        self._pending: dict[Path, str] = {}
        self._changed = threading.Condition()
        self._is_busy = False
        self._is_closed = False
        self._thread = threading.Thread(target=self._write, name="files", daemon=True)
        self._thread.start()

    def put(self, path: Path, content: str) -> None:
        """Write `content` soon; a newer one for the same path takes its place."""
        with self._changed:
            self._pending[path] = content
            self._changed.notify_all()

    def flush(self, timeout_s: float = CLOSING_S) -> bool:
        """Wait until all is written; False where that took too long."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._pending and not self._is_busy, timeout_s)

    def close(self) -> None:
        """Write what is pending, for a second at most, and end."""
        self.flush()
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        self._thread.join(CLOSING_S)

    def _write(self) -> None:
        while True:
            with self._changed:
                self._is_busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._pending or self._is_closed)
                if not self._pending:
                    return
                path, content = self._pending.popitem()
                self._is_busy = True
            try:
                write_whole(path, content, is_synced=not path.is_relative_to("/run"))
            except (OSError, ValueError) as error:
                self.troubles[path] = (getattr(error, "strerror", None) or str(error)).lower()
            else:
                self.troubles.pop(path, None)
