"""seal: a checksum over what a file of finished runs holds, so that a damaged one is never half believed."""

from __future__ import annotations

from hashlib import sha256

from anyplane.planning.jsonform import Json, render


def seal(content: Json) -> str:
    """32 hex digits over the content, whatever its layout in the file."""
    return sha256(render(content).encode()).hexdigest()[:32]
