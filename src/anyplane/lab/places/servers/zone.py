"""zones: DNS zones in which every question of the checks has the answer that they expect.

Each name that is asked for is a zone of its own, but where that cannot be: a CNAME and a DS stand in the zone
above, and of a name that shall not exist the zone above must know nothing. What is asked for outside of them
is refused, as an authoritative server does. `anyplane.test` is always there, with the site's name at
`site.anyplane.test` TXT.

When a server is wrong, it has another record where a check says what it expects, and refuses every other
question: a check that does not look at the answer notices at least that there is none.
"""

from __future__ import annotations

from collections.abc import Iterable

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from anyplane.design.operation import DnsProbe

OWN = "anyplane.test."
TTL_S = 1
_ABOVE = frozenset(("CNAME", "DS", "DNAME"))
_MADE_UP = {
    "A": "192.0.2.1",
    "AAAA": "2001:db8::1",
    "TXT": '"anyplane"',
    "NS": "ns.anyplane.test.",
    "PTR": "host.anyplane.test.",
    "CNAME": "host.anyplane.test.",
    "MX": "10 mail.anyplane.test.",
    "SRV": "0 0 443 host.anyplane.test.",
    "CAA": '0 issue "anyplane.test"',
    "HTTPS": "1 .",
    "SVCB": "1 .",
    "DS": "1 13 2 0000000000000000000000000000000000000000000000000000000000000000",
    "DNSKEY": f"257 3 13 {'A' * 86}==",
}
_WRONG = {"A": "192.0.2.255", "AAAA": "2001:db8::ffff", "TXT": '"wrong"'}


def zones(probes: Iterable[DnsProbe], *, identity: str, is_wrong: bool = False) -> dict[str, str]:
    """Zone files by their name ("example.net."). `is_wrong`: no answer is the expected one."""
    asked = [one for one in probes if one.rcode in ("NOERROR", "NXDOMAIN") and (one.expect or not is_wrong)]
    own = dns.name.from_text(OWN)
    apexes = {_apex(one) for one in asked} | (set() if is_wrong else {own})
    records: dict[dns.name.Name, list[str]] = {one: [] for one in apexes}
    if not is_wrong:
        records[own].append(_record(dns.name.from_text(f"site.{OWN}"), "TXT", f'"{identity}"'))
    for one in asked:
        name = dns.name.from_text(one.name)
        kind = one.type.upper()
        if one.rcode == "NXDOMAIN" or kind == "SOA":
            continue
        holder = _holder(name, apexes, is_above=kind in _ABOVE)
        for text in _answers(one, kind, is_wrong=is_wrong):
            records[holder].append(_record(name, kind, text))
    soas = {
        dns.name.from_text(one.name): one.expect[0]
        for one in asked
        if one.type.upper() == "SOA" and one.expect and not is_wrong
    }
    return {
        apex.to_text(): _head(apex, listed, soa=soas.get(apex), is_wrong=is_wrong) + "\n".join(listed) + "\n"
        for apex, listed in ((apex, list(dict.fromkeys(records[apex]))) for apex in sorted(apexes))
    }


def _apex(probe: DnsProbe) -> dns.name.Name:
    name = dns.name.from_text(probe.name)
    if name != dns.name.root and (probe.rcode == "NXDOMAIN" or probe.type.upper() in _ABOVE):
        return name.parent()
    return name


def _holder(name: dns.name.Name, apexes: set[dns.name.Name], *, is_above: bool) -> dns.name.Name:
    """The deepest zone that the record belongs to."""
    holding = [one for one in apexes if name.is_subdomain(one) and not (is_above and one == name)]
    return max(holding, key=len)


def _answers(probe: DnsProbe, kind: str, *, is_wrong: bool) -> tuple[str, ...]:
    if is_wrong:
        return (_WRONG[kind],) if kind in _WRONG else ()
    if probe.expect:
        return tuple(one for text in probe.expect for one in _readable(text, kind))
    return (_MADE_UP[kind],) if kind in _MADE_UP else ()


def _readable(text: str, kind: str) -> tuple[str, ...]:
    """The expected answer as it can stand in a zone; () where it is not one of that type."""
    for candidate in (text, f'"{text}"'):
        try:
            found = dns.rdata.from_text(
                dns.rdataclass.IN,
                dns.rdatatype.from_text(kind),
                candidate,
                origin=dns.name.root,
                relativize=False,
            )
        except (dns.exception.DNSException, ValueError):
            continue
        return (found.to_text(),)
    return ()


def _record(name: dns.name.Name, kind: str, text: str) -> str:
    return f"{name.to_text()} {TTL_S} IN {kind} {text}"


def _head(apex: dns.name.Name, listed: list[str], *, soa: str | None, is_wrong: bool) -> str:
    text = soa or f"ns.{OWN} host.{OWN} {2 if is_wrong else 1} 3600 600 86400 {TTL_S}"
    lines = [_record(apex, "SOA", text)]
    if not any(line.startswith(f"{apex.to_text()} {TTL_S} IN NS ") for line in listed):
        lines.append(_record(apex, "NS", f"ns.{OWN}"))
    if apex.to_text() == OWN:
        lines.append(_record(dns.name.from_text(f"ns.{OWN}"), "A", "192.0.2.1"))
    return "\n".join(lines) + "\n"
