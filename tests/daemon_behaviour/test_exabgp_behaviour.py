"""What we rely on in ExaBGP 5, pinned: when one of these fails, its speaker must be thought through again."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest
from namespaces import needs_namespaces, needs_program

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bgp"))

from small_site import BOTH, Wired, router, wired  # the path is set just above

from anyplane.bgp.exabgp import ExabgpSpeaker
from anyplane.bgp.exabgp.conversation import Answer
from anyplane.design.operation import DaemonKind


@dataclass
class Asked:
    """A site whose ExaBGP answers any command."""

    site: Wired

    def __call__(self, *commands: str) -> list[Answer]:
        async def body() -> list[Answer]:
            speaker = ExabgpSpeaker(router(DaemonKind.EXABGP, directory=str(self.site.site.directory)))
            try:
                return await speaker._ask(commands)
            finally:
                await speaker.aclose()

        return self.site.run(body)


@pytest.fixture(scope="module")
def asked() -> Iterator[Asked]:
    needs_namespaces()
    needs_program("bird")
    with wired("passive; hold time 9;") as site:
        yield Asked(site)


ROUTE = "neighbor 192.0.2.0 announce route 198.51.100.0/24 next-hop self as-path [ 64500 ]"
SHOW = "show adj-rib out extensive"


def test_the_commands_that_we_use_are_answered_in_order_with_done_or_error(asked: Asked) -> None:
    stranger = "neighbor 192.0.2.9 withdraw route 198.51.100.0/24"
    impossible = "neighbor 192.0.2.0 announce route 198.51.100.0/33 next-hop self"
    given = (ROUTE, stranger, ROUTE, impossible, SHOW, stranger, "show neighbor json")

    answers = asked(*given)

    assert [one.is_done for one in answers] == [True, False, True, False, True, False, True]
    assert "198.51.100.0/24" in answers[4].lines[0]
    assert answers[6].lines[0].startswith("[{")


def test_what_it_does_not_understand_is_answered_ahead_of_what_is_under_way(asked: Asked) -> None:
    """So answers would be taken for another's, had we not only commands that wait for their turn."""
    assert [one.is_done for one in asked(ROUTE, "nonsense")] == [False, True]


def test_announcing_again_replaces_the_attributes(asked: Asked) -> None:
    *_, shown = asked(ROUTE + " med 5 community [ 64500:1 ]", ROUTE + " med 7", SHOW)

    (line,) = shown.lines
    assert "med 7" in line
    assert "community" not in line


def test_a_withdrawal_of_what_is_not_announced_is_done_too(asked: Asked) -> None:
    (answer,) = asked("neighbor 192.0.2.0 withdraw route 203.0.113.0/24 next-hop self")

    assert answer.is_done


def test_well_known_communities_are_shown_by_name_and_one_alone_without_brackets(asked: Asked) -> None:
    wanted = "65535:65281 65535:65282 65535:65283 65535:65284 65535:666 65535:0"

    *_, many, _, one = asked(f"{ROUTE} community [ {wanted} ]", SHOW, f"{ROUTE} community [ 64500:1 ]", SHOW)

    shown = re.search(r"community \[ (.*?) \]", many.lines[0])
    assert shown is not None
    assert set(shown[1].split()) == {
        "no-export", "no-advertise", "no-export-subconfed", "no-peer", "blackhole", "65535:0"
    }  # fmt: skip
    assert one.lines[0].endswith("community 64500:1")


def test_clear_adj_rib_out_withdraws_everything_of_every_neighbour(asked: Asked) -> None:
    other = "neighbor 2001:db8::2 announce route 2001:db8:53::/48 next-hop self"

    *_, cleared, shown = asked(ROUTE, other, "clear adj-rib out", SHOW)

    assert cleared.is_done
    assert shown.lines == ()


def test_routes_are_kept_while_a_session_is_down_and_sent_when_it_comes(asked: Asked) -> None:
    async def body() -> None:
        speaker = ExabgpSpeaker(router(DaemonKind.EXABGP, directory=str(asked.site.site.directory)))
        asked.site.receiver.ask("disable n0")
        await speaker.apply(BOTH)
        assert len((await speaker.observe()).routes) == 2

        asked.site.receiver.ask("enable n0")

        await asked.site.until(lambda: len(asked.site.receiver.prefixes()) == 2)
        seen = await speaker.observe()
        assert all(one.reason == "" for one in seen.sessions)
        await speaker.aclose()

    asked.site.run(body)


def test_the_reason_of_a_neighbours_shutdown_is_told(asked: Asked) -> None:
    async def body() -> None:
        speaker = ExabgpSpeaker(router(DaemonKind.EXABGP, directory=str(asked.site.site.directory)))
        await speaker.apply(BOTH)
        await asked.site.until(lambda: len(asked.site.receiver.prefixes()) == 2)
        asked.site.receiver.ask("disable n0")
        await anyio.sleep(0.3)
        first, _ = (await speaker.observe()).sessions
        asked.site.receiver.ask("enable n0")

        assert "the neighbour sent NOTIFICATION: cease, administrative shutdown (6/2)" in first.reason
        await speaker.aclose()

    asked.site.run(body)


def test_the_environment_still_knows_every_setting_that_we_make() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "exabgp", "env"], capture_output=True, text=True, timeout=30
    ).stdout.split()

    for name in ("ack", "cli", "respawn", "terminate", "daemonize", "drop", "destination", "level"):
        assert any(word == name or word.endswith(f".{name}") for word in said), name
