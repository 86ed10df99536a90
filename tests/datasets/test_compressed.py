"""Whatever compressed a file, its content comes out, or one error that says why not."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from anyplane.datasets.compressed import excerpt, read_bytes, read_text
from anyplane.model.errors import DataError

CONTENT = b"1|2|-1\n" * 500
COMPRESSORS: list[Callable[[bytes], bytes]] = [gzip.compress, bz2.compress, lzma.compress]


@pytest.mark.parametrize("compress", [bytes, *COMPRESSORS])
def test_the_format_is_told_by_the_content_and_not_by_the_name(
    compress: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    path = tmp_path / "links.pdf"
    path.write_bytes(compress(CONTENT))

    assert read_bytes(path) == CONTENT


@pytest.mark.parametrize("compress", COMPRESSORS)
def test_a_truncated_file_is_one_data_error_wherever_it_ends(
    compress: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    whole = compress(os.urandom(200) + CONTENT)
    path = tmp_path / "links.txt"

    for end in range(6, len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises(DataError, match=r"truncated|damaged"):
            read_bytes(path)


@pytest.mark.parametrize("compress", COMPRESSORS)
def test_damage_inside_is_a_data_error(compress: Callable[[bytes], bytes], tmp_path: Path) -> None:
    damaged = bytearray(compress(os.urandom(4000)))
    damaged[2000:2010] = b"0123456789"
    path = tmp_path / "links.txt"
    path.write_bytes(damaged)

    with pytest.raises(DataError, match=r"truncated|damaged"):
        read_bytes(path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (gzip.compress(b""), "holds nothing"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "web page"),
        (b"\n\n  <html>", "web page"),
        (gzip.compress(b"<html>login</html>"), "web page"),
    ],
)
def test_what_is_no_data_is_refused(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "links.txt"
    path.write_bytes(content)

    with pytest.raises(DataError, match=says):
        read_bytes(path)


def test_a_decompression_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(bytes(5_000_000)))

    with pytest.raises(DataError, match="unpacks to more than"):
        read_bytes(path, limit=1_000_000)


def test_missing_files_and_directories_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_bytes(tmp_path / "nothing")
    with pytest.raises(DataError, match="is a directory"):
        read_bytes(tmp_path)


def test_binary_content_is_not_text_and_the_line_is_told(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_bytes(b"1 A\n2 B\x00\n")

    with pytest.raises(DataError, match="binary") as caught:
        read_text(path)
    assert caught.value.line == 2


def test_latin_1_names_are_read(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_bytes("1 M\u00fcnchen".encode("latin-1"))

    assert read_text(path) == "1 M\u00fcnchen"


def test_an_excerpt_is_safe_to_print() -> None:
    assert excerpt(b"\x1b[31mred\x07") == "'·[31mred·'"
    assert len(excerpt("x" * 500)) == 62
