"""attack_options: what `attack` and `playbook` share: who attacks, what is poisoned, what is kept."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anyplane.cli.design_file import read_text
from anyplane.cli.output import write_text
from anyplane.model.errors import UsageError

if TYPE_CHECKING:
    from anyplane.planning.attack.sources import Attack
    from anyplane.planning.attack.sweep import Landing, Sweep
    from anyplane.topology import Topology

BOTNET = "botnet:"
INTERRUPTED = 130
BotsNetworksOption = Annotated[
    int, typer.Option("--bots-networks", min=1, max=1_000_000, help="Networks that a botnet is drawn from.")
]
SeedOption = Annotated[int, typer.Option("--seed", min=0, max=1_000_000, help="Seed of a botnet.")]
PoisonOption = Annotated[
    list[str] | None,
    typer.Option(
        "--poison",
        metavar="ASN",
        help="Try paths with this ASN in them, so that its network drops them; may be given again.",
    ),
]
ResumeOption = Annotated[
    Path | None,
    typer.Option("--resume", metavar="FILE", help="Keep what is reckoned here, and go on from it."),
]


def attack_of(topology: Topology, sources: str, *, gbps: float | None, networks: int, seed: int) -> Attack:
    """The attack that --sources names: a seeded botnet, or a file of asn,gbps."""
    from anyplane.planning.attack.sources import KINDS, botnet, listed

    if sources.startswith(BOTNET):
        if gbps is None:
            raise UsageError(f"{sources} needs a volume", hint="say --gbps 500")
        return botnet(topology, sources, gbps=gbps, networks=networks, seed=seed)
    if not Path(sources).exists() and sources.partition("=")[0].strip().lower() in (
        "global",
        "region",
        "network",
    ):
        raise UsageError(f"--sources {sources}: there is no such file", hint=f"there are {KINDS}")
    from anyplane.datasets.attack_sources import read_attack_sources

    return listed(topology, read_attack_sources(Path(sources)), name=sources, gbps=gbps)


def poisoned(asns: list[str] | None) -> tuple[int, ...]:
    """The AS numbers of --poison, in their order, each once."""
    from anyplane.design.quantities import Unfit, asn

    try:
        return tuple(dict.fromkeys(int(asn(text)) for text in asns or ()))
    except Unfit as error:
        raise UsageError(f"--poison: {error.message}", hint=error.hint) from None


@contextmanager
def interruptible(resume: Path | None) -> Iterator[None]:
    """Ctrl-C ends the command with 130, and says where to go on from."""
    try:
        yield
    except KeyboardInterrupt:
        has_kept = resume is not None and resume.exists()
        kept = f"; {resume} holds what is reckoned, the same command goes on" if has_kept else ""
        sys.stderr.write(f"interrupted{kept}\n")
        raise typer.Exit(INTERRUPTED) from None


class ResumeFile:
    """The file of --resume."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.of = ""

    def known(self, sweep: Sweep) -> Mapping[str, Landing]:
        """What it holds of this question."""
        from anyplane.planning.attack import kept

        self.of = kept.fingerprint(sweep)
        if not self.file.exists():
            return {}
        return kept.from_text(read_text(self.file), self.of, now=sweep.now, file=str(self.file))

    def keep(self, sweep: Sweep, landings: Mapping[str, Landing]) -> None:
        """Write it anew, whole or not at all."""
        from anyplane.planning.attack import kept

        write_text(self.file, kept.to_text(landings, self.of, now=sweep.now))
