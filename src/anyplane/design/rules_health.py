"""Rules AP05x: whether the checks say that the service is well here, soon enough, and of this site alone.

They look only at designs that say something about running their sites.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from anyplane.design.design import Design, PrefixGroup, Severity, Site
from anyplane.design.endpoints import is_address, url_host
from anyplane.design.finding import Hit, Rule, enabled, rule
from anyplane.design.operation import (
    Check,
    DnsProbe,
    GrpcProbe,
    Health,
    HttpProbe,
    IcmpProbe,
    NtpProbe,
    Probe,
    ProcessProbe,
    Scope,
    Transport,
)
from anyplane.design.reading_health import asked
from anyplane.design.timing import time_text

SLOW_S = 30.0
# A host there may be another one at each site.
_OWN = tuple(
    ip_network(text)
    for text in (
        "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10",
        "::1/128", "fc00::/7", "fe80::/10",
    )
)  # fmt: skip


def is_run(design: Design) -> bool:
    """Does the design say anything about running its sites?"""
    return bool(design.health) or any(
        site.health or site.daemon or any(upstream.sessions for upstream in site.upstreams)
        for site in design.sites
    )


def announced(site: Site, group: PrefixGroup) -> tuple[int, ...]:
    """The families of the group that the site announces."""
    sent = {prefix for upstream in site.upstreams for prefix in upstream.prefixes}
    return tuple(sorted({prefix.version for prefix in group.prefixes if prefix in sent}))


def judged(design: Design) -> Iterator[tuple[Site, PrefixGroup, Health | None]]:
    """Each group that an enabled site announces, and what judges it there."""
    for site in enabled(design):
        for group in design.groups:
            if announced(site, group):
                yield site, group, site.health.get(group.name) or design.health.get(group.name)


@rule(
    "AP050",
    Severity.WARNING,
    title="Everything announced is checked",
    reason="Nothing is announced before its local checks have passed: without one a site cannot announce the "
    "group, or cannot know that it should stop.",
)
def unchecked_group(design: Design) -> Iterator[Hit]:
    """Look for groups, or families of them, without a local check."""
    if not is_run(design):
        return
    said: set[str] = set()
    for site, group, health in judged(design):
        if health is None:
            message = f"nothing checks {group.name} at {site.name}"
            hint = f"add health: {group.name}: checks: [{{dns: {{name: www.example.net}}}}], say"
            yield Hit(path=f"sites.{site.name}", message=message, hint=hint)
            continue
        if health.path in said or health.backends:
            continue
        said.add(health.path)
        if not health.checks:
            yield Hit(path=health.path, message=f"{group.name} has no checks", hint="add checks:")
            continue
        for version in () if health.is_together else announced(site, group):
            if _local(health) and not any(check.family in (0, version) for check in _local(health)):
                message = f"no local check speaks for the IPv{version} prefixes of {group.name}"
                yield Hit(
                    path=f"{health.path}.checks", message=message, hint="ask `service`, or leave family out"
                )


@rule(
    "AP051",
    Severity.WARNING,
    title="Some check is local",
    reason="A dependency degrades a site and never takes it down: with dependencies alone a dead site stays "
    "announced.",
)
def only_dependencies(design: Design) -> Iterator[Hit]:
    """Look for groups whose checks are all dependencies."""
    for health in _healths(design):
        if health.checks and not _local(health) and not health.backends:
            message = f"every check of {health.group} is a dependency"
            yield Hit(
                path=f"{health.path}.checks", message=message, hint="ask `service` itself in one of them"
            )


@rule(
    "AP052",
    Severity.NOTE,
    title="Some check asks for an answer",
    reason="A process may live and not answer; only a question shows what a user would get.",
)
def process_only(design: Design) -> Iterator[Hit]:
    """Look for groups where nothing asks the service."""
    for health in _healths(design):
        local = _local(health)
        if local and not health.backends and all(isinstance(check.probe, ProcessProbe) for check in local):
            message = f"only processes are checked for {health.group}"
            yield Hit(
                path=f"{health.path}.checks", message=message, hint="add a check of the kind of the service"
            )


@rule(
    "AP053",
    Severity.WARNING,
    title="A local check asks this site",
    reason="A host that every site asks is a dependency of all: when it fails, all sites fail the check at "
    "once (Facebook's DNS, October 2021).",
)
def shared_host(design: Design) -> Iterator[Hit]:
    """Look for local checks by which several sites ask one host that is not theirs."""
    asking: dict[str, set[str]] = {}
    first: dict[str, Check] = {}
    prefixes = [prefix for group in design.groups for prefix in group.prefixes]
    for site, _, health in judged(design):
        for check in _local(health) if health else ():
            host = asked(check.probe)
            if host and not _is_own(host) and not any(_is_inside(host, prefix) for prefix in prefixes):
                asking.setdefault(host, set()).add(site.name)
                first.setdefault(host, check)
    for host, sites in asking.items():
        if len(sites) > 1:
            message = f"{len(sites)} sites ask {host} in a local check"
            yield Hit(path=first[host].path, message=message, hint="add scope: dependency")


@rule(
    "AP054",
    Severity.WARNING,
    title=f"A failure is noticed within {SLOW_S:g} s",
    reason="Until its checks have failed a dead service stays announced, and its users get no answer.",
)
def slow_check(design: Design) -> Iterator[Hit]:
    """Reckon fall x interval + timeout of local checks."""
    for health in _healths(design):
        for path, check in {check.path: check for check in _local(health)}.items():
            worst = check.fall * check.interval_s + check.timeout_s
            if worst > SLOW_S:
                name = check.name.removesuffix("/v4").removesuffix("/v6")
                message = f"{name} takes up to {time_text(round(worst, 3))} to fail"
                yield Hit(path=path, message=message, hint="shorten interval, or lower fall")


@rule(
    "AP055",
    Severity.NOTE,
    title="One lost packet withdraws nothing",
    reason="Packets are lost on a good day: a check over UDP or ICMP that fails with its first failure makes "
    "a site flap.",
)
def nervous_check(design: Design) -> Iterator[Hit]:
    """Look for fall: 1 where nothing repeats a lost packet."""
    for health in _healths(design):
        for path, check in {check.path: check for check in _local(health)}.items():
            is_udp = isinstance(check.probe, DnsProbe) and check.probe.transport is Transport.UDP
            is_lossy = is_udp or isinstance(check.probe, IcmpProbe | NtpProbe)
            if is_lossy and check.fall == 1:
                name = check.name.removesuffix("/v4").removesuffix("/v6")
                yield Hit(path=path, message=f"one lost packet fails {name}", hint="write fall: 2")


@rule(
    "AP056",
    Severity.NOTE,
    title="Backends are fewer needed than there are",
    reason="Where every backend is needed, each added one makes the site more likely to go.",
)
def all_backends_needed(design: Design) -> Iterator[Hit]:
    """Compare need_backends with their number."""
    for health in _healths(design):
        if len(health.backends) > 1 and health.need_backends >= len(health.backends):
            message = f"{health.group} needs all of its {len(health.backends)} backends"
            yield Hit(path=f"{health.path}.need_backends", message=message, hint="lower need_backends")


@rule(
    "AP057",
    Severity.WARNING,
    title="Certificates are checked by name",
    reason="Few certificates name an address: a check that connects to one and verifies never passes, so "
    "nothing is announced.",
)
def certificate_by_address(design: Design) -> Iterator[Hit]:
    """Look for verified TLS to an address, with no name to verify."""
    for health in _healths(design):
        for path, check in {check.path: check for check in health.checks}.items():
            host = _verified(check.probe)
            if host and is_address(host):
                key = "host" if isinstance(check.probe, HttpProbe) else "to"
                hint = f"add {key}: with the name in the certificate"
                yield Hit(path=path, message=f"{host} is verified as if it were a name", hint=hint)


def _verified(probe: Probe) -> str:
    """The host that a certificate is verified for; "" where none is, or another name is given."""
    match probe:
        case HttpProbe(is_verified=True, host_header="") if probe.url.lower().startswith("https:"):
            return url_host(probe.url)
        case GrpcProbe(is_tls=True):
            return probe.to.host
    return ""


def _healths(design: Design) -> tuple[Health, ...]:
    return (
        *design.health.values(),
        *(health for site in enabled(design) for health in site.health.values()),
    )


def _local(health: Health) -> tuple[Check, ...]:
    return tuple(check for check in health.checks if check.scope is Scope.LOCAL)


def _is_own(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return host.split(".")[-1] in ("localhost", "local", "internal")
    return any(address in network for network in _OWN)


def _is_inside(host: str, prefix: object) -> bool:
    try:
        return ip_address(host) in prefix  # type: ignore[operator]  # a network
    except ValueError:
        return False


RULES: tuple[Rule, ...] = (
    unchecked_group,
    only_dependencies,
    process_only,
    shared_host,
    slow_check,
    nervous_check,
    all_backends_needed,
    certificate_by_address,
)
