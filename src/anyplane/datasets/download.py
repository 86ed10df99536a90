"""Downloader: one URL into one .part file, over an unreliable network, with the standard library alone."""

from __future__ import annotations

import errno
import http.client
import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar

from anyplane.datasets.compressed import sha256_of
from anyplane.datasets.manifest import entries
from anyplane.model.errors import DataError, FetchError

_CHUNK = 1 << 17
_RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
_PROGRESS_LIMIT = 10
"""How many times `attempts` may be used up by attempts that each brought some bytes."""

T = TypeVar("T")
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What the server said about the file that is now whole in its .part."""

    etag: str = ""
    last_modified: str = ""
    is_unchanged: bool = False
    """The file that was there before is still current; nothing was downloaded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Note:
    """Beside a .part: of which file it is the beginning."""

    url: str = ""
    etag: str = ""
    last_modified: str = ""

    @property
    def validator(self) -> str:
        """What If-Range may carry: a strong ETag, else the date (RFC 9110, 13.1.5)."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.last_modified


class _AttemptFailedError(Exception):
    """This attempt failed in a way that the next may not."""

    def __init__(self, reason: str, *, after_s: float = 0.0, reached: int = 0) -> None:
        self.reason = reason
        self.after_s = after_s
        self.reached = reached
        super().__init__(reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloader:
    """How downloads are done; sleep, clock (seconds since 1970) and proxies come from the caller."""

    sleep: Callable[[float], None]
    clock: Callable[[], float]
    proxies: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 30.0
    """For connecting, and for silence in the middle of a body."""
    attempts: int = 5
    backoff_s: float = 1.0
    wait_max_s: float = 120.0
    """A server that asks us to wait longer is left alone."""
    user_agent: str = "anyplane"

    def text(self, url: str, *, limit: int) -> str:
        """A small page as text."""

        def attempt() -> str:
            with self._open(url, {}) as response:
                try:
                    content: bytes = response.read(limit + 1)
                except (OSError, http.client.HTTPException) as error:
                    raise _AttemptFailedError(_reason(error)) from error
            if len(content) > limit:
                raise FetchError(url, f"the page is longer than {limit:,} bytes")
            return content.decode("utf-8", "replace")

        return self._retried(url, attempt)

    def download(self, url: str, part: Path, *, have: Path, progress: Progress) -> Received:
        """Make `part` the whole content of the URL, going on from what it already holds.

        When `have` is a complete earlier download and the server says that it is current, nothing is done.
        progress(bytes so far, bytes in all or 0).
        """
        try:
            part.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(str(part.parent), f"cannot be made: {error.strerror or error}") from error
        return self._retried(url, lambda: self._attempt(url, part, have, progress))

    def _retried(self, url: str, attempt: Callable[[], T]) -> T:
        failed = best = 0
        for _ in range(self.attempts * _PROGRESS_LIMIT):
            try:
                return attempt()
            except _AttemptFailedError as error:
                failed = 1 if error.reached > best else failed + 1
                best = max(best, error.reached)
                last = error
            if failed >= self.attempts:
                break
            wait = max(last.after_s, self.backoff_s * 2.0 ** (failed - 1))
            if last.after_s > self.wait_max_s:
                raise FetchError(url, f"{last.reason}; the server asks to wait {last.after_s:.0f} s")
            self.sleep(wait)
        raise FetchError(
            url,
            f"{last.reason} (tried {self.attempts} times)",
            hint="what has arrived is kept: run it again to go on",
        ) from last

    def _attempt(self, url: str, part: Path, have: Path, progress: Progress) -> Received:
        note = _read_note(part)
        at = part.stat().st_size if part.exists() and note.url == url and note.validator else 0
        headers = {"Range": f"bytes={at}-", "If-Range": note.validator} if at else _if_changed(url, have)
        try:
            response = self._open(url, headers)
        except _NotModifiedError:
            return Received(is_unchanged=True)
        except _RangeRefusedError as error:
            _forget(part)
            raise _AttemptFailedError("the server has another file now") from error
        with response:
            if "html" in response.headers.get_content_type():
                raise FetchError(url, "the server answered with a web page, not with the file")
            note = _Note(
                url=url,
                etag=response.headers.get("ETag", ""),
                last_modified=response.headers.get("Last-Modified", ""),
            )
            total = _whole(response.headers.get("Content-Length"))
            if response.status == HTTPStatus.PARTIAL_CONTENT:
                match = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
                if match is None or int(match[1]) != at:
                    _forget(part)
                    raise _AttemptFailedError("the server sent another part than it was asked for")
                total = _whole(match[2])
            else:
                # Range was ignored or the file has changed: this is the whole of it, from the first byte.
                at = 0
            done = self._receive(url, response, part, note, at, total, progress)
        if total and done > total:
            _forget(part)
            raise _AttemptFailedError(f"the server sent {done:,} bytes and had promised {total:,}")
        if done < total:
            reason = f"the connection ended after {done:,} of {total:,} bytes"
            raise _AttemptFailedError(reason, reached=done)
        if done == 0:
            raise FetchError(url, "the server sent an empty file")
        return Received(etag=note.etag, last_modified=note.last_modified)

    def _receive(
        self,
        url: str,
        response: http.client.HTTPResponse,
        part: Path,
        note: _Note,
        at: int,
        total: int,
        progress: Progress,
    ) -> int:
        """Write the body behind the first `at` bytes; the size reached."""
        done = at
        try:
            _note_path(part).write_text(json.dumps(asdict(note)))
            with part.open("r+b" if at else "wb") as file:
                file.seek(at)
                while True:
                    try:
                        piece = response.read1(_CHUNK)
                    except http.client.IncompleteRead as error:
                        file.write(error.partial)
                        done += len(error.partial)
                        return done if total else _cut_off(done)
                    except (OSError, http.client.HTTPException) as error:
                        raise _AttemptFailedError(_reason(error), reached=done) from error
                    if not piece:
                        return done
                    file.write(piece)
                    done += len(piece)
                    progress(done, total)
        except OSError as error:
            hint = "what has arrived is kept: run it again to go on"
            if error.errno == errno.ENOSPC:
                hint = "free some space; " + hint
            raise FetchError(
                url, f"{part} cannot be written: {error.strerror or error}", hint=hint
            ) from error

    def _open(self, url: str, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        request = urllib.request.Request(  # noqa: S310  # only http and https have a handler below
            url, headers={"User-Agent": self.user_agent, "Accept-Encoding": "identity", **headers}
        )
        opener = urllib.request.OpenerDirector()
        for handler in (
            urllib.request.ProxyHandler(dict(self.proxies)),
            urllib.request.HTTPHandler(),
            urllib.request.HTTPSHandler(),
            urllib.request.HTTPRedirectHandler(),
            urllib.request.HTTPErrorProcessor(),
            urllib.request.HTTPDefaultErrorHandler(),
            urllib.request.UnknownHandler(),
        ):
            opener.add_handler(handler)
        try:
            response: http.client.HTTPResponse = opener.open(request, timeout=self.timeout_s)
        except urllib.error.HTTPError as error:
            with error:
                raise self._of_status(url, error) from error
        except urllib.error.URLError as error:
            cause = error.reason
            if isinstance(cause, TimeoutError | ConnectionResetError):
                raise _AttemptFailedError(_reason(cause)) from error
            raise FetchError(url, f"cannot be reached: {cause}") from error
        except (OSError, http.client.HTTPException) as error:
            raise _AttemptFailedError(_reason(error)) from error
        return response

    def _of_status(self, url: str, error: urllib.error.HTTPError) -> Exception:
        said = f"the server answered {error.code} {error.reason}"
        if error.code == HTTPStatus.NOT_MODIFIED:
            return _NotModifiedError()
        if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return _RangeRefusedError()
        if error.code in _RETRIED:
            return _AttemptFailedError(said, after_s=self._retry_after(error.headers.get("Retry-After", "")))
        return FetchError(url, said)

    def _retry_after(self, text: str) -> float:
        try:
            if text.strip().isdigit():
                return float(text)
            return max(0.0, parsedate_to_datetime(text).timestamp() - self.clock())
        except (TypeError, ValueError, OverflowError):
            return 0.0


class _NotModifiedError(Exception):
    """304: the file that is kept is current."""


class _RangeRefusedError(Exception):
    """416: the .part is longer than the file is now."""


def _cut_off(done: int) -> int:
    raise _AttemptFailedError(f"the connection ended in the middle, after {done:,} bytes", reached=done)


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "the server fell silent"
    return f"the connection broke ({str(error) or type(error).__name__})"


def _whole(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 0


def _if_changed(url: str, have: Path) -> dict[str, str]:
    """The conditions under which the file that is kept need not be sent again."""
    entry = entries(have.parent).get(have.name)
    if entry is None or entry.url != url or not have.is_file() or sha256_of(have) != entry.sha256:
        return {}
    headers = {"If-None-Match": entry.etag, "If-Modified-Since": entry.last_modified}
    return {name: value for name, value in headers.items() if value}


def _note_path(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _read_note(part: Path) -> _Note:
    try:
        return _Note(**json.loads(_note_path(part).read_text()))
    except (OSError, ValueError, TypeError):
        return _Note()


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _note_path(part).unlink(missing_ok=True)
