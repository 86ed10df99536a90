"""fetch: a public data set into a directory, resumed where it broke off, checked, and entered in a manifest.

A download goes to `NAME.part`, beside it `NAME.part.json` with the ETag or Last-Modified of the server. What
was cut off is continued with Range and If-Range, so a file that changed meanwhile starts anew instead of
becoming a mixture. Only a whole file that its own reader accepts takes its final name.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from anyplane.datasets.as_country import read_registry
from anyplane.datasets.as_rel import read_as_rel
from anyplane.datasets.compressed import sha256_of
from anyplane.datasets.download import Downloader, Received
from anyplane.datasets.manifest import Entry, record
from anyplane.datasets.peeringdb import read_peeringdb
from anyplane.datasets.sources import SOURCES, Source, by_hand
from anyplane.model.errors import AnyplaneError, DataError, FetchError, UsageError

_LISTING_MAX = 16 << 20
_MD5 = re.compile(r"\b([0-9a-fA-F]{32})\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """One file that is now there."""

    source: str
    path: Path
    sha256: str
    size: int
    is_new: bool
    """False when the server said that the file kept here is still current."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to fetch; `bases` replaces the base URL of a source; `date` is YYYYMM or "" for the newest."""

    names: tuple[str, ...]
    date: str = ""
    bases: Mapping[str, str] = field(default_factory=dict)


def fetch(
    order: Order,
    directory: Path,
    *,
    downloader: Downloader,
    today: str,
    progress: Callable[[str, int, int], None] | None = None,
) -> tuple[Fetched, ...]:
    """Fetch all that is ordered into the directory; what arrived before an error stays.

    progress(file, bytes so far, bytes in all or 0). today: the date to write into the manifest. The hint of a
    FetchError tells how to go on without a network.
    """
    chosen = [_source(name) for name in order.names]
    bases = {source.name: _base(order.bases.get(source.name, source.base)) for source in chosen}
    unknown = sorted(set(order.bases) - set(SOURCES))
    if unknown:
        raise UsageError(f"no data set is called {unknown[0]!r}", hint="the names are " + ", ".join(SOURCES))
    if order.date and not re.fullmatch(r"\d{4}(0[1-9]|1[0-2])", order.date):
        raise UsageError(f"{order.date!r} is not a month", hint="write it as YYYYMM, for instance 202509")
    fetched: list[Fetched] = []
    for index, source in enumerate(chosen):
        try:
            for url, name, md5 in _files(source, bases[source.name], order.date, downloader):
                fetched.append(_one(source, url, name, md5, directory, downloader, today, progress))
        except FetchError as error:
            missing = tuple(source.name for source in chosen[index:])
            hint = "\n".join(part for part in (error.hint, by_hand(missing, bases=bases)) if part)
            raise FetchError(error.url, error.message, hint=hint) from error
    return tuple(fetched)


def _source(name: str) -> Source:
    if name not in SOURCES:
        raise UsageError(f"no data set is called {name!r}", hint="the names are " + ", ".join(SOURCES))
    return SOURCES[name]


def _base(url: str) -> str:
    if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).netloc:
        raise UsageError(
            f"{url!r} is not an http or https address", hint="--base-url NAME=https://host/path/"
        )
    return url if url.endswith("/") else url + "/"


def _files(source: Source, base: str, date: str, downloader: Downloader) -> Sequence[tuple[str, str, str]]:
    """(URL, name to keep, MD5 or "") of the files of a source."""
    if not source.pattern:
        return [(urljoin(base, path), name, "") for path, name in source.files]
    listing = downloader.text(base, limit=_LISTING_MAX)
    # A listing names each file twice, as target and as text; a day later than 01 is the same month's run.
    found = {match[1]: match[0] for match in re.finditer(rf'(?<=["/>]){source.pattern}(?=["<])', listing)}
    days = sorted(day for day in found if not date or day[:6] <= date)
    if not days:
        raise FetchError(
            base, f"the listing names no file of {source.title}" + (f" up to {date}" if date else "")
        )
    if date and source.name == "as-rel" and days[-1][:6] != date:
        raise FetchError(base, f"there is no file for {date}; the nearest before it is of {days[-1][:6]}")
    name = found[days[-1]]
    return [(urljoin(base, name), name, _md5_of(name, base, listing, downloader))]


def _md5_of(name: str, base: str, listing: str, downloader: Downloader) -> str:
    """The published MD5 where the listing names a file of such sums, else ""."""
    for sums in (f"{name}.md5", "md5.md5", "md5sums.txt", "MD5SUMS"):
        if re.search(rf'["/>]{re.escape(sums)}["<]', listing):
            for line in downloader.text(urljoin(base, sums), limit=_LISTING_MAX).splitlines():
                digest = _MD5.search(line)
                if digest and (name in line or sums.startswith(name)):
                    return digest[1].lower()
    return ""


def _one(
    source: Source,
    url: str,
    name: str,
    md5: str,
    directory: Path,
    downloader: Downloader,
    today: str,
    progress: Callable[[str, int, int], None] | None,
) -> Fetched:
    path = directory / name
    part = directory / f"{name}.part"

    def tell(done: int, total: int) -> None:
        if progress is not None:
            progress(name, done, total)

    received = downloader.download(url, part, have=path, progress=tell)
    if received.is_unchanged:
        return Fetched(
            source=source.name, path=path, sha256=sha256_of(path), size=path.stat().st_size, is_new=False
        )
    _accept(source, url, part, md5)
    digest = sha256_of(part)
    size = part.stat().st_size
    try:
        part.replace(path)
        part.with_name(f"{part.name}.json").unlink(missing_ok=True)
        record(path.parent, path.name, _entry(source, url, digest, size, received, today))
    except OSError as error:
        raise DataError(str(path), f"cannot be written: {error.strerror or error}") from error
    return Fetched(source=source.name, path=path, sha256=digest, size=size, is_new=True)


def _entry(source: Source, url: str, digest: str, size: int, received: Received, today: str) -> Entry:
    return Entry(
        source=source.name,
        url=url,
        sha256=digest,
        size=size,
        etag=received.etag,
        last_modified=received.last_modified,
        fetched=today,
        licence=source.licence,
        terms=source.terms,
    )


def _accept(source: Source, url: str, part: Path, md5: str) -> None:
    """Read the file as it will be read later; what is not the data set is thrown away."""
    try:
        if md5:
            with part.open("rb") as file:
                got = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
            if got != md5:
                raise DataError(str(part), f"its MD5 is {got}, the server publishes {md5}")
        match source.name:
            case "as-rel":
                read_as_rel(part)
            case "peeringdb":
                read_peeringdb([part])
            case _:
                read_registry(part)
    except AnyplaneError as error:
        part.unlink(missing_ok=True)
        part.with_name(f"{part.name}.json").unlink(missing_ok=True)
        what = error.message if isinstance(error, DataError) else str(error)
        raise FetchError(url, f"what arrived is not {source.title}: {what}") from error
    except ValueError as error:
        raise FetchError(url, f"what arrived cannot be read: {error}") from error
