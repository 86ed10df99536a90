"""SARIF: the structure that code hosts ask for."""

from __future__ import annotations

from typing import Any

from anyplane import design

TEXT = """
version: 1
service: {name: x, origin: 64500, prefixes: [192.0.2.0/25]}
sites:
  fra: {metro: FRA, upstreams: [{asn: 174}]}
check: {silence: {AP003: an example}}
"""


def made() -> dict[str, Any]:
    """The SARIF of a design with findings of each kind."""
    findings = design.check(design.parse(TEXT, file="designs/x.yaml"))
    return design.sarif(findings, rules=design.RULES, file="designs/x.yaml", version="1.2.3")


def test_the_run_names_the_tool_and_every_rule() -> None:
    document = made()
    (run,) = document["runs"]
    driver = run["tool"]["driver"]

    assert document["version"] == "2.1.0"
    assert document["$schema"].endswith("sarif-schema-2.1.0.json")
    assert (driver["name"], driver["semanticVersion"]) == ("anyplane", "1.2.3")
    assert [rule["id"] for rule in driver["rules"]] == [rule.id for rule in design.RULES]
    for rule in driver["rules"]:
        assert rule["name"].isalnum()
        assert rule["shortDescription"]["text"]
        assert rule["fullDescription"]["text"]
        assert rule["defaultConfiguration"]["level"] in ("error", "warning", "note")


def test_every_result_points_at_its_rule_and_region() -> None:
    (run,) = made()["runs"]

    assert run["results"]
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "designs/x.yaml"
        assert place["region"]["startLine"] >= 1
        assert place["region"]["startColumn"] >= 1
        assert result["message"]["text"]


def test_a_silenced_finding_is_a_suppressed_result() -> None:
    (run,) = made()["runs"]

    suppressed = {
        result["ruleId"]: result["suppressions"] for result in run["results"] if "suppressions" in result
    }

    assert suppressed == {"AP003": [{"kind": "inSource", "justification": "an example"}]}
