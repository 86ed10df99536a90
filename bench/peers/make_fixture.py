"""Make the small Internet on which tests hold us to BGPy: graph and announcements here, RIBs by BGPy.

    python -m bench.peers.make_fixture            write graph and announcements, and let BGPy write the RIBs

Everything is drawn from one seed, so the files come out the same each time. 300 networks: a clique, two
layers of transit, stubs with one to three providers, peerings in each layer, and a chain of 24 customers
below one another; many stubs have 32-bit ASNs. Nothing of it is taken from the real Internet.
"""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

from bench.peers.environment import peer_python

FIXTURE = Path(__file__).resolve().parents[2] / "tests" / "routing" / "fixtures" / "bgpy"
HEADER = "seed_asn,prefix,rov_invalid,prepend"


def main() -> None:
    """Write everything anew."""
    rng = random.Random(2025)  # the draws need to be the same, not secret
    layers = networks(rng)
    FIXTURE.mkdir(parents=True, exist_ok=True)
    graph = FIXTURE / "small.as-rel2.txt"
    graph.write_text(as_rel(rng, layers), encoding="utf-8")
    names = []
    for name, (rows, rov) in cases(layers).items():
        directory = FIXTURE / name
        directory.mkdir(exist_ok=True)
        directory.joinpath("anns.csv").write_text("\n".join([HEADER, *rows, ""]), encoding="utf-8")
        if rov:
            directory.joinpath("rov_asns.csv").write_text("\n".join([*map(str, rov), ""]), encoding="utf-8")
        names.append(name)
    output = FIXTURE / "made"
    script = Path(__file__).with_name("bgpy_ribs.py")
    subprocess.run([peer_python(), script, graph, output, *(FIXTURE / name for name in names)], check=True)
    for name in names:
        output.joinpath(f"{name}.csv").replace(FIXTURE / name / "ribs.csv")
    shutil.rmtree(output)


Layers = tuple[list[int], list[int], list[int], list[int], list[int]]


def networks(rng: random.Random) -> Layers:
    """ASNs: clique, large transit, small transit, stubs, and the chain, which hangs below a small transit."""
    drawn = rng.sample(range(1, 64_000), 235)
    wide = rng.sample(range(4_200_000_000, 4_294_967_294), 65)
    clique, large, small, rest = drawn[:6], drawn[6:26], drawn[26:66], drawn[66:]
    return clique, large, small, rest[24:] + wide, rest[:24]


def as_rel(rng: random.Random, layers: Layers) -> str:
    """Serial-2 text; providers always come from a higher layer, so there is no cycle."""
    clique, large, small, stubs, chain = layers
    transit: set[tuple[int, int]] = set()
    for layer, above, most in ((large, clique, 3), (small, clique + large, 3), (stubs, large + small, 3)):
        for customer in layer:
            transit |= {(provider, customer) for provider in rng.sample(above, rng.randint(1, most))}
    transit |= set(zip([small[0], *chain], chain, strict=False))
    peering = {(a, b) for a in clique for b in clique if a < b}
    for layer, count in ((large, 60), (small, 80), (stubs, 60), (large + small + stubs + chain, 60)):
        peering |= {(min(pair), max(pair)) for pair in (rng.sample(layer, 2) for _ in range(count))}
    peering -= {pair for a, b in transit for pair in ((a, b), (b, a))}
    lines = [f"{a}|{b}|-1|made" for a, b in sorted(transit)] + [f"{a}|{b}|0|made" for a, b in sorted(peering)]
    return "\n".join(["# input clique: " + " ".join(map(str, sorted(clique))), *lines, ""])


def cases(layers: Layers) -> dict[str, tuple[list[str], list[int]]]:
    """Announcements and validating networks of each case."""
    clique, large, small, stubs, chain = layers
    wide = [asn for asn in stubs if asn > 65_535]
    rov = sorted([*clique[:2], *large[::3], *small[::4], *stubs[::5]])
    site = "192.0.2.0/24"
    return {
        "anycast": (
            [f"{asn},{site},False,0" for asn in (stubs[0], small[5], wide[0])],
            [],
        ),
        "clique": ([f"{asn},{site},False,0" for asn in clique[:3]], []),
        "prepends": (
            [f"{asn},{site},False,{n}" for asn, n in ((stubs[1], 0), (large[2], 2), (wide[1], 5))],
            [],
        ),
        "hijack": ([f"{stubs[2]},{site},False,0", f"{large[4]},{site},True,0"], rov),
        "chain": ([f"{chain[-1]},{site},False,0"], []),
        "prefixes": (
            [
                f"{stubs[3]},198.51.100.0/23,False,0",
                f"{wide[2]},2001:db8::/32,False,1",
                f"{small[7]},198.51.100.0/24,True,0",
                f"{small[9]},198.51.100.0/23,False,1",
                f"{rov[0]},203.0.113.0/24,True,0",
            ],
            rov,
        ),
    }


if __name__ == "__main__":
    main()
