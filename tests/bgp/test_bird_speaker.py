"""BirdSpeaker beyond the contract: whose fault it is, an operator's own bird.conf, every option."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import anyio
import pytest
from bird_plans import V4, V6, announcement, plan, session
from namespaces import Host, Network, needs_namespaces, needs_program, wait_until
from receiver import Neighbor, Receiver

from anyplane.bgp.bird import BirdSpeaker, render
from anyplane.bgp.router import RouterPlan
from anyplane.bgp.speaker import Observation, SessionState
from anyplane.design.operation import Bfd, Daemon, DaemonKind, Role
from anyplane.model.errors import SpeakerRejected
from anyplane.model.nouns import Announcement, Asn

PASSIVE = "passive on; hold time 9; error wait time 1, 2; connect delay time 1;"
OWN = """\
# An operator's own configuration: other names, other filters, and the pieces of docs/howto/bird.md.
router id 192.0.2.1;
protocol device { }
protocol direct { ipv4; ipv6; disabled; }
protocol static elsewhere { ipv4; route 203.0.113.0/24 unreachable; }

ipv4 table anyplane4;
attribute int anyplane_med;
protocol direct anyplane { interface "lo"; ipv4 { table anyplane4; }; }
ipv4 table t_as64510_v4;
protocol bgp carrier {
  local 192.0.2.1 as 64500; neighbor 192.0.2.0 as 64510; connect delay time 0; graceful restart off;
  ipv4 {
    table t_as64510_v4; import none;
    export filter { if defined(anyplane_med) then bgp_med = anyplane_med; accept; };
  };
}
"""


@dataclass
class Scene:
    """A site with a BIRD, and one upstream."""

    site: Host
    up: Host
    plan: RouterPlan
    receiver: Receiver

    @property
    def conf(self) -> Path:
        return self.site.directory / "bird.conf"

    def write(self, text: str) -> None:
        self.conf.write_text(text)

    def start(self, text: str) -> None:
        self.write(text)
        self.site.start("bird", "-f", "-c", str(self.conf), "-s", self.plan.daemon.control)
        wait_until(Path(self.plan.daemon.control).exists)

    def connected(self) -> None:
        wait_until(lambda: self.receiver.has_sessions(1))

    def ask(self, *words: str) -> str:
        return self.site.run("birdc", "-s", self.plan.daemon.control, *words, check=False)

    def apply(self, *wanted: Announcement, plan: RouterPlan | None = None) -> None:
        self.run(lambda speaker: speaker.apply(frozenset(wanted)), plan=plan)

    def observe(self) -> Observation:
        seen: list[Observation] = []

        async def look(speaker: BirdSpeaker) -> None:
            seen.append(await speaker.observe())

        self.run(look)
        return seen[0]

    def run(self, body: Callable[[BirdSpeaker], Awaitable[None]], *, plan: RouterPlan | None = None) -> None:
        async def whole() -> None:
            speaker = BirdSpeaker(plan or self.plan)
            try:
                await body(speaker)
            finally:
                await speaker.aclose()

        self.site.call(lambda: anyio.run(whole))


@pytest.fixture
def scene() -> Iterator[Scene]:
    """The hosts, the anchor, the upstream; the site's BIRD is the test's to start."""
    needs_namespaces()
    needs_program("bird", "birdc")
    with Network() as network:
        site, up = network.host("site"), network.host("up")
        network.link(site, "192.0.2.1/31", up, "192.0.2.0/31")
        site.run("ip", "address", "add", str(V4), "dev", "lo")
        daemon = Daemon(
            kind=DaemonKind.BIRD,
            control=str(site.directory / "bird.ctl"),
            include=str(site.directory / "run" / "include.conf"),
        )
        receiver = Receiver(up, 64510, [Neighbor("192.0.2.0", "192.0.2.1", extra=PASSIVE)])
        with contextlib.closing(receiver):
            yield Scene(site, up, plan(session(imports="none"), daemon=daemon), receiver)


def test_a_configuration_that_somebody_broke_is_named_by_file_and_line_and_healed_after(scene: Scene) -> None:
    scene.start(render(scene.plan))
    scene.apply(announcement())
    scene.connected()
    wait_until(lambda: scene.receiver.prefixes() == {V4})

    scene.write(render(scene.plan) + "protocol nonsense { }\n")
    with pytest.raises(SpeakerRejected, match=rf"{scene.conf}:\d+:\d+ syntax error"):
        scene.apply()
    assert scene.receiver.prefixes() == {V4}

    scene.write(render(scene.plan))
    scene.apply()
    wait_until(lambda: not scene.receiver.prefixes())


def test_an_include_that_cannot_be_written_is_refused_and_the_old_stays(scene: Scene) -> None:
    scene.start(render(scene.plan))
    scene.apply(announcement())
    scene.connected()
    wait_until(lambda: scene.receiver.prefixes() == {V4})
    include = Path(scene.plan.daemon.include)
    before = include.read_text()

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))  # as a full disk: nothing can be written
    try:
        with pytest.raises(SpeakerRejected, match="cannot be written"):
            scene.apply()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    nowhere = replace(scene.plan, daemon=replace(scene.plan.daemon, include=f"{include}/below/a.file"))
    with pytest.raises(SpeakerRejected, match="cannot be written"):
        scene.apply(plan=nowhere)

    assert include.read_text() == before
    assert list(include.parent.iterdir()) == [include]
    assert scene.receiver.prefixes() == {V4}


def test_panic_empties_the_include_so_that_the_next_configure_announces_nothing(scene: Scene) -> None:
    scene.start(render(scene.plan))
    scene.apply(announcement())
    scene.connected()
    wait_until(lambda: scene.receiver.prefixes() == {V4})

    scene.run(lambda speaker: speaker.panic_withdraw())
    wait_until(lambda: not scene.receiver.prefixes())
    scene.ask("configure")
    scene.ask("enable", "all")

    assert Path(scene.plan.daemon.include).read_text() == ""
    scene.receiver.ask("show protocols")
    assert not scene.receiver.prefixes()
    scene.apply(announcement())
    wait_until(lambda: scene.receiver.prefixes() == {V4})


def test_an_operators_own_configuration_works(scene: Scene) -> None:
    pattern = str(scene.site.directory / "[r]un" / "include.conf")
    scene.start(f'{OWN}include "{pattern}";\n')
    scene.connected()
    assert not scene.receiver.prefixes()

    scene.apply(announcement(med=50, as_path_prepend=1, communities=("64510:1",)))
    wait_until(lambda: scene.receiver.prefixes() == {V4})

    assert scene.receiver.routes()[V4].med == 50
    seen = scene.observe()
    assert seen.is_exact
    (route,) = seen.routes
    assert (route.prepend, route.med, route.communities) == (1, 50, {"64510:1"})


def test_a_configuration_without_our_pieces_is_refused_with_the_line_to_add(scene: Scene) -> None:
    scene.start(OWN)
    with pytest.raises(SpeakerRejected, match='needs the line: include "'):
        scene.apply(announcement())


def test_a_session_that_bird_does_not_have_is_down(scene: Scene) -> None:
    scene.start("router id 192.0.2.1;\nprotocol device { }\n")

    (seen,) = scene.observe().sessions

    assert seen.state is SessionState.DOWN
    assert "no session with 192.0.2.0" in seen.reason


def test_where_no_protocol_is_ours_panic_disables_the_sessions(scene: Scene) -> None:
    scene.start(
        "router id 192.0.2.1;\nprotocol device { }\n"
        "protocol static { ipv4; route 198.51.100.0/24 unreachable; }\n"
        "protocol bgp as64510_v4 { local 192.0.2.1 as 64500; neighbor 192.0.2.0 as 64510; "
        "connect delay time 1; ipv4 { import none; export all; }; }\n"
    )
    scene.connected()
    wait_until(lambda: scene.receiver.prefixes() == {V4})

    scene.run(lambda speaker: speaker.panic_withdraw())

    wait_until(lambda: not scene.receiver.prefixes())


def test_every_option_of_a_session_works_on_the_wire(scene: Scene) -> None:
    key = scene.site.directory / "as64510.key"
    Path(f"{key}.bird").write_text('password "a key";\n')
    guarded = session(
        local=scene.plan.router_id,
        password_file=str(key),
        is_gtsm=True,
        bfd=Bfd(),
        role=Role.CUSTOMER,
        max_prefix=1,
        hold_s=9,
    )
    scene.plan = replace(scene.plan, sessions=(guarded,))
    other = f'{PASSIVE} password "a key"; ttl security on; local role provider; bfd {{ interval 100 ms; }};'
    channel = 'import all; export where proto = "feed";'
    scene.receiver.write(
        [Neighbor("192.0.2.0", "192.0.2.1", extra=other, channel=channel)],
        extra="protocol bfd { }\nprotocol static feed { ipv4; disabled; route 0.0.0.0/0 unreachable; "
        "route 8.8.8.0/24 unreachable; route 9.9.9.0/24 unreachable; }",
    )
    scene.receiver.ask("configure")
    scene.start(render(scene.plan))
    scene.apply(announcement())
    wait_until(lambda: scene.receiver.prefixes() == {V4}, timeout=15)
    wait_until(lambda: " Up " in scene.ask("show", "bfd", "sessions"))
    assert scene.observe().sessions[0].state is SessionState.UP

    scene.receiver.ask("enable feed")  # more than max_prefix

    wait_until(lambda: scene.observe().sessions[0].state is SessionState.DOWN)
    assert "limit" in scene.observe().sessions[0].reason.lower()


def test_a_role_that_does_not_fit_is_reported_with_a_reason(scene: Scene) -> None:
    scene.plan = replace(scene.plan, sessions=(replace(scene.plan.sessions[0], role=Role.CUSTOMER),))
    scene.receiver.write([Neighbor("192.0.2.0", "192.0.2.1", extra=f"{PASSIVE} local role customer;")])
    scene.receiver.ask("configure")
    scene.start(render(scene.plan))

    wait_until(lambda: "role" in scene.observe().sessions[0].reason.lower())


def test_only_our_space_is_observed_and_two_families_are_told_apart(scene: Scene) -> None:
    scene.start(OWN.replace("table t_as64510_v4; import", "import"))  # the session exports the main table
    scene.connected()
    wait_until(lambda: bool(scene.receiver.prefixes()))

    assert not scene.observe().routes
    both = replace(
        scene.plan, sessions=(*scene.plan.sessions, session("as64599_v6", "2001:db8::9", upstream=Asn(64599)))
    )
    scene.plan = both
    assert [one.state for one in scene.observe().sessions] == [SessionState.UP, SessionState.DOWN]
    assert V6 in both.prefixes
