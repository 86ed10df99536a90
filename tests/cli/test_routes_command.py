"""`anyplane routes` as a researcher runs it: BGPy's answer comes out, and bad input is said plainly."""

from __future__ import annotations

import ast
import csv
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from bgpy_case import FIXTURES, SMALL_CASES, SMALL_GRAPH

HEADER = "seed_asn,prefix,rov_invalid,prepend\n"
GRAPH = "10|20|-1\n10|30|-1\n20|30|0\n20|4200000001|-1\n30|40|-1\n"


def run(*arguments: str | Path, cwd: Path, cache: Path | None = None) -> tuple[int, bytes, str]:
    """Exit code, stdout, stderr of the command line."""
    command = [sys.executable, "-c", "from anyplane.cli.main import main; main()", "routes", *arguments]
    environment = os.environ | {"ANYPLANE_CACHE": str(cache or cwd / "cache")}
    done = subprocess.run(command, capture_output=True, timeout=120, cwd=cwd, env=environment, check=False)
    return done.returncode, done.stdout, done.stderr.decode()


def routes(
    cwd: Path, rows: str, *more: str | Path, links: str = GRAPH, output: str | Path = "-"
) -> tuple[int, bytes, str]:
    """The command on these announcements and links, without metros."""
    (cwd / "anns.csv").write_text(HEADER + rows, encoding="utf-8")
    (cwd / "graph.txt").write_text(links, encoding="utf-8")
    files = ("--as-rel", "graph.txt", "--announcements", "anns.csv", "-o", output)
    return run(*files, "--no-metros", *more, cwd=cwd)


def paths(text: bytes) -> dict[tuple[int, str], tuple[int, ...]]:
    """(ASN, prefix) -> path."""
    rows = csv.DictReader(text.decode().splitlines())
    return {(int(row["asn"]), row["prefix"]): ast.literal_eval(row["as_path"]) for row in rows}


@pytest.mark.parametrize("name", SMALL_CASES)
def test_the_file_written_is_bgpys_byte_for_byte(name: str, tmp_path: Path) -> None:
    case = FIXTURES / name
    rov = ("--rov", case / "rov_asns.csv") if (case / "rov_asns.csv").exists() else ()
    files = ("--as-rel", SMALL_GRAPH, "--announcements", case / "anns.csv", *rov, "-o", "ribs.csv")

    code, out, err = run(*files, "--no-metros", cwd=tmp_path)

    assert (code, out, err) == (0, b"", "")
    assert (tmp_path / "ribs.csv").read_bytes() == (case / "ribs.csv").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ribs.csv"]


def test_with_metros_every_network_that_has_a_route_has_one_row(tmp_path: Path) -> None:
    case = FIXTURES / "anycast"
    files = ("--as-rel", SMALL_GRAPH, "--announcements", case / "anns.csv", "-o", "-")

    code, out, err = run(*files, cwd=tmp_path)

    ours, theirs = paths(out), paths((case / "ribs.csv").read_bytes())
    assert (code, err) == (0, "")
    assert list(ours) == list(theirs)
    assert {path[-1] for path in ours.values()} == {path[-1] for path in theirs.values()}
    # Class and length do not depend on metros; which of the equally good neighbours is used does.
    assert [len(path) for path in ours.values()] == [len(path) for path in theirs.values()]
    assert all(path[0] == asn for (asn, _), path in ours.items())


def test_many_prefixes_come_in_the_order_of_the_file_whatever_the_threads(tmp_path: Path) -> None:
    rows = "".join(f"40,10.{i}.0.0/16,False,{i % 3}\n" for i in range(30, 0, -1))

    one = routes(tmp_path, rows, "--threads", "1")
    four = routes(tmp_path, rows, "--threads", "4")

    assert one == four
    prefixes = list(dict.fromkeys(prefix for _, prefix in paths(one[1])))
    assert prefixes == [f"10.{i}.0.0/16" for i in range(30, 0, -1)]
    assert len(paths(one[1])) == 30 * 5


def test_a_more_specific_prefix_is_routed_for_itself(tmp_path: Path) -> None:
    code, out, _ = routes(tmp_path, "40,10.0.0.0/16,False,0\n4200000001,10.0.0.0/24,False,0\n")

    found = paths(out)
    assert code == 0
    assert found[10, "10.0.0.0/16"] == (10, 30, 40)
    assert found[10, "10.0.0.0/24"] == (10, 20, 4200000001)


def test_an_invalid_prefix_is_dropped_by_who_validates_and_behind_him(tmp_path: Path) -> None:
    (tmp_path / "rov.csv").write_text("30\n", encoding="utf-8")

    code, out, _ = routes(tmp_path, "4200000001,10.0.0.0/24,True,0\n", "--rov", "rov.csv")

    assert code == 0
    assert [asn for asn, _ in paths(out)] == [10, 20, 4200000001]


def test_an_origin_alone_is_written_as_a_tuple_of_one(tmp_path: Path) -> None:
    _, out, _ = routes(tmp_path, "50,10.0.0.0/24,False,0\n", links=GRAPH + "50|60|-1\n")

    assert out == b'asn,prefix,as_path\n50,10.0.0.0/24,"(50,)"\n60,10.0.0.0/24,"(60, 50)"\n'


