"""Internet: the real AS graph of the measurements, placed in metros, and the seeds of a design on it."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path

from anyplane import design
from anyplane.datasets import load
from anyplane.datasets.cache import open_stored
from anyplane.datasets.load import load_stored
from anyplane.planning.compile import compile as compile_design
from anyplane.routing import Seeds
from anyplane.topology import Topology

ROOT = Path(__file__).resolve().parents[1]
DESIGN = ROOT / "bench" / "designs" / "twenty-sites.yaml"
GRAPH = "as-rel/20250901.as-rel2.txt.bz2"
SITES = 20


class Internet:
    """What the rows measure on; made when first asked for, kept in `out/bench` from run to run."""

    def __init__(self, out: Path) -> None:
        self.out = out
        chosen = os.environ.get("ANYPLANE_TEST_DATA")
        self.data = Path(chosen) if chosen else ROOT.parent / "shared" / "data"

    @property
    def graph(self) -> Path | None:
        """The real graph's file, or None where it is missing."""
        path = self.data / GRAPH
        return path if path.exists() else None

    @cached_property
    def cached(self) -> Path:
        """The file that holds the placed topology."""
        assert self.graph is not None
        registries = self.data / "as-info"
        made = load_stored(
            self.graph,
            cache=self.out,
            as_org=_present(registries / "20200701.as-org2info.txt.gz"),
            as_names=_present(registries / "ripe_asnames_asn.20180706.txt.xz"),
        )
        # The others are of other versions of the code.
        files = self.out.glob("as-rel-*.anyplane")
        return next(path for path in files if open_stored(path).sha256 == made.sha256)

    @cached_property
    def placed(self) -> Topology:
        """Every network in its metros."""
        return load(self.cached, cache=self.out)

    def seeds(self, sites: int) -> Seeds:
        """The sessions of the first sites of the design."""
        seeds = self._design_seeds.seeds
        return Seeds.of([seed for seed in seeds if seed.site < sites], sites=sites)

    @cached_property
    def _design_seeds(self) -> Seeds:
        parsed = design.parse(DESIGN.read_text(encoding="utf-8"), file=DESIGN.name)
        (scenario,) = compile_design(parsed, self.placed)
        return scenario.seeds


def _present(path: Path) -> tuple[Path, ...]:
    return (path,) if path.exists() else ()
