"""What another command said stands on the plan's page, and what is no such report is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from anyplane.cli.app import app
from anyplane.model.errors import UsageError
from anyplane.planning.page.sections import section_of

EXAMPLE = str(Path(__file__).parents[2] / "examples" / "two-sites.yaml")
WORLD = ["--topology", "synthetic-2k"]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The JSON of every command that has a section, by kind."""
    folder = tmp_path_factory.mktemp("sections")
    vrps = folder / "vrps.json"
    vrps.write_text('{"roas": []}')
    commands = {
        "attack": ["attack", EXAMPLE, "--sources", "botnet:global", "--gbps", "100"],
        "compare": ["compare", EXAMPLE, "--no-failover"],
        "converge": ["converge", EXAMPLE, "--withdraw", "fra", "--seeds", "1"],
        "new-sites": ["optimize", EXAMPLE, "--add-site", "1"],
        "paths": ["paths", EXAMPLE, "--client", "3320@FRA"],
        "playbook": ["playbook", EXAMPLE],
        "search": ["optimize", EXAMPLE, "--budget", "30"],
        "trust": ["trust", EXAMPLE, "--vrps", str(vrps), "--sample", "5"],
    }
    found = {}
    for kind, command in commands.items():
        file = folder / f"{kind}.json"
        result = CliRunner().invoke(app, [*command, *WORLD, "--json", str(file)])
        assert file.exists(), f"{kind}: {result.output} {result.exception!r}"
        found[kind] = file
    return found


def test_every_kind_stands_on_the_plans_page(files: dict[str, Path], tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    wanted = [argument for file in files.values() for argument in ("--section", str(file))]

    result = CliRunner().invoke(app, ["plan", EXAMPLE, *WORLD, "--html", str(page), *wanted])

    assert result.exit_code in (0, 1), result.output
    html = page.read_text(encoding="utf-8")
    for kind, file in files.items():
        section = section_of(file.read_text(encoding="utf-8"), file=str(file))
        assert f'href="#{section.id}"' in html, kind
        assert f'id="{section.id}"' in html, kind
        assert str(section.body) in html, kind
    anchors = [part.split('"')[0] for part in html.split(' id="')[1:]]
    assert len(anchors) == len(set(anchors))


def test_a_section_of_another_service_is_refused(files: dict[str, Path], tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    plain = json.loads(files["paths"].read_text(encoding="utf-8"))
    other.write_text(json.dumps({**plain, "service": "another"}), encoding="utf-8")

    result = CliRunner().invoke(
        app, ["plan", EXAMPLE, *WORLD, "--html", str(tmp_path / "page.html"), "--section", str(other)]
    )

    assert isinstance(result.exception, UsageError)
    assert "about the service another, and the plan about two-sites" in str(result.exception)
    assert not (tmp_path / "page.html").exists()


def test_two_sections_of_one_kind_are_refused(files: dict[str, Path], tmp_path: Path) -> None:
    twice = ["--section", str(files["paths"])] * 2

    result = CliRunner().invoke(app, ["plan", EXAMPLE, *WORLD, "--html", str(tmp_path / "p.html"), *twice])

    assert "reports of one kind" in str(result.exception)


def test_a_section_without_a_page_is_refused(files: dict[str, Path]) -> None:
    result = CliRunner().invoke(app, ["plan", EXAMPLE, *WORLD, "--section", str(files["paths"])])

    assert "no page is asked for" in str(result.exception)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON"),
        ("[]", "is not a report that has a section"),
        ('{"kind": "plan"}', "is not a report that has a section"),
        ('{"kind": ["paths"]}', "is not a report that has a section"),
        ('{"kind": "paths", "version": 2}', "has version 2 of its format"),
        ('{"kind": "paths", "version": 1, "what": 1}', "has a key 'what' that is not known"),
    ],
)
def test_what_is_no_report_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        section_of(text, file="x.json")
