"""streams: standard output and error that take every text, on any terminal and also when they are closed."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
import unicodedata
from collections.abc import Iterator
from typing import BinaryIO

PLAIN = "anyplane.plain"
_PLAIN = str.maketrans("–—―−─━│┃█▓░…·•×→←’‘“”≤≥ßøØłŁđĐ", "------||#+..**x><''\"\"<>soOlLdD")


def prepare() -> None:
    """Make both streams write what their encoding lacks as near ASCII, one sign for one sign."""
    codecs.register_error(PLAIN, _as_plain)
    # A closed stream is None in Python; /dev/null also takes its number, which a file would get otherwise.
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - open to the very end
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - open to the very end
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=PLAIN)


def write_utf8(text: str) -> None:
    """Write text for machines (JSON, SARIF) to standard output: UTF-8 whatever the locale."""
    # A file name that is not UTF-8 stands in the text as surrogates; \udc.. is how JSON writes them.
    content = text.encode("utf-8", "backslashreplace")
    with binary_output() as file:
        file.write(content)


@contextlib.contextmanager
def binary_output() -> Iterator[BinaryIO]:
    """Standard output for bytes, flushed at the end."""
    sys.stdout.flush()
    stream = sys.stdout.buffer
    if not isinstance(stream, io.RawIOBase):
        yield stream
        stream.flush()
        return
    # PYTHONUNBUFFERED: a raw write may take a part only, and nobody would see that the rest is lost.
    buffered = io.BufferedWriter(stream)
    try:
        yield buffered
        buffered.flush()
    finally:
        with contextlib.suppress(OSError):
            buffered.detach()


def _as_plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_plain(sign) for sign in error.object[error.start : error.end]), error.end


def _plain(sign: str) -> str:
    near = unicodedata.normalize("NFKD", sign.translate(_PLAIN)).encode("ascii", "ignore").decode()
    return near[:1] or "?"
