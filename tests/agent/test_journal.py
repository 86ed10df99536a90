"""The journal: bounded, readable without an agent, and no broken disk ever holds up who writes."""

from __future__ import annotations

import contextlib
import os
import resource
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from namespaces import wait_until

from anyplane.agent.journal import Fact, Journal, history


def fact(number: int, text: str = "x") -> Fact:
    return Fact(at=1000.0 + number, kind="decision", service="dns", reason=f"{number} {text}")


def test_what_is_recorded_is_read_back_in_order(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.sqlite")
    for number in range(5):
        journal.record(fact(number))
    journal.close()

    found = history(tmp_path / "j.sqlite")
    assert [one.reason for one in found] == ["0 x", "1 x", "2 x", "3 x", "4 x"]
    assert [one.reason for one in history(tmp_path / "j.sqlite", since=1003.0)] == ["3 x", "4 x"]
    assert [one.reason for one in history(tmp_path / "j.sqlite", limit=2)] == ["3 x", "4 x"]


def test_the_oldest_rows_go_when_there_are_too_many(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.sqlite", rows=700)
    for number in range(3000):
        journal.record(fact(number))
    journal.close()

    found = history(tmp_path / "j.sqlite", limit=10_000)
    assert 700 <= len(found) <= 1300
    assert found[-1].reason == "2999 x"


def test_the_file_stays_under_its_size(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.sqlite", size=500_000)
    for number in range(4000):
        journal.record(fact(number, "y" * 1000))
        if number % 500 == 499:
            time.sleep(0.05)
    journal.close()

    assert (tmp_path / "j.sqlite").stat().st_size < 1_500_000
    assert history(tmp_path / "j.sqlite")[-1].reason.startswith("3999")


def test_a_file_that_is_no_database_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anyplane.agent.journal.RETRY_S", 0.0)
    (tmp_path / "j.sqlite").write_text("this is no database, but it is long enough to be looked at " * 20)
    journal = Journal(tmp_path / "j.sqlite")
    journal.record(fact(1))
    wait_until((tmp_path / "j.sqlite.broken").exists)
    journal.record(fact(2))
    journal.close()

    assert [one.reason for one in history(tmp_path / "j.sqlite")] == ["2 x"]


def test_a_directory_that_is_not_there_is_a_trouble_and_recording_returns_at_once(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "absent" / "j.sqlite")
    began = time.perf_counter()
    for number in range(20_000):
        journal.record(fact(number))
    spent = time.perf_counter() - began
    wait_until(lambda: journal.trouble)
    journal.close()

    assert spent < 2
    assert "j.sqlite" in journal.trouble


def test_a_locked_journal_is_a_trouble_that_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anyplane.agent.journal.RETRY_S", 0.0)
    journal = Journal(tmp_path / "j.sqlite")
    journal.record(fact(1))
    wait_until(lambda: (tmp_path / "j.sqlite").exists() and history(tmp_path / "j.sqlite"))
    with contextlib.closing(sqlite3.connect(tmp_path / "j.sqlite")) as other:
        other.execute("BEGIN EXCLUSIVE")
        journal.record(fact(2))
        wait_until(lambda: "locked" in journal.trouble, timeout=5)
        other.rollback()
    journal.record(fact(3))
    wait_until(lambda: not journal.trouble)
    journal.close()

    assert history(tmp_path / "j.sqlite")[-1].reason == "3 x"


def test_a_full_disk_is_a_trouble_and_nothing_more(tmp_path: Path) -> None:
    script = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from anyplane.agent.journal import Fact, Journal\n"
        "journal = Journal(Path(sys.argv[1]))\n"
        "for number in range(3000):\n"
        "    journal.record(Fact(at=1.0, kind='x', reason='z' * 300))\n"
        "time.sleep(0.5)\n"
        "print(journal.trouble)\n"
        "journal.close()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "j.sqlite")],
        capture_output=True,
        text=True,
        timeout=20,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )

    assert done.returncode == 0, done.stderr
    assert "j.sqlite: " in done.stdout
    assert "Traceback" not in done.stderr


def test_a_reader_without_write_permission_reads_it(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("changing the user needs root")
    journal = Journal(tmp_path / "j.sqlite")
    journal.record(fact(1))
    journal.close()
    for path in [tmp_path, *tmp_path.parents][:3]:
        path.chmod(0o755)
    (tmp_path / "j.sqlite").chmod(0o644)

    pid = os.fork()
    if pid == 0:
        try:
            os.setuid(65534)
            os._exit(0 if len(history(tmp_path / "j.sqlite")) == 1 else 1)
        except BaseException:  # noqa: BLE001  # the child ends here, whatever happened
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
