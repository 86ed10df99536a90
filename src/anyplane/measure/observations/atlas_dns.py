"""Results of RIPE Atlas DNS measurements: the server says in its answer which one it is.

A name server tells its own name by NSID (RFC 5001), an option of the answer, or by a TXT record of class
CHAOS at hostname.bind or id.server (RFC 4892). Both stand in `abuf`, the answer as it came over the wire.
SiteNames turn the name into a site. An answer without a name, or whose name fits no site, is kept as "site
unknown": it may come from a resolver on the way that answers in the server's place.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import dns.edns
import dns.exception
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype

from anyplane.datasets.compressed import excerpt, read_text
from anyplane.measure.observations.atlas_probes import Probes
from anyplane.measure.observations.delimited import Names, table
from anyplane.measure.observations.fields import asn_of, moment_of, number_of
from anyplane.measure.observations.naming import SiteNames
from anyplane.measure.observations.rows import Rows
from anyplane.model.errors import DataError
from anyplane.model.observations import Announced, Method
from anyplane.model.reading import Reading, Tally

IDENTITIES = ("hostname.bind.", "id.server.")

COLUMNS: Names = {
    "probe": ("probe_id", "prb_id"),
    "name": ("nsid", "nsid_raw", "hostname", "answer", "id_server"),
    "asn": ("asn", "asn_v4"),
    "at": ("timestamp", "at", "time"),
    "rtt": ("rtt_ms", "rt", "rtt"),
    "target": ("dst_addr", "target"),
    "rcode": ("rcode",),
}

Plain = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer: the probe, and what the server said that it is ("" = nothing)."""

    probe: int
    name: str
    family: int = 4
    asn: int | None = None
    at: float | None = None
    rtt_ms: float | None = None
    line: int = 0


def read_atlas_dns(
    path: Path,
    *,
    names: SiteNames,
    probes: Probes,
    announced: Announced | None = None,
    target: str = "",
) -> Reading:
    """The answers in a file of results (a JSON array, or one result on each line) or in a table of them.

    `target`: only answers from this address. A row's own `asn` wins over `probes`. DataError where the file
    is none of these; a result that is damaged is lost for itself, and counted.
    """
    tally = Tally()
    rows = Rows()
    text = read_text(path)
    found = (
        _of_json(path, text, tally, target) if text.lstrip()[:1] in "[{" else _of_table(path, tally, target)
    )
    for answer in found:
        known = probes.get(answer.probe, (None, None))
        asn = answer.asn if answer.asn is not None else known[0 if answer.family == 4 else 1]
        if asn is None:
            asn = known[1 if answer.family == 4 else 0]
        site = names.site_of(answer.name) if answer.name else ""
        if asn is None:
            tally.lose("probe of an unknown network", answer.line)
            continue
        if not answer.name:
            tally.note("answer without a name: site unknown", answer.line)
        elif not site:
            tally.note(f"the name {excerpt(answer.name)} fits no site", answer.line)
        rows.add(asn, site, Method.DNS, at=answer.at, rtt_ms=answer.rtt_ms, line=answer.line)
    return rows.reading(tally, announced=announced, source=path.name)


def name_in(wire: bytes) -> tuple[str, str]:
    """(the name that the server gave, why there is none): of the two at least one is "".

    Raises dns.exception.DNSException where the bytes are no DNS message.
    """
    message = dns.message.from_wire(wire, ignore_trailing=True)
    for option in message.options:
        if option.otype == dns.edns.NSID:
            return _printable(option.to_wire() or b""), ""
    for rrset in message.answer:
        is_identity = rrset.name.to_text().lower() in IDENTITIES
        if rrset.rdclass == dns.rdataclass.CH and rrset.rdtype == dns.rdatatype.TXT and is_identity:
            return _printable(b"".join(rrset[0].strings)), ""
    code = message.rcode()
    return "", "" if code == dns.rcode.NOERROR else dns.rcode.to_text(code)


def _of_json(path: Path, text: str, tally: Tally, target: str) -> Iterator[Answer]:
    for number, result in enumerate(_results(path, text), 1):
        if not isinstance(result, dict) or not isinstance(result.get("prb_id"), int):
            tally.rows += 1
            tally.lose("not a result of RIPE Atlas")
            continue
        if result.get("type", "dns") != "dns":
            kind = excerpt(str(result["type"]))
            raise DataError(
                str(path), f"result {number} is a {kind}, not a dns", hint="only DNS results name their site"
            )
        several = result.get("resultset")
        for part in several if isinstance(several, list) else [result]:
            tally.rows += 1
            if isinstance(part, dict):
                yield from _of_result(result, part, tally, target)
            else:
                tally.lose("not a result of RIPE Atlas")


def _of_result(whole: Plain, part: Plain, tally: Tally, target: str) -> Iterator[Answer]:
    def value(key: str) -> object:
        return part.get(key, whole.get(key))

    if target and target not in (value("dst_addr"), value("dst_name")):
        tally.lose(f"another target than {target}")
        return
    answer = part.get("result")
    if not isinstance(answer, dict):
        error = part.get("error")
        kind = next(iter(error)) if isinstance(error, dict) and error else "no answer"
        tally.lose("timeout" if kind == "timeout" else f"no answer: {excerpt(str(kind))}")
        return
    try:
        name, why = name_in(base64.b64decode(str(answer.get("abuf") or ""), validate=True))
    except (binascii.Error, dns.exception.DNSException, ValueError):
        tally.lose("abuf is not a DNS message" if answer.get("abuf") else "no abuf in the result")
        return
    if why:
        tally.lose(f"the server said {why}")
        return
    yield Answer(
        probe=int(str(whole["prb_id"])),
        name=name,
        family=6 if value("af") == 6 else 4,
        asn=asn_of(str(value("asn"))),
        at=number_of(str(value("timestamp"))),
        rtt_ms=number_of(str(answer.get("rt"))),
    )


def _results(path: Path, text: str) -> Iterator[object]:
    try:
        whole = json.loads(text)
    except ValueError as error:
        if text.lstrip()[0] == "[":
            line = getattr(error, "lineno", 0)
            raise DataError(
                str(path), f"is not JSON: {error}", line=line, hint="the download may be cut off"
            ) from None
    else:
        yield from whole if isinstance(whole, list) else [whole]
        return
    for line, row in enumerate(text.splitlines(), 1):
        if row.strip():
            try:
                yield json.loads(row)
            except ValueError as error:
                raise DataError(str(path), f"is not JSON: {error}", line=line) from None


def _of_table(path: Path, tally: Tally, target: str) -> Iterator[Answer]:
    for line, row in table(path, COLUMNS, required=("probe", "name")):
        tally.rows += 1
        if target and row["target"] and row["target"] != target:
            tally.lose(f"another target than {target}")
        elif not row["probe"].isdigit():
            tally.lose("not a probe", line)
        elif row["rcode"] and row["rcode"] != "NOERROR":
            tally.lose(f"the server said {excerpt(row['rcode'])}", line)
        else:
            yield Answer(
                probe=int(row["probe"]),
                name=row["name"],
                asn=asn_of(row["asn"]),
                at=moment_of(row["at"]),
                rtt_ms=number_of(row["rtt"]),
                line=line,
            )


def _printable(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace")
    return text if text.isprintable() else raw.hex()
