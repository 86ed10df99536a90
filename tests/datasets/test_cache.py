"""A topology file comes back as it was written, or is refused; nothing in between."""

from __future__ import annotations

import errno
import hashlib
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from small_internet import assert_same, small_internet

from anyplane.datasets import cache
from anyplane.datasets.packed_strings import PackedStrings, pack
from anyplane.model.errors import DataError

PROVENANCE = {"inputs": [{"role": "as-rel", "file": "made.txt", "sha256": "00"}], "clique": [10, 20]}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("written") / "small.anyplane"
    cache.write(path, small_internet(), provenance=PROVENANCE)
    return path.read_bytes()


@pytest.mark.parametrize("names", [("Ä", "", "ccc", "日本", "e"), ()])
def test_what_is_written_is_read(names: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "deep" / "small.anyplane"
    topology = small_internet(names=names)

    cache.write(path, topology, provenance=PROVENANCE)

    assert_same(cache.read(path), topology)
    stored = cache.open_stored(path, verify=True)
    assert stored.provenance == PROVENANCE
    assert stored.size == path.stat().st_size
    assert [file.name for file in path.parent.iterdir()] == ["small.anyplane"]


def test_the_same_topology_gives_the_same_bytes(tmp_path: Path, written: bytes) -> None:
    cache.write(tmp_path / "again.anyplane", small_internet(), provenance=PROVENANCE)

    assert (tmp_path / "again.anyplane").read_bytes() == written


def test_arrays_are_aligned_plain_and_of_the_type_that_kernels_were_compiled_for(
    tmp_path: Path, written: bytes
) -> None:
    path = tmp_path / "small.anyplane"
    path.write_bytes(written)

    topology = cache.read(path)

    for name, array in topology.arrays().items():
        assert type(array) is np.ndarray, name
        assert array.flags.writeable, name
        assert array.flags.c_contiguous, name
        assert array.ctypes.data % 64 == 0 or not array.size, name
    topology.users[0] = 99.0
    assert path.read_bytes() == written


def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path, written: bytes) -> None:
    path = tmp_path / "cut.anyplane"
    for end in [*range(300), *range(300, len(written), 97), len(written) - 1]:
        path.write_bytes(written[:end])
        with pytest.raises(DataError, match=r"truncated|not a topology|bytes instead of"):
            cache.read(path)


def test_a_file_that_is_too_long_is_refused(tmp_path: Path, written: bytes) -> None:
    path = tmp_path / "long.anyplane"
    path.write_bytes(written + b"\0")

    with pytest.raises(DataError, match="bytes instead of"):
        cache.read(path)


@given(where=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
@example(where=0.0, flip=1)
def test_a_changed_byte_is_refused_or_changes_nothing(
    where: float, flip: int, written: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    changed = bytearray(written)
    changed[int(where * len(written))] ^= flip
    path = tmp_path_factory.getbasetemp() / "changed.anyplane"
    path.write_bytes(changed)

    try:
        topology = cache.read(path)
    except DataError:
        return
    assert_same(topology, small_internet())


@given(junk=st.binary(max_size=300))
def test_junk_is_refused(junk: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "junk.anyplane"
    path.write_bytes(cache.MAGIC[: len(junk) % 9] + junk)

    with pytest.raises(DataError):
        cache.read(path)


def test_another_format_version_is_named(tmp_path: Path, written: bytes) -> None:
    path = tmp_path / "newer.anyplane"
    path.write_bytes(written[:8] + struct.pack("<I", 2) + written[12:])

    with pytest.raises(DataError, match="has format 2; this anyplane reads 1") as caught:
        cache.read(path)
    assert "anyplane topology build" in str(caught.value)


def test_verify_finds_what_agrees_with_the_quick_checksums(tmp_path: Path, written: bytes) -> None:
    """A directory whose SHA-256 of the content was replaced, its own checksum made right again."""
    length = struct.unpack("<Q", written[16:24])[0]
    text = written[56 : 56 + length]
    at = text.index(b'"content_sha256":"') + 18
    text = text[:at] + b"0" * 64 + text[at + 64 :]
    forged = written[:24] + hashlib.sha256(written[:24] + text).digest() + text + written[56 + length :]
    path = tmp_path / "forged.anyplane"
    path.write_bytes(forged)

    assert_same(cache.read(path), small_internet())
    with pytest.raises(DataError, match="SHA-256 of the content"):
        cache.open_stored(path, verify=True)


def test_a_directory_of_another_program_is_refused(tmp_path: Path, written: bytes) -> None:
    text = b'{"arrays":{},"content_sha256":"","content_size":0,"origin":"","provenance":{}}'
    fixed = written[:16] + struct.pack("<Q", len(text))
    head = fixed + hashlib.sha256(fixed + text).digest() + text
    path = tmp_path / "foreign.anyplane"
    path.write_bytes(head + bytes(-len(head) % 64))

    with pytest.raises(DataError, match="not ours"):
        cache.read(path)


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, written: bytes) -> None:
    path = tmp_path / "small.anyplane"
    path.write_bytes(written)

    def write_half() -> None:
        with cache.replaced(path) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()

    assert path.read_bytes() == written
    assert [entry.name for entry in tmp_path.iterdir()] == ["small.anyplane"]


def test_a_full_disk_is_one_error_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No space left") as caught, cache.replaced(tmp_path / "x"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    assert "free some space" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_file_cannot_be_written_under_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(DataError, match="cannot be written"):
        cache.write(tmp_path / "file" / "x.anyplane", small_internet())


@given(st.lists(st.text(max_size=8), max_size=12))
def test_packed_strings_behave_as_a_tuple(strings: list[str]) -> None:
    strings = [text.encode("utf-8", "ignore").decode() for text in strings]
    packed = PackedStrings(**pack(strings))

    assert list(packed) == strings
    assert packed == tuple(strings)
    assert [packed[i] for i in range(-len(strings), 0)] == strings
    assert packed[1:3] == tuple(strings[1:3])
    assert all(text in packed for text in strings)
    with pytest.raises(IndexError):
        packed[len(strings)]
    with pytest.raises(IndexError):
        packed[-len(strings) - 1]


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_the_umask_decides_who_may_read_the_file(umask: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        cache.write(tmp_path / "small.anyplane", small_internet())
    finally:
        os.umask(before)

    assert (tmp_path / "small.anyplane").stat().st_mode & 0o777 == 0o666 & ~umask


def test_a_name_that_is_too_long_is_told_and_no_traceback(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be written: File name too long"):
        cache.write(tmp_path / ("x" * 250), small_internet())


def test_data_sets_are_fetched_without_loading_the_compiler() -> None:
    program = "import sys; import anyplane.datasets.fetch; sys.exit('numba' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
