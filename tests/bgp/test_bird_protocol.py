"""BIRD's control socket, sans-io: replies as they come, in any pieces, from anybody."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyplane.bgp.bird.protocol import Reply, ReplyParser
from anyplane.model.errors import SpeakerRejected

CONVERSATION = (
    b"0001 BIRD 2.0.12 ready.\n"
    b"0002-Reading configuration from /etc/bird/bird.conf\n0003 Reconfigured\n"
    b"1007-Table master4:\n 198.51.100.0/24      unicast [anyplane 12:00:00.000] * (240)\n \tdev lo\n"
    b"+asynchronous words\n1008-\tType: device univ\n0000 \n"
    b"8002 /etc/bird/bird.conf:7:1 syntax error, unexpected CF_SYM_UNDEFINED\n"
)


def _pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[begin:end] for begin, end in itertools.pairwise(edges)]


def test_a_conversation_is_read() -> None:
    greeting, configured, table, refused = ReplyParser().feed(CONVERSATION)

    assert (greeting.code, greeting.text) == (1, "BIRD 2.0.12 ready.")
    assert configured.code == 3
    assert configured.of(2) == ("Reading configuration from /etc/bird/bird.conf",)
    assert table.lines[1] == (1007, "198.51.100.0/24      unicast [anyplane 12:00:00.000] * (240)")
    assert "asynchronous" not in table.text
    assert not table.is_refusal
    assert refused.is_refusal
    assert "bird.conf:7:1" in refused.text


@given(st.lists(st.integers(0, 1000), max_size=12))
def test_the_pieces_in_which_it_comes_do_not_matter(cuts: list[int]) -> None:
    parser = ReplyParser()

    found = [reply for piece in _pieces(CONVERSATION, cuts) for reply in parser.feed(piece)]

    assert tuple(found) == ReplyParser().feed(CONVERSATION)


@pytest.mark.parametrize("length", range(len(CONVERSATION)))
def test_a_reply_that_is_cut_off_is_no_reply_yet(length: int) -> None:
    whole = ReplyParser().feed(CONVERSATION)

    assert whole[: len(found := ReplyParser().feed(CONVERSATION[:length]))] == found
    assert len(found) < len(whole)


@given(st.lists(st.binary(max_size=200), max_size=8))
def test_any_bytes_are_read_or_rejected(pieces: list[bytes]) -> None:
    parser = ReplyParser()
    try:
        for piece in pieces:
            for reply in parser.feed(piece):
                assert isinstance(reply, Reply)
                assert isinstance(reply.text, str)
    except SpeakerRejected:
        return


@given(
    st.lists(
        st.tuples(st.integers(0, 9999), st.text(st.characters(codec="utf-8", exclude_characters="\n"))),
        min_size=1,
        max_size=6,
    )
)
def test_what_bird_could_write_is_read_back(lines: list[tuple[int, str]]) -> None:
    *before, last = lines
    text = "".join(f"{code:04d}-{words}\n" for code, words in before) + f"{last[0]:04d} {last[1]}\n"

    (reply,) = ReplyParser().feed(text.encode())

    assert reply.lines == tuple(lines)


@pytest.mark.parametrize("flood", [b"1007-x\n" * 1000, b"x" * 7000, b"1007-" + b"x" * 7000])
def test_a_reply_without_end_is_given_up(flood: bytes) -> None:
    parser = ReplyParser(largest=5000)

    def pour() -> None:
        for start in range(0, len(flood), 512):
            parser.feed(flood[start : start + 512])

    with pytest.raises(SpeakerRejected, match="more than 5000 bytes"):
        pour()


def test_many_small_replies_are_no_giant_one() -> None:
    parser = ReplyParser(largest=5000)

    assert sum(len(parser.feed(b"0003 Reconfigured\n")) for _ in range(2000)) == 2000
