"""read_as_rel: CAIDA AS relationships (serial-1 and serial-2) as arrays, at the speed of NumPy.

A line is `provider|customer|-1` or `peer|peer|0`, in serial-2 followed by `|source`; `#` lines carry the
input clique, the ASNs of IXPs and the sources. The whole file is cut at once: positions of newlines and pipes
give the edges of the fields, and ten passes, one per decimal place, give all the numbers. Only a bad line is
looked at by itself, to say what is wrong with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anyplane.datasets.compressed import excerpt, read_bytes
from anyplane.model.errors import DataError
from anyplane.model.nouns import ASN_MAX

_NEWLINE, _RETURN, _PIPE, _HASH = b"\n\r|#"
_HINT = "expected CAIDA as-rel: provider|customer|-1 or peer|peer|0, in serial-2 followed by |source"

Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AsRel:
    """One AS graph: every pair of networks at most once, no network linked to itself."""

    providers_customers: NDArray[np.uint32]
    """(K, 2) provider, customer; in the order of the file."""
    peers: NDArray[np.uint32]
    """(L, 2) in the order of the file."""
    clique: tuple[int, ...] = ()
    """The transit-free networks that the inference started from."""
    ixp_asns: tuple[int, ...] = ()
    sources: tuple[str, ...] = ()
    """The `# source:` lines, without the prefix."""
    self_links: int = 0
    """Lines that link a network to itself; dropped."""
    duplicates: int = 0
    """Lines that repeat an earlier one (a peering given in the other order included); dropped."""
    contradictions: int = 0
    """Statements dropped because the pair has another: transit wins over peering, then the first line."""

    @property
    def asns(self) -> NDArray[np.uint32]:
        """Every network with a link, increasing."""
        return np.unique(np.concatenate([self.providers_customers.ravel(), self.peers.ravel()]))

    @property
    def links(self) -> int:
        """The number of links."""
        return len(self.providers_customers) + len(self.peers)


def read_as_rel(path: Path) -> AsRel:
    """The graph in a plain, gzip, bzip2 or xz file."""
    return parse_as_rel(read_bytes(path), file=str(path))


def parse_as_rel(content: bytes, *, file: str = "as-rel") -> AsRel:
    """The graph in these bytes; a bad line is a DataError with its number."""
    if not content.endswith(b"\n"):
        content += b"\n"
    buffer = np.frombuffer(content, np.uint8)
    newline = np.flatnonzero(buffer == _NEWLINE)
    start = np.concatenate([np.zeros(1, np.int64), newline[:-1] + 1])
    end = newline - ((newline > start) & (buffer[np.maximum(newline - 1, 0)] == _RETURN))
    is_comment = (end > start) & (buffer[np.minimum(start, len(buffer) - 1)] == _HASH)
    clique, ixp_asns, sources = _header(content, file, start, end, np.flatnonzero(is_comment))

    line = np.flatnonzero(~is_comment & (end > start))
    if not len(line):
        raise DataError(file, "holds no link", hint=_HINT)
    left, right, code, is_bad = _fields(buffer, start[line], end[line])
    if is_bad.any():
        first = int(line[int(is_bad.argmax())])
        bad = content[int(start[first]) : int(end[first])]
        raise DataError(file, _what_is_wrong(bad), line=first + 1, hint=_HINT)
    graph = _graph(left, right, code, clique=clique, ixp_asns=ixp_asns, sources=sources)
    if not graph.links:
        raise DataError(file, "holds no link but of networks to themselves", hint=_HINT)
    return graph


def to_text(graph: AsRel, *, source: str = "") -> str:
    """The graph in serial-1, or in serial-2 when a source is named; parse_as_rel reads it back."""
    tail = f"|{source}" if source else ""
    header = [f"# source:{name}" for name in graph.sources]
    if graph.clique:
        header.append("# input clique: " + " ".join(map(str, graph.clique)))
    if graph.ixp_asns:
        header.append("# IXP ASes: " + " ".join(map(str, graph.ixp_asns)))
    transit = [f"{a}|{b}|-1{tail}" for a, b in graph.providers_customers.tolist()]
    peering = [f"{a}|{b}|0{tail}" for a, b in graph.peers.tolist()]
    return "\n".join([*header, *transit, *peering, ""])


def _header(
    content: bytes, file: str, start: Index, end: Index, comments: Index
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[str, ...]]:
    clique: tuple[int, ...] = ()
    ixp_asns: tuple[int, ...] = ()
    sources: list[str] = []
    for number in comments.tolist():
        text = content[int(start[number]) + 1 : int(end[number])].decode("utf-8", "replace").strip()
        label, _, rest = text.partition(":")
        match label.strip().lower():
            case "input clique" | "inferred clique":
                clique = _asns_of(rest, file, number + 1)
            case "ixp ases":
                ixp_asns = _asns_of(rest, file, number + 1)
            case "source":
                sources.append(rest.strip())
    return clique, ixp_asns, tuple(sources)


def _asns_of(text: str, file: str, line: int) -> tuple[int, ...]:
    words = text.split()
    for word in words:
        if not (word.isascii() and word.isdigit() and len(word) <= 10 and int(word) <= ASN_MAX):
            raise DataError(file, f"{excerpt(word)} is not an AS number (0 to {ASN_MAX})", line=line)
    return tuple(int(word) for word in words)


def _fields(
    buffer: NDArray[np.uint8], start: Index, end: Index
) -> tuple[Index, Index, NDArray[np.int8], NDArray[np.bool_]]:
    pipe = np.append(np.flatnonzero(buffer == _PIPE), [len(buffer)] * 3)
    before = np.searchsorted(pipe, start)
    pipes = np.searchsorted(pipe, end) - before
    is_bad = (pipes != 2) & (pipes != 3)
    # A line with too few pipes borrows those of the next; its numbers are nonsense but it is already bad.
    first, second, third = (np.minimum(pipe[np.minimum(before + k, len(pipe) - 1)], end) for k in range(3))
    left, left_bad = _numbers(buffer, start, first)
    right, right_bad = _numbers(buffer, np.minimum(first + 1, end), second)
    at, width = np.minimum(second + 1, len(buffer) - 1), third - second - 1
    after = buffer[np.minimum(at + 1, len(buffer) - 1)]
    is_peering = (width == 1) & (buffer[at] == ord("0"))
    is_transit = (width == 2) & (buffer[at] == ord("-")) & (after == ord("1"))
    is_bad |= left_bad | right_bad | ~(is_peering | is_transit)
    return left, right, np.where(is_transit, -1, 0).astype(np.int8), is_bad


def _numbers(buffer: NDArray[np.uint8], start: Index, end: Index) -> tuple[Index, NDArray[np.bool_]]:
    width = end - start
    is_bad = (width < 1) | (width > 10)
    value = np.zeros(len(start), np.int64)
    for place in range(min(10, int(width.max()))):
        is_digit_due = place < width
        digit = buffer[np.minimum(start + place, len(buffer) - 1)] - np.uint8(48)
        is_bad |= is_digit_due & (digit > 9)
        value = np.where(is_digit_due, value * 10 + digit, value)
    return value, is_bad | (value > ASN_MAX)


def _what_is_wrong(line: bytes) -> str:
    fields = line.split(b"|")
    if len(fields) not in {3, 4}:
        return f"{excerpt(line)} has {len(fields)} fields; an AS relationship has 3 or 4"
    for field in fields[:2]:
        if not (field.isdigit() and len(field) <= 10 and int(field) <= ASN_MAX):
            return f"{excerpt(field)} is not an AS number (0 to {ASN_MAX})"
    if fields[2] in {b"1", b"2"}:
        return f"relationship {excerpt(fields[2])} (siblings) is not in the routing model; only -1 and 0 are"
    return f"unknown relationship {excerpt(fields[2])}; -1 is provider to customer, 0 is peer to peer"


def _graph(
    left: Index,
    right: Index,
    code: NDArray[np.int8],
    *,
    clique: tuple[int, ...],
    ixp_asns: tuple[int, ...],
    sources: tuple[str, ...],
) -> AsRel:
    is_self = left == right
    if is_self.any():
        left, right, code = left[~is_self], right[~is_self], code[~is_self]
    # One number per statement: the pair, then transit before peering; the sort is stable, so the first line
    # of equals comes first.
    low, high = np.minimum(left, right).astype(np.uint64), np.maximum(left, right).astype(np.uint64)
    pair = (low << np.uint64(32)) | high
    order = np.lexsort((code, pair))
    pair, kind = pair[order], np.where(code == 0, 0, np.where(left < right, 1, 2))[order]
    is_first = np.ones(len(order), bool)
    is_first[1:] = pair[1:] != pair[:-1]
    keep = np.sort(order[is_first])
    statement = (np.cumsum(is_first, dtype=np.int64) - 1) * 3 + kind
    statements = len(np.unique(statement)) if len(keep) < len(order) else len(keep)
    is_transit = code[keep] == -1
    links = np.stack([left[keep], right[keep]], axis=1).astype(np.uint32)
    return AsRel(
        providers_customers=links[is_transit],
        peers=links[~is_transit],
        clique=clique,
        ixp_asns=ixp_asns,
        sources=sources,
        self_links=int(is_self.sum()),
        duplicates=len(order) - statements,
        contradictions=statements - len(keep),
    )
