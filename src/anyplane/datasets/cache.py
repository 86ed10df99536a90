"""write and read: one Topology in one file whose arrays are mapped into memory, not loaded.

The file, all numbers little-endian:

    magic      8 bytes    b"ANYPLANE"
    version    u32        FORMAT_VERSION
    reserved   u32        0
    length     u64        bytes of the directory
    checksum   32 bytes   SHA-256 of all that precedes it and of the directory
    directory  JSON       size of the file, arrays (dtype, shape, offset, CRC-32), strings, provenance
    arrays                each at a multiple of 64 bytes, zeros between them

`read` checks magic, version, the directory's SHA-256, the size of the file and the CRC-32 of each array, so
that a damaged file never reaches the kernels. `verify` checks the SHA-256 of the whole content too. A file is
written under another name and renamed, so it is there whole or not at all.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import math
import os
import secrets
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypedDict

import numpy as np
from numpy.typing import NDArray

from anyplane.datasets.packed_strings import PackedStrings, pack
from anyplane.model.errors import DataError
from anyplane.topology.topology import Metros, Topology

MAGIC = b"ANYPLANE"
FORMAT_VERSION = 1
_ALIGNMENT = 64
_FIXED = struct.Struct("<8sIIQ")
_HEAD = _FIXED.size + 32
_TEXTS = ("ixp_name", "name")
_METRO_TEXTS = ("code", "name", "country", "continent")
_METRO_ARRAYS = ("lat", "lon", "population", "km")
_REBUILD = "build it again: anyplane topology build"

Arrays = dict[str, NDArray[np.generic]]


class _Entry(TypedDict):
    dtype: str
    shape: list[int]
    offset: int
    crc32: int


class _Directory(TypedDict):
    arrays: dict[str, _Entry]
    content_sha256: str
    content_size: int
    origin: str
    provenance: dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A topology with what its file says about where it comes from."""

    topology: Topology
    provenance: Mapping[str, object]
    size: int
    sha256: str
    """Of the arrays: two files with the same one hold the same topology."""


