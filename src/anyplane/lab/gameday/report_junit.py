"""to_junit: outcomes as JUnit XML for CI: a suite for each game day, a case for each expectation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET  # it writes here and parses nothing

from anyplane.lab.gameday.figures import duration, folded
from anyplane.lab.gameday.outcome import Outcome

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_junit(outcomes: Sequence[Outcome]) -> str:
    """A whole document; a broken expectation is a failure, a game day that did not work an error."""
    root = ET.Element("testsuites", name="anyplane gameday")
    for outcome in outcomes:
        _suite(root, outcome)
    totals = {key: sum(int(one.get(key, "0")) for one in root) for key in ("tests", "failures", "errors")}
    root.attrib.update({key: str(value) for key, value in totals.items()})
    root.set("time", f"{sum(one.took_s for one in outcomes):.3f}")
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(root: ET.Element, outcome: Outcome) -> None:
    failures = 0 if outcome.errors else sum(not one.is_kept for one in outcome.verdicts)
    errors = 1 if outcome.errors else 0
    suite = ET.SubElement(
        root, "testsuite", name=_clean(outcome.scenario), tests=str(len(outcome.verdicts) + errors),
        failures=str(failures), errors=str(errors), skipped=str(len(outcome.verdicts) if errors else 0),
        time=f"{outcome.took_s:.3f}",
    )  # fmt: skip
    properties = ET.SubElement(suite, "properties")
    for name, value in _figures(outcome).items():
        ET.SubElement(properties, "property", name=name, value=_clean(value))
    for number, one in enumerate(outcome.verdicts, 1):
        case = ET.SubElement(
            suite, "testcase", classname=_clean(f"gameday.{outcome.scenario}"),
            name=_clean(f"{number}. {one.expectation}"), time="0",
        )  # fmt: skip
        if outcome.errors:
            ET.SubElement(case, "skipped", message=_clean(one.reason))
        elif not one.is_kept:
            failure = ET.SubElement(
                case, "failure", message=_clean(one.reason), type=one.key or "expectation"
            )
            failure.text = _clean(f"expected: {one.expectation}\nfound: {one.reason}")
    if outcome.errors:
        case = ET.SubElement(
            suite,
            "testcase",
            classname=_clean(f"gameday.{outcome.scenario}"),
            name="carried out and healed",
            time="0",
        )
        error = ET.SubElement(case, "error", message=_clean(outcome.errors[0]), type="lab")
        error.text = _clean("\n".join(outcome.errors))
    out = ET.SubElement(suite, "system-out")
    out.text = _clean(
        "\n".join(f"{one.at_s:9.3f} s  {one.kind}  {one.text}" for one in folded(outcome.events))
    )


def _figures(outcome: Outcome) -> dict[str, str]:
    return {
        "queries": str(outcome.sent),
        "lost": str(outcome.lost),
        "worst_outage": duration(outcome.worst_outage_s),
        "outage_of_users": duration(outcome.outage_of_users_s),
        "tcp_resets": str(outcome.resets),
        "bgp_updates": str(outcome.updates),
    }


def _clean(text: str) -> str:
    """XML 1.0 has no place for control characters."""
    return _UNPRINTABLE.sub("?", text)
