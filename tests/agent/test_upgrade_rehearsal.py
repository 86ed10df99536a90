"""An upgrade to a program that cannot begin is refused, and the old one goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from namespaces import wait_until

SOURCES = Path(__file__).resolve().parents[2] / "src"
DESIGN = """\
version: 1
service: {name: upgraded, origin: 64500, prefixes: [198.51.100.0/24]}
health: {all: {checks: [{exec: ["/bin/true"], rise: 1}]}}
sites:
  fra:
    metro: FRA
    daemon: {kind: memory, router_id: 192.0.2.1}
    upstreams: [{asn: 64510, session: {neighbor: 192.0.2.0, local: 192.0.2.1}}]
"""
# The program as a package manager leaves it: whole at first, broken after the upgrade.
PROGRAM = """\
import sys
from pathlib import Path
if Path(sys.argv[0]).with_name("broken").exists():
    raise SyntaxError("half a package")
from anyplane.cli.main import main
main()
"""


def test_a_program_that_cannot_begin_is_not_given_the_site(tmp_path: Path) -> None:
    (tmp_path / "design.yaml").write_text(DESIGN)
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    env = {**os.environ, "PYTHONPATH": str(SOURCES)}
    where = ["--run-dir", str(tmp_path / "run")]
    command = [sys.executable, str(program), "agent", str(tmp_path / "design.yaml"), "--site", "fra", *where]
    command += ["--state-dir", str(tmp_path / "state"), "--metrics", ""]

    def site(*words: str) -> subprocess.CompletedProcess[str]:
        asked = [sys.executable, "-m", "anyplane", "site", *words, *where]
        return subprocess.run(asked, env=env, capture_output=True, text=True, timeout=60)

    with (tmp_path / "log").open("wb") as log:
        agent = subprocess.Popen(command, env=env, stderr=log, stdin=subprocess.DEVNULL)
        try:
            wait_until(lambda: (tmp_path / "run" / "fra.sock").exists(), timeout=20)
            (tmp_path / "broken").touch()
            refused = site("upgrade")
            assert refused.returncode == 1, refused.stdout + refused.stderr
            assert "the new program cannot begin: SyntaxError: half a package" in refused.stdout
            status = json.loads(site("status", "--json").stdout)
            assert status["pid"] == agent.pid
            assert status["services"][0]["state"] in ("up", "rising")

            (tmp_path / "broken").unlink()
            upgraded = site("upgrade", "--json")
            assert upgraded.returncode == 0, upgraded.stdout + upgraded.stderr
            assert json.loads(upgraded.stdout)["running_s"] < status["running_s"] + 5
            assert agent.poll() is None
        finally:
            agent.terminate()
            agent.wait(20)
