"""The rules of `anyplane lint-router`: what each asks of a router that announces anycast, and why."""

from __future__ import annotations

from anyplane.design.design import Severity
from anyplane.design.finding import Advice


def _advice(id: str, name: str, severity: Severity, title: str, reason: str) -> Advice:  # noqa: A002  # its name
    return Advice(id=id, name=name, severity=severity, title=title, reason=reason)


_ERROR, _WARNING, _NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE

RULES: tuple[Advice, ...] = (
    _advice(
        "AR001",
        "graceful-restart",
        _ERROR,
        "Graceful restart is off on anycast sessions.",
        "The neighbour keeps the routes of a router that is gone, and users are sent to a dead site: "
        "120 s with FRR 8.4.4's and BIRD 2.0.12's defaults, 3 to 6 ms with graceful restart off (RFC "
        "4724 section 4.2).",
    ),
    _advice(
        "AR002",
        "graceful-restart-helper",
        _WARNING,
        "The router does not help others restart.",
        "A helper keeps the routes of a neighbour that is gone (RFC 4724 section 4.2), so that the "
        "site sends its answers into the void while its announcements at other neighbours go on.",
    ),
    _advice(
        "AR003",
        "long-lived-graceful-restart",
        _ERROR,
        "Long-lived graceful restart is off.",
        "Stale routes are kept for hours or days (RFC 9494): the neighbour never learns that the site "
        "is dead.",
    ),
    _advice(
        "AR004",
        "persistent-routes",
        _WARNING,
        "Routes end with the daemon.",
        "What stays in the kernel after the daemon has ended is nobody's: a prefix that nobody withdraws.",
    ),
    _advice(
        "AR005",
        "route-map-delay",
        _WARNING,
        "Changes of route-maps count at once.",
        "FRR waits 5 s before a changed route-map acts (measured, FRR 8.4.4), so a drain or a "
        "withdrawal by route-map is late by that much.",
    ),
    _advice(
        "AR006",
        "no-import-filter",
        _WARNING,
        "Every session filters what it accepts.",
        "Without an import filter a leak of the neighbour's becomes this router's table (RFC 8212, "
        "RFC 7454 section 6).",
    ),
    _advice(
        "AR007",
        "no-export-filter",
        _ERROR,
        "Every session filters what it announces.",
        "Without an export filter the router announces whatever it knows, routes of other neighbours "
        "too: a route leak (RFC 7908, RFC 8212).",
    ),
    _advice(
        "AR008",
        "policy-not-required",
        _WARNING,
        "A session without a policy passes nothing.",
        "RFC 8212 makes a forgotten policy harmless; with it switched off, a forgotten policy is a leak.",
    ),
    _advice(
        "AR009",
        "no-prefix-limit",
        _NOTE,
        "Sessions that accept routes have a prefix limit.",
        "A neighbour that sends a full table by mistake fills the router's memory (RFC 7454 section 8).",
    ),
    _advice(
        "AR010",
        "no-md5",
        _NOTE,
        "Sessions are authenticated.",
        "TCP MD5 (RFC 2385) or TCP-AO (RFC 5925) keeps forged segments out of the session (RFC 7454 "
        "section 5.1).",
    ),
    _advice(
        "AR011",
        "no-gtsm",
        _NOTE,
        "Directly connected sessions check the TTL.",
        "GTSM (RFC 5082) drops packets that were sent from farther away than the neighbour (RFC 7454 "
        "section 5.2).",
    ),
    _advice(
        "AR012",
        "slow-failure-detection",
        _NOTE,
        "A silent failure is noticed in seconds.",
        "Without BFD (RFC 5880) a hung router or a silent loss lasts a whole hold time: 8.1 s were "
        "measured at 9 s, 0.28 s with BFD at 100 ms x 3.",
    ),
    _advice(
        "AR013",
        "import-check-off",
        _WARNING,
        "A network is announced only while its address is there.",
        "With the import check the announcement hangs on the address on lo, whose kernel lifetime is "
        "the lease; without it nothing withdraws when whatever steers FRR has died.",
    ),
    _advice(
        "AR014",
        "static-via-neighbour",
        _WARNING,
        "Announced prefixes come from protocol direct.",
        "In BIRD 3 (3.1.8 to 3.3.2, measured) static routes via a neighbour stop following link loss "
        "after a `configure`; protocol direct follows the address on lo in every version.",
    ),
    _advice(
        "AR015",
        "med-lost",
        _WARNING,
        "What BIRD shows is what BIRD sends.",
        "With `export table on` BIRD 2.0.12 drops every MED on the wire, while its tables still show it "
        "(measured). Without it `show route exported` is BIRD's record of what it sent; a witness shows "
        "the wire itself.",
    ),
    _advice(
        "AR016",
        "no-agent-include",
        _WARNING,
        "The file takes in what the agent writes.",
        "What the agent decides reaches BIRD by the included file alone; without it nothing is ever "
        "announced, or nothing withdrawn.",
    ),
    _advice(
        "AR017",
        "unfiltered-redistribution",
        _ERROR,
        "Redistribution names what it takes.",
        "Every address that is added to the machine would be announced, management networks and link "
        "addresses too.",
    ),
    _advice(
        "AR018",
        "default-originated",
        _ERROR,
        "No neighbour is sent a default route.",
        "A site that originates a default attracts traffic for the whole Internet.",
    ),
    _advice(
        "AR019",
        "readable-password",
        _WARNING,
        "A file with passwords is not readable by everybody.",
        "Whoever can read the TCP MD5 key can forge segments of the session.",
    ),
    _advice(
        "AR020",
        "wrong-asn",
        _ERROR,
        "AS numbers are those of the design.",
        "A session with a wrong AS number never comes up: OPEN Message Error/Bad Peer AS (RFC 4271 "
        "section 6.2).",
    ),
    _advice(
        "AR021",
        "session-missing",
        _ERROR,
        "Every session of the design is configured.",
        "The site is not announced to an upstream that it was planned with, and the plan's catchments "
        "are wrong.",
    ),
    _advice(
        "AR022",
        "session-not-designed",
        _WARNING,
        "Every session is in the design.",
        "What is announced over a session that the design does not know is neither planned, steered "
        "nor withdrawn.",
    ),
    _advice(
        "AR023",
        "other-attributes",
        _WARNING,
        "Prepends and MED are those of the design.",
        "The plan's catchments are reckoned with the design's attributes; the router sends others.",
    ),
)

BY_ID = {rule.id: rule for rule in RULES}