def write(path: Path, topology: Topology, *, provenance: Mapping[str, object] | None = None) -> None:
    """Put the topology into this file, whole or not at all; the same input gives the same bytes."""
    arrays = _arrays_of(topology)
    entries: dict[str, _Entry] = {}
    offset = 0
    content = hashlib.sha256()
    for name, array in arrays.items():
        view = _bytes_of(array)
        entries[name] = {
            "dtype": array.dtype.str,
            "shape": list(array.shape),
            "offset": offset,
            "crc32": zlib.crc32(view),
        }
        content.update(f"{name} {array.dtype.str} {list(array.shape)}\n".encode())
        content.update(view)
        offset = _aligned(offset + array.nbytes)
    directory: _Directory = {
        "arrays": entries,
        "content_sha256": content.hexdigest(),
        "content_size": offset,
        "origin": topology.origin,
        "provenance": dict(provenance or {}),
    }
    text = json.dumps(directory, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    fixed = _FIXED.pack(MAGIC, FORMAT_VERSION, 0, len(text))
    with replaced(path) as file:
        file.write(fixed + hashlib.sha256(fixed + text).digest() + text)
        file.write(bytes(_aligned(_HEAD + len(text)) - _HEAD - len(text)))
        for array in arrays.values():
            file.write(_bytes_of(array))
            file.write(bytes(_aligned(array.nbytes) - array.nbytes))


def read(path: Path) -> Topology:
    """The topology in this file."""
    return open_stored(path).topology


def open_stored(path: Path, *, verify: bool = False) -> Stored:
    """The topology with its provenance; `verify` checks the SHA-256 of the whole content as well."""
    directory, start, size = _directory(path)
    mapped = _mapped(path)
    try:
        arrays = {
            name: _array(path, mapped, start, name, entry) for name, entry in directory["arrays"].items()
        }
        if verify:
            _verify(path, arrays, directory["content_sha256"])
        topology = _topology_of(path, arrays, directory["origin"])
        return Stored(
            topology=topology,
            provenance=directory["provenance"],
            size=size,
            sha256=directory["content_sha256"],
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        # Only reached when a directory with a right checksum lacks something: another program wrote it.
        raise DataError(str(path), f"the directory of arrays is not ours ({error})", hint=_REBUILD) from error


def is_cache(path: Path) -> bool:
    """Does the file begin like one of ours?"""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


@contextlib.contextmanager
def replaced(path: Path) -> Iterator[BinaryIO]:
    """A file to write that takes the place of `path` at the end, or vanishes when anything goes wrong."""
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        other = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
        with other.open("xb") as file:  # with the mode that the umask leaves; mkstemp would make it 0600
            temporary = other
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        temporary = None
    except OSError as error:
        hint = "free some space and run it again" if error.errno == errno.ENOSPC else ""
        raise DataError(str(path), f"cannot be written: {error.strerror or error}", hint=hint) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _arrays_of(topology: Topology) -> Arrays:
    arrays: Arrays = dict(topology.arrays())
    for name in _TEXTS:
        arrays |= {f"{name}.{part}": array for part, array in pack(getattr(topology, name)).items()}
    for name in _METRO_TEXTS:
        packed = pack(getattr(topology.metros, name))
        arrays |= {f"metros.{name}.{part}": array for part, array in packed.items()}
    for name in _METRO_ARRAYS:
        arrays[f"metros.{name}"] = getattr(topology.metros, name)
    return {
        name: np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False)
        for name, array in sorted(arrays.items())
    }


def _topology_of(path: Path, arrays: Arrays, origin: str) -> Topology:
    texts = {
        name.removesuffix(".start"): PackedStrings(arrays[name.removesuffix(".start") + ".text"], array)
        for name, array in arrays.items()
        if name.endswith(".start")
    }
    parts: dict[str, Any] = {name: tuple(texts[f"metros.{name}"]) for name in _METRO_TEXTS}
    parts |= {name: arrays[f"metros.{name}"] for name in _METRO_ARRAYS}
    metros = Metros(**parts)
    plain: dict[str, Any] = {name: array for name, array in arrays.items() if "." not in name}
    topology = Topology(
        **plain,
        ixp_name=tuple(texts["ixp_name"]),
        name=texts["name"] if len(texts["name"]) else (),
        metros=metros,
        origin=origin,
    )
    n, p, a, m = topology.networks, topology.pops, len(topology.adj), len(metros.code)
    shapes = {"country": n, "pop_start": n + 1, "pop_network": p, "users": p, "adj_start": n + 1, "rov": n}
    shapes |= {"adj_peers": n, "adj_customers": n, "ic_start": a + 1, "ic_far": len(topology.ic_own)}
    if any(arrays[name].shape != (length,) for name, length in shapes.items()) or metros.km.shape != (m, m):
        raise DataError(str(path), "the arrays do not fit each other", hint=_REBUILD)
    return topology


def _directory(path: Path) -> tuple[_Directory, int, int]:
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
            if head[: len(MAGIC)] != MAGIC:
                raise DataError(str(path), "is not a topology of anyplane", hint=_REBUILD)
            if len(head) < _HEAD:
                raise DataError(str(path), "is truncated in its header", hint=_REBUILD)
            size = path.stat().st_size
            _, version, _, length = _FIXED.unpack(head[: _FIXED.size])
            if version != FORMAT_VERSION:
                raise DataError(
                    str(path), f"has format {version}; this anyplane reads {FORMAT_VERSION}", hint=_REBUILD
                )
            text = file.read(length) if length <= size - _HEAD else b""
    except FileNotFoundError as error:
        raise DataError(str(path), "there is no such file") from error
    except OSError as error:
        raise DataError(str(path), f"cannot be read: {error.strerror or error}") from error
    if len(text) != length:
        raise DataError(str(path), "is truncated in its directory", hint=_REBUILD)
    if hashlib.sha256(head[: _FIXED.size] + text).digest() != head[_FIXED.size :]:
        raise DataError(str(path), "the checksum of the header is wrong: the file is damaged", hint=_REBUILD)
    directory: _Directory = json.loads(text)
    start = _aligned(_HEAD + length)
    if size != start + directory["content_size"]:
        expected = start + directory["content_size"]
        raise DataError(str(path), f"has {size:,} bytes instead of {expected:,}", hint=_REBUILD)
    return directory, start, size


def _mapped(path: Path) -> NDArray[np.uint8]:
    # Copy-on-write rather than read-only: numba compiles read-only arrays as another type, so a topology
    # from a file and one just built would each pay for the compilation of every kernel.
    try:
        return np.asarray(np.memmap(path, np.uint8, mode="c"))
    except (OSError, ValueError) as error:
        raise DataError(str(path), f"cannot be mapped into memory: {error}") from error


def _array(
    path: Path, mapped: NDArray[np.uint8], start: int, name: str, entry: _Entry
) -> NDArray[np.generic]:
    dtype = np.dtype(entry["dtype"])
    size = dtype.itemsize * math.prod(entry["shape"])
    begin = start + entry["offset"]
    part = mapped[begin : begin + size]
    if zlib.crc32(part.data) != entry["crc32"]:
        raise DataError(str(path), f"the checksum of {name} is wrong: the file is damaged", hint=_REBUILD)
    return part.view(dtype).reshape(entry["shape"])


def _verify(path: Path, arrays: Arrays, expected: str) -> None:
    content = hashlib.sha256()
    for name, array in arrays.items():
        content.update(f"{name} {array.dtype.str} {list(array.shape)}\n".encode())
        content.update(_bytes_of(array))
    if content.hexdigest() != expected:
        raise DataError(str(path), "the SHA-256 of the content is wrong: the file is damaged", hint=_REBUILD)


def _bytes_of(array: NDArray[np.generic]) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT
