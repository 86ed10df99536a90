"""Shared: what all checks of one runner use together: names, TLS trust, sockets that serve many."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Protocol, TypeVar, cast

from anyplane.measure.names import Names
from anyplane.measure.streams import Trust


class _Closable(Protocol):
    def close(self) -> None: ...


T = TypeVar("T", bound=_Closable)


class Shared:
    """Made once for a runner; `close` at its end."""

    def __init__(self, *, names: Names | None = None, trust: Trust | None = None, root: str = "/") -> None:
        self.names = names or Names()
        self.trust = trust or Trust()
        self.root = root
        """Where /proc and /sys are looked for."""
        self._kept: dict[Hashable, _Closable] = {}

    def kept(self, key: Hashable, make: Callable[[], T]) -> T:
        """The one thing of that key; made when first asked for."""
        if (found := self._kept.get(key)) is None:
            found = self._kept[key] = make()
        return cast("T", found)

    def close(self) -> None:
        """Close all that is kept."""
        for one in self._kept.values():
            one.close()
        self._kept.clear()
