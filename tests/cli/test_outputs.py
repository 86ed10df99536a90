"""Outputs: what cannot be written is said before the work; a pipe is written to, a link stays a link."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from anyplane.cli.output import refuse_overwriting, write_text
from anyplane.model.errors import UsageError


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("none/x.json", "no such file or directory"),
        ("file/x.json", "not a directory"),
        (".", "is a directory"),
    ],
)
def test_what_cannot_be_written_is_refused_before_the_work(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(UsageError, match=f"cannot be written: {why}"):
        refuse_overwriting((None,), (str(tmp_path / name),))


def test_outputs_that_can_be_written_pass(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("")

    refuse_overwriting(("d.yaml", None), (None, "-", tmp_path / "old", tmp_path / "new", "/dev/null"))


def test_a_pipe_by_its_descriptor_is_written_to() -> None:
    read, write = os.pipe()
    text: list[bytes] = []
    reader = threading.Thread(target=lambda: text.append(os.read(read, 100)))
    reader.start()

    refuse_overwriting((), (f"/dev/fd/{write}",))
    write_text(Path(f"/dev/fd/{write}"), "answer\n")

    reader.join(10)
    os.close(read)
    os.close(write)
    assert text == [b"answer\n"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "real")

    write_text(tmp_path / "link", "new")

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"