@pytest.mark.parametrize("end", ["", "|bgp", "|mlp"])
def test_three_and_four_columns_give_the_same(end: str, tmp_path: Path) -> None:
    links = "".join(f"{line}{end}\n" for line in GRAPH.splitlines())

    code, out, _ = routes(tmp_path, "4200000001,10.0.0.0/24,False,2\n", links=links)

    assert code == 0
    assert paths(out)[40, "10.0.0.0/24"] == (40, 30, 20, 4200000001, 4200000001, 4200000001)


def test_two_spellings_of_a_prefix_are_one_prefix(tmp_path: Path) -> None:
    _, out, _ = routes(tmp_path, "40,2001:DB8::/32,False,0\n20,2001:db8:0::/32,False,0\n")

    assert {prefix for _, prefix in paths(out)} == {"2001:DB8::/32"}
    assert len(paths(out)) == 5


def test_providers_in_a_circle_are_no_obstacle(tmp_path: Path) -> None:
    code, out, _ = routes(tmp_path, "3,10.0.0.0/24,False,0\n", links="1|2|-1\n2|3|-1\n3|1|-1\n")

    assert code == 0
    assert len(paths(out)) == 3


def test_an_unknown_network_is_named_with_its_line_and_near_numbers(tmp_path: Path) -> None:
    code, out, err = routes(tmp_path, "40,10.0.0.0/24,False,0\n41,10.0.0.0/24,False,0\n")

    assert (code, out) == (2, b"")
    assert err.startswith("anns.csv:3: AS41 is not in graph.txt\n")
    assert "AS20, AS30, AS40" in err


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("forty,10.0.0.0/24,False,0\n", "anns.csv:2: 'forty' is not an AS number"),
        ("40,10.0.0.0/24,maybe,0\n", "anns.csv:2: rov_invalid is 'maybe'"),
        ("40,10.0.0.0/24,False,0\n\n40,10.0.0.1/24,False,0\n", "anns.csv:4: '10.0.0.1/24' is not a prefix"),
        ("", "anns.csv: holds a header and no announcement"),
    ],
)
def test_a_malformed_row_is_named_with_its_line(rows: str, said: str, tmp_path: Path) -> None:
    code, out, err = routes(tmp_path, rows)

    assert (code, out) == (2, b"")
    assert said in err
    assert "Traceback" not in err


def test_a_malformed_link_leaves_the_output_as_it_was(tmp_path: Path) -> None:
    output = tmp_path / "ribs.csv"
    output.write_text("of yesterday", encoding="utf-8")

    code, _, err = routes(tmp_path, "40,10.0.0.0/24,False,0\n", links=GRAPH + "10|x|-1\n", output=output)

    assert code == 2
    assert "graph.txt:6" in err
    assert output.read_text(encoding="utf-8") == "of yesterday"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["anns.csv", "graph.txt", "ribs.csv"]


def test_an_output_that_cannot_be_written_is_said_before_the_graph_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")

    into_a_file = routes(tmp_path, "40,10.0.0.0/24,False,0\n", links="broken", output="file/ribs.csv")
    a_directory = routes(tmp_path, "40,10.0.0.0/24,False,0\n", links="broken", output=tmp_path)

    assert (into_a_file[0], a_directory[0]) == (2, 2)
    assert "ribs.csv: cannot be written" in into_a_file[2]
    assert "is a directory" in a_directory[2]


def test_a_device_is_written_to_and_stays_a_device(tmp_path: Path) -> None:
    before = Path(os.devnull).stat()

    code, out, err = routes(tmp_path, "40,10.0.0.0/24,False,0\n", output=os.devnull)

    assert (code, out, err) == (0, b"", "")
    assert Path(os.devnull).stat().st_ino == before.st_ino


def test_a_named_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    reader.start()

    code, _, err = routes(tmp_path, "40,10.0.0.0/24,False,0\n", output=pipe)
    reader.join(timeout=10)

    assert (code, err) == (0, "")
    assert pipe.is_fifo()
    assert len(paths(read[0])) == 5


def test_a_link_keeps_pointing_where_it_did(tmp_path: Path) -> None:
    target = tmp_path / "target.csv"
    target.write_text("of yesterday", encoding="utf-8")
    (tmp_path / "link.csv").symlink_to(target)

    code, _, _ = routes(tmp_path, "40,10.0.0.0/24,False,0\n", output="link.csv")

    assert code == 0
    assert (tmp_path / "link.csv").is_symlink()
    assert len(paths(target.read_bytes())) == 5


def test_a_full_disk_is_an_error_and_no_traceback(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")

    code, _, err = routes(tmp_path, "40,10.0.0.0/24,False,0\n", output="/dev/full")

    assert code == 2
    assert err.startswith("/dev/full: cannot be written: No space left on device")


def test_a_reader_that_leaves_early_ends_it_quietly(tmp_path: Path) -> None:
    rows = "".join(f"20,10.{i}.{j}.0/24,False,0\n" for i in range(20) for j in range(100))
    (tmp_path / "anns.csv").write_text(HEADER + rows, encoding="utf-8")
    (tmp_path / "graph.txt").write_text(GRAPH, encoding="utf-8")
    program = "from anyplane.cli.main import main; main()"
    arguments = ["routes", "--as-rel", "graph.txt", "--announcements", "anns.csv", "--no-metros", "-o", "-"]
    with subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        first = running.stdout.readline()
        running.stdout.close()
        err = running.stderr.read()

    assert first == b"asn,prefix,as_path\n"
    assert err == b""
    assert running.returncode == 141
