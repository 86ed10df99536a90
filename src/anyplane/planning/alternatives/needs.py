"""needs: what each way asks of an operator: address space, BGP, DNS, and what goes with them."""

from __future__ import annotations

from collections.abc import Sequence

from anyplane.model.nouns import Prefix
from anyplane.planning.alternatives.report import Needs, Way

NO_ASN = "none of one's own, if the provider announces its prefix; else one session or more at one site"
PLAIN_DNS = "ordinary records, any TTL"
BY_PLACE = "authoritative servers that answer by place (GeoIP data kept fresh, ECS, RFC 7871)"


def needs(way: Way, *, prefixes: Sequence[Prefix], sites: int, regions: int) -> Needs:
    """The Needs of a way with so many sites that announce, and so many regions.

    A /24 and a /48 are the least that networks commonly accept from one another, so each address that must
    be routed for itself costs one of each family.
    """
    addresses = {
        Way.UNICAST: 1,
        Way.GLOBAL: 1,
        Way.REGIONAL: regions,
        Way.BOTH: _block(regions + 1),
        Way.GEODNS: sites,
    }[way]
    v4 = addresses * sum(prefix.version == 4 for prefix in prefixes)
    v6 = addresses * sum(prefix.version == 6 for prefix in prefixes)
    return Needs(
        v4=v4, v6=v6, block=_lie(way, prefixes, regions), bgp=_bgp(way), dns=_dns(way), also=_also(way)
    )


def _block(addresses: int) -> int:
    """The least power of two that holds them: a covering prefix is one."""
    return 1 << max(0, (addresses - 1).bit_length())


def _lie(way: Way, prefixes: Sequence[Prefix], regions: int) -> str:
    if way is Way.BOTH:
        bits = _block(regions + 1).bit_length() - 1
        covers = []
        for version, least in ((4, 24), (6, 48)):
            if any(prefix.version == version for prefix in prefixes):
                covers.append(f"/{least}s of the regions inside a covering /{least - bits}")
        return ", ".join(covers) + "; the global address in what is left of it"
    return {
        Way.UNICAST: "one prefix, or addresses of the provider",
        Way.GLOBAL: "one prefix, the same everywhere",
        Way.REGIONAL: "one prefix for each region",
        Way.GEODNS: "one prefix for each site, or addresses of its provider (then through that one only)",
    }[way]


def _bgp(way: Way) -> str:
    return {
        Way.UNICAST: NO_ASN,
        Way.GLOBAL: "an ASN and sessions at every site",
        Way.REGIONAL: "an ASN and sessions at every site; each announces its region's prefix only",
        Way.BOTH: "an ASN and sessions at every site; each announces its region's and the covering prefix",
        Way.GEODNS: "an ASN and sessions at every site, or provider addresses without any BGP",
    }[way]


def _dns(way: Way) -> str:
    return {
        Way.UNICAST: PLAIN_DNS,
        Way.GLOBAL: PLAIN_DNS,
        Way.REGIONAL: f"{BY_PLACE}; a short TTL only for a region that can die as a whole",
        Way.BOTH: f"{BY_PLACE}; any TTL, since a dead region's addresses are still routed",
        Way.GEODNS: f"{BY_PLACE}, a short TTL, and health checks of every site from outside",
    }[way]


def _also(way: Way) -> tuple[str, ...]:
    catchments = "catchments that move with other networks' routing: measure them"
    return {
        Way.UNICAST: ("nothing stands in for the site", "an attack meets one site's capacity"),
        Way.GLOBAL: (catchments, "ROA for the prefix", "connections may break when routes change"),
        Way.REGIONAL: (
            catchments,
            "a ROA for each prefix",
            "a map from places to regions, kept with the sites",
            "DNS itself must stay up, by anycast as a rule",
            "no use for a service reached by address (a resolver, an NTP server)",
        ),
        Way.BOTH: (
            catchments,
            "ROAs for the covering prefix and each region's",
            "measurements for each place: is the regional or the global address faster there?",
            "DNS itself must stay up, by anycast as a rule",
            "by address alone only the global one can be used",
        ),
        Way.GEODNS: (
            "a ROA for each prefix",
            "an attack on one address meets one site's capacity",
            "DNS itself must stay up, by anycast as a rule",
            "no use for a service reached by address (a resolver, an NTP server)",
        ),
    }[way]
