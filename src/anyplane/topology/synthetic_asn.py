"""synthetic_asn: distinct AS numbers for networks that do not exist, as the registries give them out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anyplane.topology.synthetic_shape import AS_TRANS, ASN_BLOCKS, LAST_16_BIT, SHARE_16_BIT


def draw_asns(
    continent: NDArray[np.str_], taken: NDArray[np.int64], *, rng: np.random.Generator
) -> NDArray[np.int64]:
    """One ASN for each entry of `continent`, none of `taken`, none private, reserved or for documentation.

    Half are 16-bit; the others lie in the block of their continent's registry, from its start on, as dense as
    real ones. A network of a full block gets its number from the one after it.
    """
    count = len(continent)
    asn = np.zeros(count, np.int64)
    free = np.setdiff1d(np.arange(1, LAST_16_BIT + 1), np.append(taken, AS_TRANS))
    is_short = rng.random(count) < min(SHARE_16_BIT, 0.95 * len(free) / max(count, 1))
    asn[is_short] = rng.permutation(free)[: int(is_short.sum())]
    used = taken
    for first in sorted(set(ASN_BLOCKS.values())):
        names = [name for name, start in ASN_BLOCKS.items() if start == first]
        mine = np.flatnonzero((asn == 0) & np.isin(continent, names))
        wanted = min(len(mine), 60_000)
        room = np.setdiff1d(np.arange(first, first + min(65_536, 2_000 + 2 * wanted)), used)
        asn[mine[:wanted]] = rng.permutation(room)[:wanted]
    rest = np.flatnonzero(asn == 0)
    if len(rest):
        used = np.concatenate([taken, asn])
        room = np.setdiff1d(np.arange(131_072, 393_216 + 65_536), used)
        asn[rest] = rng.permutation(room)[: len(rest)]
    return asn
