"""names: what stands in a list without a name of its own gets one, the same for the same design."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def names(written: Iterable[tuple[str, str]], *, joint: str) -> Iterator[str]:
    """The name of each (name or "", stem), in order: its own, or the stem, or stem, `joint` and 2, 3, ...

    No name is given that is written anywhere in the list.
    """
    listed = list(written)
    taken = {name for name, _ in listed if name}
    for name, stem in listed:
        if name:
            yield name
            continue
        chosen, number = stem, 1
        while chosen in taken:
            number += 1
            chosen = f"{stem}{joint}{number}"
        taken.add(chosen)
        yield chosen
