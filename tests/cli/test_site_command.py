"""`anyplane site` in wrong hands: refused drains, a frozen site, foreign sockets, misspelt names."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from namespaces import wait_until

ANYPLANE = str(Path(sys.executable).parent / "anyplane")
DESIGN = """\
version: 1
service: {{name: one, origin: 64500, prefixes: {{dns: [198.51.100.0/24], web: [203.0.113.0/24]}}}}
health:
  dns: {{interval: 100 ms, rise: 1, checks: [{{exec: [test, -e, {answers}]}}]}}
  web: {{interval: 100 ms, rise: 1, checks: [{{exec: [test, -e, {answers}]}}]}}
safety: {{drain: {{wait: 300 ms}}, fleet: {{file: {directory}/fleet.json}}}}
sites:
  fra:
    metro: FRA
    daemon: {{kind: memory, router_id: 192.0.2.1}}
    upstreams: [{{asn: 64510, session: {{neighbor: 192.0.2.0, local: 192.0.2.1}}}}]
  nyc:
    metro: NYC
    daemon: {{kind: memory, router_id: 192.0.2.2}}
    upstreams: [{{asn: 64510, session: {{neighbor: 192.0.2.4, local: 192.0.2.5}}}}]
"""


class Fra:
    """A site whose guard hears nobody, so that it refuses; and the commands that look at it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.answers = directory / "answers"
        self.answers.touch()
        design = directory / "design.yaml"
        design.write_text(DESIGN.format(directory=directory, answers=self.answers))
        folders = ("--run-dir", str(directory), "--state-dir", str(directory), "--metrics", "")
        self.agent = subprocess.Popen(
            [ANYPLANE, "agent", str(design), "--site", "fra", *folders], stderr=subprocess.DEVNULL
        )

    def site(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [ANYPLANE, "site", *words, "--run-dir", str(self.directory)],
            capture_output=True, text=True, timeout=20, env={**os.environ, **more},
        )  # fmt: skip
        assert "Traceback" not in done.stderr
        return done

    def status(self) -> dict[str, list[dict[str, str]]]:
        found: dict[str, list[dict[str, str]]] = json.loads(self.site("status", "--json").stdout or "{}")
        return found

    def states(self) -> dict[str, str]:
        return {one["service"]: one["state"] for one in self.status().get("services", [])}


@pytest.fixture(scope="module")
def fra(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fra]:
    made = Fra(tmp_path_factory.mktemp("fra"))
    try:
        wait_until(lambda: set(made.states().values()) == {"up"}, timeout=15)
        yield made
    finally:
        made.agent.send_signal(signal.SIGTERM)
        made.agent.wait(10)


def test_a_refused_drain_ends_with_1_even_unwatched_and_leaves_an_earlier_drain_alone(fra: Fra) -> None:
    forced = fra.site("drain", "web", "--force")
    refused = fra.site("drain", "--wait", "0")
    states = fra.states()
    fra.site("undrain")
    nothing = fra.site("undrain")

    assert forced.returncode == 0
    assert refused.returncode == 1
    assert "dns/v4: refused: no other site was ever heard" in refused.stdout
    assert "--force" in refused.stderr
    assert states == {"dns/v4": "up", "web/v4": "drained"}
    assert nothing.stdout == "nothing was drained\n"


def test_a_drain_of_a_frozen_site_says_that_it_waits_for_the_thaw(fra: Fra) -> None:
    fra.site("freeze")
    drained = fra.site("drain", "dns", "--force", "--json")
    fra.site("undrain")
    fra.site("thaw")

    assert drained.returncode == 1
    assert json.loads(drained.stdout)["outcome"] == "frozen"
    assert "thaw" in drained.stderr


def test_a_blackhole_is_shown_in_the_daemons_table_before_the_command_ends(fra: Fra) -> None:
    wait_until(lambda: set(fra.states().values()) == {"up"}, timeout=5)
    added = fra.site("blackhole", "add", "198.51.100.7", "--for", "1h")
    ended = fra.site("blackhole", "del", "198.51.100.7", "--json")

    assert added.returncode == 0, added.stdout + added.stderr
    assert "announced over 1 session" in added.stdout
    assert json.loads(ended.stdout)["is_seen"] is True


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (("drain", "dsn"), 2, "did you mean dns?"),
        (("explain", "wbe"), 2, "did you mean web?"),
        (("status", "--site", "fre"), 4, "did you mean fra?"),
        (("blackhole", "add", "8.8.8.8", "--for", "1h"), 2, "only hosts in 198.51.100.0/24"),
        (("blackhole", "add", "198.51.100.0/31", "--for", "1h"), 2, "not one address"),
        (("blackhole", "add", "198.51.100.7"), 2, "--for 1h"),
        (("blackhole", "add", "198.51.100.7", "--for", "25h"), 2, "24 hours"),
        (("drain", "--wait", "soon"), 2, "write 90 s"),
    ],
)
def test_what_cannot_be_is_refused_with_its_remedy(
    fra: Fra, words: tuple[str, ...], code: int, complaint: str
) -> None:
    done = fra.site(*words)

    assert done.returncode == code
    assert complaint in done.stderr


def test_the_status_of_a_broken_site_ends_with_1_and_names_it_for_people_and_machines(fra: Fra) -> None:
    fra.answers.unlink()
    try:
        wait_until(lambda: "isolated" in fra.states().values(), timeout=10)
        text = fra.site("status", NO_COLOR="1")
        plain = json.loads(fra.site("status", "--json").stdout)
    finally:
        fra.answers.touch()

    assert text.returncode == 1
    assert text.stdout.startswith("PROBLEM  fra: ")
    assert "\x1b[" not in text.stdout
    assert plain["verdict"]["word"] == "problem"


@pytest.mark.parametrize("said", [b"hello\n", b"[1]\n", b'{"ok": true}\n', b"\xff\xfe\n", b""])
def test_a_socket_of_something_else_is_no_agent(tmp_path: Path, said: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "fra.sock"))
        listener.listen()

        def answer() -> None:
            stream, _ = listener.accept()
            with stream:
                stream.recv(1000)
                stream.sendall(said)

        thread = threading.Thread(target=answer)
        thread.start()
        done = subprocess.run(
            [ANYPLANE, "site", "status", "--run-dir", str(tmp_path)],
            capture_output=True,
            text=True,
            timeout=20,
        )
        thread.join()

    assert done.returncode == 4
    assert "fra.sock" in done.stderr
    assert "Traceback" not in done.stderr


def test_render_leaves_a_configuration_to_the_daemons_user(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("changing the owner needs root")
    design, conf = tmp_path / "design.yaml", tmp_path / "bird.conf"
    design.write_text(DESIGN.format(directory=tmp_path, answers="/nowhere"))
    conf.touch(mode=0o640)
    os.chown(conf, 65534, 65533)

    subprocess.run(
        [ANYPLANE, "render", str(design), "--site", "fra", "--daemon", "bird", "-o", str(conf)],
        check=True, timeout=20,
    )  # fmt: skip

    found = conf.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (65534, 65533, 0o640)
    assert found.st_size > 1000
