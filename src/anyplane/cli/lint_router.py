"""`anyplane lint-router`: reviews the configuration of a BGP daemon that announces anycast."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from anyplane.cli.check import Format, as_plain, as_text
from anyplane.cli.design_file import read_design
from anyplane.cli.streams import write_utf8
from anyplane.model.errors import UsageError

if TYPE_CHECKING:
    from anyplane.bgp.router import RouterPlan

BYTES_LIMIT = 32_000_000


class RouterDaemon(StrEnum):
    """The daemons whose configuration can be read."""

    BIRD = "bird"
    FRR = "frr"
    GOBGP = "gobgp"
    OPENBGPD = "openbgpd"
    EXABGP = "exabgp"


def lint_router(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A configuration, or - for standard input.")],
    daemon: Annotated[
        RouterDaemon | None, typer.Option("--daemon", help="Whose it is; guessed when left out.")
    ] = None,
    design: Annotated[
        str | None, typer.Option("--design", metavar="DESIGN", help="Compare with this design.")
    ] = None,
    site: Annotated[str | None, typer.Option("--site", help="The design's site that it is for.")] = None,
    form: Annotated[Format, typer.Option("--format", help="How to write the findings.")] = Format.TEXT,
    strict: Annotated[bool, typer.Option("--strict", help="Let warnings fail too.")] = False,
) -> None:
    """Review a router's configuration for what makes anycast fail: graceful restart, missing filters, ...

    Exit code 0: nothing that fails; 1: an error was found, or a warning with --strict; 2: it cannot be read.
    A comment `# anyplane: silence AR010: why` in the file silences a rule.
    """
    import json
    import os
    from pathlib import PurePath
    from urllib.parse import quote

    from anyplane import __version__
    from anyplane.bgp.lint import RULES, lint, read
    from anyplane.design import sarif
    from anyplane.design.operation import DaemonKind

    plan = _plan(design, site)
    text, mode = _content(file)
    name = "<stdin>" if file == "-" else file
    facts = read(text, file=name, daemon=DaemonKind(daemon.value) if daemon else None)
    findings = lint(facts, plan=plan, mode=mode)
    counted = [finding for finding in findings if not finding.silenced]
    failing = ("error", "warning") if strict else ("error",)
    fails = any(finding.rule.severity in failing for finding in counted)
    if form is Format.JSON:
        plain = {
            "file": name,
            "daemon": facts.kind.value,
            "sessions": len(facts.sessions),
            "fails": fails,
            "findings": as_plain(findings),
        }
        write_utf8(json.dumps(plain, indent=2, ensure_ascii=False) + "\n")
    elif form is Format.SARIF:
        uri = "stdin" if file == "-" else quote(os.fsencode(PurePath(file).as_posix()))
        document = sarif(findings, rules=RULES, file=uri, version=__version__)
        write_utf8(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    else:
        typer.echo(as_text(facts, findings))
        count = len(facts.sessions)
        typer.echo(f"read as a configuration of {facts.kind}: {count} session" + ("" if count == 1 else "s"))
    if fails:
        raise typer.Exit(1)


def _plan(design: str | None, site: str | None) -> RouterPlan | None:
    if design is None and site is None:
        return None
    if design is None or site is None:
        raise UsageError("--design and --site belong together", hint="--design design.yaml --site fra")
    from anyplane.bgp.router import router_plan

    return router_plan(read_design(design), site)


def _content(file: str) -> tuple[str, int | None]:
    """The text and the file's mode; bytes that are not UTF-8 are read as if they were Latin-1."""
    import os
    import sys
    from pathlib import Path

    mode: int | None = None
    if file == "-":
        content = sys.stdin.buffer.read(BYTES_LIMIT + 1)
    else:
        try:
            with Path(file).open("rb") as stream:
                mode = os.fstat(stream.fileno()).st_mode & 0o777
                content = stream.read(BYTES_LIMIT + 1)
        except IsADirectoryError:
            raise UsageError(f"{file} is a directory", hint="name a configuration file in it") from None
        except FileNotFoundError:
            raise UsageError(f"{file}: there is no such file") from None
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise UsageError(f"{file!r} cannot be read: {why.lower()}") from None
    if len(content) > BYTES_LIMIT:
        raise UsageError(f"{file} has more than {BYTES_LIMIT // 1_000_000} MB; is it a configuration?")
    if b"\0" in content:
        raise UsageError(f"{file} is not a text file; is it a configuration?")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # A comment in an old encoding must not keep the rest from being read.
        text = content.decode("latin-1")
    return text.replace("\r\n", "\n"), mode


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("lint-router")(lint_router)
