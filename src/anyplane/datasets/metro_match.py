"""MetroIndex: the metro that a city of a public data set belongs to."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

import numpy as np

from anyplane.datasets.peeringdb import Location
from anyplane.datasets.world import nearest_metro
from anyplane.model.nouns import Place
from anyplane.topology.topology import Metros


class MetroIndex:
    """Finds metros by coordinates, else by city name, else by what is known of that city or country.

    `known` locations with coordinates teach where a city is for those that come without.
    """

    def __init__(self, metros: Metros, *, known: Iterable[Location] = ()) -> None:
        self._metros = metros
        self._by_name: dict[tuple[str, str], int] = {}
        self._by_start: dict[tuple[str, str], int] = {}
        """The metro of which a city's whole name is the beginning: "Frankfurt" for "Frankfurt am Main"."""
        self._by_country: dict[str, int] = {}
        # The most populous first: of two metros of one name it is meant more often.
        for metro in np.argsort(-metros.population, kind="stable").tolist():
            country = metros.country[metro]
            words = _plain(metros.name[metro]).split()
            self._by_name.setdefault((country, " ".join(words)), metro)
            for count in range(1, len(words)):
                self._by_start.setdefault((country, " ".join(words[:count])), metro)
            self._by_country.setdefault(country, metro)
        self._learned: dict[tuple[str, str], int] = {}
        self._seen: dict[Location, int] = {}
        for location in known:
            if location.lat is not None and location.lon is not None:
                key = (location.country, _plain(location.city))
                if key not in self._learned:
                    self._learned[key] = self.nearest(location.lat, location.lon)

    def metro_of(self, location: Location) -> int:
        """The index of its metro, or -1 when nothing at all is known of the place."""
        if location not in self._seen:
            self._seen[location] = self._find(location)
        return self._seen[location]

    def nearest(self, lat: float, lon: float) -> int:
        """The metro nearest to these coordinates by great circle."""
        return nearest_metro(self._metros, Place(lat=lat, lon=lon))

    def _find(self, location: Location) -> int:
        if location.lat is not None and location.lon is not None:
            return self.nearest(location.lat, location.lon)
        words = _plain(location.city).split()
        for count in range(len(words), 0, -1):
            key = (location.country, " ".join(words[:count]))
            for table in (self._by_name, self._learned):
                if key in table:
                    return table[key]
            if count == len(words) and key in self._by_start:
                return self._by_start[key]
        return self._by_country.get(location.country, -1)


def _plain(city: str) -> str:
    """The city without accents, punctuation and what follows a comma, slash or bracket; lower case."""
    letters = unicodedata.normalize("NFKD", re.split(r"[,/(]", city)[0])
    kept = "".join(char for char in letters if not unicodedata.combining(char))
    return " ".join(re.sub(r"[^\w]+", " ", kept.casefold()).split())
