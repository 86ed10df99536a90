"""Clients: which of the lab's client nodes are meant: all, or some by metro, AS number, name or area."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from anyplane.design.quantities import Unfit, shown

_KINDS = {
    "metro": re.compile(r"[A-Z]{3}"),
    "asn": re.compile(r"AS[0-9]{1,10}"),
    "country": re.compile(r"country:[A-Z]{2}"),
    "continent": re.compile(r"continent:[A-Z]{2}"),
    "node": re.compile(r"[a-z0-9][a-z0-9-]*"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One client node as a scenario can speak of it; `users` weighs it."""

    node: str
    metro: str
    asn: int
    users: float = 1.0
    country: str = ""
    continent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """Words that each name one or several clients; no words mean all."""

    words: tuple[str, ...] = ()

    @classmethod
    def from_value(cls, value: object) -> Self:
        """`all`, one word or a list of words; Unfit where one is none."""
        listed = value if isinstance(value, list) else [value]
        if listed == ["all"]:
            return cls()
        if not listed:
            raise Unfit("the list of clients is empty", hint="write all, or for example [LIS, AS64512]")
        words = tuple(str(word).strip() for word in listed)
        for word in words:
            if not any(pattern.fullmatch(word) for pattern in _KINDS.values()):
                raise Unfit(
                    f"{shown(word)} names no clients",
                    hint="write all, or metros (LIS), AS64512, a node's name, country:PT, continent:EU",
                )
        return cls(words=words)

    def to_value(self) -> object:
        """What `from_value` reads."""
        return list(self.words) or "all"

    def __str__(self) -> str:
        """all; LIS, AS64512."""
        return ", ".join(self.words) or "all"

    def among(self, clients: Iterable[Client]) -> tuple[Client, ...]:
        """Those that are meant, in the order given."""
        return tuple(
            client for client in clients if not self.words or any(named(word, client) for word in self.words)
        )


EVERYONE = Clients()


def named(word: str, client: Client) -> bool:
    """Does the word mean this client?"""
    return word in (
        client.metro,
        client.node,
        f"AS{client.asn}",
        f"country:{client.country}",
        f"continent:{client.continent}",
    )
