"""SOURCES: the public homes of the data sets, what they cost in terms, and how their files are named."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One data set on one server.

    With a `pattern` the base is a directory listing, and the newest file that the pattern matches is meant
    (its group is the date YYYYMMDD); otherwise `files` are all fetched, each a path under the base and the
    name to keep it under.
    """

    name: str
    title: str
    base: str
    option: str
    """The option of `anyplane topology build` that takes the file."""
    pattern: str = ""
    files: tuple[tuple[str, str], ...] = ()
    licence: str
    terms: str
    """Where the terms are to be read."""


_CAIDA_LICENCE = (
    "CAIDA Acceptable Use Agreement for publicly accessible datasets: use with attribution, "
    "cite the data set in publications, no promise of fitness"
)
_CAIDA_TERMS = "https://www.caida.org/about/legal/aua/public_aua/"

SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        Source(
            name="as-rel",
            title="CAIDA AS relationships, serial-2",
            base="https://publicdata.caida.org/datasets/as-relationships/serial-2/",
            option="--as-rel",
            pattern=r"(\d{8})\.as-rel2\.txt\.bz2",
            licence=_CAIDA_LICENCE,
            terms=_CAIDA_TERMS,
        ),
        Source(
            name="as-org",
            title="CAIDA AS organizations",
            base="https://publicdata.caida.org/datasets/as-organizations/",
            option="--as-org",
            pattern=r"(\d{8})\.as-org2info\.txt\.gz",
            licence=_CAIDA_LICENCE,
            terms=_CAIDA_TERMS,
        ),
        Source(
            name="as-names",
            title="RIPE NCC names and countries of AS numbers",
            base="https://ftp.ripe.net/ripe/asnames/",
            option="--as-names",
            files=(("asn.txt", "asn.txt"),),
            licence="RIPE NCC: for Internet operations and research, no bulk reuse of personal data",
            terms="https://www.ripe.net/about-us/legal/copyright-statement/",
        ),
        Source(
            name="peeringdb",
            title="PeeringDB networks, facilities and exchanges",
            base="https://www.peeringdb.com/api/",
            option="--peeringdb",
            files=tuple(
                (f"{table}?depth=0", f"peeringdb/{table}.json")
                for table in ("net", "fac", "ix", "ixlan", "netfac", "netixlan")
            ),
            licence="PeeringDB Acceptable Use Policy: for peering and Internet operations, no marketing use",
            terms="https://www.peeringdb.com/aup",
        ),
    )
}

DEFAULT = ("as-rel", "as-org", "as-names", "peeringdb")
"""What `anyplane topology fetch` fetches when nothing is chosen."""


def by_hand(names: tuple[str, ...], *, bases: dict[str, str] | None = None) -> str:
    """How to go on without a network: which files to fetch elsewhere, and the command to run then."""
    lines = ["fetch these files where there is a network, and copy them here:"]
    command = ["anyplane topology build"]
    for name in names:
        source = SOURCES[name]
        base = (bases or {}).get(name, source.base)
        if source.pattern:
            example = source.pattern.replace(r"(\d{8})", "YYYYMM01").replace("\\", "")
            lines.append(f"  {base}{example}  (the newest)")
            command.append(f"{source.option} {example}")
        else:
            lines += [
                f"  {base}{path}" + (f"  as {kept}" if kept != path else "") for path, kept in source.files
            ]
            command.append(f"{source.option} {source.files[0][1].rpartition('/')[0] or source.files[0][1]}")
    if "as-rel" not in names:
        command.insert(1, "--as-rel FILE")
    return "\n".join([*lines, "then run:", "  " + " ".join(command) + " -o internet.anyplane"])
