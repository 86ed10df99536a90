"""SARIF 2.1.0: the findings in the form that code hosts and editors show beside the text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anyplane.design.finding import Advice, Finding

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def sarif(
    findings: Sequence[Finding], *, rules: Sequence[Advice], file: str, version: str
) -> dict[str, Any]:  # JSON has no narrower type
    """One run with all rules as metadata and each finding as a result; silenced ones are suppressed."""
    place = {rule.id: number for number, rule in enumerate(rules)}
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "anyplane",
                        "semanticVersion": version,
                        "rules": [_rule(rule) for rule in rules],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(finding, place[finding.rule.id], file) for finding in findings],
            }
        ],
    }


def _rule(rule: Advice) -> dict[str, Any]:
    name = "".join(part.capitalize() for part in rule.name.split("-"))
    return {
        "id": rule.id,
        "name": name,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.reason},
        "defaultConfiguration": {"level": rule.severity.value},
    }


def _result(finding: Finding, index: int, file: str) -> dict[str, Any]:
    text = f"{finding.message}. {finding.hint}" if finding.hint else finding.message
    result: dict[str, Any] = {
        "ruleId": finding.rule.id,
        "ruleIndex": index,
        "level": finding.rule.severity.value,
        "message": {"text": text},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": file},
                    "region": {
                        "startLine": max(1, finding.location.line),
                        "startColumn": max(1, finding.location.column),
                    },
                },
                "logicalLocations": [{"fullyQualifiedName": finding.path}],
            }
        ],
    }
    if finding.silenced:
        result["suppressions"] = [{"kind": "inSource", "justification": finding.silenced}]
    return result
