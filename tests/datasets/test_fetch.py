"""Downloads over a network that does all it can to spoil them; every byte stays on the loopback."""

from __future__ import annotations

import bz2
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from unreliable_server import Fault, Resource, UnreliableServer, unreliable_server

from anyplane.datasets import manifest
from anyplane.datasets.download import Downloader
from anyplane.datasets.fetch import Fetched, Order, fetch
from anyplane.datasets.sources import DEFAULT, SOURCES, by_hand
from anyplane.model.errors import DataError, FetchError, UsageError

NAMES = b"10 ALPHA - Alpha, DE\n" * 20_000
URL = "/asn.txt"
NOW = 1_000_000_000.0


@pytest.fixture
def server() -> Iterator[UnreliableServer]:
    with unreliable_server() as running:
        yield running


class Clock:
    """A sleep that takes no time, and what it was asked for."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def downloader(self, *, timeout_s: float = 10.0, attempts: int = 3) -> Downloader:
        return Downloader(
            sleep=self.slept.append,
            clock=lambda: NOW,
            timeout_s=timeout_s,
            attempts=attempts,
            wait_max_s=60.0,
        )


def fetch_names(
    server: UnreliableServer, directory: Path, clock: Clock | None = None, *, timeout_s: float = 10.0
) -> Fetched:
    order = Order(names=("as-names",), bases={"as-names": server.base})
    downloader = (clock or Clock()).downloader(timeout_s=timeout_s)
    (fetched,) = fetch(order, directory, downloader=downloader, today="2026-01-02")
    return fetched


def test_a_file_arrives_with_its_manifest(server: UnreliableServer, tmp_path: Path) -> None:
    server.resources[URL] = Resource(content=NAMES)

    fetched = fetch_names(server, tmp_path)

    assert fetched.path.read_bytes() == NAMES
    assert sorted(path.name for path in tmp_path.iterdir()) == ["asn.txt", "manifest.json"]
    entry = manifest.entries(tmp_path)["asn.txt"]
    assert entry.sha256 == fetched.sha256 == hashlib.sha256(NAMES).hexdigest()
    assert (entry.source, entry.url, entry.size) == ("as-names", server.base + "asn.txt", len(NAMES))
    assert (entry.etag, entry.fetched, entry.terms) == ('"v1"', "2026-01-02", SOURCES["as-names"].terms)


def test_a_current_file_is_not_sent_again(server: UnreliableServer, tmp_path: Path) -> None:
    server.resources[URL] = Resource(content=NAMES)
    fetch_names(server, tmp_path)

    again = fetch_names(server, tmp_path)

    assert not again.is_new
    assert server.requests[1][1]["If-None-Match"] == '"v1"'
    server.resources[URL] = Resource(content=NAMES + b"20 B - B, US\n", etag='"v2"')
    assert fetch_names(server, tmp_path).size == len(NAMES) + 13


@pytest.mark.parametrize("validator", ["etag", "date"])
def test_a_body_cut_off_is_continued_where_it_ended(
    validator: str, server: UnreliableServer, tmp_path: Path
) -> None:
    date = "Sun, 09 Sep 2001 01:46:40 GMT"
    server.resources[URL] = Resource(
        content=NAMES,
        etag='"v1"' if validator == "etag" else 'W/"v1"',
        last_modified=date,
        faults=[Fault(send=100_000), Fault(send=50_000)],
    )

    fetched = fetch_names(server, tmp_path)

    assert fetched.path.read_bytes() == NAMES
    assert [headers.get("Range") for _, headers in server.requests] == [
        None,
        "bytes=100000-",
        "bytes=150000-",
    ]
    assert server.requests[1][1]["If-Range"] == ('"v1"' if validator == "etag" else date)


def test_an_interrupted_download_is_continued_by_the_next_run(
    server: UnreliableServer, tmp_path: Path
) -> None:
    server.resources[URL] = Resource(content=NAMES)
    order = Order(names=("as-names",), bases={"as-names": server.base})

    def interrupt(name: str, done: int, total: int) -> None:
        if done > 100_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(order, tmp_path, downloader=Clock().downloader(), today="", progress=interrupt)
    kept = (tmp_path / "asn.txt.part").stat().st_size
    fetched = fetch_names(server, tmp_path)

    assert 100_000 < kept < len(NAMES)
    assert server.requests[1][1]["Range"] == f"bytes={kept}-"
    assert fetched.path.read_bytes() == NAMES


def test_a_file_that_changed_meanwhile_starts_anew(server: UnreliableServer, tmp_path: Path) -> None:
    server.resources[URL] = Resource(content=NAMES, faults=[Fault(send=100_000)] * 3)
    order = Order(names=("as-names",), bases={"as-names": server.base})
    with pytest.raises(FetchError):
        fetch(order, tmp_path, downloader=Clock().downloader(attempts=1), today="")
    newer = b"20 BETA - Beta, US\n" * 20_000
    server.resources[URL] = Resource(content=newer, etag='"v2"')

    assert fetch_names(server, tmp_path).path.read_bytes() == newer


def test_a_server_that_ignores_range_is_read_from_the_start(server: UnreliableServer, tmp_path: Path) -> None:
    server.resources[URL] = Resource(content=NAMES, honours_range=False, faults=[Fault(send=100_000)])

    assert fetch_names(server, tmp_path).path.read_bytes() == NAMES


def test_a_server_that_sends_another_range_is_not_believed(server: UnreliableServer, tmp_path: Path) -> None:
    server.resources[URL] = Resource(content=NAMES, faults=[Fault(send=100_000), Fault(wrong_range=True)])

    assert fetch_names(server, tmp_path).path.read_bytes() == NAMES


def test_a_part_longer_than_the_file_is_thrown_away(server: UnreliableServer, tmp_path: Path) -> None:
    server.resources[URL] = Resource(content=NAMES)
    (tmp_path / "asn.txt.part").write_bytes(NAMES + b"more")
    note = {"url": server.base + "asn.txt", "etag": '"v1"', "last_modified": ""}
    (tmp_path / "asn.txt.part.json").write_text(json.dumps(note))

    assert fetch_names(server, tmp_path).path.read_bytes() == NAMES


@pytest.mark.parametrize("note", ["", "[]", '{"url": 5}', '{"surprise": 1}'])
def test_a_part_of_unknown_origin_is_not_continued(
    note: str, server: UnreliableServer, tmp_path: Path
) -> None:
    server.resources[URL] = Resource(content=NAMES)
    (tmp_path / "asn.txt.part").write_bytes(b"something else")
    (tmp_path / "asn.txt.part.json").write_text(note)

    assert fetch_names(server, tmp_path).path.read_bytes() == NAMES
    assert "Range" not in server.requests[0][1]


def test_a_silent_server_is_left_and_the_download_continued(server: UnreliableServer, tmp_path: Path) -> None:
    server.resources[URL] = Resource(content=NAMES, faults=[Fault(send=100_000, stall_s=5.0)])

    assert fetch_names(server, tmp_path, timeout_s=0.3).path.read_bytes() == NAMES
    assert server.requests[1][1]["Range"] == "bytes=100000-"


def test_a_server_that_always_cuts_off_is_given_up_with_the_part_kept(
    server: UnreliableServer, tmp_path: Path
) -> None:
    server.resources[URL] = Resource(content=NAMES, honours_range=False, faults=[Fault(send=100_000)] * 50)
    clock = Clock()

    with pytest.raises(FetchError, match=r"ended after 100,000 of 420,000 bytes \(tried 3 times\)") as caught:
        fetch_names(server, tmp_path, clock)

    assert caught.value.exit_code == 3
    assert "run it again to go on" in str(caught.value)
    assert clock.slept == [1.0, 2.0]
    assert (tmp_path / "asn.txt.part").stat().st_size == 100_000
    assert not (tmp_path / "asn.txt").exists()


def test_a_truncated_body_without_length_is_found_out_by_the_reader(
    server: UnreliableServer, tmp_path: Path
) -> None:
    packed = bz2.compress(b"1|2|-1\n" * 5_000)
    server.listing("/", "20250901.as-rel2.txt.bz2")
    server.resources["/20250901.as-rel2.txt.bz2"] = Resource(content=packed[:-20], has_length=False)
    order = Order(names=("as-rel",), bases={"as-rel": server.base})

    with pytest.raises(FetchError, match=r"what arrived is not CAIDA AS relationships.*truncated"):
        fetch(order, tmp_path, downloader=Clock().downloader(), today="")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("asked", "waits"), [("7", 7.0), ("Sun, 09 Sep 2001 01:46:52 GMT", 12.0), ("soon", 1.0)]
)
def test_retry_after_is_honoured(asked: str, waits: float, server: UnreliableServer, tmp_path: Path) -> None:
    busy = Fault(status=503, headers={"Retry-After": asked})
    server.resources[URL] = Resource(content=NAMES, faults=[busy])
    clock = Clock()

    fetch_names(server, tmp_path, clock)

    assert clock.slept == [waits]


def test_a_server_that_wants_us_to_wait_an_hour_is_left(server: UnreliableServer, tmp_path: Path) -> None:
    limited = Fault(status=429, headers={"Retry-After": "3600"})
    server.resources[URL] = Resource(content=NAMES, faults=[limited])
    clock = Clock()

    with pytest.raises(FetchError, match=r"429.*asks to wait 3600 s"):
        fetch_names(server, tmp_path, clock)
    assert clock.slept == []


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_an_answer_that_will_not_change_is_not_asked_for_again(
    status: int, server: UnreliableServer, tmp_path: Path
) -> None:
    server.resources[URL] = Resource(content=NAMES, faults=[Fault(status=status)])

    with pytest.raises(FetchError, match=f"answered {status}"):
        fetch_names(server, tmp_path)
    assert len(server.requests) == 1


def test_a_web_page_in_place_of_data_is_refused_by_type_and_by_content(
    server: UnreliableServer, tmp_path: Path
) -> None:
    page = b"<html>log in</html>"
    server.resources[URL] = Resource(content=page, content_type="text/html; charset=utf-8")
    with pytest.raises(FetchError, match="web page"):
        fetch_names(server, tmp_path)

    server.resources[URL] = Resource(content=page)
    with pytest.raises(FetchError, match="is a web page, not data"):
        fetch_names(server, tmp_path)
    assert not (tmp_path / "asn.txt").exists()


def test_an_empty_answer_is_refused(server: UnreliableServer, tmp_path: Path) -> None:
    server.resources[URL] = Resource(content=b"")

    with pytest.raises(FetchError, match="empty file"):
        fetch_names(server, tmp_path)


def test_redirections_are_followed_but_not_out_of_http(server: UnreliableServer, tmp_path: Path) -> None:
    server.resources["/real.txt"] = Resource(content=NAMES)
    server.resources[URL] = Resource(content=b"", faults=[Fault(status=302, location="/real.txt")])
    assert fetch_names(server, tmp_path).size == len(NAMES)

    server.resources[URL] = Resource(content=b"", faults=[Fault(status=302, location="file:///etc/hostname")])
    with pytest.raises(FetchError, match="302"):
        fetch_names(server, tmp_path / "other")


def test_the_newest_file_of_a_listing_is_taken_or_the_month_asked_for(
    server: UnreliableServer, tmp_path: Path
) -> None:
    names = [f"{month}01.as-rel2.txt.bz2" for month in ("202508", "202510", "202509")]
    server.listing("/", "../", "README.txt", "20991201.as-rel.txt.bz2", *names)
    for name in names:
        server.resources[f"/{name}"] = Resource(content=bz2.compress(b"1|2|-1\n"))
    bases = {"as-rel": server.base.rstrip("/")}
    downloader = Clock().downloader()

    def asked(date: str) -> str:
        order = Order(names=("as-rel",), date=date, bases=bases)
        return fetch(order, tmp_path, downloader=downloader, today="")[0].path.name

    assert asked("") == "20251001.as-rel2.txt.bz2"
    assert asked("202509") == "20250901.as-rel2.txt.bz2"
    with pytest.raises(FetchError, match=r"no file for 202507|up to 202507"):
        asked("202507")
    with pytest.raises(UsageError, match="'2025-09' is not a month"):
        asked("2025-09")


def test_a_quarterly_source_takes_the_last_before_the_month(server: UnreliableServer, tmp_path: Path) -> None:
    names = ["20250701.as-org2info.txt.gz", "20251001.as-org2info.txt.gz"]
    server.listing("/", *names)
    text = (Path(__file__).parent / "fixtures" / "small.as-org2info.txt").read_bytes()
    server.resources[f"/{names[0]}"] = Resource(content=text)
    order = Order(names=("as-org",), date="202509", bases={"as-org": server.base})

    assert fetch(order, tmp_path, downloader=Clock().downloader(), today="")[0].path.name == names[0]


@pytest.mark.parametrize("form", ["{digest}  {name}\n", "MD5 ({name}) = {digest}\n"])
def test_a_published_md5_is_compared(form: str, server: UnreliableServer, tmp_path: Path) -> None:
    name, content = "20250901.as-rel2.txt.bz2", bz2.compress(b"1|2|-1\n")
    server.listing("/", name, "md5.md5")
    server.resources[f"/{name}"] = Resource(content=content)
    order = Order(names=("as-rel",), bases={"as-rel": server.base})
    other = form.format(name="20250801.as-rel2.txt.bz2", digest="1" * 32)

    def publish(digest: str) -> None:
        sums = other + form.format(name=name, digest=digest)
        server.resources["/md5.md5"] = Resource(content=sums.encode(), content_type="text/plain")

    publish("0" * 32)
    with pytest.raises(FetchError, match="MD5"):
        fetch(order, tmp_path, downloader=Clock().downloader(), today="")
    publish(hashlib.md5(content).hexdigest())
    assert fetch(order, tmp_path, downloader=Clock().downloader(), today="")[0].size == len(content)


def test_peeringdb_is_fetched_table_by_table_into_one_directory(
    server: UnreliableServer, tmp_path: Path
) -> None:
    for table in ("net", "fac", "ix", "ixlan", "netfac", "netixlan"):
        row = {"id": 1, "asn": 1, "info_type": "", "status": "ok"}
        body = json.dumps({"data": [row]}).encode()
        server.resources[f"/api/{table}?depth=0"] = Resource(
            content=body, content_type="application/json", etag=""
        )
    order = Order(names=("peeringdb",), bases={"peeringdb": server.base + "api"})

    fetched = fetch(order, tmp_path, downloader=Clock().downloader(), today="")

    assert [file.path.parent.name for file in fetched] == ["peeringdb"] * 6
    assert set(manifest.entries(tmp_path / "peeringdb")) == {file.path.name for file in fetched}


def test_without_a_network_the_error_says_what_to_fetch_by_hand_and_what_to_run(tmp_path: Path) -> None:
    with unreliable_server() as gone:
        base = gone.base
    order = Order(names=DEFAULT, bases=dict.fromkeys(DEFAULT, base))

    with pytest.raises(FetchError) as caught:
        fetch(order, tmp_path, downloader=Clock().downloader(), today="")

    text = str(caught.value)
    assert caught.value.exit_code == 3
    assert "cannot be reached" in text
    assert "YYYYMM01.as-rel2.txt.bz2" in text
    assert (
        "anyplane topology build --as-rel YYYYMM01.as-rel2.txt.bz2 --as-org YYYYMM01.as-org2info.txt.gz "
        "--as-names asn.txt --peeringdb peeringdb -o internet.anyplane" in text
    )


def test_what_arrived_before_an_error_stays(server: UnreliableServer, tmp_path: Path) -> None:
    server.resources[URL] = Resource(content=NAMES)
    order = Order(names=("as-names", "as-rel"), bases=dict.fromkeys(("as-names", "as-rel"), server.base))

    with pytest.raises(FetchError) as caught:
        fetch(order, tmp_path, downloader=Clock().downloader(), today="")

    assert (tmp_path / "asn.txt").read_bytes() == NAMES
    assert "asn.txt" not in caught.value.hint


def test_by_hand_names_the_public_homes() -> None:
    text = by_hand(DEFAULT)

    assert "https://publicdata.caida.org/datasets/as-relationships/serial-2/" in text
    assert "https://www.peeringdb.com/api/net?depth=0  as peeringdb/net.json" in text


@pytest.mark.parametrize(
    ("order", "says"),
    [
        (Order(names=("as-real",)), "no data set is called 'as-real'"),
        (Order(names=("as-rel",), bases={"x": "http://a/"}), "no data set is called 'x'"),
        (Order(names=("as-rel",), bases={"as-rel": "file:///etc/"}), "not an http or https address"),
        (Order(names=("as-rel",), bases={"as-rel": "http:///x"}), "not an http or https address"),
    ],
)
def test_an_order_that_cannot_be_met_is_a_usage_error(order: Order, says: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=says):
        fetch(order, tmp_path, downloader=Clock().downloader(), today="")


def test_a_directory_that_cannot_be_made_is_one_error(server: UnreliableServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(DataError, match="cannot be made"):
        fetch_names(server, tmp_path / "file" / "downloads")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a device that is always full")
def test_a_full_disk_is_one_error_that_says_so(server: UnreliableServer, tmp_path: Path) -> None:
    server.resources[URL] = Resource(content=NAMES)
    (tmp_path / "asn.txt.part").symlink_to("/dev/full")

    with pytest.raises(FetchError, match="No space left") as caught:
        fetch_names(server, tmp_path)
    assert "free some space" in caught.value.hint


def test_a_file_that_differs_from_its_manifest_is_refused_on_use(
    server: UnreliableServer, tmp_path: Path
) -> None:
    fetched = fetch_names_of(server, tmp_path)
    assert manifest.check(fetched.path, fetched.sha256) is not None
    assert manifest.check(tmp_path / "other.txt", "00") is None

    with pytest.raises(DataError, match="SHA-256 differs from the manifest"):
        manifest.check(fetched.path, "00")


def fetch_names_of(server: UnreliableServer, directory: Path) -> Fetched:
    server.resources[URL] = Resource(content=NAMES)
    return fetch_names(server, directory)


def test_a_file_that_was_damaged_here_is_fetched_again(server: UnreliableServer, tmp_path: Path) -> None:
    fetched = fetch_names_of(server, tmp_path)
    fetched.path.write_bytes(NAMES[:-5] + b"oops\n")

    again = fetch_names(server, tmp_path)

    assert again.is_new
    assert again.path.read_bytes() == NAMES


@pytest.mark.parametrize("text", ["{", "[]", '{"files": {"a": 5}}', '{"files": {"a": {}}}'])
def test_a_broken_manifest_is_a_data_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(text)

    with pytest.raises(DataError, match="not a manifest"):
        manifest.entries(tmp_path)
