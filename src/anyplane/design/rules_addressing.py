"""Rules AP00x: prefixes and AS numbers that the Internet will carry."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network

from anyplane.design.design import Design, Severity
from anyplane.design.finding import Hit, Rule, rule
from anyplane.model.nouns import Prefix

_SPECIAL = {
    ip_network(text): what
    for text, what in {
        "0.0.0.0/8": '"this network" (RFC 791)',
        "10.0.0.0/8": "private (RFC 1918)",
        "100.64.0.0/10": "shared for carrier-grade NAT (RFC 6598)",
        "127.0.0.0/8": "loopback (RFC 1122)",
        "169.254.0.0/16": "link-local (RFC 3927)",
        "172.16.0.0/12": "private (RFC 1918)",
        "192.0.0.0/24": "reserved for protocols (RFC 6890)",
        "192.0.2.0/24": "documentation (TEST-NET-1, RFC 5737)",
        "192.88.99.0/24": "6to4 relay anycast, deprecated (RFC 7526)",
        "192.168.0.0/16": "private (RFC 1918)",
        "198.18.0.0/15": "benchmarking (RFC 2544)",
        "198.51.100.0/24": "documentation (TEST-NET-2, RFC 5737)",
        "203.0.113.0/24": "documentation (TEST-NET-3, RFC 5737)",
        "224.0.0.0/4": "multicast (RFC 5771)",
        "240.0.0.0/4": "reserved (RFC 1112)",
        "100::/64": "discard-only (RFC 6666)",
        "2001:2::/48": "benchmarking (RFC 5180)",
        "2001:10::/28": "ORCHID, deprecated (RFC 4843)",
        "2001:db8::/32": "documentation (RFC 3849)",
        "2002::/16": "6to4 (RFC 3056)",
        "3fff::/20": "documentation (RFC 9637)",
        "fc00::/7": "unique local (RFC 4193)",
        "fe80::/10": "link-local (RFC 4291)",
        "ff00::/8": "multicast (RFC 4291)",
    }.items()
}
_GLOBAL_UNICAST = ip_network("2000::/3")
_LONGEST = {4: 24, 6: 48}


def reserved_asn(asn: int) -> str:
    """Why an AS number cannot be seen on the Internet, or ""."""
    for low, high, what in (
        (0, 0, "reserved (RFC 7607)"),
        (23456, 23456, "AS_TRANS (RFC 6793)"),
        (64496, 64511, "for documentation (RFC 5398)"),
        (64512, 65534, "private (RFC 6996)"),
        (65535, 65535, "reserved (RFC 7300)"),
        (65536, 65551, "for documentation (RFC 5398)"),
        (65552, 131071, "reserved by IANA"),
        (4_200_000_000, 4_294_967_294, "private (RFC 6996)"),
        (4_294_967_295, 4_294_967_295, "reserved (RFC 7300)"),
    ):
        if low <= asn <= high:
            return what
    return ""


@rule(
    "AP001",
    Severity.ERROR,
    title="Prefixes are no longer than /24 and /48",
    reason="Most networks filter longer prefixes (RFC 7454 section 6.1.3), so few have a route.",
)
def prefix_too_long(design: Design) -> Iterator[Hit]:
    """Look at each prefix's length."""
    for path, prefix in written(design):
        longest = _LONGEST[prefix.version]
        if prefix.prefixlen > longest:
            hint = f"announce {prefix.supernet(new_prefix=longest)}, if it is yours"
            yield Hit(path=path, message=f"{prefix} is longer than /{longest}", hint=hint)


@rule(
    "AP002",
    Severity.ERROR,
    title="Prefixes are public address space",
    reason="Networks drop routes to special-purpose space (RFC 6890, RFC 7454 section 6.1).",
)
def prefix_not_public(design: Design) -> Iterator[Hit]:
    """Compare each prefix with the special-purpose registries."""
    for path, prefix in written(design):
        what = next((what for special, what in _SPECIAL.items() if overlap(prefix, special)), "")
        if not what and prefix.version == 6 and not overlap(prefix, _GLOBAL_UNICAST):
            what = "outside global unicast 2000::/3 (RFC 4291)"
        if what:
            yield Hit(
                path=path, message=f"{prefix} is {what}", hint="announce space that a registry gave you"
            )


