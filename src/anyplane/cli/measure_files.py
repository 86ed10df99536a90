"""read: every FILE of `anyplane measure import` through the reader of its format, as its options say."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from anyplane.cli.design_file import read_design
from anyplane.datasets.prefix_origins import PrefixOrigins, read_pfx2as
from anyplane.design import Design
from anyplane.measure.observations import Kind, peering
from anyplane.measure.observations.atlas_dns import read_atlas_dns
from anyplane.measure.observations.atlas_probes import read_probes
from anyplane.measure.observations.delimited import read_plain_csv
from anyplane.measure.observations.fields import asn_of
from anyplane.measure.observations.formats import Format, format_of
from anyplane.measure.observations.naming import SiteNames
from anyplane.measure.observations.probed_addresses import Prober, read_probed
from anyplane.model.errors import DataError, UsageError
from anyplane.model.observations import Announced, Method
from anyplane.model.reading import Reading
from anyplane.observe import SiteOfPath, read_mrt_paths, read_rib_origins


@dataclass(frozen=True, kw_only=True)
class Order:
    """The options, as they were written."""

    format: str = "auto"
    announced: str = ""
    prepends: tuple[str, ...] = ()
    prefix: str = ""
    design: str | None = None
    sites: tuple[str, ...] = ()
    probes: Path | None = None
    pfx2as: Path | None = None
    target: str = ""
    method: str = ""
    kinds: tuple[str, ...] = ()
    only: str = ""
    origin: int | None = None
    upstreams: tuple[str, ...] = ()
    markers: tuple[str, ...] = ()
    communities: tuple[str, ...] = ()


def read(files: Sequence[Path], order: Order, *, step: Callable[[str], None]) -> list[Reading]:
    """All files, read; DataError or UsageError where one of them gives nothing at all."""
    reader = _Reader(order)
    readings = []
    for path in files:
        if not path.exists():
            raise DataError(str(path), "there is no such file")
        step(f"reading {path}")
        for reading in reader.read(path):
            readings.append(reading)
            if reading.rows and not len(reading.observations):
                raise reader.nothing(path, reading)
            if not all(announced.sites for announced in reading.observations.announced):
                raise UsageError(
                    f"{path} does not say which sites announced the prefix", hint="--announced, or --design"
                )
    return readings


@dataclass(frozen=True)
class _Reader:
    order: Order

    def read(self, path: Path) -> Iterable[Reading]:
        order = self.order
        try:
            chosen = Format(order.format)
        except ValueError:
            raise UsageError(f"--format {order.format!r} is none", hint=_list("formats", Format)) from None
        form = format_of(path) if chosen is Format.AUTO else chosen
        match form:
            case Format.PEERING:
                return self._peering(path)
            case Format.MRT:
                return [self._mrt(path)]
            case Format.ATLAS_DNS:
                return [
                    read_atlas_dns(
                        path,
                        names=self.names,
                        probes=self.probes,
                        announced=self.announced,
                        target=order.target,
                    )
                ]
            case Format.CSV:
                method = self.method or Method.OTHER
                return [read_plain_csv(path, announced=self.announced, method=method)]
            case _:
                return [
                    read_probed(
                        path,
                        Prober(form),
                        names=self.names,
                        origins=self.origins,
                        announced=self.announced,
                        method=self.method or Method.PING,
                    )
                ]

    def nothing(self, path: Path, reading: Reading) -> DataError:
        """Why a file gave nothing, with the site that was perhaps meant."""
        reasons = "; ".join(str(one) for one in reading.unusable[:3])
        hint = ""
        if self.announced is not None and "was not announced" in reasons:
            hint = "the announced sites are " + ", ".join(self.announced.sites)
            unknown = reading.unusable[0].reason.split("'")
            close = (
                difflib.get_close_matches(unknown[1], self.announced.sites, n=1) if len(unknown) > 2 else []
            )
            hint = f"did you mean {close[0]}? {hint}; --sites gives other names" if close else hint
        elif "unknown network" in reasons:
            hint = "--probes FILE says in which network a probe is"
        return DataError(str(path), f"gives no observation of {reading.rows:,} rows: {reasons}", hint=hint)

    def _peering(self, path: Path) -> Iterable[Reading]:
        if self.order.announced or self.order.prepends:
            raise UsageError(
                "--announced and --prepend do not go with an experiment in the PEERING layout",
                hint="the names of its folder and files say what was announced",
            )
        kinds = self.order.kinds or tuple(Kind)
        if not path.is_dir():
            return [peering.read_file(path)]
        if peering.is_experiment(path):
            return peering.experiment_readings(path, kinds)
        only = [_number(text, "--only") for text in _names(self.order.only)]
        return peering.catchment_readings(path, only or None, kinds)

    def _mrt(self, path: Path) -> Reading:
        prefix = self.prefix
        if not prefix:
            raise UsageError(
                "an MRT file needs the prefix that is looked for", hint="--prefix PREFIX, or --design DESIGN"
            )
        announced = self.announced
        if announced is not None and not announced.prefix:
            announced = Announced(sites=announced.sites, prepends=announced.prepends, prefix=str(prefix))
        return read_mrt_paths(path, prefix, sites=self.site_of_path, announced=announced)

    @cached_property
    def design(self) -> Design | None:
        return None if self.order.design is None else read_design(self.order.design)

    @cached_property
    def announced(self) -> Announced | None:
        """What the options and the design say; None: nothing, the answers will tell."""
        names = _names(self.order.announced)
        prepends = tuple(_prepend(text) for text in self.order.prepends)
        design = self.design
        if design is not None:
            known = [site.name for site in design.sites]
            for name in (*names, *(who.split(">")[0] for who, _ in prepends)):
                _known(name, known, design.file)
            names = names or tuple(site.name for site in design.sites if site.is_enabled)
            if not prepends:
                prepends = _design_prepends(design, names)
        if not names:
            if prepends:
                raise UsageError("--prepend without --announced or --design", hint="name the announced sites")
            return None
        for who, _ in prepends:
            _known(who.split(">")[0], names, "--announced")
        return Announced(sites=names, prepends=prepends, prefix=str(self.prefix or ""))

    @cached_property
    def prefix(self) -> IPv4Network | IPv6Network | None:
        text = self.order.prefix
        if not text and self.design is not None:
            every = [str(prefix) for group in self.design.groups for prefix in group.prefixes]
            text = every[0] if len(every) == 1 else ""
        try:
            return ip_network(text) if text else None
        except ValueError as error:
            raise UsageError(f"--prefix {text!r} is not a prefix: {error}") from None

    @cached_property
    def names(self) -> SiteNames:
        known = self.announced.sites if self.announced is not None else ()
        return SiteNames.of(self.order.sites, known=known)

    @cached_property
    def probes(self) -> dict[int, tuple[int | None, int | None]]:
        return dict(read_probes(self.order.probes)) if self.order.probes is not None else {}

    @cached_property
    def origins(self) -> PrefixOrigins | None:
        path = self.order.pfx2as
        if path is None:
            return None
        return read_rib_origins(path) if _is_mrt(path) else read_pfx2as(path)

    @cached_property
    def method(self) -> Method | None:
        try:
            return Method(self.order.method) if self.order.method else None
        except ValueError:
            raise UsageError(
                f"--method {self.order.method!r} is none", hint=_list("methods", Method)
            ) from None

    @cached_property
    def site_of_path(self) -> SiteOfPath:
        upstreams = {
            site: frozenset(_number(one, "--upstream") for one in _names(asns))
            for site, asns in (_pair(text, "--upstream", "SITE=ASN,ASN") for text in self.order.upstreams)
        }
        design = self.design
        if design is not None and not upstreams:
            upstreams = {site.name: frozenset(one.asn for one in site.upstreams) for site in design.sites}
        markers = (_pair(text, "--site-of-asn", "ASN=SITE") for text in self.order.markers)
        return SiteOfPath(
            origin=design.origin if design is not None and self.order.origin is None else self.order.origin,
            upstreams=upstreams,
            markers={_number(asn, "--site-of-asn"): site for asn, site in markers},
            communities=dict(
                _pair(text, "--site-of-community", "COMMUNITY=SITE") for text in self.order.communities
            ),
        )


def _design_prepends(design: Design, names: Collection[str]) -> tuple[tuple[str, int], ...]:
    """The design's own prepends: of a site where every upstream has the same, else of each session."""
    found: list[tuple[str, int]] = []
    for site in design.sites:
        if site.name not in names:
            continue
        by_upstream = {int(one.asn): one.prepend for one in site.upstreams}
        if len(set(by_upstream.values())) == 1:
            found.append((site.name, next(iter(by_upstream.values()))))
        else:
            found += [(f"{site.name}>{asn}", count) for asn, count in by_upstream.items()]
    return tuple(found)


def _is_mrt(path: Path) -> bool:
    try:
        return format_of(path) is Format.MRT
    except DataError:
        return False


def _known(name: str, known: Collection[str], where: str) -> None:
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]}?" if close else "it has " + ", ".join(known)
        raise UsageError(f"{where} has no site {name!r}", hint=hint)


def _prepend(text: str) -> tuple[str, int]:
    who, count = _pair(text, "--prepend", "SITE=N")
    number = _number(count, "--prepend")
    if not 1 <= number <= 1000:
        raise UsageError(f"--prepend {text}: {number} is not between 1 and 1000")
    return who, number


def _pair(text: str, option: str, shape: str) -> tuple[str, str]:
    left, equals, right = text.rpartition("=")
    if not equals or not left.strip() or not right.strip():
        raise UsageError(f"{option} {text!r} is not {shape}")
    return left.strip(), right.strip()


def _number(text: str, option: str) -> int:
    number = asn_of(text)
    if number is None:
        raise UsageError(f"{option}: {text!r} is not a number")
    return number


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _list(what: str, kinds: Iterable[str]) -> str:
    return f"the {what} are {', '.join(map(str, kinds))}"
