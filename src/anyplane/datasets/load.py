"""load: the one door to a Topology for every command; what took time to make is kept in a cache."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Callable, Mapping
from functools import cache as once
from importlib.resources import files
from pathlib import Path

import numpy as np

from anyplane import __version__
from anyplane.datasets import cache as stored
from anyplane.datasets.assemble import Inputs, assemble, digests
from anyplane.datasets.cache import Stored
from anyplane.datasets.world import countries, known_ixps, known_networks, metros
from anyplane.datasets.world_file import read_world
from anyplane.model.errors import DataError, UsageError
from anyplane.topology import Topology
from anyplane.topology.synthetic import synthesize

SYNTHETIC_DEFAULT = 10_000
_WORD = re.compile(r"synthetic-(\d{1,7})(k?)")


def load(
    source: Path | str | None,
    *,
    cache: Path,
    synthetic: int = SYNTHETIC_DEFAULT,
    seed: int = 1,
    as_org: tuple[Path, ...] = (),
    as_names: tuple[Path, ...] = (),
    peeringdb: tuple[Path, ...] = (),
    users: Path | None = None,
    rov: Path | None = None,
    step: Callable[[str], None] | None = None,
) -> Topology:
    """The topology of this source; see `load_stored`."""
    return load_stored(
        source,
        cache=cache,
        synthetic=synthetic,
        seed=seed,
        as_org=as_org,
        as_names=as_names,
        peeringdb=peeringdb,
        users=users,
        rov=rov,
        step=step,
    ).topology


def load_stored(
    source: Path | str | None,
    *,
    cache: Path,
    synthetic: int = SYNTHETIC_DEFAULT,
    seed: int = 1,
    as_org: tuple[Path, ...] = (),
    as_names: tuple[Path, ...] = (),
    peeringdb: tuple[Path, ...] = (),
    users: Path | None = None,
    rov: Path | None = None,
    step: Callable[[str], None] | None = None,
    verify: bool = False,
) -> Stored:
    """The topology of this source, with its provenance.

    None: a synthetic Internet of `synthetic` networks. "synthetic-10k": one of that size. A file written by
    `anyplane topology build`: mapped into memory. One that ends in .yaml: a world written by hand. Any other
    file: CAIDA AS relationships, joined with the extras. Synthetic and joined ones are kept in the directory
    `cache` under a hash of all that they depend on; a cache that cannot be written only costs the time of the
    next call. `verify` checks every byte.
    """
    extras = (*as_org, *as_names, *peeringdb, *(path for path in (users, rov) if path is not None))
    size = synthetic if source is None else _size_of(str(source))
    if size is not None:
        if extras:
            raise UsageError(
                "a synthetic Internet takes no data files", hint="name the AS relationships as well"
            )
        return _synthetic(size, seed, cache, step)
    path = Path(str(source))
    if stored.is_cache(path):
        if extras:
            raise UsageError(
                f"{path} is already built; files cannot be added to it",
                hint="run anyplane topology build again",
            )
        return stored.open_stored(path, verify=verify)
    if not path.exists():
        hint = "the words for a synthetic Internet are synthetic-2k, synthetic-10k and synthetic-80k"
        raise DataError(str(path), "there is no such file", hint=hint)
    if path.suffix in (".yaml", ".yml"):
        if extras:
            raise UsageError(f"{path} is a whole world; data files cannot be added to it")
        return Stored(
            topology=read_world(path), provenance={"world": path.name}, size=path.stat().st_size, sha256=""
        )
    inputs = Inputs(as_rel=path, as_org=as_org, as_names=as_names, peeringdb=peeringdb, users=users, rov=rov)
    key = _key("as-rel", *(f"{role} {file.name} {digest}" for role, file, digest in digests(inputs)))
    return _kept(cache / f"as-rel-{key}.anyplane", lambda: assemble(inputs, step=step))


def _size_of(word: str) -> int | None:
    match = _WORD.fullmatch(word)
    if not match:
        return None
    return int(match[1]) * (1000 if match[2] else 1)


def _synthetic(size: int, seed: int, cache: Path, step: Callable[[str], None] | None) -> Stored:
    name = f"synthetic {size // 1000}k" if size % 1000 == 0 else f"synthetic {size}"

    def make() -> tuple[Topology, Mapping[str, object]]:
        if step is not None:
            step(f"making a synthetic Internet of {size:,} networks (once)")
        topology = synthesize(
            size,
            rng=np.random.default_rng(seed),
            metros=metros(),
            known_networks=known_networks(),
            known_ixps=known_ixps(),
            countries=countries(),
            origin=f"{name}, seed {seed}",
        )
        return topology, {"synthetic": {"networks": size, "seed": seed, "anyplane": __version__}}

    key = _key("synthetic", str(size), str(seed), np.__version__)
    path = cache / f"synthetic-{size}-{seed}-{key}.anyplane"
    made = _kept(path, make)
    for other in cache.glob(f"synthetic-{size}-{seed}-*.anyplane") if made.size else ():
        # Of an earlier version; who has it open keeps it until he closes it.
        if other != path:
            other.unlink(missing_ok=True)
    return made


def _kept(path: Path, make: Callable[[], tuple[Topology, Mapping[str, object]]]) -> Stored:
    if path.exists():
        # A damaged file in the cache is nobody's loss: it is made again and replaced.
        with contextlib.suppress(DataError):
            return stored.open_stored(path)
    topology, provenance = make()
    try:
        stored.write(path, topology, provenance=provenance)
        return stored.open_stored(path)
    except DataError:
        return Stored(topology=topology, provenance=provenance, size=0, sha256="")


def _key(*parts: str) -> str:
    return hashlib.sha256("\n".join([*parts, _recipe()]).encode()).hexdigest()[:16]


@once
def _recipe() -> str:
    """A digest of what decides how a topology comes out: our version, the format, the tables and the code."""
    digest = hashlib.sha256(f"{__version__} {stored.FORMAT_VERSION}\n".encode())
    tables = files("anyplane.datasets").joinpath("tables").iterdir()
    code = [item for item in files("anyplane.topology").iterdir() if item.name.endswith(".py")]
    code += [
        files("anyplane.datasets").joinpath(name) for name in ("assemble.py", "metro_match.py", "world.py")
    ]
    for item in sorted((*tables, *code), key=lambda item: item.name):
        if item.is_file():
            digest.update(item.name.encode() + b"\n" + item.read_bytes())
    return digest.hexdigest()
