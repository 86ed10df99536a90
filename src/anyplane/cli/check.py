"""`anyplane check`: the rules of good practice that a network engineer would review by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

from anyplane.cli.design_file import read_design
from anyplane.cli.streams import write_utf8

if TYPE_CHECKING:
    from anyplane.design import Finding

WIDTH = 100


class Format(StrEnum):
    """How findings are written."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"


class Reviewed(Protocol):
    """A text that findings point into: a design, or a router's configuration."""

    @property
    def file(self) -> str: ...

    @property
    def source(self) -> str: ...

    @property
    def silenced(self) -> Mapping[str, str]: ...


def check(
    design: Annotated[str, typer.Argument(metavar="DESIGN", help="A design file, or - for standard input.")],
    form: Annotated[Format, typer.Option("--format", help="How to write the findings.")] = Format.TEXT,
    strict: Annotated[bool, typer.Option("--strict", help="Let warnings fail too.")] = False,
) -> None:
    """Review a design against rules of good practice.

    Exit code 0: nothing that fails; 1: an error was found, or a warning with --strict; 2: not a design.
    Rules are silenced, with a reason, under check: silence: in the design.
    """
    import json
    import os
    from pathlib import PurePath
    from urllib.parse import quote

    from anyplane import __version__
    from anyplane.design import RULES, sarif
    from anyplane.design import check as review

    parsed = read_design(design)
    findings = review(parsed)
    counted = [finding for finding in findings if not finding.silenced]
    failing = ("error", "warning") if strict else ("error",)
    fails = any(finding.rule.severity in failing for finding in counted)
    if form is Format.JSON:
        plain = {"design": parsed.file, "fails": fails, "findings": as_plain(findings)}
        write_utf8(json.dumps(plain, indent=2, ensure_ascii=False) + "\n")
    elif form is Format.SARIF:
        # SARIF wants a URI reference, and "<stdin>" is none.
        uri = "stdin" if design == "-" else quote(os.fsencode(PurePath(design).as_posix()))
        document = sarif(findings, rules=RULES, file=uri, version=__version__)
        write_utf8(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    else:
        typer.echo(as_text(parsed, findings))
    if fails:
        raise typer.Exit(1)


def as_text(design: Reviewed, findings: Sequence[Finding]) -> str:
    """The findings for people: by severity, each with place, line, reason and hint; silenced ones last."""
    blocks: list[str] = []
    counted = [finding for finding in findings if not finding.silenced]
    for severity, heading in (("error", "Errors"), ("warning", "Warnings"), ("note", "Notes")):
        group = [finding for finding in counted if finding.rule.severity == severity]
        if group:
            blocks.append(heading)
            blocks += [_block(design, finding, group[:number]) for number, finding in enumerate(group)]
    silenced = [finding for finding in findings if finding.silenced]
    if silenced:
        lines = ["Silenced"]
        for rule in dict.fromkeys(finding.rule for finding in silenced):
            places = [str(finding.location.line) for finding in silenced if finding.rule is rule]
            listed = ", ".join(dict.fromkeys(places[:8])) + (", ..." if len(places) > 8 else "")
            count = f"{len(places)} {rule.severity}" + ("" if len(places) == 1 else "s")
            noun = "line" if len(set(places)) == 1 else "lines"
            lines += _folded(f"{rule.id} {rule.name}: {count}, {noun} {listed}", indent=0)
            lines += _folded(f"because: {design.silenced[rule.id]}")
        blocks.append("\n".join(lines))
    blocks.append(_summary(design, counted, silenced))
    return "\n\n".join(blocks)


def _block(design: Reviewed, finding: Finding, earlier: Sequence[Finding]) -> str:
    here = finding.location
    head = (
        f"{design.file}:{here.line}:{here.column}  {finding.rule.id} {finding.rule.name}: {finding.message}"
    )
    lines = _folded(head, indent=0)
    text = design.source.splitlines()
    if 0 < here.line <= len(text):
        source = text[here.line - 1]
        shown = source if len(source) <= WIDTH - 8 else source[: WIDTH - 11] + "..."
        lines.append(f"{here.line:5d} | {shown}")
        if here.column <= len(shown):
            # Tabs stay tabs, so that the caret stands below its word.
            before_it = "".join("\t" if sign == "\t" else " " for sign in shown[: here.column - 1])
            lines.append("      | " + before_it + "^")
    if finding.rule.id not in {other.rule.id for other in earlier}:
        lines += _folded(f"why:  {finding.rule.reason}")
    if finding.hint:
        lines += _folded(f"hint: {finding.hint}")
    return "\n".join(lines)


def _folded(text: str, *, indent: int = 2) -> list[str]:
    import textwrap

    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + 6),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _summary(design: Reviewed, counted: Sequence[Finding], silenced: Sequence[Finding]) -> str:
    parts = []
    for severity in ("error", "warning", "note"):
        count = sum(finding.rule.severity == severity for finding in counted)
        parts.append(f"{count} {severity}" + ("" if count == 1 else "s"))
    tail = f", {len(silenced)} silenced" if silenced else ""
    return f"{design.file}: {', '.join(parts)}{tail}"


def as_plain(findings: Sequence[Finding]) -> list[dict[str, object]]:
    """The findings for JSON."""
    return [
        {
            "rule": finding.rule.id,
            "name": finding.rule.name,
            "severity": finding.rule.severity.value,
            "path": finding.path,
            "line": finding.location.line,
            "column": finding.location.column,
            "message": finding.message,
            "reason": finding.rule.reason,
            "hint": finding.hint,
            "silenced": finding.silenced or None,
        }
        for finding in findings
    ]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("check")(check)
