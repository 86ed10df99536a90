"""read_bytes: the content of a data file, whatever compressed it, or a DataError that says why not."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import hashlib
import io
import lzma
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from anyplane.model.errors import DataError

BYTES_MAX = 4 * 1024**3
"""More than any public data set here has; beyond it a file is taken for a decompression bomb."""

_CHUNK = 1 << 20
_FORMATS = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz"}


def read_bytes(path: Path, *, limit: int = BYTES_MAX) -> bytes:
    """The decompressed content; the format is told by the first bytes, never by the name.

    Empty files, HTML pages in place of data, and truncated or damaged compression are DataErrors.
    """
    raw = _raw(path)
    if not raw:
        raise DataError(str(path), "the file is empty", hint="fetch it again: a download may have broken off")
    content = _decompressed(path, raw, limit)
    if not content:
        raise DataError(str(path), "the file is compressed but holds nothing", hint="fetch it again")
    _refuse_html(path, content)
    return content


def read_text(path: Path) -> str:
    """The decompressed content as UTF-8, else as Latin-1; NUL bytes are a DataError with their line."""
    content = read_bytes(path)
    if 0 in content:
        line = content.count(b"\n", 0, content.index(0)) + 1
        raise DataError(str(path), "holds NUL bytes: this is a binary file, not text", line=line)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # Registries still publish names in Latin-1 (RIPE asnames does); every byte is a letter there.
        return content.decode("latin-1")


@contextlib.contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The decompressed content as a stream, for files that are too large for memory; the same DataErrors.

    Damage within is met while the content is read, and told as a DataError by the end of the `with`.
    """
    try:
        raw = path.open("rb")
    except OSError as error:
        raise _unreadable(path, error) from error
    with raw:
        begin = raw.read(6)
        raw.seek(0)
        name = next((name for magic, name in _FORMATS.items() if begin.startswith(magic)), "")
        with _damage(path, name):
            yield cast("BinaryIO", _opened(name, raw)) if name else raw


def sha256_of(path: Path) -> str:
    """The SHA-256 of the file as it lies on disk, in hex."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from error


def excerpt(text: str | bytes, *, width: int = 60) -> str:
    """A piece of bad input that is safe to show on a terminal: printable, cut to `width`."""
    shown = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    shown = "".join(char if char.isprintable() else "·" for char in shown)
    return repr(shown if len(shown) <= width else shown[: width - 1] + "…")


def _raw(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> DataError:
    if isinstance(error, FileNotFoundError):
        return DataError(str(path), "there is no such file")
    if isinstance(error, IsADirectoryError):
        return DataError(str(path), "is a directory; a file is needed")
    return DataError(str(path), f"cannot be read: {error.strerror or error}")


def _decompressed(path: Path, raw: bytes, limit: int) -> bytes:
    name = next((name for magic, name in _FORMATS.items() if raw.startswith(magic)), "")
    if not name:
        return raw
    pieces: list[bytes] = []
    total = 0
    with _damage(path, name), _opened(name, io.BytesIO(raw)) as file:
        while piece := file.read(_CHUNK):
            pieces.append(piece)
            total += len(piece)
            if total > limit:
                raise DataError(
                    str(path), f"unpacks to more than {limit:,} bytes; that is no data set of ours"
                )
    return b"".join(pieces)


@contextlib.contextmanager
def _damage(path: Path, name: str) -> Iterator[None]:
    """What a damaged compression raises becomes a DataError."""
    try:
        yield
    except EOFError as error:
        raise DataError(
            str(path), f"the {name} data ends too early: the file is truncated", hint="fetch it again"
        ) from error
    except (OSError, lzma.LZMAError, zlib.error, ValueError) as error:
        raise DataError(str(path), f"the {name} data is damaged ({error})", hint="fetch it again") from error


def _opened(name: str, raw: BinaryIO) -> gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile:
    match name:
        case "gzip":
            return gzip.GzipFile(fileobj=raw)
        case "bzip2":
            return bz2.BZ2File(raw)
        case _:
            return lzma.LZMAFile(raw)


def _refuse_html(path: Path, content: bytes) -> None:
    start = content[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<?xml")):
        raise DataError(
            str(path),
            "is a web page, not data",
            line=1,
            hint="the server answered with an error or a login page; fetch the file itself",
        )
