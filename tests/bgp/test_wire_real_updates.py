"""The codec over what real collectors recorded: every message is understood, and comes back whole."""

from __future__ import annotations

import bz2
import gzip
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from anyplane.bgp.wire import Update, WireError, parse, render

FILES = (
    "ris.rrc06.updates.1427846400.gz",
    "routeviews.route-views.jinx.updates.1427846400.bz2",
    "rrc15.updates.20100227.1610.gz",
    "rrc24.updates.20200907.0830.gz",
)
# RFC 6396 section 4.4: BGP4MP messages with two-byte and with four-byte AS numbers.
AS2, AS4 = 1, 4


def messages(path: Path) -> Iterator[tuple[bytes, bool]]:
    """Each BGP message of an MRT file, and whether its AS numbers have four bytes."""
    opened = gzip.open if path.suffix == ".gz" else bz2.open
    with opened(path, "rb") as file:
        data = file.read()
    here = 0
    while here + 12 <= len(data):
        kind = int.from_bytes(data[here + 4 : here + 6], "big")
        subtype = int.from_bytes(data[here + 6 : here + 8], "big")
        size = int.from_bytes(data[here + 8 : here + 12], "big")
        body = data[here + 12 : here + 12 + size]
        here += 12 + size
        if kind == 17:  # BGP4MP_ET has microseconds first
            kind, body = 16, body[4:]
        if kind != 16 or subtype not in (AS2, AS4):
            continue
        at = 2 * (4 if subtype == AS4 else 2) + 2
        address = 4 if body[at : at + 2] == b"\0\1" else 16
        yield body[at + 2 + 2 * address :], subtype == AS4


@pytest.mark.parametrize("name", FILES)
def test_every_message_of_a_collector_is_understood_and_rendered_to_the_same_meaning(
    name: str, shared_data: Path
) -> None:
    path = shared_data / "mrt" / name
    seen, faulty, refused = 0, 0, []
    for number, (data, is_as4) in enumerate(messages(path)):
        if number >= 3000:
            break
        try:
            message = parse(data, is_as4=is_as4)
        except WireError as error:
            refused.append(str(error))
            continue
        seen += 1
        if isinstance(message, Update):
            faulty += bool(message.attributes.faults)
            # What was dropped is not there to come back.
            bare = replace(message, attributes=replace(message.attributes, discarded=()))
            again = parse(render(bare, is_as4=True), limit=65535)
            assert message.attributes.faults or again == bare

    assert seen > 100
    assert refused == []
    assert faulty <= seen / 100
