"""The tutorial of the first site, typed as it stands into a machine of namespaces, shows what it says."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from namespaces import needs_namespaces, needs_program
from virtual_machine import ROOT, VirtualMachine

PAGE = ROOT / "docs/tutorial/first-site.md"
INSTALLS = ("apt ", "python3 -m venv", "/opt/anyplane/", "ln -s")
LOOKS = (
    "anyplane site status",
    "anyplane site explain",
    "anyplane site history",
    "birdc",
    "ip netns exec upstream kdig",
)
SHOWN_WITHIN_S = 20.0


@pytest.fixture
def machine() -> Iterator[VirtualMachine]:
    needs_namespaces()
    needs_program("bird", "birdc", "unbound", "kdig", "unshare", "nsenter", "setpriv")
    with VirtualMachine() as made:
        yield made


def test_the_first_site_is_as_the_tutorial_says(machine: VirtualMachine) -> None:
    blocks = re.findall(r"^```(sh|console)\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) > 12

    for kind, text in blocks:
        if kind == "sh":
            lines = [line for line in text.splitlines() if not line.startswith(INSTALLS)]
            done = machine.run("set -e\n" + "\n".join(lines))
            assert done.returncode == 0, f"{text}\n{done.stdout}\n{machine.log()}"
        else:
            for part in re.split(r"^# ", text, flags=re.MULTILINE)[1:]:
                command, *shown = part.splitlines()
                typed_and_seen(machine, command, shown)

    left = machine.run("ip address show dev lo; ip netns list").stdout
    assert "198.51.100.0/24" not in left
    assert "upstream" not in left


def typed_and_seen(machine: VirtualMachine, command: str, shown: list[str]) -> None:
    """A command's output has the shown lines, in their order; a look is repeated until it has."""
    until = time.monotonic() + (SHOWN_WITHIN_S if command.startswith(LOOKS) else 0)
    while True:
        output = machine.run(command).stdout
        if has_lines(output, shown):
            return
        assert time.monotonic() < until, f"# {command}\n{output}\nlacks {shown}\n{machine.log()}"
        time.sleep(0.2)


def has_lines(output: str, shown: list[str]) -> bool:
    """Are these lines in the output, as far as numbers and gaps do not matter?"""
    if not shown:
        return True
    if shown == ["BIRD 2.0.12 ready."]:
        # Nothing but the greeting: an empty table is what the page means to show.
        return len(output.splitlines()) <= len(shown)
    found = iter(alike(output).splitlines())
    return all(any(alike(line.rstrip("…")) in one for one in found) for line in shown)


def alike(text: str) -> str:
    """Prefixes, addresses, AS numbers and words stay; times, counts, gaps and folded lines do not."""
    text = re.sub(r"\n {4,}(?=\S)", " ", text) if "PROBLEM" in text else text
    text = re.sub(r"\d{4}-\d\d-\d\d |\d\d:\d\d:\d\d(?:\.\d+)?Z?", "T", text)
    text = re.sub(r"(?<![\w.:/,(])\d+(?:\.\d+)? (?=(?:ms|s|min|times|time|ok|failed)\b)", "N ", text)
    text = re.sub(r"\b(?:ms|min|times)\b", lambda unit: {"times": "time"}.get(unit[0], "s"), text)
    text = re.sub(r"pid=\d+", "pid", text)
    return "\n".join(" ".join(line.split()) for line in text.splitlines())
