"""The manifest of a download directory: where each file comes from, its SHA-256 and the terms it is under."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from anyplane.datasets.cache import replaced
from anyplane.model.errors import DataError

MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is known of one downloaded file."""

    source: str
    url: str
    sha256: str
    size: int
    etag: str = ""
    last_modified: str = ""
    fetched: str = ""
    licence: str = ""
    terms: str = ""


def entries(directory: Path) -> dict[str, Entry]:
    """The entries by file name; none where the directory has no manifest."""
    path = directory / MANIFEST
    try:
        document = json.loads(path.read_bytes())
        known = {spec.name for spec in fields(Entry)}
        return {
            name: Entry(**{key: value for key, value in entry.items() if key in known})
            for name, entry in document["files"].items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            str(path), f"is not a manifest of downloads ({error})", hint="delete it and fetch again"
        ) from error


def record(directory: Path, name: str, entry: Entry) -> None:
    """Enter one file, in place of what was said of it before."""
    known = {**entries(directory), name: entry}
    document = {"version": 1, "files": {key: asdict(known[key]) for key in sorted(known)}}
    with replaced(directory / MANIFEST) as file:
        file.write((json.dumps(document, indent=2) + "\n").encode())


def check(path: Path, sha256: str) -> Entry | None:
    """The entry of this file, None without one; a file that changed since its download is a DataError."""
    entry = entries(path.parent).get(path.name)
    if entry is not None and entry.sha256 != sha256:
        raise DataError(
            str(path),
            "is not what was downloaded: its SHA-256 differs from the manifest",
            hint="fetch it again: anyplane topology fetch --only " + entry.source,
        )
    return entry