@rule(
    "AP003",
    Severity.ERROR,
    title="The origin is a public AS number",
    reason="Networks drop routes whose path has a private or reserved ASN (RFC 7454 section 9).",
)
def origin_not_public(design: Design) -> Iterator[Hit]:
    """Compare the origin with IANA's ranges."""
    what = reserved_asn(design.origin)
    if what:
        hint = "use the AS number that your registry gave you"
        yield Hit(path="service.origin", message=f"AS{design.origin} is {what}", hint=hint)


@rule(
    "AP004",
    Severity.ERROR,
    title="No upstream is the origin itself",
    reason="A session inside one AS is iBGP: it announces the service to nobody.",
)
def upstream_is_origin(design: Design) -> Iterator[Hit]:
    """Compare each upstream with the origin."""
    for site in design.sites:
        for upstream in site.upstreams:
            if upstream.asn == design.origin:
                message = f"AS{upstream.asn} is the service's own origin"
                yield Hit(path=f"{upstream.path}.asn", message=message, hint="name the neighbour's AS number")


@rule(
    "AP005",
    Severity.WARNING,
    title="Upstreams are public AS numbers",
    reason="A private, reserved or documentation ASN (RFC 6996, RFC 5398) is no network of the Internet: no "
    "topology knows whom it reaches.",
)
def upstream_not_public(design: Design) -> Iterator[Hit]:
    """Compare each upstream with IANA's ranges."""
    for site in design.sites:
        for upstream in site.upstreams:
            what = reserved_asn(upstream.asn)
            if what and upstream.asn != design.origin:
                yield Hit(path=f"{upstream.path}.asn", message=f"AS{upstream.asn} is {what}")


@rule(
    "AP006",
    Severity.WARNING,
    title="The service has IPv4 and IPv6",
    reason="Users with only one family, or with a broken other one, do not reach a service of one family.",
)
def one_address_family(design: Design) -> Iterator[Hit]:
    """Count the families of each group."""
    for group in design.groups:
        versions = {prefix.version for prefix in group.prefixes}
        if len(versions) == 1:
            has, lacks = ("IPv4", "IPv6") if 4 in versions else ("IPv6", "IPv4")
            path = f"service.prefixes.{group.name}"
            whose = group.name if path in design.locations else "the service"
            yield Hit(path=path, message=f"{whose} has only {has}", hint=f"add an {lacks} prefix")


@rule(
    "AP007",
    Severity.WARNING,
    title="Prefixes do not overlap",
    reason="The longer of two overlapping prefixes takes the traffic wherever it is heard, whatever the "
    "shorter one's announcements say.",
)
def prefixes_overlap(design: Design) -> Iterator[Hit]:
    """Compare all pairs."""
    listed = list(written(design))
    for number, (path, prefix) in enumerate(listed):
        for _, other in listed[:number]:
            if overlap(prefix, other):
                yield Hit(path=path, message=f"{prefix} overlaps {other}")


@rule(
    "AP008",
    Severity.WARNING,
    title="Every prefix is announced somewhere",
    reason="A prefix that no enabled site announces is reached by nobody.",
)
def prefix_not_announced(design: Design) -> Iterator[Hit]:
    """Compare what is listed with what enabled sites announce."""
    announced = {
        prefix
        for site in design.sites
        if site.is_enabled
        for upstream in site.upstreams
        for prefix in upstream.prefixes
    }
    for path, prefix in written(design):
        if prefix not in announced:
            hint = "add it to `announce:` of a site, or remove it"
            yield Hit(path=path, message=f"no enabled site announces {prefix}", hint=hint)


def written(design: Design) -> Iterator[tuple[str, Prefix]]:
    """Every prefix with its path in the file."""
    for group in design.groups:
        for number, prefix in enumerate(group.prefixes):
            forms = (f"{group.name}.prefixes.{number}", f"{group.name}.{number}", str(number))
            paths = [f"service.prefixes.{form}" for form in forms]
            yield next((path for path in paths if path in design.locations), paths[-1]), prefix


def overlap(one: Prefix, other: Prefix) -> bool:
    """Do two prefixes share an address?"""
    return one.version == other.version and one.overlaps(other)


RULES: tuple[Rule, ...] = (
    prefix_too_long,
    prefix_not_public,
    origin_not_public,
    upstream_is_origin,
    upstream_not_public,
    one_address_family,
    prefixes_overlap,
    prefix_not_announced,
)
