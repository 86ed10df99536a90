"""FleetWords: carries the words of the sites to each other, as a fleet's transport does.

Every agent writes its own report, and reads one file with those of all. Twenty times a second it is looked
whether a report is new; where one is, they are put together into that file. A site that is cut off neither is
heard nor hears: its last word stays in the file of the others, and the file that it reads stays as it was,
and both grow old.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable
from pathlib import Path

from anyplane.agent import fleet
from anyplane.agent.files import read_whole, write_whole
from anyplane.lab.places.sites import Place
from anyplane.model.errors import LabError

EVERY_S = 0.05
ENDING_S = 5.0


class FleetWords:
    """A thread between `start` and `close`."""

    def __init__(self, places: Iterable[Place]) -> None:
        self._files: dict[str, tuple[Path, Path]] = {
            str(one.site): (one.agent.report, one.fleet_file) for one in places
        }
        self._words: dict[str, str] = {}
        """The last word of each site that came through."""
        self._stamps: dict[str, tuple[int, int]] = {}
        """Of the reports that were read last: inode and time."""
        self._carried: frozenset[str] = frozenset()
        """The sites that have the words which are the last."""
        self._cut_off: frozenset[str] = frozenset()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._carry_on, name="fleet words", daemon=True)

    @property
    def cut_off(self) -> frozenset[str]:
        """The sites that are alone."""
        return self._cut_off

    def start(self) -> None:
        """The first file is there before any agent reads one."""
        self.carry()
        self._thread.start()

    def close(self) -> None:
        """No word is carried any more."""
        self._is_over.set()
        if self._thread.ident is not None:
            self._thread.join(ENDING_S)

    def partition(self, site: str) -> None:
        """The site is cut off from all others, in both directions."""
        self._known(site)
        self._cut_off |= {site}

    def heal(self, site: str = "") -> None:
        """It is heard again, and hears; "": all."""
        if site:
            self._known(site)
        self._cut_off = self._cut_off - {site} if site else frozenset()

    def carry(self) -> None:
        """One round."""
        reachable = {site: files for site, files in self._files.items() if site not in self._cut_off}
        for site, (report, _) in reachable.items():
            with contextlib.suppress(OSError, UnicodeDecodeError):
                found = report.stat()
                stamp = (found.st_ino, found.st_mtime_ns)
                if stamp != self._stamps.get(site):
                    self._words[site] = read_whole(report, limit=fleet.BYTES).decode()
                    self._stamps[site] = stamp
                    self._carried = frozenset()
        if self._carried >= reachable.keys():
            return
        try:
            text = fleet.merge(self._words.values())
        except (ValueError, KeyError, TypeError):
            return  # no agent writes half a report, but somebody else may
        for _, file in reachable.values():
            with contextlib.suppress(OSError):
                file.parent.mkdir(parents=True, exist_ok=True)
                write_whole(file, text, is_synced=False)
        self._carried = frozenset(reachable)

    def _known(self, site: str) -> None:
        if site not in self._files:
            raise LabError(f"there is no site {site}", hint=f"the sites are {', '.join(self._files)}")

    def _carry_on(self) -> None:
        while not self._is_over.wait(EVERY_S):
            self.carry()
